package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestParseStartLine(t *testing.T) {
	request := func(line string) []byte { return with(t, basic, "INVITE sip:bob@example.com SIP/2.0", line) }
	response := func(line string) []byte { return with(t, basicResponse, "SIP/2.0 180 Ringing", line) }
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"request", request("INVITE sip:bob@example.com SIP/2.0"), "ok"},
		{"version in lower case", request("INVITE sip:bob@example.com sip/2.0"), "ok"}, // RFC 3261 §7.1
		{"tel", request("INVITE tel:+4930123 SIP/2.0"), "ok"},
		{"unknown scheme is answered above, with 416", request("INVITE urn:service:sos SIP/2.0"), "ok"},
		{"method in lower case is another method", request("invite sip:bob@example.com SIP/2.0"), "validate 501 CSeq method"},
		{"tab for space", request("INVITE\tsip:bob@example.com SIP/2.0"), "parse 400 request line"},
		{"two spaces", request("INVITE  sip:bob@example.com SIP/2.0"), "parse 400 request line"},
		{"space at the start", request(" INVITE sip:bob@example.com SIP/2.0"), "parse 400 request line"},
		{"space at the end", request("INVITE sip:bob@example.com SIP/2.0 "), "parse 400 request line"},
		{"tab at the end", request("INVITE sip:bob@example.com SIP/2.0\t"), "parse 400 request line"},
		{"no URI", request("INVITE SIP/2.0"), "parse 400 request line"},
		{"empty URI", request("INVITE  SIP/2.0"), "parse 400 request line"},
		{"no method", request(" sip:bob@example.com SIP/2.0"), "parse 400 request line"},
		{"method is no token", request("INV(ITE sip:bob@example.com SIP/2.0"), "parse 400 request line"},
		{"white space in URI", request("INVITE sip:bob@example.com; lr SIP/2.0"), "parse 400 request line"},
		{"URI in brackets", request("INVITE <sip:bob@example.com> SIP/2.0"), "parse 400 request line"},
		{"quote in URI", request(`INVITE sip:"bob"@example.com SIP/2.0`), "parse 400 request line"},
		{"NUL in URI", request("INVITE sip:b\x00b@example.com SIP/2.0"), "parse 400 request line"},
		{"CR in URI", request("INVITE sip:bob@example.com\rX:y SIP/2.0"), "parse 400 request line"},
		{"DEL in URI", request("INVITE sip:b\x7fb@example.com SIP/2.0"), "parse 400 request line"},
		{"no scheme", request("INVITE bob@example.com SIP/2.0"), "validate 400 Request-URI"},
		{"scheme alone", request("INVITE sip: SIP/2.0"), "validate 400 Request-URI"},
		{"no host", request("INVITE sip:bob@ SIP/2.0"), "validate 400 Request-URI"},
		{"IPv6 without brackets, RFC 5118 §4.2", request("INVITE sip:2001:db8::10 SIP/2.0"), "validate 400 Request-URI"},
		{"version 7.0", request("INVITE sip:bob@example.com SIP/7.0"), "parse 505 SIP version"},
		{"version 2.00", request("INVITE sip:bob@example.com SIP/2.00"), "parse 505 SIP version"},
		{"no version", request("INVITE sip:bob@example.com"), "parse 400 not SIP"},
		{"HTTP", request("GET / HTTP/1.1"), "parse 400 not SIP"},
		{"response", response("SIP/2.0 200 OK"), "ok"},
		{"version of a response in lower case", response("sip/2.0 200 OK"), "ok"},
		{"empty phrase", response("SIP/2.0 200 "), "ok"},
		{"no space before an empty phrase", response("SIP/2.0 200"), "ok"},
		{"phrase in UTF-8", response("SIP/2.0 200 Прекрасно"), "ok"},
		{"lowest code", response("SIP/2.0 100 Trying"), "ok"},
		{"highest code", response("SIP/2.0 699 x"), "ok"},
		{"code 99", response("SIP/2.0 099 x"), "parse 400 not SIP"},
		{"code 700", response("SIP/2.0 700 x"), "parse 400 not SIP"},
		{"code 2000", response("SIP/2.0 2000 x"), "parse 400 not SIP"},
		{"code 4294967301", response("SIP/2.0 4294967301 x"), "parse 400 not SIP"},
		{"code of letters", response("SIP/2.0 abc x"), "parse 400 not SIP"},
		{"code of two digits", response("SIP/2.0 20 OK"), "parse 400 not SIP"},
		{"negative code", response("SIP/2.0 -20 OK"), "parse 400 not SIP"},
		{"two spaces before the code", response("SIP/2.0  200 OK"), "parse 400 not SIP"},
		{"phrase with CR", response("SIP/2.0 200 OK\rX: y"), "parse 400 not SIP"},
		{"phrase with NUL", response("SIP/2.0 200 O\x00K"), "parse 400 not SIP"},
		{"response of version 3.0", response("SIP/3.0 200 OK"), "parse 505 SIP version"},
		{"nothing", nil, "parse 400 not SIP"},
		{"line ends only", []byte("\r\n\r\n"), "parse 400 not SIP"},
		{"a start line only, without its end", []byte("INVITE sip:a@b SIP/2.0"), "parse 400 not SIP"},
		{"a start line only", []byte("INVITE sip:a@b SIP/2.0\r\n"), "parse 400 no end of header"},
		{"STUN", []byte("\x00\x01\x00\x00\x21\x12\xa4\x42123456789012"), "parse 400 not SIP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := verdict(c.in); got != c.want {
				t.Errorf("got %q, want %q for\n%s", got, c.want, c.in)
			}
		})
	}
}

