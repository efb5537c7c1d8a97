package message

import (
	"net/netip"
	"strings"
	"testing"
)

var source = netip.MustParseAddrPort("192.0.2.77:40000")

// same compares bytes on the wire with a text.
func same(t *testing.T, got []byte, want string) {
	t.Helper()
	if string(got) != string(wire(want)) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAppendLines(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"request line", string(AppendRequestLine(nil, "INVITE", "sip:a@h")), "INVITE sip:a@h SIP/2.0\r\n"},
		{"request line of bytes", string(AppendRequestLine([]byte("x"), "ACK", []byte("sip:a@h"))), "xACK sip:a@h SIP/2.0\r\n"},
		{"status line", string(AppendStatusLine(nil, 486, "")), "SIP/2.0 486 Busy Here\r\n"},
		{"status line with a phrase", string(AppendStatusLine(nil, 486, "Later")), "SIP/2.0 486 Later\r\n"},
		{"status line of an unknown code", string(AppendStatusLine(nil, 499, "")), "SIP/2.0 499 Request Failure\r\n"},
		{"field", string(AppendField(nil, "X", []byte("y"))), "X: y\r\n"},
		{"Via", string(AppendVia(nil, "TCP", "h:1", "z9hG4bKx")), "Via: SIP/2.0/TCP h:1;branch=z9hG4bKx;rport\r\n"},
		{"body", string(AppendBody(nil, []byte("abc"))), "Content-Length: 3\r\n\r\nabc"},
		{"no body", string(AppendBody(nil, nil)), "Content-Length: 0\r\n\r\n"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Note": true, "x.y!%*_+`'~": true, "": false, "X Note": false, "X:": false, "X\r\n": false, "Größe": false, "X\x00": false,
	} {
		if ValidName(name) != want {
			t.Errorf("ValidName(%q) = %v", name, !want)
		}
	}
}

func TestValidValue(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "a b\tc": true, "Größe": true, "\xff": true, "a\r\nX: y": false, "a\nb": false, "a\rb": false, "\x00": false,
		"\x7f": false, "\x1f": false, "\r": false,
	} {
		if ValidValue(value) != want {
			t.Errorf("ValidValue(%q) = %v", value, !want)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "Bob": `"Bob"`, `a "b" \c`: `"a \"b\" \\c"`, "x\r\nY: z\x00\x7f": `"xY: z"`, "Größe": `"Größe"`, `\`: `"\\"`,
	} {
		got := Quote(in)
		if got != want || !ValidValue(got) || quoted([]byte(got)) != len(got) {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestPhrase(t *testing.T) {
	for code, want := range map[int]string{
		100: "Trying", 200: "OK", 302: "Moved Temporarily", 404: "Not Found", 487: "Request Terminated", 503: "Service Unavailable",
		505: "Version Not Supported", 513: "Message Too Large", 603: "Decline",
		199: "Early Dialog Terminated", 150: "Progress", 299: "OK", 399: "Redirection", 499: "Request Failure", 599: "Server Failure",
		699: "Global Failure", 700: "Global Failure", 1 << 40: "Global Failure", 0: "", -1: "", 99: "",
	} {
		if got := Phrase(code); got != want {
			t.Errorf("Phrase(%d) = %q, want %q", code, got, want)
		}
	}
	for code, phrase := range phrases {
		if code < 100 || code > 699 || !ValidValue(phrase) || phrase == "" {
			t.Errorf("%d %q cannot stand in a status line", code, phrase)
		}
	}
}

func TestAppendResponse(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		code           int
		phrase, tag    string
		want           string
	}{
		{
			name: "Via in order, received and rport, To tag", code: 486, tag: "mine",
			want: `SIP/2.0 486 Busy Here
Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;received=192.0.2.77;rport=40000
Via: SIP/2.0/TCP b.example.com;branch=z9hG4bKb2
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>;tag=mine
Call-ID: Call1@example.com
CSeq: 7 INVITE
`,
		},
		{
			name: "100 without a tag, with the Timestamp", old: "X-Note: one", new: "Timestamp: 54", code: 100,
			want: `SIP/2.0 100 Trying
Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;received=192.0.2.77;rport=40000
Via: SIP/2.0/TCP b.example.com;branch=z9hG4bKb2
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>
Call-ID: Call1@example.com
CSeq: 7 INVITE
Timestamp: 54
`,
		},
		{
			name: "the To tag of the dialog stays, no Timestamp", old: "To: <sip:bob@example.com>", new: "Timestamp: 54\nTo: <sip:bob@example.com>;TAG=theirs",
			code: 200, phrase: "Fine", tag: "mine",
			want: `SIP/2.0 200 Fine
Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;received=192.0.2.77;rport=40000
Via: SIP/2.0/TCP b.example.com;branch=z9hG4bKb2
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>;TAG=theirs
Call-ID: Call1@example.com
CSeq: 7 INVITE
`,
		},
		{
			name: "no rport asked for", old: ";rport", new: "", code: 404, tag: "mine",
			want: `SIP/2.0 404 Not Found
Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;received=192.0.2.77
Via: SIP/2.0/TCP b.example.com;branch=z9hG4bKb2
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>;tag=mine
Call-ID: Call1@example.com
CSeq: 7 INVITE
`,
		},
		{
			name: "what a Via says of its source itself is not believed", code: 404, tag: "mine",
			old: ";branch=z9hG4bKa1;rport", new: ` ;Received=10.0.0.1 ; BRANCH = z9hG4bKa1;rport=1;x="a;b";flag, SIP/2.0/UDP c;received=1.1.1.1`,
			want: `SIP/2.0 404 Not Found
Via: SIP/2.0/UDP a.example.com:5070;BRANCH=z9hG4bKa1;x="a;b";flag;received=192.0.2.77;rport=40000, SIP/2.0/UDP c;received=1.1.1.1
Via: SIP/2.0/TCP b.example.com;branch=z9hG4bKb2
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>;tag=mine
Call-ID: Call1@example.com
CSeq: 7 INVITE
`,
		},
		{
			name: "a Via without parameters", old: ":5070;branch=z9hG4bKa1;rport", new: "", code: 404, tag: "mine",
			want: `SIP/2.0 404 Not Found
Via: SIP/2.0/UDP a.example.com;received=192.0.2.77
Via: SIP/2.0/TCP b.example.com;branch=z9hG4bKb2
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>;tag=mine
Call-ID: Call1@example.com
CSeq: 7 INVITE
`,
		},
		{
			name: "of two Call-ID the first; what is missing stays away", old: "To: <sip:bob@example.com>\n", new: "i: first\n", code: 400, tag: "mine",
			want: `SIP/2.0 400 Bad Request
Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;received=192.0.2.77;rport=40000
Via: SIP/2.0/TCP b.example.com;branch=z9hG4bKb2
From: "Alice" <sip:alice@example.com>;tag=from1
Call-ID: first
CSeq: 7 INVITE
`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mustParse(t, with(t, basic, c.old, c.new))
			same(t, m.AppendResponse(nil, c.code, c.phrase, []byte(c.tag), source), c.want)
		})
	}
}

func TestReceived(t *testing.T) {
	m := mustParse(t, wire(basic))
	for src, want := range map[string]string{
		"192.0.2.77:40000":          ";received=192.0.2.77;rport=40000",
		"[::ffff:192.0.2.77]:40000": ";received=192.0.2.77;rport=40000",
		"[2001:db8::1]:40000":       ";received=2001:db8::1;rport=40000", // RFC 5118 §4.5: no brackets
		"[fe80::1%eth0]:40000":      ";received=fe80::1;rport=40000",
	} {
		r := string(m.AppendResponse(nil, 100, "", nil, netip.MustParseAddrPort(src)))
		if !strings.Contains(r, "Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1"+want+"\r\n") {
			t.Errorf("from %s:\n%s", src, r)
		}
	}
}

func TestReplyAddr(t *testing.T) {
	for _, c := range []struct{ via, want string }{
		{"SIP/2.0/UDP a.example.com:5070;rport", "192.0.2.77:40000"},
		{"SIP/2.0/UDP a.example.com:5070;RPORT=1", "192.0.2.77:40000"},
		{"SIP/2.0/UDP a.example.com:5070", "192.0.2.77:5070"},
		{"SIP/2.0/UDP a.example.com", "192.0.2.77:5060"},
		{"SIP/2.0/UDP a.example.com;received=198.51.100.1", "192.0.2.77:5060"},
		{"SIP/2.0/UDP a.example.com;maddr=198.51.100.1", "192.0.2.77:5060"},
		{"SIP/2.0/UDP a.example.com;x=\";rport\"", "192.0.2.77:5060"},
	} {
		m := mustParse(t, with(t, basic, "SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;rport", c.via))
		if got := m.ReplyAddr(source); got.String() != c.want {
			t.Errorf("%s: got %v, want %s", c.via, got, c.want)
		}
	}
}

func TestAppendRecordRoutes(t *testing.T) {
	m := mustParse(t, with(t, basic, "X-Note: one", "Record-Route: <sip:p1;lr>,<sip:p2;lr>\nX: y\nrecord-route:<sip:p3;lr>"))
	same(t, m.AppendRecordRoutes(nil), "Record-Route: <sip:p1;lr>,<sip:p2;lr>\nRecord-Route: <sip:p3;lr>\n")
}

// RFC 3261 §17.1.1.3: one Via, the To of the response, the Route of the INVITE.
func TestAppendAck(t *testing.T) {
	m := mustParse(t, wire(basic))
	r := mustParse(t, with(t, basicResponse, "180 Ringing", "486 Busy Here"))
	ack := m.AppendAck(nil, r)
	same(t, ack, `ACK sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;rport
Max-Forwards: 70
Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>;tag=to1
Call-ID: Call1@example.com
CSeq: 7 ACK
Content-Length: 0

`)
	if _, got := verdict(ack); got != "ok" {
		t.Error(got)
	}
}

// RFC 3261 §9.1: all as in the INVITE, the topmost Via only, and no Require.
func TestAppendCancel(t *testing.T) {
	m := mustParse(t, with(t, basic, "X-Note: one", "Require: 100rel\nRoute: <sip:p3.example.com;lr>"))
	cancel := m.AppendCancel(nil, Reasons(`SIP;cause=200;text="Call completed elsewhere"`, "Q.850;cause=26")...)
	same(t, cancel, `CANCEL sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;rport
Max-Forwards: 70
Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>
Route: <sip:p3.example.com;lr>
From: "Alice" <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>
Reason: SIP;cause=200;text="Call completed elsewhere"
Reason: Q.850;cause=26
Call-ID: Call1@example.com
CSeq: 7 CANCEL
Content-Length: 0

`)
	if _, got := verdict(cancel); got != "ok" {
		t.Error(got)
	}
	if c := string(m.AppendCancel(nil)); strings.Contains(c, "Reason") {
		t.Errorf("a Reason that nobody gave:\n%s", c)
	}
}

// A comma list of Via gives its first element to the ACK, not the list.
func TestAppendAckViaList(t *testing.T) {
	m := mustParse(t, with(t, basic, ";rport", " , SIP/2.0/UDP z"))
	if ack := string(m.AppendAck(nil, mustParse(t, wire(basicResponse)))); !strings.Contains(ack, "\r\nVia: SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1 \r\nMax") {
		t.Errorf("got\n%s", ack)
	}
}

const passing = `INVITE sip:bob@example.com SIP/2.0
Subject: first
Via: SIP/2.0/UDP a.example.com;branch=z9hG4bKa1
X-Multi: 1
x-multi :  2
From: <sip:alice@example.com>;tag=from1
To: <sip:bob@example.com>
User-Agent: theirs
X-Multi: 3
P-Folded: a
  b
X-Empty:
Content-Type: application/sdp
Call-ID: call1
CSeq: 7 INVITE
X-MULTI:4
Diversion: <sip:x@h>
Content-Length: 0

`

func TestAppendPassed(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes []Change
		want    string
	}{
		{"nothing changed: order kept, fields of the leg left out", nil, `Subject: first
X-Multi: 1
x-multi: 2
X-Multi: 3
P-Folded: a    b
X-Empty: 
Content-Type: application/sdp
X-MULTI: 4
Diversion: <sip:x@h>
`},
		{"set one", []Change{{Name: "x-empty", Value: "full"}}, `Subject: first
X-Multi: 1
x-multi: 2
X-Multi: 3
P-Folded: a    b
x-empty: full
Content-Type: application/sdp
X-MULTI: 4
Diversion: <sip:x@h>
`},
		{"set one that stands four times", []Change{{Name: "X-Multi", Value: "9"}}, `Subject: first
X-Multi: 9
P-Folded: a    b
X-Empty: 
Content-Type: application/sdp
Diversion: <sip:x@h>
`},
		{"set two of a name, by the compact form", []Change{{Name: "s", Value: "a"}, {Name: "Subject", Value: "b"}}, `s: a
Subject: b
X-Multi: 1
x-multi: 2
X-Multi: 3
P-Folded: a    b
X-Empty: 
Content-Type: application/sdp
X-MULTI: 4
Diversion: <sip:x@h>
`},
		{"remove, in any case and the compact form", []Change{{Name: "DIVERSION", Remove: true}, {Name: "x-multi", Remove: true}, {Name: "c", Remove: true}}, `Subject: first
P-Folded: a    b
X-Empty: 
`},
		{"add: new names come last, in order", []Change{{Name: "B", Value: "1"}, {Name: "A", Value: "2"}, {Name: "b", Value: "3"}}, `Subject: first
X-Multi: 1
x-multi: 2
X-Multi: 3
P-Folded: a    b
X-Empty: 
Content-Type: application/sdp
X-MULTI: 4
Diversion: <sip:x@h>
B: 1
b: 3
A: 2
`},
		{"remove what is not there, remove and set", []Change{
			{Name: "No-Such", Remove: true},
			{Name: "x-multi", Remove: true},
			{Name: "X-Multi", Value: "9"},
			{Name: "User-Agent", Value: "mine"},
		}, `Subject: first
X-Multi: 9
P-Folded: a    b
X-Empty: 
Content-Type: application/sdp
Diversion: <sip:x@h>
User-Agent: mine
`},
		{"all at once", []Change{
			{Name: "Subject", Value: "new"},
			{Name: "X-Multi", Remove: true},
			{Name: "P-Folded", Remove: true},
			{Name: "X-Empty", Remove: true},
			{Name: "Content-Type", Remove: true},
			{Name: "Diversion", Value: "<sip:y@h>"},
			{Name: "Diversion", Value: "<sip:x@h>"},
		}, `Subject: new
Diversion: <sip:y@h>
Diversion: <sip:x@h>
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mustParse(t, wire(passing))
			same(t, m.AppendPassed(nil, c.changes), c.want)
			same(t, m.Clone().AppendPassed(nil, c.changes), c.want)
		})
	}
}

