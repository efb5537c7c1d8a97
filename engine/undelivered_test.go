package engine

import (
	"net/netip"
	"syscall"
	"testing"

	"tandem/engine/flow"
)

// Why a target was not reached names what to change, where it is ours.
func TestUndelivered(t *testing.T) {
	locals := []Local{{Addr: netip.MustParseAddr("127.0.0.1")}, {Addr: netip.MustParseAddr("192.0.2.1")}, {Addr: netip.MustParseAddr("::1")}}
	for _, c := range []struct {
		name     string
		listener uint8
		to       string
		err      error
		want     string
	}{
		{"a closed port", 1, "192.0.2.11:5060", syscall.ECONNREFUSED, "nothing listens at udp:192.0.2.11:5060"},
		{"nobody says why", 1, "192.0.2.11:5060", nil, "nothing listens at udp:192.0.2.11:5060"},
		{"no route", 1, "198.51.100.1:5060", syscall.ENETUNREACH, "udp:198.51.100.1:5060 cannot be reached: network is unreachable"},
		{"from loopback", 0, "192.0.2.11:5060", syscall.EINVAL, "the listener at 127.0.0.1 reaches this machine only: listen on another address, --listen udp:IP:PORT"},
		{"from loopback, IPv6", 2, "[2001:db8::1]:5060", syscall.EINVAL, "the listener at ::1 reaches this machine only: listen on another address, --listen udp:IP:PORT"},
		{"a closed port on loopback", 0, "127.0.0.1:7", syscall.ECONNREFUSED, "nothing listens at udp:127.0.0.1:7"},
	} {
		sh := &Shard{cfg: Config{Locals: locals}, refused: c.err}
		if got := sh.undelivered(flow.Flow{Remote: netip.MustParseAddrPort(c.to), Listener: c.listener}); got != c.want {
			t.Errorf("%s: got %s\nwant %s", c.name, got, c.want)
		}
	}
}
