package message

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// seedMessages are what FuzzParse starts from: ordinary messages, what it found before, and RFC 4475.
func seedMessages(f *testing.F) [][]byte {
	seeds := [][]byte{wire(basic), []byte(basic), wire(basicResponse), wire(passing), bytes.Clone(benchInvite)}
	for _, change := range [][2]string{
		{"INVITE sip:", "INVITE S:"},
		{"INVITE sip:bob@", "INVITE sip:8:@"},
		{"INVITE sip:bob@", "INVITE sip:h;maddr=[2001:db8::1]?x=y@"},
		{"z9hG4bKa1;rport\n", "z9hG4bKa1\xff\n"},
		{"z9hG4bKa1", "z9hG4bKa1\"x"},
		{"a.example.com:5070;", "a.example.com:506 ;"},
		{"a.example.com:5070;", "192.0.,.198;"},
		{";rport", ", SIP/2.0/TCP h;branch=\"a,b\""},
		{"tag=from1", "tag=from=1"},
		{"Call-ID:", "Call-ID\n :"},
		{"tag=from1", "TAG = from1"},
		{"X-Note: one", "X-Note: one\n two\nk: a\nX-Note: \"\\\x00\""},
	} {
		seeds = append(seeds, with(f, basic, change[0], change[1]))
	}
	seeds = append(seeds, with(f, basicResponse, "branch=z9hG4bKa1", "branch=z9255.255.255.255;branch=z9hG4bK1saber23"))
	seeds = append(seeds, with(f, basicResponse, "branch=z9hG4bKa1", "branch=z9255.255.255.255;branch=z>hG4bK1saber23"))
	files, err := filepath.Glob(filepath.Join("testdata", "rfc4475", "*.dat"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no messages of RFC 4475: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	return seeds
}

// FuzzParse: whatever comes, nothing panics; what is refused can be answered without harm; what is accepted survives being
// written again in every way that the engine writes, with the same key fields and not one header line more.
func FuzzParse(f *testing.F) {
	for _, b := range seedMessages(f) {
		f.Add(b)
	}
	f.Add([]byte("OPTIONS sip:0?0&0& SIP/2.0\r\nT:A:0\r\nF:A:0\r\nCAll-ID:0\r\nCSeq:0 OPTIONS\r\nV:SIP/2.0/0 0\r\n\r\n"))
	f.Add([]byte("OPTIONS sip:0;0; SIP/2.0\r\nT:A:0\r\nF:A:0\r\nCAll-ID:0\r\nCSeq:0 OPTIONS\r\nV:SIP/2.0/0 0\r\n\r\n"))
	parser := sip.NewParser()
	f.Fuzz(func(t *testing.T, b []byte) {
		peeked := bytes.Clone(PeekCallID(b))
		checkOutline(t, b)
		m := new(Message)
		err := m.Parse(bytes.Clone(b))
		if err == nil {
			err = m.Validate()
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Status < 400 || e.Status > 599 || e.What == "") {
			t.Fatalf("an error that says nothing: %v", err)
		}
		readAll(m)
		if err != nil {
			if m.Answerable() {
				checkAnswer(t, m, e.Status)
			}
			return
		}
		if !bytes.Equal(peeked, m.CallID()) {
			t.Errorf("PeekCallID %q, Parse %q", peeked, m.CallID())
		}
		checkAgain(t, m)
		if m.IsRequest() {
			checkRequest(t, m)
		}
		if s, ok := secondOpinion(parser, bytes.Clone(b)); ok && readAlike(m, b) && s.byKey() != summaryOf(m).byKey() {
			t.Errorf("sipgo reads\n%+v, not\n%+v in\n%q", s, summaryOf(m), b)
		}
	})
}

// readAll looks at everything in a message, good or bad.
func readAll(m *Message) {
	for i := range m.Len() {
		id, name, value := m.Field(i)
		m.AppendValues(nil, string(name))
		m.Uint(id)
		m.Each(id, func(e []byte) bool {
			if na, err := ParseNameAddr(e); err == nil {
				EachParam(na.Params, func(k, _ []byte) bool { Param(na.Params, string(k)); return true })
				if u, err := ParseURI(na.URI); err == nil {
					u.Addr()
				}
			}
			return true
		})
		m.HasToken(id, string(value))
	}
	m.MethodName()
	m.Phrase()
	m.ReplyAddr(source)
	m.Clone()
}

// reparse parses and validates what was written.
func reparse(t *testing.T, b []byte) *Message {
	t.Helper()
	m, got := verdict(b)
	if got != "ok" {
		t.Fatalf("what was written is refused: %s\n%q", got, b)
	}
	return m
}

func lines(b []byte) int {
	head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	return bytes.Count(head, crlf)
}

func count(m *Message, ids ...ID) (n int) {
	all := newSet(ids...)
	for i := range m.fields {
		if all.has(m.fields[i].id) {
			n++
		}
	}
	return n
}

// checkAnswer answers what was refused.
func checkAnswer(t *testing.T, m *Message, status int) {
	r := AppendBody(m.AppendResponse(nil, status, "", []byte("ours"), source), nil)
	got := new(Message)
	if err := got.Parse(bytes.Clone(r)); err != nil && len(r) <= MaxSize {
		t.Fatalf("the answer is no message: %v\n%q", err, r)
	}
	if want := lines(r); got.Len() != want {
		t.Errorf("%d fields on %d lines\n%q", got.Len(), want, r)
	}
	if bad := !validParams(m.via.Params, "branch"); got.TopVia().Host == nil || !bad && !bytes.Equal(got.TopVia().Branch, m.TopVia().Branch) {
		t.Errorf("the answer's Via leads elsewhere: %q\n%q", got.Get(Via), m.Get(Via))
	}
}

// checkAgain parses a message's own bytes, unfolded by now, and those of its clone.
func checkAgain(t *testing.T, m *Message) {
	for _, b := range [][]byte{m.Bytes(), m.Clone().Bytes()} {
		if again := reparse(t, b); summaryOf(again) != summaryOf(m) || !bytes.Equal(again.Body(), m.Body()) || again.Len() != m.Len() {
			t.Errorf("parsed again it reads\n%+v, not\n%+v", summaryOf(again), summaryOf(m))
		}
	}
}

// checkRequest writes a response, a request for another leg, an ACK and a CANCEL.
func checkRequest(t *testing.T, m *Message) {
	if len(m.Bytes()) > MaxSize-1000 || m.Len() > MaxHeaders-20 {
		return // the fields of another leg would not fit
	}
	s := summaryOf(m)
	r := AppendBody(m.AppendResponse(nil, 200, "", []byte("ours"), source), m.Body())
	got := summaryOf(reparse(t, r))
	want := s
	want.request, want.method, want.uri, want.status = false, "OK", "", 200
	if want.toTag == "" {
		want.toTag = "ours"
	}
	if got != want {
		t.Errorf("the response reads\n%+v, not\n%+v", got, want)
	}
	if n := count(m, Via, From, To, CallID, CSeq) + 1; lines(r) != n {
		t.Errorf("%d header lines, want %d\n%q", lines(r), n, r)
	}

	leg := AppendRequestLine(nil, s.method, m.RequestURI())
	leg = AppendVia(leg, "UDP", "192.0.2.20", "z9hG4bKours")
	leg = AppendField(leg, "From", "<sip:us@192.0.2.20>;tag=ours")
	for _, id := range [...]ID{To, CallID, CSeq} {
		leg = AppendField(leg, id.String(), m.Get(id))
	}
	leg = AppendBody(m.AppendPassed(leg, nil), m.Body())
	other := reparse(t, leg)
	if got := passedOf(other); got != passedOf(m) || !bytes.Equal(other.Body(), m.Body()) {
		t.Errorf("what passes has become\n%s, was\n%s", got, passedOf(m))
	}
	if lines(leg) != other.Len() {
		t.Errorf("%d fields on %d lines\n%q", other.Len(), lines(leg), leg)
	}

	for method, b := range map[string][]byte{"ACK": m.AppendAck(nil, m), "CANCEL": m.AppendCancel(nil, Reasons("SIP;cause=200")...)} {
		got := summaryOf(reparse(t, b))
		want := s
		want.method, want.cseqMethod = method, method
		if got != want {
			t.Errorf("the %s reads\n%+v, not\n%+v", method, got, want)
		}
	}
}

// passedOf lists the fields that pass from leg to leg.
func passedOf(m *Message) string {
	var b []byte
	for i := range m.Len() {
		if id, name, value := m.Field(i); !id.PerLeg() {
			b = AppendField(b, name, value)
		}
	}
	return string(b)
}

// readAlike reports whether a message is free of what sipgo is known to read wrong (see TestWhereSipgoErrs) or reads by other
// rules than ours, so that a difference is a finding.
func readAlike(m *Message, b []byte) bool {
	if bytes.Count(b, []byte("\n")) != bytes.Count(b, crlf) {
		return false // a line that ends without CR is not the end of a line there
	}
	if m.IsRequest() && string(m.MethodName()) != strings.ToUpper(string(m.MethodName())) {
		return false // methods are put in upper case
	}
	u, _ := ParseURI(m.RequestURI())
	if bytes.Count(m.RequestURI(), []byte("[")) != bytes.Count(u.Host, []byte("[")) {
		return false // an IPv6 address elsewhere, as in maddr, takes the host's place
	}
	for sep, list := range map[string][]byte{";": u.Params, "&": u.Headers} {
		if bytes.Contains(list, []byte(sep+sep)) || bytes.HasSuffix(list, []byte(sep)) {
			return false // in the place of an empty item the one before it appears again
		}
	}
	if u.Password != nil && len(u.Password) == 0 {
		return false // an empty password is lost
	}
	if bytes.IndexByte(m.Get(Via), ',') >= 0 {
		return false // comma lists are not split
	}
	for _, id := range [...]ID{CSeq, Via} { // spaces become a part of the CSeq's method, and cut a Via short
		if v := m.Get(id); bytes.Count(v, []byte(" ")) != 1 || bytes.IndexByte(v, '\t') >= 0 {
			return false
		}
	}
	for _, id := range [...]ID{Via, From, To} {
		v := m.Get(id)
		if id != Via {
			v = v[bytes.IndexByte(v, '>')+1:]
		}
		_, params, _ := bytes.Cut(v, []byte{';'})
		if len(params) > 0 {
			params = append([]byte{';'}, params...)
		}
		plain := true
		EachParam(params, func(k, v []byte) bool {
			// names are compared with case; values must be well-formed to be comparable
			plain = plain && lower(string(k)) == string(k) && (len(v) == 0 || isToken(v))
			return true
		})
		if !plain || bytes.ContainsAny(params, "\" \t,") { // white space and quotes mislead it
			return false
		}
		if !validParams(params, "branch") || !validParams(params, "tag") { // of two it takes the last one
			return false
		}
	}
	return true
}

func FuzzURI(f *testing.F) {
	for _, s := range []string{
		"sip:alice:pw@Example.COM:5060;transport=TCP;lr?Subject=a%20b&priority=urgent", "sips:[2001:db8::1]:5061;maddr=[::1]",
		"tel:+1-201-555-0123;phone-context=example.com", "urn:service:sos", "sip:%00@h", "sip:a%2Fb@h;x=%3B", "sip:user;par=u%40h@example.com",
		"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
		"sip:[2001:db8:::192.0.2.1]", "sip:h;a;b=;=c;;?&=&x", "tel:%2d1", "soap.beep://192.0.2.103:3002",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := ParseURI(b)
		if err != nil {
			return
		}
		u.Addr()
		key := u.AppendKey(nil)
		k, err := ParseURI(key)
		if err != nil {
			t.Fatalf("%q has the key %q, which is no URI", b, key)
		}
		if again := k.AppendKey(nil); !bytes.Equal(again, key) {
			t.Errorf("%q has the key %q, and that has the key %q", b, key, again)
		}
		if k.Port != u.Port || k.Scheme != u.Scheme {
			t.Errorf("the key %q of %q leads elsewhere", key, b)
		}
		a, okA := u.Addr()
		if c, okC := k.Addr(); (okA != okC || a != c) && bytes.IndexByte(b, '%') < 0 {
			t.Errorf("%q is %v, its key %q is %v", b, a, key, c)
		}
	})
}

func FuzzVia(f *testing.F) {
	for _, s := range []string{
		"SIP/2.0/UDP a.example.com:5060;branch=z9hG4bKx;rport", "SIP  /   2.0 /UDP  192.0.2.2 : 1 ; branch = 390skdjuw;received=1.2.3.4",
		`SIP/2.0/TLS [2001:db8::1]:5061;x="a,b;c";BRANCH=z9hG4bKx`, "SIP/2.0/UDP h,SIP/2.0/TCP g", "SIP/7.0/UDP h;;,;,,",
		"SIP/2.0/UDP [2001:db8:::192.0.2.1];received=[::1]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseVia(b)
		if err != nil || !clean(b) || element(b) != len(b) || !validVia(b) {
			return
		}
		got, err := parseVia(appendReceived(nil, b, source))
		if err != nil {
			t.Fatalf("%q in a response is no Via: %v", b, err)
		}
		if !bytes.Equal(got.Transport, v.Transport) || !bytes.Equal(got.Host, v.Host) || got.Port != v.Port || !bytes.Equal(got.Branch, v.Branch) {
			t.Errorf("%q has become %q", b, appendReceived(nil, b, source))
		}
		if r, _ := Param(got.Params, "received"); string(r) != source.Addr().String() {
			t.Errorf("received is %q", r)
		}
		_, asked := Param(v.Params, "rport")
		if r, ok := Param(got.Params, "rport"); ok != asked || ok && string(r) != "40000" {
			t.Errorf("rport is %q", r)
		}
	})
}