func TestParseHeader(t *testing.T) {
	note := func(lines string) []byte { return with(t, basic, "X-Note: one", lines) }
	for _, c := range []struct {
		name  string
		in    []byte
		want  string
		value string // of X-Note
	}{
		{"plain", note("X-Note: one"), "ok", "one"},
		{"name in another case", note("x-nOTE: one"), "ok", "one"},
		{"white space round the colon", note("X-Note \t :\t one \t"), "ok", "one"},
		{"no white space", note("X-Note:one"), "ok", "one"},
		{"empty", note("X-Note:"), "ok", ""},
		{"white space only", note("X-Note:  \t "), "ok", ""},
		{"colons in the value", note("X-Note: a:b: c"), "ok", "a:b: c"},
		{"tab in the value", note("X-Note: a\tb"), "ok", "a\tb"},
		{"folded", note("X-Note: one\n two\n\tthree"), "ok", "one   two  \tthree"},
		{"folded after the colon", note("X-Note:\n one"), "ok", "one"},
		{"folded before the colon", note("X-Note\n : one"), "parse 400 header line", "one"},
		{"folded to a blank line", note("X-Note: one\n \n two"), "ok", "one      two"},
		{"any bytes of UTF-8", note("X-Note: \xe5\xa4\xa7\xff"), "ok", "\xe5\xa4\xa7\xff"},
		{"escaped control characters in quotes", note("X-Note: \"\\\x00\\\x07\\\x7f\""), "ok", "\"\\\x00\\\x07\\\x7f\""},
		{"escaped tab and quote in quotes", note("X-Note: \"\\\t\\\"\""), "ok", "\"\\\t\\\"\""},
		{"control character in quotes", note("X-Note: \"\x07\""), "parse 400 control character in header", ""},
		{"escaped control character outside quotes", note("X-Note: \"\"\\\x07"), "parse 400 control character in header", ""},
		{"escaped CR in quotes", note("X-Note: \"\\\rX: y\""), "parse 400 control character in header", ""},
		{"a backslash at the end of quotes", note("X-Note: \x07\"\\"), "parse 400 control character in header", ""},
		{"NUL", note("X-Note: o\x00e"), "parse 400 control character in header", ""},
		{"CR", note("X-Note: one\rX-Other: two"), "parse 400 control character in header", ""},
		{"two CR at the end", note("X-Note: one\r\r"), "parse 400 control character in header", ""},
		{"DEL", note("X-Note: 12345678901234567\x7f890"), "parse 400 control character in header", ""},
		{"backspace, far in", note("X-Note: 1234567890123456789\x08012345"), "parse 400 control character in header", ""},
		{"no colon", note("X-Note one"), "parse 400 header line", ""},
		{"no name", note(": one"), "parse 400 header line", ""},
		{"name with a space", note("X Note: one"), "parse 400 header line", ""},
		{"name with a control character", note("X\x00Note: one"), "parse 400 header line", ""},
		{"name with UTF-8", note("Größe: one"), "parse 400 header line", ""},
		{"folded first line", with(t, basic, "SIP/2.0\nVia", "SIP/2.0\n Via"), "parse 400 header line", "one"},
		{"a fold without an end", []byte("INVITE sip:a@b SIP/2.0\r\nX-Note: one\r\n two"), "parse 400 no end of header", ""},
		{"no end", []byte("INVITE sip:a@b SIP/2.0\r\nX-Note: one\r\n"), "parse 400 no end of header", "one"},
		{"no end of the last line", []byte("INVITE sip:a@b SIP/2.0\r\nX-Note: one"), "parse 400 no end of header", ""},
		{"line ends without CR", []byte(basic), "ok", "one"},
		{"line ends before the start line", append([]byte("\r\n\r\n\r\n"), wire(basic)...), "ok", "one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, got := verdict(c.in)
			if got != c.want {
				t.Errorf("got %q, want %q for\n%s", got, c.want, c.in)
			}
			value := string(bytes.Join(m.AppendValues(nil, "X-Note"), nil))
			if value != c.value {
				t.Errorf("X-Note is %q, want %q", value, c.value)
			}
		})
	}
}

