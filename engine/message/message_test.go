package message

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// basic is the request that the cases below change.
const basic = `INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;rport
Via: SIP/2.0/TCP b.example.com;branch=z9hG4bKb2
Max-Forwards: 70
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>
Call-ID: Call1@example.com
CSeq: 7 INVITE
Contact: <sip:alice@192.0.2.1>
Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>
X-Note: one
Content-Length: 4

body`

// basicResponse is the response that the cases below change.
const basicResponse = `SIP/2.0 180 Ringing
Via: SIP/2.0/UDP a.example.com;branch=z9hG4bKa1
From: <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>;tag=to1
Call-ID: call1
CSeq: 7 INVITE
Content-Length: 0

`

// with returns base on the wire, the first old in it replaced.
func with(t testing.TB, base, old, replacement string) []byte {
	t.Helper()
	b, o := string(wire(base)), string(wire(old))
	if !strings.Contains(b, o) {
		t.Fatalf("the base message holds no %q", o)
	}
	return []byte(strings.Replace(b, o, string(wire(replacement)), 1))
}

// mustParse parses a copy of b.
func mustParse(t testing.TB, b []byte) *Message {
	t.Helper()
	m := new(Message)
	if err := m.Parse(bytes.Clone(b)); err != nil {
		t.Fatalf("Parse: %v\n%s", err, b)
	}
	return m
}

// verdict is what Parse and Validate say of b: "ok" or "parse|validate STATUS what".
func verdict(b []byte) (*Message, string) {
	m := new(Message)
	stage, err := "parse", m.Parse(bytes.Clone(b))
	if err == nil {
		stage, err = "validate", m.Validate()
	}
	if err == nil {
		return m, "ok"
	}
	var e *Error
	if !errors.As(err, &e) {
		return m, fmt.Sprintf("%s: an error of type %T", stage, err)
	}
	return m, fmt.Sprintf("%s %d %s", stage, e.Status, e.What)
}