func FuzzNameAddr(f *testing.F) {
	for _, s := range []string{
		`"Bell, A \" <x>" <sip:a@h;lr?x=y>;tag=1;x="a,b"`, "A. Bell<sip:a@h> ; tag = 1", "sip:a@h;tag=1", "<tel:+1>", `<sip:h;p="x;y">`, "*",
		"Bell, A <sip:a@h>", `"a" b <sip:a@h>`, "sip:a@h?x=y",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		na, err := ParseNameAddr(b)
		if err != nil || !clean(b) {
			return
		}
		whole := append(append(append(bytes.Clone(na.Display), '<'), na.URI...), '>')
		got, err := ParseNameAddr(append(whole, na.Params...))
		if err != nil || !bytes.Equal(got.Display, na.Display) || !bytes.Equal(got.URI, na.URI) || !bytes.Equal(got.Params, na.Params) {
			t.Errorf("%q, written again, reads %q %q %q %v", b, got.Display, got.URI, got.Params, err)
		}
		if b := trim(b); validParams(na.Params, "") && element(b) != len(b) {
			t.Errorf("%q is one address but more than one element", b)
		}
		EachParam(na.Params, func(k, v []byte) bool {
			if _, ok := Param(na.Params, string(k)); !ok {
				t.Errorf("%q has no parameter %q of %q", b, k, v)
			}
			return true
		})
	})
}
