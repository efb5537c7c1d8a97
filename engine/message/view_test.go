package message

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseVia(t *testing.T) {
	for _, c := range []struct{ in, transport, host, branch string }{
		{"SIP/2.0/UDP a.example.com", "UDP", "a.example.com", ""},
		{"SIP/2.0/UDP a.example.com;branch=z9hG4bKx", "UDP", "a.example.com", "z9hG4bKx"},
		{"SIP/2.0/UDP a.example.com:5060 ;branch=z9hG4bKx", "UDP", "a.example.com:5060", "z9hG4bKx"},
		{"SIP/2.0/UDP a.example.com : 5060 ; branch = z9hG4bKx ", "UDP", "a.example.com:5060", "z9hG4bKx"},
		{"SIP  /   2.0   /UDP      192.0.2.2;branch=390skdjuw", "UDP", "192.0.2.2", "390skdjuw"},
		{"sip/2.0/tcp\t192.0.2.2", "tcp", "192.0.2.2", ""},
		{"SIP/2.0/TLS-SCTP h_1.example-x.com.:1", "TLS-SCTP", "h_1.example-x.com.:1", ""},
		{"SIP/2.0/UDP [2001:db8::9:1]:65535;branch=x", "UDP", "[2001:db8::9:1]:65535", "x"},
		{"SIP/2.0/UDP [::ffff:192.0.2.10] : 19823;branch=x", "UDP", "[::ffff:192.0.2.10]:19823", "x"},
		{"SIP/2.0/UDP [2001:db8:::192.0.2.1]", "UDP", "[2001:db8:::192.0.2.1]", ""}, // RFC 5118 §4.10
		{`SIP/2.0/UDP h;x="a;branch=no";BRANCH=yes`, "UDP", "h", "yes"},
		{"SIP/2.0/UDP h;branch", "UDP", "h", ""},
		{"SIP/2.0/UDP h;branch=", "UDP", "h", ""},
		{"SIP/3.0/UDP h", "UDP", "h", ""}, // Validate refuses it; a 505 goes by it
		{"", "", "", ""},
		{"SIP/2.0/UDP", "", "", ""},
		{"SIP/2.0/UDP ", "", "", ""},
		{"SIP/2.0 UDP h", "", "", ""},
		{"SIP 2.0 UDP h", "", "", ""},
		{"/2.0/UDP h", "", "", ""},
		{"SIP//UDP h", "", "", ""},
		{"SIP/2.0/ h", "", "", ""},
		{"SIP/2.0/U;DP h", "", "", ""},
		{"S P/2.0/UDP h", "", "", ""},
		{"SIP/2.0/UDP h h", "", "", ""},
		{"SIP/2.0/UDP :5060", "", "", ""},
		{"SIP/2.0/UDP h:", "", "", ""},
		{"SIP/2.0/UDP h:0", "", "", ""},
		{"SIP/2.0/UDP h:65536", "", "", ""},
		{"SIP/2.0/UDP h:-1", "", "", ""},
		{"SIP/2.0/UDP h:5060:5060", "", "", ""},
		{"SIP/2.0/UDP 2001:db8::1", "", "", ""},
		{"SIP/2.0/UDP [2001:db8::1", "", "", ""},
		{"SIP/2.0/UDP [2001:db8::1]5060", "", "", ""},
		{"SIP/2.0/UDP [2001:db8::1]:x", "", "", ""},
		{"SIP/2.0/UDP [192.0.2.1]", "", "", ""},
		{"SIP/2.0/UDP [fe80::1%eth0]", "", "", ""},
		{"SIP/2.0/UDP []", "", "", ""},
		{"SIP/2.0/UDP [" + strings.Repeat("0", 60) + "::1]", "", "", ""},
		{"SIP/2.0/UDP h<x>", "", "", ""},
	} {
		v, err := parseVia([]byte(c.in))
		host := string(v.Host)
		if v.Port != 0 {
			host = string(AppendUint(append([]byte(host), ':'), v.Port))
		}
		if (err == nil) != (c.host != "") || string(v.Transport) != c.transport || host != c.host || string(v.Branch) != c.branch {
			t.Errorf("%q: got %q %q %q %v, want %q %q %q", c.in, v.Transport, host, v.Branch, err, c.transport, c.host, c.branch)
		}
	}
}

