package message

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"as it is", "", "", "ok"},
		{"no Max-Forwards", "Max-Forwards: 70\n", "", "ok"},
		{"Max-Forwards 0", "Forwards: 70", "Forwards: 0", "ok"},
		{"Max-Forwards 255", "Forwards: 70", "Forwards: 255", "ok"},
		{"Max-Forwards 256", "Forwards: 70", "Forwards: 256", "validate 400 Max-Forwards"},
		{"Max-Forwards of a googol", "Forwards: 70", "Forwards: 1" + strings.Repeat("0", 100), "validate 400 Max-Forwards"},
		{"Max-Forwards negative", "Forwards: 70", "Forwards: -1", "validate 400 Max-Forwards"},
		{"no Via", "Via", "Vja", "ok"}, // the second one is then the topmost
		{"Via without branch, RFC 2543", ";branch=z9hG4bKa1;rport", "", "ok"},
		{"Via of another protocol", "SIP/2.0/UDP", "FOO/2.0/UDP", "validate 400 Via"},
		{"Via of another version", "SIP/2.0/UDP", "SIP/3.0/UDP", "validate 400 Via"},
		{"lower Via of another protocol", "SIP/2.0/TCP", "FOO/1/TCP", "ok"},
		{"Via that ends in a comma", ";rport", ";rport,", "validate 400 Via"},
		{"Via with an empty element", "Via: SIP", "Via: ,SIP", "validate 400 Via"},
		{"Via with an empty parameter", ";rport", ";;rport", "validate 400 Via"},
		{"Via with two branches", ";rport", ";branch=z9hG4bKx", "validate 400 Via"},
		{"bad lower Via", "TCP b.example.com", "TCP", "validate 400 Via"},
		{"lower Via with a bad parameter", ";branch=z9hG4bKb2", ";=z9", "validate 400 Via"},
		{"CSeq of another method", "7 INVITE", "7 BYE", "validate 400 CSeq method"},
		{"no From", "From", "X", "validate 400 no From"},
		{"two From", "X-Note: one", "From: <sip:a@h>;tag=1", "validate 400 two From"},
		{"two From, one compact", "X-Note: one", "f: <sip:a@h>;tag=1", "validate 400 two From"},
		{"two To", "X-Note: one", "t: <sip:a@h>", "validate 400 two To"},
		{"two Call-ID", "X-Note: one", "i: 1", "validate 400 two Call-ID"},
		{"two CSeq", "X-Note: one", "CSEQ: 7 INVITE", "validate 400 two CSeq"},
		{"two Max-Forwards", "X-Note: one", "max-forwards: 70", "validate 400 two Max-Forwards"},
		{"two Content-Type", "X-Note: one", "c: a/b\nContent-Type: a/b", "validate 400 two Content-Type"},
		{"two Replaces", "X-Note: one", "Replaces: a\nReplaces: b", "validate 400 two Replaces"},
		{"two Route", "X-Note: one", "Route: <sip:p3.example.com>", "ok"},
		{"two of an unknown name", "X-Note: one", "X-Y: y\nX-Y: z", "ok"},
		{"From without a tag", ";tag=from1", "", "validate 400 From tag"},
		{"From with an empty tag", ";tag=from1", ";tag=", "validate 400 From tag"},
		{"From with a tag that is none", ";tag=from1", ";tag", "validate 400 From tag"},
		{"From with two tags", ";tag=from1", ";tag=from1;TAG=from2", "validate 400 From"},
		{"From with a trailing semicolon", ";tag=from1", ";tag=from1;", "validate 400 From"},
		{"From with a second address", ";tag=from1", ";tag=from1, <sip:x@h>", "validate 400 From"},
		{"To with an empty tag", "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=", "validate 400 To tag"},
		{"To without brackets", "To: <sip:bob@example.com>", "To: sip:bob@example.com;tag=x", "ok"},
		{"To of another scheme", "To: <sip:bob@example.com>", "To: isbn:2983792873", "ok"},
		{"To empty", "To: <sip:bob@example.com>", "To:", "validate 400 To"},
		{"To a star", "To: <sip:bob@example.com>", "To: *", "validate 400 To"},
		{"Call-ID empty", "Call1@example.com", "", "validate 400 Call-ID"},
		{"Call-ID with a space", "Call1@example.com", "Call1 @example.com", "validate 400 Call-ID"},
		{"Call-ID with a tab", "Call1@example.com", "Call1\t@example.com", "validate 400 Call-ID"},
		{"Contact star", "<sip:alice@192.0.2.1>", "*", "ok"},
		{"Contact empty", "<sip:alice@192.0.2.1>", "", "ok"},
		{"Contact list", "<sip:alice@192.0.2.1>", `<sip:a@h>;q=0.5 ; x = "a;,b" , "B" <sip:b@h>`, "ok"},
		{"Contact with an empty element", "<sip:alice@192.0.2.1>", "<sip:a@h>,,<sip:b@h>", "validate 400 Contact"},
		{"Contact with empty parameters", "<sip:alice@192.0.2.1>", "<sip:a@h>;;", "validate 400 Contact"},
		{"Contact without a bracket", "<sip:alice@192.0.2.1>", "<sip:a@h", "validate 400 Contact"},
		{"Contact with a header in a bare address", "<sip:alice@192.0.2.1>", "sip:a@h?x=y", "validate 400 Contact"},
		{"second Contact bad", "X-Note: one", "m: nonsense", "validate 400 Contact"},
		{"Route empty", "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>", "", "ok"},
		{"Route bad", "<sip:p2.example.com;lr>", "nonsense", "validate 400 Route"},
		{"Record-Route bad", "X-Note: one", "Record-Route: <sip:a", "validate 400 Record-Route"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := with(t, basic, c.old, c.new)
			if _, got := verdict(in); got != c.want {
				t.Errorf("got %q, want %q for\n%s", got, c.want, in)
			}
		})
	}
}

