package transport

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseListen(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ipv4", "udp:127.0.0.1:5060", "127.0.0.1:5060"},
		{"ipv6", "udp:[::1]:5060", "[::1]:5060"},
		{"ipv6 with a zone", "udp:[fe80::1%lo]:5060", "[fe80::1%lo]:5060"},
		{"unspecified", "udp:0.0.0.0:0", "0.0.0.0:0"},
		{"transport in capitals", "UDP:192.0.2.1:5060", "192.0.2.1:5060"},
		{"tcp", "tcp:192.0.2.1:5060", "192.0.2.1:5060"},
		{"tls", "tls:[2001:db8::1]:5061", "[2001:db8::1]:5061"},
		{"ws", "ws:192.0.2.1:80", "192.0.2.1:80"},
		{"wss in capitals", "WSS:192.0.2.1:443", "192.0.2.1:443"},
		{"ipv4 written as ipv6", "udp:[::ffff:192.0.2.1]:5060", "192.0.2.1:5060"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ParseListen(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if l.Addr != netip.MustParseAddrPort(c.want) {
				t.Errorf("%q: got %v, want %s", c.in, l.Addr, c.want)
			}
			transport, _, _ := strings.Cut(strings.ToLower(c.in), ":")
			if got := l.String(); got != transport+":"+c.want {
				t.Errorf("%q: String %q", c.in, got)
			}
		})
	}
}

func TestParseListenErrors(t *testing.T) {
	const form = "udp:192.0.2.1:5060"
	for _, c := range []struct{ name, in, says, how string }{
		{"empty", "", "no transport", form},
		{"port only", "5060", "no transport", form},
		{"no transport", "127.0.0.1:5060", `"127.0.0.1" is not a transport`, form},
		{"unknown transport", "sctp:127.0.0.1:5060", `"sctp" is not a transport`, form},
		{"tcp without port", "tcp:127.0.0.1", "no port", form},
		{"no address", "udp:", "no address", form},
		{"no port", "udp:127.0.0.1", "no port", form},
		{"ipv6 without port", "udp:[::1]", "no port", form},
		{"ipv6 without brackets", "udp:::1", "needs brackets", form},
		{"word", "udp:localhost", "no port", form},
		{"host name", "udp:localhost:5060", `"localhost" is not an IP address`, form},
		{"no host", "udp::5060", `"" is not an IP address`, form},
		{"large port", "udp:127.0.0.1:65536", `"65536" is not a port`, form},
		{"empty port", "udp:127.0.0.1:", `"" is not a port`, form},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ParseListen(c.in)
			if err == nil {
				t.Fatalf("%q: got %v, want an error", c.in, l)
			}
			for _, want := range []string{c.says, c.how, `"` + c.in + `"`} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q: error %q lacks %q", c.in, err, want)
				}
			}
		})
	}
}

func FuzzParseListen(f *testing.F) {
	for _, s := range []string{"udp:127.0.0.1:5060", "udp:[::1]:5060", "tcp:1", "udp:[fe80::1%eth0]:1", ":", "udp:::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseListen(s)
		if err != nil {
			return
		}
		again, err := ParseListen(l.String())
		if err != nil || again != l {
			t.Errorf("%q gives %q, which gives %q, %v", s, l, again, err)
		}
	})
}
