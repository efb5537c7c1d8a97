package guard

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"tandem/engine/clock"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func at(d time.Duration) clock.Time { return clock.Time(d) }

// The first entry that holds an address decides; without one it is heard.
func TestLook(t *testing.T) {
	c := &Config{Access: [][]Entry{{
		{netip.MustParsePrefix("192.0.2.7/32"), false}, {netip.MustParsePrefix("192.0.2.0/24"), true}, {netip.MustParsePrefix("0.0.0.0/0"), false},
	}, nil}}
	for _, x := range []struct {
		listener uint8
		addr     string
		want     Access
	}{
		{0, "192.0.2.7", Denied},
		{0, "192.0.2.8", Allowed},
		{0, "198.51.100.1", Denied},
		{0, "2001:db8::1", Unlisted},
		{1, "192.0.2.7", Unlisted},
		{2, "192.0.2.7", Unlisted},
	} {
		if got := c.Look(x.listener, addr(x.addr)); got != x.want {
			t.Errorf("%s at %d: %d, want %d", x.addr, x.listener, got, x.want)
		}
	}
}

// A burst passes, and then the rate; one request more bans, for the time of a ban.
func TestSpend(t *testing.T) {
	g := New(&Config{Rate: 10, Burst: 5, Ban: time.Minute}, 1)
	a, other := addr("192.0.2.7"), addr("192.0.2.8")
	for i := range 5 {
		if !g.Spend(at(0), a) {
			t.Fatalf("request %d of the burst", i)
		}
	}
	for i := range 50 {
		if now := at(time.Duration(i+1) * 100 * time.Millisecond); !g.Spend(now, a) || g.Banned(now, a) {
			t.Fatalf("request %d at the rate", i)
		}
	}
	if now := at(5 * time.Second); g.Spend(now, a) || !g.Banned(now, a) || g.Banned(now, other) {
		t.Error("one too many")
	}
	if b := g.Bans(at(6 * time.Second)); len(b) != 1 || b[0] != (Ban{a, 59 * time.Second, TooMany}) {
		t.Errorf("bans %v", b)
	}
	if now := at(65 * time.Second); g.Banned(now, a) || !g.Spend(now, a) || len(g.Bans(now)) != 0 {
		t.Error("after the ban")
	}
}

// Of several shards each has its share, and at least one request.
func TestShare(t *testing.T) {
	for shards, want := range map[int]int{1: 10, 2: 5, 20: 1} {
		g, n := New(&Config{Rate: 10, Burst: 10, Ban: time.Minute}, shards), 0
		for g.Spend(0, addr("192.0.2.7")) {
			n++
		}
		if n != want {
			t.Errorf("%d shards: %d at once, want %d", shards, n, want)
		}
	}
}

// A host has a whole /64 of IPv6, and cannot get round its ban by another address of it.
func TestSource(t *testing.T) {
	g := New(&Config{Ban: time.Minute}, 1)
	g.Ban(0, addr("2001:db8::1"), Scanner)
	if !g.Banned(at(1), addr("2001:db8::ffff%eth0")) || g.Banned(at(1), addr("2001:db8:0:1::1")) {
		t.Error("by /64")
	}
}

// Trust lasts an hour, and no ban.
func TestTrust(t *testing.T) {
	g, a := New(&Config{Ban: time.Minute}, 1), addr("192.0.2.7")
	if g.Trusted(0, a) {
		t.Error("from the start")
	}
	g.Trust(0, a)
	if !g.Trusted(at(time.Hour-1), a) || g.Trusted(at(time.Hour), a) {
		t.Error("its time")
	}
	g.Ban(at(1), a, Scanner)
	if g.Trusted(at(2), a) {
		t.Error("in spite of a ban")
	}
}

func TestScans(t *testing.T) {
	g := New(&Config{Scanners: []string{"friendly-scanner", "sip-scan"}}, 1)
	for agent, want := range map[string]bool{
		"friendly-scanner": true, "xx Friendly-SCANNER/1.8": true, "sip-scan": true, "": false, "friendly-scanne": false, "Yealink SIP-T46": false,
	} {
		if got := g.Scans([]byte(agent)); got != want {
			t.Errorf("%q: %v", agent, got)
		}
	}
}

// A flood of made-up addresses does not make the table grow, nor a ban end soon.
func TestBounded(t *testing.T) {
	g, bad := New(&Config{Rate: 1, Burst: 1, Ban: time.Hour}, 1), addr("192.0.2.7")
	g.Ban(0, bad, Scanner)
	for i := range 3 * Sources {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(10<<24+i))
		g.Spend(at(time.Second), netip.AddrFrom4(b))
		g.Banned(at(time.Second), bad) // it goes on trying
	}
	if len(g.slots) != Sources || len(g.index) != Sources || !g.Banned(at(time.Second), bad) {
		t.Errorf("%d slots, %d in the index, banned %v", len(g.slots), len(g.index), g.Banned(at(time.Second), bad))
	}
}

// What a message of a source costs that is known among others.
func BenchmarkBanned(b *testing.B) {
	g := New(&Config{Ban: time.Hour}, 1)
	for i := range Sources {
		g.Trust(0, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	a := netip.AddrFrom4([4]byte{10, 0, 1, 1})
	b.ReportAllocs()
	for b.Loop() {
		g.Banned(1, a)
	}
}

// Under another configuration bans and trust stay as they were, and a source is measured by the new rate from then on.
func TestAdopt(t *testing.T) {
	g := New(&Config{Rate: 1, Burst: 50, Ban: time.Hour}, 1)
	busy, banned := addr("192.0.2.7"), addr("192.0.2.8")
	for range 40 {
		g.Spend(0, busy) // 40 s ahead of its rate
	}
	g.Trust(0, busy)
	g.Ban(0, banned, Scanner)
	g.Adopt(&Config{Rate: 100, Burst: 50, Ban: time.Minute})
	if !g.Spend(0, busy) || g.Banned(0, busy) || !g.Trusted(0, busy) {
		t.Error("who kept to the rate is banned, or not trusted")
	}
	if !g.Banned(at(59*time.Minute), banned) || g.Banned(at(time.Hour), banned) {
		t.Error("the ban does not last as long as it was to")
	}
	for n := 1; g.Spend(0, busy); n++ {
		if n > 50 {
			t.Fatal("the new burst does not hold")
		}
	}
	if g.Banned(at(time.Minute), busy) {
		t.Error("the new time of a ban does not hold")
	}
	g.Adopt(&Config{Ban: time.Minute})
	for range 1000 {
		if !g.Spend(at(2*time.Minute), busy) {
			t.Fatal("there is a rate still")
		}
	}
}