// A header line that is no header line does not hide the ones that a 400 is made of.
func TestParseGoesOnAfterAnError(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"header line", "Max-Forwards: 70", "Max-Forwards 70", "parse 400 header line"},
		{"request line", "INVITE sip:bob", "INVITE  sip:bob", "parse 400 request line"},
		{"version", "SIP/2.0\n", "SIP/7.0\n", "parse 505 SIP version"},
		{"Via of another version", "Via: SIP/2.0/UDP a", "Via: SIP/7.0/UDP a", "validate 400 Via"},
		{"no end of header", "\n\nbody", "\n", "parse 400 no end of header"},
		{"the first error counts", "SIP/2.0\n", "SIP/7.0\nno colon\n", "parse 505 SIP version"},
		{"no From", "From:", "Frm:", "validate 400 no From"},
		{"no To", "To:", "T0:", "validate 400 no To"},
		{"no Call-ID", "Call-ID:", "Call_ID:", "validate 400 no Call-ID"},
		{"Content-Length too large", "Length: 4", "Length: 5", "validate 400 Content-Length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, got := verdict(with(t, basic, c.old, c.new))
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if !m.Answerable() {
				t.Error("it cannot be answered")
			}
		})
	}
}

func TestAnswerable(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		want bool
	}{
		{"request", wire(basic), true},
		{"ACK", with(t, basic, "INVITE", "ACK"), false},
		{"response", wire(basicResponse), false},
		{"no Via", []byte("INVITE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"), false},
		{"bad Via", with(t, basic, "UDP a.example.com:5070", "UDP"), false},
		{"no CSeq", with(t, basic, "CSeq:", "C-Seq:"), false},
		{"bad CSeq", with(t, basic, "CSeq: 7", "CSeq: x"), true},
		{"not SIP", []byte("hello\r\n\r\n"), false},
	} {
		m, _ := verdict(c.in)
		if got := m.Answerable(); got != c.want {
			t.Errorf("%s: Answerable = %v", c.name, got)
		}
	}
}

