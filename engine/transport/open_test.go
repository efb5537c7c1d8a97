package transport

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"

	"tandem/engine/flow"
)

func TestPortInUse(t *testing.T) {
	free := func(t *testing.T) string { return closedPort(t, "127.0.0.61").String() }
	for _, c := range []struct {
		name   string
		hold   func(t *testing.T, addr string)
		shards int
	}{
		{"by another program", func(t *testing.T, addr string) { dial(t, addr) }, 2},
		{"by one shard", func(t *testing.T, addr string) { open(t, 1, "udp:"+addr) }, 1},
		{"by two shards", func(t *testing.T, addr string) { open(t, 2, "udp:"+addr) }, 2},
		{"by one shard, wanted for two", func(t *testing.T, addr string) { open(t, 1, "udp:"+addr) }, 2},
		{"by two shards, wanted for one", func(t *testing.T, addr string) { open(t, 2, "udp:"+addr) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := free(t)
			c.hold(t, addr)
			checkInUse(t, addr, c.shards)
		})
	}
	t.Run("by the listener before", func(t *testing.T) {
		addr := netip.MustParseAddrPort(free(t))
		_, _, err := Open(Config{Listens: []Listen{{Addr: addr}, {Addr: addr}}, Shards: 2})
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v", err)
		}
	})
}

func checkInUse(t *testing.T, addr string, shards int) {
	t.Helper()
	_, _, err := Open(Config{Listens: []Listen{{Addr: netip.MustParseAddrPort(addr)}}, Shards: shards})
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v, want EADDRINUSE", err)
	}
	for _, want := range []string{"udp:" + addr, "stop the program"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

// Of several that start at the same moment, exactly one gets the port.
func TestPortRace(t *testing.T) {
	const rivals = 8
	for range 50 {
		addr := closedPort(t, "127.0.0.61")
		var wg sync.WaitGroup
		start, opened := make(chan struct{}), make(chan []*Shard, rivals)
		for range rivals {
			wg.Go(func() {
				<-start
				shards, _, err := Open(Config{Listens: []Listen{{Addr: addr}}, Shards: 2})
				if err == nil {
					opened <- shards
				} else if !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("got %v", err)
				}
			})
		}
		close(start)
		wg.Wait()
		close(opened)
		won := 0
		for shards := range opened {
			won++
			for _, s := range shards {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		if won != 1 {
			t.Fatalf("%d got the port", won)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	ok := Listen{Addr: netip.MustParseAddrPort("127.0.0.61:0")}
	for _, c := range []struct {
		name    string
		listens []Listen
		shards  int
		says    string
	}{
		{"no listener", nil, 1, "no listener"},
		{"too many listeners", make([]Listen, 257), 1, "at most 256"},
		{"no shard", []Listen{ok}, 0, "at least one"},
		{"no certificate", []Listen{ok, {Addr: ok.Addr, Transport: flow.TLS}}, 1, "tls:127.0.0.61:0: no certificate"},
		{"foreign address", []Listen{ok, {Addr: netip.MustParseAddrPort("192.0.2.1:5060")}}, 2, "no interface"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Open(Config{Listens: c.listens, Shards: c.shards})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}
