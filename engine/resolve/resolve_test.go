package resolve

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"go.uber.org/goleak"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestResolve(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	for name, c := range map[string]struct {
		uri   string
		addrs []netip.Addr
		err   error
		want  string
	}{
		"default port":             {uri: "sip:a@pbx.example", addrs: []netip.Addr{v4}, want: "192.0.2.7:5060"},
		"port of the URI":          {uri: "sip:a@pbx.example:5070", addrs: []netip.Addr{v4}, want: "192.0.2.7:5070"},
		"sips":                     {uri: "sips:a@pbx.example", addrs: []netip.Addr{v4}, want: "192.0.2.7:5061"},
		"IPv4 before IPv6":         {uri: "sip:a@pbx.example", addrs: []netip.Addr{v6, v4}, want: "192.0.2.7:5060"},
		"IPv6 if there is no IPv4": {uri: "sip:a@pbx.example", addrs: []netip.Addr{v6}, want: "[2001:db8::7]:5060"},
		"IPv4 in IPv6":             {uri: "sip:a@pbx.example", addrs: []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.7")}, want: "192.0.2.7:5060"},
		"no address":               {uri: "sip:a@pbx.example", want: "look up pbx.example: no address"},
		"error":                    {uri: "sip:a@pbx.example", err: errors.New("no such host"), want: "look up pbx.example: no such host"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 1)
			r := New(func(shard int, fn func(clock.Time)) {
				if shard != 3 {
					t.Errorf("posted to shard %d, want 3", shard)
				}
				fn(0)
			})
			r.Lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
				if host != "pbx.example" {
					t.Errorf("asked for %q", host)
				}
				return c.addrs, c.err
			}
			u, err := message.ParseURI([]byte(c.uri))
			if err != nil {
				t.Fatal(err)
			}
			r.Resolve(3, &u, func(_ clock.Time, hops []flow.Hop, err error) {
				if err != nil {
					got <- err.Error()
					return
				}
				got <- hops[0].Remote.String()
			})
			if g := <-got; g != c.want {
				t.Errorf("got %s, want %s", g, c.want)
			}
		})
	}
}