func TestParseBody(t *testing.T) {
	for _, c := range []struct{ name, old, new, want, body string }{
		{"as long as it says", "", "", "ok", "body"},
		{"without Content-Length", "Content-Length: 4\n", "", "ok", "body"},
		{"longer than it says, RFC 3261 §18.3", "\n\nbody", "\n\nbodybuilder", "ok", "body"},
		{"compact form", "Content-Length: 4", "L:3", "ok", "bod"},
		{"empty", "Content-Length: 4", "Content-Length: 0", "ok", ""},
		{"shorter than it says", "Content-Length: 4", "Content-Length: 5", "validate 400 Content-Length", "body"},
		{"negative", "Content-Length: 4", "Content-Length: -4", "validate 400 Content-Length", "body"},
		{"no number", "Content-Length: 4", "Content-Length: four", "validate 400 Content-Length", "body"},
		{"beyond 32 bits", "Content-Length: 4", "Content-Length: 4294967300", "validate 400 Content-Length", "body"},
		{"none", "Content-Length: 4", "Content-Length:", "validate 400 Content-Length", "body"},
		{"two", "Content-Length: 4", "Content-Length: 4\nl: 4", "validate 400 two Content-Length", "body"},
		{"any bytes", "body", "\x00\r\n\xff", "ok", "\x00\r\n\xff"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, got := verdict(with(t, basic, c.old, c.new))
			if got != c.want || string(m.Body()) != c.body {
				t.Errorf("got %q with body %q, want %q with %q", got, m.Body(), c.want, c.body)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	padded := func(n int) []byte { // n bytes in all
		b := with(t, basic, "Content-Length: 4\n", "")
		return append(b, bytes.Repeat([]byte{'x'}, n-len(b))...)
	}
	fields := func(n int) []byte { // n header fields in all
		return with(t, basic, "X-Note: one\n", strings.Repeat("Y: z\n", n-10))
	}
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"65535 bytes", padded(MaxSize), "ok"},
		{"65536 bytes", padded(MaxSize + 1), "parse 513 too large"},
		{"256 fields", fields(MaxHeaders), "ok"},
		{"257 fields", fields(MaxHeaders + 1), "parse 513 too many header fields"},
		{"a field of 60000 bytes", with(t, basic, "one", strings.Repeat("z", 60000)), "ok"},
		{"a field of 15000 lines", with(t, basic, "one", "one"+strings.Repeat("\n z", 15000)), "ok"},
		{"a name of 60000 bytes", with(t, basic, "X-Note", strings.Repeat("z", 60000)), "ok"},
		{"a URI of 60000 bytes", with(t, basic, "sip:bob", "sip:"+strings.Repeat("z", 60000)), "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, got := verdict(c.in)
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(c.in) <= MaxSize && !m.Answerable() {
				t.Error("it cannot be answered")
			}
			if m.Len() > MaxHeaders {
				t.Errorf("%d fields were taken", m.Len())
			}
		})
	}
}