func TestEachVia(t *testing.T) {
	for _, c := range []struct{ name, vias, want string }{
		{"one", "Via: SIP/2.0/UDP a;branch=1\r\n", "a:0 1"},
		{"lists and fields", "Via: SIP/2.0/UDP a;branch=1,SIP/2.0/TCP b:5070;branch=2\r\nX: y\r\nv: SIP / 2.0 / TLS c ; branch = 3\r\n", "a:0 1|b:5070 2|c:0 3"},
		{"what is none", "Via: SIP/2.0/UDP a, nonsense, SIP/2.0/UDP b, SIP/2.0/UDP :x\r\n", "a:0 |b:0 "},
		{"topmost is none", "Via: ;;\r\nVia: SIP/2.0/UDP b;branch=2\r\n", "b:0 2"},
		{"until told to stop", "Via: SIP/2.0/UDP a, SIP/2.0/UDP stop\r\nVia: SIP/2.0/UDP c\r\n", "a:0 |stop:0 "},
		{"none", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Message
			if err := m.Parse([]byte("SIP/2.0 200 OK\r\n" + c.vias + "Content-Length: 0\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			var got []string
			m.EachVia(func(v ViaValue) bool {
				got = append(got, fmt.Sprintf("%s:%d %s", v.Host, v.Port, v.Branch))
				return string(v.Host) != "stop"
			})
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("got %q, want %q", s, c.want)
			}
		})
	}
}

func TestUnique(t *testing.T) {
	for branch, want := range map[string]bool{
		"z9hG4bKx": true, "Z9HG4BKx": true, "z9hG4bK": false, "": false, "z9hG4bk": false, "390skdjuw": false,
	} {
		v := ViaValue{Branch: []byte(branch)}
		if v.Unique() != want {
			t.Errorf("Unique of %q = %v", branch, !want)
		}
	}
}

