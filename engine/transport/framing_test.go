package transport

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"pgregory.net/rapid"

	"tandem/engine/message"
)

// cutAll feeds a cutter pieces and returns what it finds, messages in quotes.
func cutAll(c cutter, pieces ...[]byte) (found []string) {
	names := map[frame]string{framePing: "ping", frameBroken: "broken", frameClose: "close"}
	for _, p := range pieces {
		c.feed(bytes.Clone(p))
		for {
			kind, b := c.next()
			if kind == frameNone {
				break
			}
			switch {
			case names[kind] != "":
				found = append(found, names[kind])
			case kind == frameEcho:
				found = append(found, "echo "+string(b))
			default:
				found = append(found, strconv.Quote(string(b)))
			}
		}
		c.keep()
	}
	return found
}

// framed returns a message with a body.
func framed(body string) string {
	return fmt.Sprintf("OPTIONS sip:a SIP/2.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestFramer(t *testing.T) {
	one, two := framed(""), framed("v=0\r\n")
	q := strconv.Quote
	for name, c := range map[string]struct {
		in    string
		want  []string
		begun bool
	}{
		"nothing":                      {},
		"one":                          {in: one, want: []string{q(one)}},
		"two":                          {in: one + two, want: []string{q(one), q(two)}},
		"ping":                         {in: "\r\n\r\n", want: []string{"ping"}},
		"pong":                         {in: "\r\n"},
		"ping between":                 {in: one + "\r\n\r\n" + two, want: []string{q(one), "ping", q(two)}},
		"line end before":              {in: "\r\n" + one, want: []string{q(one)}},
		"ping and a line end":          {in: "\r\n\r\n\r\n" + one, want: []string{"ping", q(one)}},
		"begun":                        {in: one + "OPTI", want: []string{q(one)}, begun: true},
		"header without an end":        {in: one[:len(one)-1], begun: true},
		"body without an end":          {in: two[:len(two)-1], begun: true},
		"lines end in LF":              {in: "A b SIP/2.0\nl: 2\n\nxy", want: []string{`"A b SIP/2.0\nl: 2\n\nxy"`}},
		"compact and folded length":    {in: "A b SIP/2.0\r\nL :\r\n 1\r\n\r\nx", want: []string{`"A b SIP/2.0\r\nL :\r\n 1\r\n\r\nx"`}},
		"equal lengths":                {in: "A b SIP/2.0\r\nl: 1\r\nl: 1\r\n\r\nx", want: []string{`"A b SIP/2.0\r\nl: 1\r\nl: 1\r\n\r\nx"`}},
		"no length":                    {in: "A b SIP/2.0\r\nTo: x\r\n\r\n" + one, want: []string{"broken"}},
		"length is no number":          {in: "A b SIP/2.0\r\nl: x\r\n\r\n" + one, want: []string{"broken"}},
		"length below zero":            {in: "A b SIP/2.0\r\nl: -1\r\n\r\n" + one, want: []string{"broken"}},
		"two lengths":                  {in: "A b SIP/2.0\r\nl: 0\r\nl: 1\r\n\r\n" + one, want: []string{"broken"}},
		"huge length":                  {in: "A b SIP/2.0\r\nl: 999999999999999\r\n\r\n", want: []string{"broken"}},
		"a message larger than may be": {in: "A b SIP/2.0\r\nl: 65535\r\n\r\n", want: []string{"broken"}},
		"endless header":               {in: strings.Repeat("a: b\r\n", maxHeader/6+2), want: []string{"broken"}},
		"endless line":                 {in: strings.Repeat("a", maxHeader+1), want: []string{"broken"}},
	} {
		t.Run(name, func(t *testing.T) {
			var whole, bytewise framer
			if got := cutAll(&whole, []byte(c.in)); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
			if whole.begun() != c.begun && !whole.dead {
				t.Errorf("begun %v", whole.begun())
			}
			if got := cutAll(&bytewise, split([]byte(c.in), 1)...); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("byte by byte\ngot  %v\nwant %v", got, c.want)
			}
		})
	}
}

// An idle connection holds no buffer.
func TestFramerHoldsNothing(t *testing.T) {
	var r framer
	cutAll(&r, []byte(framed("x")), []byte(framed("y")[:9]), []byte(framed("y")[9:]))
	if r.held != nil || r.buf != nil {
		t.Errorf("held %q, buf %q", r.held, r.buf)
	}
}

