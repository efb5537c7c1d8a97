package message

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	for _, c := range []struct {
		in   string
		want plainURI
	}{
		{"sip:h", plainURI{Scheme: "sip", Host: "h"}},
		{"SIPS:a@H:5061", plainURI{Scheme: "sips", User: "a", Host: "H", Port: 5061}},
		{"sip:a:pw@h;lr;x=1?s=t&u", plainURI{Scheme: "sip", User: "a", Password: "pw", Host: "h", Params: ";lr;x=1", Headers: "?s=t&u"}},
		{"sip:a:@h", plainURI{Scheme: "sip", User: "a", Host: "h"}},
		{"sip:h?s=t;u", plainURI{Scheme: "sip", Host: "h", Headers: "?s=t;u"}},
		{"sip:[2001:db8::10]:5070", plainURI{Scheme: "sip", Host: "[2001:db8::10]", Port: 5070}},
		{"sip:[2001:db8::10:5070]", plainURI{Scheme: "sip", Host: "[2001:db8::10:5070]"}}, // RFC 5118 §4.3
		{"sip:user@[2001:db8:::192.0.2.1]", plainURI{Scheme: "sip", User: "user", Host: "[2001:db8:::192.0.2.1]"}},
		{"sip:h;maddr=[2001:db8::1]", plainURI{Scheme: "sip", Host: "h", Params: ";maddr=[2001:db8::1]"}},
		{"sip:user;par=u%40example.net@example.com", plainURI{Scheme: "sip", User: "user;par=u%40example.net", Host: "example.com"}},
		{"sip:a?b/c@h", plainURI{Scheme: "sip", User: "a?b/c", Host: "h"}},
		{"sip:%00@h", plainURI{Scheme: "sip", User: "%00", Host: "h"}},
		{"tel:+1-201-555-0123;phone-context=x", plainURI{Scheme: "tel", User: "+1-201-555-0123", Params: ";phone-context=x"}},
		{"Tel:911", plainURI{Scheme: "tel", User: "911"}},
		{"urn:service:sos", plainURI{Scheme: "urn", Opaque: "service:sos"}},
		{"soap.beep://192.0.2.103:3002", plainURI{Scheme: "soap.beep", Opaque: "//192.0.2.103:3002"}},
		{"X-1+a.b:c", plainURI{Scheme: "x-1+a.b", Opaque: "c"}},
		{"", plainURI{}},
		{":", plainURI{}},
		{"sip", plainURI{}},
		{"sip:", plainURI{}},
		{"sip:@h", plainURI{}},
		{"sip::pw@h", plainURI{}},
		{"sip:a@", plainURI{}},
		{"sip:a@b@c", plainURI{}},
		{"sip:a%4@h", plainURI{}},
		{"sip:a%4g@h", plainURI{}},
		{"sip:a%@h", plainURI{}},
		{"sip:h:0", plainURI{}},
		{"sip:h:65536", plainURI{}},
		{"sip:h:", plainURI{}},
		{"sip:2001:db8::10", plainURI{}},
		{"sip:[::1", plainURI{}},
		{"sip:[::1]x", plainURI{}},
		{"sip:;lr", plainURI{}},
		{"sip:a b@h", plainURI{}},
		{"sip:a@h\t", plainURI{}},
		{"sip:a@h\r\nX: y", plainURI{}},
		{"<sip:a@h>", plainURI{}},
		{`sip:h;p="x"`, plainURI{}}, // RFC 3261 §25.1: paramchar has no quote
		{"sip:a\x7f@h", plainURI{}},
		{"tel:", plainURI{}},
		{"tel:-", plainURI{}},
		{"tel:%2d", plainURI{}},
		{"tel:;x", plainURI{}},
		{"1ab:c", plainURI{}},
		{"a_b:c", plainURI{}},
	} {
		u, err := ParseURI([]byte(c.in))
		got := plainURI{u.Scheme, string(u.User), string(u.Password), string(u.Host), u.Port, string(u.Params), string(u.Headers), string(u.Opaque)}
		if got != c.want || (err == nil) != (c.want.Scheme != "") {
			t.Errorf("%q: got %+v %v, want %+v", c.in, got, err, c.want)
		}
	}
}

// plainURI is a URI that can be compared.
type plainURI struct {
	Scheme, User, Password, Host string
	Port                         uint16
	Params, Headers, Opaque      string
}

func TestSecure(t *testing.T) {
	for in, want := range map[string]bool{"sip:h": false, "sips:h": true, "SIPS:h": true, "tel:1": false} {
		if u, err := ParseURI([]byte(in)); err != nil || u.Secure() != want {
			t.Errorf("%s: %v %v", in, u.Secure(), err)
		}
	}
}