func TestAccessorsOfRequest(t *testing.T) {
	m := mustParse(t, wire(basic))
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"IsRequest", m.IsRequest(), true},
		{"Method", m.Method(), INVITE},
		{"MethodName", string(m.MethodName()), "INVITE"},
		{"Status", m.Status(), 0},
		{"Phrase", m.Phrase() == nil, true},
		{"RequestURI", string(m.RequestURI()), "sip:bob@example.com"},
		{"Body", string(m.Body()), "body"},
		{"Bytes", bytes.Equal(m.Bytes(), wire(basic)), true},
		{"CSeq", m.CSeq(), uint32(7)},
		{"CallID", string(m.CallID()), "Call1@example.com"},
		{"FromTag", string(m.FromTag()), "from1"},
		{"ToTag", m.ToTag() == nil, true},
		{"TopVia host", string(m.TopVia().Host), "a.example.com"},
		{"TopVia port", m.TopVia().Port, uint16(5070)},
		{"TopVia transport", string(m.TopVia().Transport), "UDP"},
		{"TopVia branch", string(m.TopVia().Branch), "z9hG4bKa1"},
		{"TopVia unique", m.TopVia().Unique(), true},
		{"Get", string(m.Get(Via)), "SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;rport"},
		{"Get of none", m.Get(Diversion) == nil, true},
		{"Has", m.Has(Route), true},
		{"Has of none", m.Has(Diversion), false},
		{"Len", m.Len(), 11},
	} {
		if c.got != c.want {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
	id, name, value := m.Field(9)
	if id != Other || string(name) != "X-Note" || string(value) != "one" {
		t.Errorf("Field(9) = %v %q %q", id, name, value)
	}
}

func TestAccessorsOfResponse(t *testing.T) {
	m := mustParse(t, wire(basicResponse))
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"IsRequest", m.IsRequest(), false},
		{"Method", m.Method(), INVITE},
		{"MethodName", string(m.MethodName()), "INVITE"},
		{"Status", m.Status(), 180},
		{"Phrase", string(m.Phrase()), "Ringing"},
		{"RequestURI", m.RequestURI() == nil, true},
		{"Body", len(m.Body()), 0},
		{"ToTag", string(m.ToTag()), "to1"},
		{"Answerable", m.Answerable(), false},
	} {
		if c.got != c.want {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
}

// What is appended to a slice that the message gave away must not end up in the message.
func TestAppendingToAViewLeavesTheMessageAlone(t *testing.T) {
	m := mustParse(t, wire(basic))
	_, name, value := m.Field(3)
	for _, view := range [][]byte{m.CallID(), m.FromTag(), m.RequestURI(), m.MethodName(), m.Get(From), name, value} {
		_ = append(view, "OVERWRITTEN"...)
	}
	if !bytes.Equal(m.Bytes(), wire(basic)) {
		t.Errorf("the message has become\n%s", m.Bytes())
	}
}

func TestAppendValues(t *testing.T) {
	m := mustParse(t, with(t, basic, "X-Note: one", "X-Note: one\nx-NOTE : two\nk: a,b\nSupported: c\ns:"))
	for _, c := range []struct{ name, want string }{
		{"X-Note", "one|two"},
		{"x-note", "one|two"},
		{"Supported", "a,b|c"},
		{"k", "a,b|c"},
		{"K", "a,b|c"},
		{"Subject", ""},
		{"v", "SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;rport|SIP/2.0/TCP b.example.com;branch=z9hG4bKb2"},
		{"1", "<none>"},
		{"X", "<none>"},
		{"Diversion", "<none>"},
	} {
		values := m.AppendValues(nil, c.name)
		got := string(bytes.Join(values, []byte("|")))
		if values == nil {
			got = "<none>"
		}
		if got != c.want {
			t.Errorf("AppendValues(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestEach(t *testing.T) {
	for _, c := range []struct{ name, fields, want string }{
		{"one", "Contact: <sip:a@h>", "<sip:a@h>"},
		{"comma list", "Contact: <sip:a@h>,<sip:b@h> , sip:c@h;q=1", "<sip:a@h>|<sip:b@h>|sip:c@h;q=1"},
		{"two lines", "Contact: <sip:a@h>\nm: <sip:b@h>", "<sip:a@h>|<sip:b@h>"},
		{"quoted comma", `Contact: "A, B" <sip:a@h>;x="1,2", <sip:b@h>`, `"A, B" <sip:a@h>;x="1,2"|<sip:b@h>`},
		{"quoted quote", `Contact: "A\", B" <sip:a@h>, <sip:b@h>`, `"A\", B" <sip:a@h>|<sip:b@h>`},
		{"comma in brackets", "Contact: <sip:a,b@h>, <sip:c@h>", "<sip:a,b@h>|<sip:c@h>"},
		{"quote in brackets", `Contact: <sip:"@h>, <sip:"@g>`, `<sip:"@h>|<sip:"@g>`},
		{"empty elements are none", "Contact: ,<sip:a@h>,,<sip:b@h>,", "<sip:a@h>|<sip:b@h>"},
		{"quote without end", `Contact: <sip:a@h>, "b <sip:b@h>, <sip:c@h>`, `<sip:a@h>|"b <sip:b@h>, <sip:c@h>`},
		{"empty", "Contact:", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mustParse(t, with(t, basic, "Contact: <sip:alice@192.0.2.1>", c.fields))
			var got []string
			m.Each(Contact, func(e []byte) bool { got = append(got, string(e)); return true })
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestEachStops(t *testing.T) {
	m := mustParse(t, with(t, basic, "X-Note: one", "Route: <sip:p3.example.com>"))
	n := 0
	m.Each(Route, func([]byte) bool { n++; return false })
	if n != 1 {
		t.Errorf("yield was called %d times after it had returned false", n)
	}
}

func TestHasToken(t *testing.T) {
	m := mustParse(t, with(t, basic, "X-Note: one", "Supported: 100rel, Timer\nk:replaces\nRequire: 100"))
	for _, c := range []struct {
		id    ID
		token string
		want  bool
	}{
		{Supported, "100rel", true},
		{Supported, "timer", true},
		{Supported, "REPLACES", true},
		{Supported, "100", false},
		{Supported, "path", false},
		{Require, "100rel", false},
		{Allow, "INVITE", false},
	} {
		if got := m.HasToken(c.id, c.token); got != c.want {
			t.Errorf("HasToken(%v, %q) = %v", c.id, c.token, got)
		}
	}
}

func TestUint(t *testing.T) {
	for _, c := range []struct {
		value string
		want  uint32
		ok    bool
	}{
		{"0", 0, true},
		{"70", 70, true},
		{"0068", 68, true},
		{"000000000000000000000068", 68, true},
		{"4294967295", 1<<32 - 1, true},
		{"4294967296", 0, false},
		{"18446744073709551616", 0, false},
		{"36893488147419103232", 0, false},
		{"", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1.5", 0, false},
		{"1 ", 1, true}, // trimmed
		{"1 2", 0, false},
		{"0x10", 0, false},
		{"five", 0, false},
	} {
		m := mustParse(t, with(t, basic, "X-Note: one", "Expires: "+c.value))
		if n, ok := m.Uint(Expires); ok != c.ok || n != c.want {
			t.Errorf("Uint of %q = %d, %v", c.value, n, ok)
		}
	}
	if _, ok := mustParse(t, wire(basic)).Uint(Expires); ok {
		t.Error("a field that is not there has a number")
	}
}

func TestAppendUint(t *testing.T) {
	if got := string(AppendUint([]byte("n="), uint16(65535))); got != "n=65535" {
		t.Error(got)
	}
	if got := string(AppendUint(nil, uint32(1<<32-1))); got != "4294967295" {
		t.Error(got)
	}
	if got := string(AppendUint(nil, 0)); got != "0" {
		t.Error(got)
	}
}

func TestClone(t *testing.T) {
	buf := wire(basic)
	var m Message
	if err := m.Parse(buf); err != nil {
		t.Fatal(err)
	}
	c := m.Clone()
	for i := range buf {
		buf[i] = 'x'
	}
	if err := m.Parse(wire(basicResponse)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.Bytes(), wire(basic)) {
		t.Errorf("the clone's bytes have become\n%s", c.Bytes())
	}
	if err := c.Validate(); err != nil {
		t.Errorf("the clone: %v", err)
	}
	if v := c.TopVia(); string(v.Host) != "a.example.com" || string(v.Branch) != "z9hG4bKa1" {
		t.Errorf("the clone's Via is %s %s", v.Host, v.Branch)
	}
	if string(c.FromTag()) != "from1" || c.ToTag() != nil || string(c.CallID()) != "Call1@example.com" || c.Len() != 11 {
		t.Errorf("the clone has From tag %q, To tag %q, Call-ID %q, %d fields", c.FromTag(), c.ToTag(), c.CallID(), c.Len())
	}
}

func TestCloneOfWhatIsNoMessage(t *testing.T) {
	var m Message
	if err := m.Parse([]byte("hello")); err == nil {
		t.Fatal("accepted")
	}
	if c := m.Clone(); c.TopVia().Host != nil || c.Len() != 0 {
		t.Errorf("a clone of nothing has %d fields", c.Len())
	}
}

// A Message is used for one datagram after the other; nothing of the one before may show.
func TestParseAgainForgets(t *testing.T) {
	m := mustParse(t, with(t, basic, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=old"))
	bare := wire("SIP/2.0 200 OK\nX: y\n\n")
	if err := m.Parse(bare); err != nil {
		t.Fatal(err)
	}
	if m.IsRequest() || m.Method() != UnknownMethod || len(m.MethodName()) != 0 || m.RequestURI() != nil || m.CSeq() != 0 ||
		m.CallID() != nil || m.FromTag() != nil || m.ToTag() != nil || m.TopVia().Host != nil || m.TopVia().Branch != nil ||
		len(m.Body()) != 0 || m.Len() != 1 {
		t.Errorf("something of the old message is left: %+v", m)
	}
}

func TestMethods(t *testing.T) {
	for m := INVITE; m < numMethods; m++ {
		if got := methodOf([]byte(m.String())); got != m || m.String() == "" {
			t.Errorf("method %d is %q, which is method %d", m, m.String(), got)
		}
		if got := methodOf([]byte(strings.ToLower(m.String()))); got != UnknownMethod { // RFC 3261 §7.1
			t.Errorf("%q in lower case is taken for a %v", m, got)
		}
	}
	if UnknownMethod.String() != "" || methodOf(nil) != UnknownMethod || methodOf([]byte("FOO")) != UnknownMethod {
		t.Error("the unknown method has a name")
	}
}