// Lines are copied in runs; what is not as it should be on the wire must not slip through in one.
func TestAppendPassedRuns(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"line ends without CR", "X: 1\nY: 2\n\n", "X: 1\r\nY: 2\r\n"},
		{"one line end without CR", "X: 1\r\nY: 2\nZ: 3\r\n\r\n", "X: 1\r\nY: 2\r\nZ: 3\r\n"},
		{"white space after the value", "X: 1 \r\nY: 2\t\r\nZ: 3\r\n\r\n", "X: 1\r\nY: 2\r\nZ: 3\r\n"},
		{"tab after the colon", "X:\t1\r\nY: 2\r\n\r\n", "X: 1\r\nY: 2\r\n"},
		{"a fold, then a plain line", "X: 1\r\n 2\r\nY: 3\r\n\r\n", "X: 1   2\r\nY: 3\r\n"},
		{"a fold that ends in white space", "X: 1\r\n \r\nY: 3\r\n\r\n", "X: 1\r\nY: 3\r\n"},
		{"the fields between belong to the leg", "X: 1\r\nCSeq: 1 OPTIONS\r\nY: 2\r\nVia: x\r\n\r\n", "X: 1\r\nY: 2\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := strings.NewReplacer("X:", "X-A:", "Y:", "X-B:", "Z:", "X-C:")
			m := mustParse(t, []byte(in.Replace("OPTIONS sip:a@b SIP/2.0\r\n"+c.in)))
			if got, want := string(m.AppendPassed(nil, nil)), in.Replace(c.want); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// Nothing that the hot path does may allocate.
func TestAllocations(t *testing.T) {
	var m Message
	var buf []byte
	if err := m.Parse(benchInvite); err != nil {
		t.Fatal(err)
	}
	buf = appendBLeg(buf, &m)
	tag := []byte("tag")
	for name, f := range map[string]func(){
		"Parse":          func() { _ = m.Parse(benchInvite) },
		"Validate":       func() { _ = m.Validate() },
		"build a leg":    func() { buf = appendBLeg(buf[:0], &m) },
		"AppendResponse": func() { buf = m.AppendResponse(buf[:0], 180, "", tag, benchSource) },
		"AppendAck":      func() { buf = m.AppendAck(buf[:0], &m) },
		"AppendCancel":   func() { buf = m.AppendCancel(buf[:0]) },
		"HasToken":       func() { m.HasToken(Supported, "replaces") },
		"PeekCallID":     func() { PeekCallID(benchInvite) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestAppendViaOfACopy(t *testing.T) {
	var m Message
	const request = "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport\r\nTo: b\r\n\r\nbody"
	if err := m.Parse([]byte(request)); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(request, "UDP 192.0.2.1", "TCP 192.0.2.2:5070", 1)
	if got := string(m.AppendVia(nil, "TCP", "192.0.2.2:5070")); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