func TestParseNameAddr(t *testing.T) {
	for _, c := range []struct{ in, display, uri, params string }{
		{"<sip:a@h>", "", "sip:a@h", ""},
		{" <sip:a@h> ", "", "sip:a@h", ""},
		{"<sip:a@h;lr>;tag=1", "", "sip:a@h;lr", ";tag=1"},
		{"<sip:a@h> ; tag = 1", "", "sip:a@h", "; tag = 1"},
		{"sip:a@h;tag=1", "", "sip:a@h", ";tag=1"}, // the parameter is the header's
		{"sip:a@h ; tag=1", "", "sip:a@h", "; tag=1"},
		{"tel:+4930123;tag=1", "", "tel:+4930123", ";tag=1"},
		{"A. Bell <sip:a@h>", "A. Bell", "sip:a@h", ""},
		{"caller<sip:a@h>;tag=1", "caller", "sip:a@h", ";tag=1"}, // RFC 4475 §3.1.1.6
		{"Jürgen (a@b:c) <sip:a@h>", "Jürgen (a@b:c)", "sip:a@h", ""},
		{`"Bell, A" <sip:a@h>`, `"Bell, A"`, "sip:a@h", ""},
		{`"a \" <sip:x@y> \\" <sip:a@h>;tag=1`, `"a \" <sip:x@y> \\"`, "sip:a@h", ";tag=1"},
		{`""<sip:a@h>`, `""`, "sip:a@h", ""},
		{"<http://www.example.com/?a,b>;tag=1", "", "http://www.example.com/?a,b", ";tag=1"},
		{`<sip:h;p="x;y">;q=1`, "", `sip:h;p="x;y"`, ";q=1"},
		{`<sip:h?Route=%3Csip:p%3E>`, "", "sip:h?Route=%3Csip:p%3E", ""},
		{"", "", "", ""},
		{"*", "", "", ""},
		{"<>", "", "", ""},
		{"<sip:>", "", "", ""},
		{"<a@h>", "", "", ""},
		{"a@h", "", "", ""},
		{"<sip:a@h", "", "", ""},
		{"sip:a@h>", "", "", ""},
		{"< sip:a@h>", "", "", ""},
		{"<sip:a@h >", "", "", ""},
		{"<sip:a @h>", "", "", ""},
		{"<sip:a<b>", "", "", ""},
		{"<sip:a@h>tag=1", "", "", ""},
		{"<sip:a@h> x", "", "", ""},
		{"sip:a@h x", "", "", ""},
		{`"a <sip:a@h>`, "", "", ""},
		{`"a\`, "", "", ""},
		{`"a" sip:a@h`, "", "", ""},
		{`"a" b <sip:a@h>`, "", "", ""},
		{`a "b" <sip:a@h>`, "", "", ""},
		{"Bell, A <sip:a@h>", "", "", ""},
		{"A; B <sip:a@h>", "", "", ""},
		{"A > B <sip:a@h>", "", "", ""},
		{"sip:a@h?Route=%3Csip:p%3E", "", "", ""}, // RFC 3261 §20.10
		{"sip:a,b@h", "", "", ""},
		{`sip:"a"@h`, "", "", ""},
	} {
		na, err := ParseNameAddr([]byte(c.in))
		if (err == nil) != (c.uri != "") || string(na.Display) != c.display || string(na.URI) != c.uri || string(na.Params) != c.params {
			t.Errorf("%s: got %q %q %q %v, want %q %q %q", c.in, na.Display, na.URI, na.Params, err, c.display, c.uri, c.params)
		}
	}
}

func TestParam(t *testing.T) {
	const params = ` ;A=1; b = "x;y=\";" ;lr;c= ;d==e;a=2;;f="open;g=1`
	for _, c := range []struct {
		name, want string
		ok         bool
	}{
		{"a", "1", true},
		{"A", "1", true},
		{"B", `"x;y=\";"`, true},
		{"LR", "", true},
		{"c", "", true},
		{"d", "=e", true},
		{"f", `"open;g=1`, true},
		{"g", "", false},
		{"y", "", false},
		{"aa", "", false},
	} {
		v, ok := Param([]byte(params), c.name)
		if string(v) != c.want || ok != c.ok {
			t.Errorf("Param(%q) = %q, %v, want %q, %v", c.name, v, ok, c.want, c.ok)
		}
	}
	if v, ok := Param([]byte("a=1;b"), "a"); string(v) != "1" || !ok {
		t.Errorf("without the first semicolon: %q, %v", v, ok)
	}
	if _, ok := Param(nil, "a"); ok {
		t.Error("there is a parameter in nothing")
	}
}

func TestEachParam(t *testing.T) {
	var got []string
	EachParam([]byte(`;A=1; b = "x;y" ;;lr; ;c=`), func(k, v []byte) bool {
		got = append(got, string(k)+"="+string(v))
		return true
	})
	if s := strings.Join(got, "|"); s != `A=1|b="x;y"|lr=|c=` {
		t.Error(s)
	}
	n := 0
	EachParam([]byte(";a;b;c"), func([]byte, []byte) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("yield was called %d times, and returned false the second time", n)
	}
}

func TestQ(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int
		out  string
	}{
		{"1", 1000, "1"},
		{"1.0", 1000, "1"},
		{"1.000", 1000, "1"},
		{"0", 0, "0"},
		{"0.", 0, "0"},
		{"0.5", 500, "0.5"},
		{"0.50", 500, "0.5"},
		{"0.05", 50, "0.05"},
		{"0.005", 5, "0.005"},
		{"0.999", 999, "0.999"},
		{"", 1000, "1"},
		{"1.5", 1000, "1"},
		{"2", 1000, "1"},
		{"-1", 1000, "1"},
		{"05", 1000, "1"},
		{"0,5", 1000, "1"},
		{"0.x", 1000, "1"},
		{"0.0001", 1000, "1"},
	} {
		got := ParseQ([]byte(c.in))
		if out := string(AppendQ(nil, got)); got != c.want || out != c.out {
			t.Errorf("%q: got %d, written %q, want %d, %q", c.in, got, out, c.want, c.out)
		}
	}
	for q := range 1001 {
		if got := ParseQ(AppendQ(nil, q)); got != q {
			t.Errorf("%d, written and read, is %d", q, got)
		}
	}
	if low, high := string(AppendQ([]byte("q="), -5)), string(AppendQ(nil, 5000)); low != "q=0" || high != "1" {
		t.Errorf("out of range: %q, %q", low, high)
	}
}

func TestTokens(t *testing.T) {
	for c := range 256 {
		want := c < 128 && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("-.!%*_+`'~", rune(c)))
		if got := isToken([]byte{'a', byte(c)}); got != want {
			t.Errorf("%q in a token: %v", byte(c), got)
		}
	}
	if isToken(nil) {
		t.Error("nothing is a token")
	}
}