func split(b []byte, n int) (pieces [][]byte) {
	for len(b) > 0 {
		k := min(n, len(b))
		pieces, b = append(pieces, b[:k]), b[k:]
	}
	return pieces
}

// However a stream is cut into pieces, the same frames come out.
func FuzzFramer(f *testing.F) {
	f.Add([]byte("\r\n\r\n"+framed("")+framed("v=0")+"\r\n"+framed("")), uint8(3))
	f.Add([]byte("A b SIP/2.0\nl:\n 2\n\nxy\r\n\r"), uint8(1))
	f.Add([]byte("A b SIP/2.0\r\nl: 2\r\n\n\r\n"), uint8(2))
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		var whole, pieces framer
		want := cutAll(&whole, in)
		got := cutAll(&pieces, split(in, int(n)+1)...)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		if len(pieces.held) > maxHeader+message.MaxSize+int(n)+1 {
			t.Errorf("holds %d bytes", len(pieces.held))
		}
	})
}

// client returns frames as a client sends them.
func client(frames ...ws.Frame) (b []byte) {
	for _, f := range frames {
		b = append(b, ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{1, 2, 3, 4}))...)
	}
	return b
}

func TestWebFramer(t *testing.T) {
	text := func(s string) ws.Frame { return ws.NewTextFrame([]byte(s)) }
	part := func(op ws.OpCode, s string, fin bool) ws.Frame { return ws.NewFrame(op, fin, []byte(s)) }
	large := strings.Repeat("x", 70_000)
	for name, c := range map[string]struct {
		in   []byte
		want []string
	}{
		"text":            {client(text("hello")), []string{`"hello"`}},
		"binary":          {client(ws.NewBinaryFrame([]byte("\x00"))), []string{`"\x00"`}},
		"two":             {client(text("a"), text("b")), []string{`"a"`, `"b"`}},
		"fragments":       {client(part(ws.OpText, "a", false), part(ws.OpContinuation, "b", false), part(ws.OpContinuation, "c", true)), []string{`"abc"`}},
		"ping within":     {client(part(ws.OpText, "a", false), ws.NewPingFrame([]byte("p")), part(ws.OpContinuation, "c", true)), []string{"echo p", `"ac"`}},
		"pong":            {client(ws.NewPongFrame(nil), text("a")), []string{`"a"`}},
		"close":           {client(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")), text("a")), []string{"close"}},
		"keep-alive":      {client(text("\r\n\r\n"), text("\r\n")), []string{"ping"}},
		"empty":           {client(text(""), text("a")), []string{`"a"`}},
		"not masked":      {ws.MustCompileFrame(text("a")), []string{"broken"}},
		"reserved":        {client(part(ws.OpCode(3), "a", true)), []string{"broken"}},
		"continues":       {client(part(ws.OpContinuation, "a", true)), []string{"broken"}},
		"text in text":    {client(part(ws.OpText, "a", false), text("b")), []string{"broken"}},
		"large control":   {client(part(ws.OpPing, large[:126], true)), []string{"broken"}},
		"too large":       {client(text(large)), []string{"broken"}},
		"parts too large": {client(part(ws.OpText, large[:40_000], false), part(ws.OpContinuation, large[:40_000], true)), []string{"broken"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cutAll(&webFramer{}, c.in); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got  %.200v\nwant %v", got, c.want)
			}
			if got := cutAll(&webFramer{}, split(c.in, 1)...); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("byte by byte\ngot  %.200v\nwant %v", got, c.want)
			}
		})
	}
}

func FuzzWebFramer(f *testing.F) {
	f.Add(client(ws.NewTextFrame([]byte("a")), ws.NewPingFrame([]byte("b"))), uint8(2))
	f.Add([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		want := cutAll(&webFramer{}, in)
		if got := cutAll(&webFramer{}, split(in, int(n)+1)...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

// What a client of the same library reads is what was framed, whatever it is.
func TestAppendFrame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "message")
		op, got := readFrame(t, bytes.NewReader(appendFrame([]byte("x"), b)[1:]))
		if !bytes.Equal(got, b) || (op == ws.OpText) != utf8.Valid(b) {
			rt.Errorf("%v %q", op, got)
		}
	})
}

func BenchmarkFramer(b *testing.B) {
	in := []byte(strings.Replace(framed(strings.Repeat("v", 200)), "\r\n", "\r\nSubject: "+strings.Repeat("s", 500)+"\r\n", 1))
	var r framer
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		r.feed(in)
		if kind, _ := r.next(); kind != frameFull {
			b.Fatal(kind)
		}
		r.keep()
	}
}