func TestAddr(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"sip:192.0.2.1", "192.0.2.1:5060"},
		{"sip:a@192.0.2.1:5070", "192.0.2.1:5070"},
		{"sips:192.0.2.1", "192.0.2.1:5061"},
		{"sip:192.0.2.1;transport=TLS", "192.0.2.1:5061"},
		{"sip:192.0.2.1;transport=tcp", "192.0.2.1:5060"},
		{"sip:192.0.2.1;transport=ws", "192.0.2.1:80"},
		{"sips:192.0.2.1;transport=ws", "192.0.2.1:443"},
		{"sip:192.0.2.1;transport=wss", "192.0.2.1:443"},
		{"sip:192.0.2.1:1;transport=wss", "192.0.2.1:1"},
		{"sip:[2001:db8::1]:5070", "[2001:db8::1]:5070"},
		{"sip:[::ffff:192.0.2.1]", "192.0.2.1:5060"},
		{"sip:[2001:db8:::192.0.2.1]", "[2001:db8::c000:201]:5060"},
		{"sip:h;maddr=192.0.2.9", "192.0.2.9:5060"},
		{"sip:192.0.2.1:5080;MADDR=192.0.2.9", "192.0.2.9:5080"},
		{"sip:h;maddr=[2001:db8::1]", "[2001:db8::1]:5060"},
		{"sip:h;maddr=2001:db8::1", "[2001:db8::1]:5060"},
		{"sip:h;maddr=[2001:db8::1", ""},
		{"sip:h;maddr=[]", ""},
		{"sip:h;maddr=fe80::1%25eth0", ""},
		{"sip:h;maddr=fe80::1%eth0", ""},
		{"sip:192.0.2.1;maddr=h", ""},
		{"sip:192.0.2.1;maddr", ""},
		{"sip:h", ""},
		{"sip:192.0.2", ""},
		{"sip:192.0.2.256", ""},
		{"tel:+4930123", ""},
		{"urn:x", ""},
	} {
		u, err := ParseURI([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		got, ok := u.Addr()
		if ok != (c.want != "") || ok && got != netip.MustParseAddrPort(c.want) {
			t.Errorf("%s: got %v %v, want %q", c.in, got, ok, c.want)
		}
	}
}

func TestAppendUnescaped(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "%61%42c": "aBc", "%00": "\x00", "%2541": "%41", "%": "%", "%4": "%4", "%4g%41": "%4gA", "a%C3%A9": "aé",
	} {
		if got := string(AppendUnescaped([]byte(">"), []byte(in))); got != ">"+want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// The sets are those of RFC 3261 §19.1.4 first; the key is stricter in parameters that only one URI has.
func TestAppendKeyEqual(t *testing.T) {
	for _, set := range []string{
		"sip:%61lice@atlanta.com;transport=TCP sip:alice@AtLanTa.CoM;Transport=tcp",
		"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
		"sip:alice@atlanta.com?subject=project%20x&priority=urgent sip:alice@atlanta.com?priority=urgent&subject=project%20x",
		"sip:A@H sip:%41@h SIP:A@h",
		"sip:a@h;lr sip:a@h;LR sip:a@h;lr= sip:a@h;;lr",
		"sip:a@h:5070 sip:a@h:05070",
		"sip:a%2fb@h sip:a%2Fb@h",
		"sip:a^@h sip:a%5E@h sip:a%5e@h",
		"sip:a:p%61@h sip:%61:pa@h",
		"sip:[2001:DB8::1] sip:[2001:db8:0:0:0::1]",
		"sip:h;n%61me=v%61lue%25%34%31 sip:h;name=value%2541",
		"tel:+1-201-555-0123 tel:+12015550123 TEL:+1(201)555.0123",
		"tel:1;isub=1;ext=2 tel:1;ext=2;ISUB=1",
		"urn:service:sos URN:service:sos",
	} {
		uris := strings.Fields(set)
		for _, u := range uris[1:] {
			if a, b := key(t, uris[0]), key(t, u); a != b {
				t.Errorf("%s and %s are equal but have the keys %s and %s", uris[0], u, a, b)
			}
		}
	}
}

func TestAppendKeyDifferent(t *testing.T) {
	for _, set := range []string{
		"SIP:ALICE@AtLanTa.CoM;Transport=udp sip:alice@AtLanTa.CoM;Transport=UDP",
		"sip:bob@biloxi.com sip:bob@biloxi.com:5060 sip:bob@biloxi.com;transport=udp sip:bob@biloxi.com:6000;transport=tcp",
		"sip:carol@chicago.com sip:carol@chicago.com?Subject=next%20meeting",
		"sip:bob@phone21.boxesbybob.com sip:bob@192.0.2.4",
		"sip:a@h sips:a@h",
		"sip:a@h sip:h",
		"sip:a:b@h sip:a%3Ab@h",            // a password, and a colon in the user
		"sip:a%2Fb@h sip:a/b@h",            // reserved
		"sip:h;a=b%3Bc=d sip:h;a=b;c=d",    // one parameter, and two
		"sip:h?a=b%26c=d sip:h?a=b&c=d",    // one header, and two
		"sip:h;x=%2541 sip:h;x=A",          // never unescaped twice
		"sip:%00@h sip:%00%00@h",           // RFC 4475 §3.1.1.4
		"sip:a@h;ob sip:a@h",               // stricter than §19.1.4
		"sip:a@h;line=1 sip:a@h;line=2",    //
		"sip:h;x=1?y=2 sip:h;y=2?x=1",      //
		"tel:+49301 tel:49301",             //
		"tel:1;phone-context=a tel:1",      //
		"urn:service:sos urn:service:fire", //
	} {
		uris := strings.Fields(set)
		for i, u := range uris {
			for _, v := range uris[i+1:] {
				if key(t, u) == key(t, v) {
					t.Errorf("%s and %s differ but have the key %s", u, v, key(t, u))
				}
			}
		}
	}
}

func key(t testing.TB, uri string) string {
	t.Helper()
	u, err := ParseURI([]byte(uri))
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	return string(u.AppendKey(nil))
}

func TestAppendKeyForm(t *testing.T) {
	for in, want := range map[string]string{
		"sip:A:p@H:5070;B=C;a?Y=Z&x": "sip:A:p@h:5070;a=;b=c?x=&y=Z",
		"sip:H":                      "sip:h",
		"sip:h?&=x&":                 "sip:h",
		"tel:+49-30":                 "tel:+4930",
	} {
		if got := key(t, in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
