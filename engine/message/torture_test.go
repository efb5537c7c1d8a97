package message

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// torture returns a message of RFC 4475, as its appendix holds it.
func torture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "rfc4475", name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tortures says of every message of RFC 4475 what Parse and Validate make of it, and why that is what the RFC wants. What
// is refused must be answerable if it is a request: a caller who hears nothing sends it ten times more.
var tortures = []struct{ name, want, why string }{
	// §3.1.1, valid
	{"wsinv", "ok", "3.1.1.1: well-formed for all elements"},
	{"intmeth", "ok", "3.1.1.2: unusual characters, control characters as quoted-pair; 405 above"},
	{"esc01", "ok", "3.1.1.3: escapes"},
	{"escnull", "ok", "3.1.1.4: escaped NUL"},
	{"esc02", "ok", "3.1.1.5: % that is no escape; 405 above"},
	{"lwsdisp", "ok", "3.1.1.6: should be accepted"},
	{"longreq", "ok", "3.1.1.7: long values"},
	{"dblreq", "ok", "3.1.1.8: what follows the body is ignored"},
	{"semiuri", "ok", "3.1.1.9: semicolon in the user part"},
	{"transports", "ok", "3.1.1.10: unknown transports"},
	{"mpart01", "ok", "3.1.1.11: binary body"},
	{"unreason", "ok", "3.1.1.12: reason phrase in UTF-8"},
	{"noreason", "ok", "3.1.1.13: no reason phrase"},
	// §3.1.2, invalid
	{"badinv01", "validate 400 Via", "3.1.2.1: should respond 400"},
	{"clerr", "validate 400 Content-Length", "3.1.2.2: should respond 400 over UDP"},
	{"ncl", "validate 400 Content-Length", "3.1.2.3: should respond with an error"},
	{"scalar02", "validate 400 CSeq", "3.1.2.4: should respond 400 due to the CSeq"},
	{"scalarlg", "validate 400 CSeq", "3.1.2.5: a response, discarded"},
	{"quotbal", "validate 400 To", "3.1.2.6: should return 400"},
	{"ltgtruri", "parse 400 request line", "3.1.2.7: reasonable to reject with 400"},
	{"lwsruri", "parse 400 request line", "3.1.2.8: should respond 400"},
	{"lwsstart", "parse 400 request line", "3.1.2.9: acceptable to reject"},
	{"trws", "parse 400 request line", "3.1.2.10: acceptable to reject"},
	{"escruri", "ok", "3.1.2.11: may be liberal; the headers do not get beyond URI.Headers"},
	{"baddate", "ok", "3.1.2.12: should not be rejected by who does not use the Date"},
	{"regbadct", "validate 400 Contact", "3.1.2.13: reasonable to respond 400"},
	{"badaspec", "validate 400 To", "3.1.2.14: reasonable to reject with 400"},
	{"baddn", "parse 400 no end of header", "3.1.2.15: reasonable to reject with 400 (the archive's copy lacks its last line; see below)"},
	{"badvers", "parse 505 SIP version", "3.1.2.16: should respond 505"},
	{"mismatch01", "validate 400 CSeq method", "3.1.2.17: 400"},
	{"mismatch02", "validate 501 CSeq method", "3.1.2.18: should respond 501"},
	{"bigcode", "parse 400 not SIP", "3.1.2.19: a response, dropped"},
	// §3.2 and §3.3, mostly for layers above
	{"badbranch", "ok", "3.2.1: may fall back to the rules of RFC 2543"},
	{"insuf", "validate 400 no From", "3.3.1: ideally responds 400"},
	{"unkscm", "ok", "3.3.2: must be accepted here; 416 above"},
	{"novelsc", "ok", "3.3.3: must be accepted here; 416 above"},
	{"unksm2", "ok", "3.3.4: valid; 400 by the registrar"},
	{"bext01", "ok", "3.3.5: valid; 420 above"},
	{"invut", "ok", "3.3.6: valid; bodies pass"},
	{"regaut01", "ok", "3.3.7: valid; 401 by the registrar"},
	{"multi01", "validate 400 two CSeq", "3.3.8: 400"},
	{"mcl01", "validate 400 two Content-Length", "3.3.9: should respond with an error"},
	{"bcast", "ok", "3.3.10: well-formed; a second Via matches no transaction of ours"},
	{"zeromf", "ok", "3.3.11: legal; 483 above"},
	{"cparam01", "ok", "3.3.12: the parameter is the Contact's"},
	{"cparam02", "ok", "3.3.13: the parameter is the URI's"},
	{"regescrt", "ok", "3.3.14: escaped header in a Contact"},
	{"sdp01", "ok", "3.3.15: valid; Accept is for who answers"},
	// §3.4
	{"inv2543", "ok", "3.4.1: should be accepted"},
	// in the archive, not in the text: neither version nor colon everywhere
	{"test", "parse 400 not SIP", "a request line without a version is no SIP"},
}