// clean looks at eight bytes at a time; every byte must be seen wherever it stands.
func TestClean(t *testing.T) {
	for c := range 256 {
		want := !control(byte(c))
		for n := 1; n < 20; n++ {
			for at := range n {
				b := bytes.Repeat([]byte{' '}, n)
				b[at] = byte(c)
				if got := clean(b); got != want {
					t.Fatalf("clean of %q = %v", b, got)
				}
			}
		}
	}
	if !clean([]byte("tab\tand \x80 \xff, then more of it\t")) {
		t.Error("a clean value is refused")
	}
}

// An IPv4 address is read as netip reads it, and nothing else is taken for one.
func TestParseIPv4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`([0-9]{0,4}\.){0,4}[0-9a.]{0,4}`).Draw(t, "address")
		want, err := netip.ParseAddr(s)
		if got, ok := parseIPv4([]byte(s)); ok != (err == nil && want.Is4()) || ok && got != want {
			t.Fatalf("%q: %v %v, netip says %v %v", s, got, ok, want, err)
		}
	})
	for _, s := range []string{"192.0.2.1", "0.0.0.0", "255.255.255.255"} {
		if got, ok := parseIPv4([]byte(s)); !ok || got.String() != s {
			t.Errorf("%s: %v %v", s, got, ok)
		}
	}
}

// The tag is what the general reading of an address finds, however it is written.
func TestTagOf(t *testing.T) {
	for _, from := range []string{
		"<sip:a@h>;tag=1", "<sip:a@h>;tag=", "<sip:a@h>;tag", "<sip:a@h>;TAG=x", "<sip:a@h>;tag=1;tag=2", "<sip:a@h>;tag=a;x=1", "<sip:a@h>;x=1;tag=a",
		"<sip:a@h>;tag= a", "<sip:a@h>; tag=a", "<sip:a@h>;tag=\"a;b\"", "<sip:a@h>;tag=a/b", "<sip:a@h>;tag=a=b", "sip:a@h;tag=1", "\"a\" <sip:a@h>;tag=1",
		"<sip:a@h>", "<sip:a@h;tag=1>", "<sip:a@h>;tagged=1", "a;tag=1", "<sip:a@h>;tag=a b",
	} {
		var want []byte
		if na, err := ParseNameAddr([]byte(from)); err == nil {
			want, _ = Param(na.Params, "tag")
		}
		var m Message
		text := "OPTIONS sip:b@h SIP/2.0\r\nFrom: " + from + "\r\n\r\n"
		if err := m.Parse([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := m.FromTag(); string(got) != string(want) {
			t.Errorf("%s: got %q, want %q", from, got, want)
		}
	}
}
