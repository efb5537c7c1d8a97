package flow

import (
	"net/netip"
	"testing"
)

// RFC 3261 §19.1.1, §26.2.2; RFC 7118 §5.2.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		sips bool
		name string
		want string
	}{
		{false, "", "UDP"},
		{true, "", "TLS"},
		{false, "udp", "UDP"},
		{true, "udp", "none"},
		{false, "TCP", "TCP"},
		{true, "tcp", "TLS"},
		{false, "tls", "TLS"},
		{false, "ws", "WS"},
		{true, "ws", "WSS"},
		{false, "wss", "WSS"},
		{false, "sctp", "none"},
	} {
		got := "none"
		if tr, ok := Of(c.sips, c.name); ok {
			got = tr.String()
		}
		if got != c.want {
			t.Errorf("sips %v, transport %q: got %s, want %s", c.sips, c.name, got, c.want)
		}
	}
}

func TestKey(t *testing.T) {
	to := netip.MustParseAddrPort("192.0.2.1:5060")
	for name, c := range map[string]struct{ a, b Flow }{
		"by connection":     {Flow{Conn: 7, Remote: to, Transport: TCP}, Flow{Conn: 7}},
		"by peer":           {Flow{Remote: to, Transport: TCP, Listener: 1}, Flow{Remote: to, Transport: TCP, Listener: 2}},
		"the name counts":   {Flow{Remote: to, Transport: TLS, Name: "a"}, Flow{Remote: to, Transport: TLS, Name: "a"}},
		"UDP is unchanged":  {Flow{Remote: to, Listener: 3}, Flow{Remote: to, Listener: 3}},
		"a key has the key": {Flow{Conn: 7, Remote: to}, Flow{Conn: 7, Remote: to}.Key()},
	} {
		if c.a.Key() != c.b.Key() {
			t.Errorf("%s: %+v and %+v", name, c.a.Key(), c.b.Key())
		}
	}
	if (Flow{Remote: to, Listener: 1}).Key() == (Flow{Remote: to, Listener: 2}).Key() {
		t.Error("two sockets have one key")
	}
}