func TestTorture(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "rfc4475", "*.dat"))
	if err != nil || len(files) != len(tortures) {
		t.Errorf("%d files and %d cases, %v", len(files), len(tortures), err)
	}
	for _, c := range tortures {
		t.Run(c.name, func(t *testing.T) {
			b := torture(t, c.name)
			m, got := verdict(b)
			if got != c.want {
				t.Errorf("got %q, want %q: %s", got, c.want, c.why)
			}
			request := !bytes.HasPrefix(b, []byte("SIP/")) && c.name != "test"
			if got != "ok" && m.Answerable() != request {
				t.Errorf("Answerable = %v", m.Answerable())
			}
			if got != "ok" && request {
				r := AppendBody(m.AppendResponse(nil, 400, "", []byte("t"), source), nil)
				if err := new(Message).Parse(r); err != nil {
					t.Errorf("its answer is no message: %v\n%s", err, r)
				}
			}
		})
	}
}

// baddn in whole: the display names hold commas.
func TestTortureBadDisplayName(t *testing.T) {
	if _, got := verdict(append(torture(t, "baddn"), "\r\n"...)); got != "validate 400 From" {
		t.Error(got)
	}
}

func TestTortureWsinv(t *testing.T) {
	m, _ := verdict(torture(t, "wsinv"))
	u, err := ParseURI(m.RequestURI())
	if err != nil || string(u.Host) != "chair-dnrc.example.com" || string(u.Params) != ";unknownparam" {
		t.Errorf("Request-URI %+v %v", u, err)
	}
	if string(m.FromTag()) != "98asjd8" || string(m.ToTag()) != "1918181833n" || m.CSeq() != 9 || m.Method() != INVITE {
		t.Errorf("tags %q %q, CSeq %d %v", m.FromTag(), m.ToTag(), m.CSeq(), m.Method())
	}
	if n, ok := m.Uint(MaxForwards); n != 68 || !ok {
		t.Errorf("Max-Forwards %d", n)
	}
	if v := m.TopVia(); string(v.Host) != "192.0.2.2" || string(v.Branch) != "390skdjuw" || string(v.Transport) != "UDP" {
		t.Errorf("Via %s %s %s", v.Transport, v.Host, v.Branch)
	}
	var hosts []string
	m.Each(Via, func(e []byte) bool {
		v, _ := parseVia(e)
		hosts = append(hosts, string(v.Host)+" "+string(v.Branch))
		return true
	})
	if got := strings.Join(hosts, ","); got != "192.0.2.2 390skdjuw,spindle.example.com z9hG4bK9ikj8,192.168.255.111 z9hG4bK30239" {
		t.Errorf("Vias %s", got)
	}
	if len(m.Body()) != 150 {
		t.Errorf("body of %d bytes", len(m.Body()))
	}
	passed := string(m.AppendPassed(nil, nil))
	for _, line := range []string{"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n", "s: \r\n", "NewFangledHeader: newfangled value   continued newfangled value\r\n"} {
		if !strings.Contains(passed, line) {
			t.Errorf("%q does not pass:\n%s", line, passed)
		}
	}
}