func TestParseCSeq(t *testing.T) {
	for _, c := range []struct {
		value  string
		number uint32
		method string
		want   string
	}{
		{"7 INVITE", 7, "INVITE", "ok"},
		{"0 INVITE", 0, "INVITE", "ok"},
		{"7    INVITE", 7, "INVITE", "ok"},
		{"7\t \tINVITE", 7, "INVITE", "ok"},
		{"7\n  INVITE", 7, "INVITE", "ok"},
		{"0009 INVITE", 9, "INVITE", "ok"},
		{"00000000000009 INVITE", 9, "INVITE", "ok"},
		{"2147483647 INVITE", 1<<31 - 1, "INVITE", "ok"},
		{"2147483648 INVITE", 0, "", "validate 400 CSeq"}, // RFC 3261 §8.1.1.5: less than 2^31
		{"4294967303 INVITE", 0, "", "validate 400 CSeq"},
		{"36893488147419103232 INVITE", 0, "", "validate 400 CSeq"},
		{"-7 INVITE", 0, "", "validate 400 CSeq"},
		{"INVITE", 0, "", "validate 400 CSeq"},
		{"7", 0, "", "validate 400 CSeq"},
		{"7INVITE", 0, "", "validate 400 CSeq"},
		{"7 INVITE x", 0, "", "validate 400 CSeq"},
		{"7 INV,ITE", 0, "", "validate 400 CSeq"},
		{"", 0, "", "validate 400 CSeq"},
		{"7 invite", 7, "invite", "validate 400 CSeq method"},
		{"7 ACK", 7, "ACK", "validate 400 CSeq method"},
		{"7 FOO", 7, "FOO", "validate 400 CSeq method"},
	} {
		t.Run(c.value, func(t *testing.T) {
			m, got := verdict(with(t, basic, "7 INVITE", c.value))
			if got != c.want || m.CSeq() != c.number || string(m.cseqName.of(m.raw)) != c.method {
				t.Errorf("got %q, %d %q, want %q, %d %q", got, m.CSeq(), m.cseqName.of(m.raw), c.want, c.number, c.method)
			}
		})
	}
}

func TestParseUnknownMethod(t *testing.T) {
	m, got := verdict(with(t, string(with(t, basic, "INVITE", "FOO")), "7 INVITE", "7 FOO"))
	if got != "ok" || m.Method() != UnknownMethod || string(m.MethodName()) != "FOO" {
		t.Errorf("got %q, %v %q", got, m.Method(), m.MethodName())
	}
}

func TestPeekCallID(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"request", wire(basic), "Call1@example.com"},
		{"response", wire(basicResponse), "call1"},
		{"compact", with(t, basic, "Call-ID: ", "i:"), "Call1@example.com"},
		{"case and white space", with(t, basic, "Call-ID: ", "CALL-id   \t: \t "), "Call1@example.com"},
		{"folded", with(t, basic, "Call-ID: ", "Call-ID:\n \n "), "Call1@example.com"},
		{"first field", with(t, basic, "SIP/2.0\n", "SIP/2.0\nCall-ID: first\n"), "first"},
		{"line ends before the start line", append([]byte("\r\n\r\n"), wire(basic)...), "Call1@example.com"},
		{"line ends without CR", []byte(basic), "Call1@example.com"},
		{"in the body only", with(t, basic, "Call-ID", "No"), "<none>"},
		{"only in another field", with(t, basic, "Call-ID: Call1@example.com", "X-Y: Call-ID: y"), "<none>"},
		{"bad lines before it", with(t, basic, "Call-ID", "no colon\n: no name\nCall-ID"), "Call1@example.com"},
		{"empty", with(t, basic, "Call1@example.com", ""), "<none>"},
		{"cut off", []byte("INVITE sip:a@b SIP/2.0\r\nCall-ID: cut"), "cut"},
		{"cut off in a fold", []byte("INVITE sip:a@b SIP/2.0\r\nCall-ID:\r\n cut"), "cut"},
		{"nothing", nil, "<none>"},
		{"no line", []byte("Call-ID: x"), "<none>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := bytes.Clone(c.in)
			id := PeekCallID(in)
			got := string(id)
			if id == nil {
				got = "<none>"
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if !bytes.Equal(in, c.in) {
				t.Error("it wrote to the datagram")
			}
		})
	}
	if in := with(t, basic, "Call-ID: Call1@example.com\n", "Subject: \nCall-ID: x\n"); string(PeekCallID(in)) != "x" {
		t.Error("a field without a value hides the next one")
	}
}

func TestErrorText(t *testing.T) {
	var m Message
	err := m.Parse([]byte("hello"))
	if got := fmt.Sprint(err); got != "bad SIP message: not SIP" {
		t.Error(got)
	}
}