func TestValidateNoVia(t *testing.T) {
	if _, got := verdict([]byte(strings.ReplaceAll(string(wire(basic)), "Via:", "X:"))); got != "validate 400 Via" {
		t.Error(got)
	}
}

// A From without a tag is refused only where the Via says that the sender knows RFC 3261.
func TestValidateRFC2543(t *testing.T) {
	in := with(t, string(with(t, basic, ";tag=from1", "")), "branch=z9hG4bKa1", "branch=1")
	m, got := verdict(in)
	if got != "ok" || m.TopVia().Unique() {
		t.Errorf("got %q, unique %v", got, m.TopVia().Unique())
	}
}

// A response is held to what it is used by: dropping it costs the call.
func TestValidateResponse(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"as it is", "", "", "ok"},
		{"From with a trailing semicolon", ";tag=from1", ";tag=from1;", "ok"},
		{"Contact with a trailing semicolon", "CSeq", "Contact: <sip:b@h>;\nCSeq", "ok"},
		{"Contact bad", "CSeq", "Contact: b\nCSeq", "validate 400 Contact"},
		{"lower Via bad", "CSeq", "Via: x\nCSeq", "ok"},
		{"top Via bad", "UDP a.example.com", "UDP", "validate 400 Via"},
		{"no CSeq", "CSeq", "X", "validate 400 CSeq"},
		{"CSeq too large", "CSeq: 7", "CSeq: 4294967296", "validate 400 CSeq"},
		{"two Call-ID", "CSeq", "i: x\nCSeq", "validate 400 two Call-ID"},
		{"no From tag", ";tag=from1", "", "ok"},
		{"no To", "To", "X", "validate 400 no To"},
		{"To with an empty tag", ";tag=to1", ";tag=", "validate 400 To tag"},
		{"body too short", "Length: 0", "Length: 1", "validate 400 Content-Length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := with(t, basicResponse, c.old, c.new)
			if _, got := verdict(in); got != c.want {
				t.Errorf("got %q, want %q for\n%s", got, c.want, in)
			}
		})
	}
}

func TestValidParams(t *testing.T) {
	for _, c := range []struct {
		in   string
		want bool
	}{
		{"", true},
		{"  ", true},
		{";a", true},
		{";a=1", true},
		{" ; a = 1 ; b ", true},
		{`;a="x;,\"y"`, true},
		{`;a="";b=`, true},
		{";a==1", true},
		{";a=[2001:db8::1]:5060", true},
		{";a=x@y/z?&#|^", true},
		{";tag=1;x", true},
		{"a", false},
		{";", false},
		{";a;", false},
		{";;a", false},
		{";=1", false},
		{";a b", false},
		{";a=1 2", false},
		{`;a="x`, false},
		{`;a="x"y`, false},
		{`;a=x"y"`, false},
		{";a=1,b", false},
		{";a=<x>", false},
		{`;"a"=1`, false},
		{";tag=1;TAG=2", false},
		{";tag;a;tag", false},
	} {
		if got := validParams([]byte(c.in), "tag"); got != c.want {
			t.Errorf("validParams(%q) = %v", c.in, got)
		}
	}
	if !validParams([]byte(";a=1;a=2"), "") {
		t.Error("a parameter that nobody asked for stands twice and is refused")
	}
}