func TestTortureDetails(t *testing.T) {
	m, _ := verdict(torture(t, "dblreq"))
	if m.MethodName(); m.Method() != REGISTER || len(m.Body()) != 0 {
		t.Errorf("dblreq: a %v with a body of %d bytes", m.Method(), len(m.Body()))
	}
	m, _ = verdict(torture(t, "intmeth"))
	if m.Method() != UnknownMethod || string(m.FromTag()) != "_token~1'+`*%!-." || len(m.Get(To)) == 0 {
		t.Errorf("intmeth: %v, From tag %q", m.Method(), m.FromTag())
	}
	if !bytes.Contains(AppendBody(m.AppendResponse(nil, 405, "", []byte("t"), source), nil), []byte("NUL:\\\x00 DEL:\\\x7f")) {
		t.Error("intmeth: the display name is not in the response as it was")
	}
	m, _ = verdict(torture(t, "esc02"))
	if m.Method() != UnknownMethod || string(m.MethodName()) != "RE%47IST%45R" {
		t.Errorf("esc02: %v %s", m.Method(), m.MethodName())
	}
	n := 0
	m.Each(Contact, func([]byte) bool { n++; return true })
	if n != 2 {
		t.Errorf("esc02: %d Contact elements, want 2", n)
	}
	m, _ = verdict(torture(t, "mpart01"))
	if len(m.Body()) != 553 {
		t.Errorf("mpart01: body of %d bytes", len(m.Body()))
	}
	m, _ = verdict(torture(t, "inv2543"))
	if m.TopVia().Unique() || !bytes.HasPrefix(m.Body(), []byte("v=0\r\n")) {
		t.Errorf("inv2543: unique %v, body %q", m.TopVia().Unique(), m.Body())
	}
	m, _ = verdict(torture(t, "badbranch"))
	if m.TopVia().Unique() {
		t.Error("badbranch: the cookie alone identifies the transaction")
	}
	for name, want := range map[string]string{"cparam01": ";unknownparam", "cparam02": ""} {
		m, _ = verdict(torture(t, name))
		if na, err := ParseNameAddr(m.Get(Contact)); err != nil || string(na.Params) != want {
			t.Errorf("%s: Contact parameters %q %v, want %q", name, na.Params, err, want)
		}
	}
	m, _ = verdict(torture(t, "escruri"))
	if u, err := ParseURI(m.RequestURI()); err != nil || string(u.Headers) != "?Route=%3Csip:example.com%3E" || string(u.Host) != "example.com" {
		t.Errorf("escruri: %+v %v", u, err)
	}
}

// RFC 5118, IPv6; its Request-URIs are in TestParseURI.
func TestTortureIPv6(t *testing.T) {
	for _, c := range []struct{ name, via, want, host string }{
		{"4.1 ipv6-good", "[2001:db8::9:1];branch=z9hG4bKas3-111", "ok", "[2001:db8::9:1]"},
		{"4.5 via-received-param-with-delim", "[2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111", "ok", "[2001:db8::9:1]"},
		{"4.5 via-received-param-no-delim", "[2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3", "ok", "[2001:db8::9:1]"},
		{"4.9 ipv4-mapped-ipv6", "[::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19", "ok", "[::ffff:192.0.2.10]"},
		{"sent-by without brackets", "2001:db8::9:1;branch=z9hG4bKas3", "validate 400 Via", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, got := verdict(with(t, basic, "a.example.com:5070;branch=z9hG4bKa1;rport", c.via))
			if got != c.want || string(m.TopVia().Host) != c.host {
				t.Errorf("got %q, host %s, want %q, host %s", got, m.TopVia().Host, c.want, c.host)
			}
		})
	}
}
