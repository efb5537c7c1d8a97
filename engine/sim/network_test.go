package sim

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// echo is a node that writes down what happens to it.
type echo struct {
	name   string
	out    Sender
	due    []clock.Time // of its ticks
	did    *[]string
	answer bool
}

func (e *echo) note(format string, args ...any) {
	*e.did = append(*e.did, e.name+" "+fmt.Sprintf(format, args...))
}

func (e *echo) Receive(now clock.Time, f flow.Flow, b []byte) {
	e.note("%s got %s from %s/%d", time.Duration(now), b, f, f.Listener)
	if e.answer {
		e.out.Send(f, append([]byte("re:"), b...))
	}
}

func (e *echo) Tick(now clock.Time) {
	for len(e.due) > 0 && e.due[0] <= now {
		e.due = e.due[1:]
		e.note("%s tick", time.Duration(now))
	}
}

func (e *echo) Next() (clock.Time, bool) {
	if len(e.due) == 0 {
		return 0, false
	}
	return e.due[0], true
}

func (e *echo) SendFailed(now clock.Time, f flow.Flow, err error) {
	e.note("%s failed to %s: %v", time.Duration(now), f.Remote, errors.Is(err, syscall.ECONNREFUSED))
}

// pair is a network with two nodes.
func pair(seed uint64) (n *Network, a, b *echo, did *[]string) {
	n, did = NewNetwork(start, seed), new([]string)
	a, b = &echo{name: "a", did: did}, &echo{name: "b", did: did}
	n.Attach(aliceAddr, func(out Sender) Node { a.out = out; return a })
	n.Attach(bobAddr, func(out Sender) Node { b.out = out; return b })
	return n, a, b, did
}

var toBob = flow.Flow{Remote: bobAddr}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func TestDelivery(t *testing.T) {
	n, a, b, did := pair(1)
	b.answer = true
	buf := []byte("one")
	a.out.Send(toBob, buf)
	copy(buf, "xxx") // the network has its own copy
	if err := n.RunToQuiescence(time.Second); err != nil {
		t.Fatal(err)
	}
	same(t, *did, "b 1ms got one from udp:192.0.2.1:5060/0", "a 2ms got re:one from udp:192.0.2.11:5060/0")
	if got := n.Clock().Date(); !got.Equal(start.Add(2 * time.Millisecond)) {
		t.Errorf("date %s", got)
	}
	if s := n.Stats(); s != (Stats{Sent: 2, Delivered: 2}) {
		t.Errorf("%+v", s)
	}
}

// What is due at once happens in one order: datagrams as they were sent, then nodes as they were attached.
func TestOrder(t *testing.T) {
	n, a, b, did := pair(1)
	b.due, a.due = []clock.Time{sec(0.001)}, []clock.Time{sec(0.001), sec(0.002)}
	b.out.Send(flow.Flow{Remote: aliceAddr}, []byte("1"))
	a.out.Send(toBob, []byte("2"))
	b.out.Send(flow.Flow{Remote: aliceAddr}, []byte("3"))
	if err := n.Run(sec(0.001)); err != nil {
		t.Fatal(err)
	}
	same(t, *did, "a 1ms got 1 from udp:192.0.2.11:5060/0", "b 1ms got 2 from udp:192.0.2.1:5060/0",
		"a 1ms got 3 from udp:192.0.2.11:5060/0", "a 1ms tick", "b 1ms tick")
	if n.Now() != sec(0.001) {
		t.Errorf("the clock is at %d", n.Now())
	}
	if err := n.Run(sec(5)); err != nil || n.Now() != sec(5) {
		t.Errorf("clock at %d, %v", n.Now(), err)
	}
	a.due = []clock.Time{sec(1)} // overdue: done now, the clock does not go back
	*did = nil
	if err := n.RunToQuiescence(0); err != nil {
		t.Fatal(err)
	}
	same(t, *did, "a 5s tick")
}

func TestQuiescence(t *testing.T) {
	n, a, _, did := pair(1)
	a.due = []clock.Time{sec(10), sec(100)}
	err := n.RunToQuiescence(50 * time.Second)
	if err == nil || !strings.Contains(err.Error(), "not quiet after 50s of virtual time: the next event is due at 1m40s") {
		t.Errorf("error %v", err)
	}
	same(t, *did, "a 10s tick")
	if err := n.RunToQuiescence(90 * time.Second); err != nil {
		t.Error(err)
	}
}

// lazy never does what is due.
type lazy struct{ echo }

func (l *lazy) Tick(clock.Time) {}

func TestStuck(t *testing.T) {
	n := NewNetwork(start, 1)
	n.Attach(aliceAddr, func(Sender) Node { return &lazy{echo{due: []clock.Time{5}}} })
	if err := n.RunToQuiescence(time.Second); !errors.Is(err, ErrStuck) {
		t.Errorf("RunToQuiescence: %v", err)
	}
	if err := n.Run(sec(1)); !errors.Is(err, ErrStuck) {
		t.Errorf("Run: %v", err)
	}
}

func TestReach(t *testing.T) {
	nobody := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.99:5060")}
	for _, c := range []struct {
		name  string
		setup func(n *Network)
		to    flow.Flow
		want  []string
		stats Stats
	}{
		{"nothing attached", func(*Network) {}, nobody, []string{"a 1ms failed to 192.0.2.99:5060: true"}, Stats{Sent: 1, Refused: 1}},
		{"nothing attached, silent", func(n *Network) { n.SetReach(nobody.Remote, Blackhole) }, nobody, nil, Stats{Sent: 1, Lost: 1}},
		{"refusing", func(n *Network) { n.SetReach(bobAddr, Refusing) }, toBob, []string{"a 1ms failed to 192.0.2.11:5060: true"}, Stats{Sent: 1, Refused: 1}},
		{"silent", func(n *Network) { n.SetReach(bobAddr, Blackhole) }, toBob, nil, Stats{Sent: 1, Lost: 1}},
		{
			"up again", func(n *Network) { n.SetReach(bobAddr, Refusing); n.SetReach(bobAddr, Up) }, toBob,
			[]string{"b 1ms got x from udp:192.0.2.1:5060/0"},
			Stats{Sent: 1, Delivered: 1},
		},
		{"lost by choice", func(n *Network) { n.Lose(func(d Datagram) bool { return string(d.Bytes) == "x" && d.To == bobAddr }) }, toBob, nil, Stats{Sent: 1, Lost: 1}},
		{"other latency", func(n *Network) { n.SetLatency(20 * time.Millisecond) }, toBob, []string{"b 20ms got x from udp:192.0.2.1:5060/0"}, Stats{Sent: 1, Delivered: 1}},
		{
			"delays add up", func(n *Network) {
				n.Impair(Faults{Delay: 10 * time.Millisecond})
				n.ImpairAddr(bobAddr, Faults{Delay: 100 * time.Millisecond})
				n.ImpairAddr(aliceAddr, Faults{Delay: time.Second})
			}, toBob, []string{"b 1.111s got x from udp:192.0.2.1:5060/0"}, Stats{Sent: 1, Delivered: 1},
		},
		{
			"doubled", func(n *Network) { n.Impair(Faults{Duplicate: 1}) }, toBob,
			[]string{"b 1ms got x from udp:192.0.2.1:5060/0", "b 1ms got x from udp:192.0.2.1:5060/0"},
			Stats{Sent: 1, Delivered: 2, Duplicated: 1},
		},
		{
			"streams lose nothing", func(n *Network) { n.Impair(Faults{Duplicate: 1, Loss: 1, Jitter: time.Hour}) },
			flow.Flow{Remote: bobAddr, Transport: flow.TCP},
			[]string{"b 1ms got x from tcp:192.0.2.1:5060/0"},
			Stats{Sent: 1, Delivered: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, a, _, did := pair(1)
			c.setup(n)
			a.out.Send(c.to, []byte("x"))
			if err := n.RunToQuiescence(time.Minute); err != nil {
				t.Fatal(err)
			}
			same(t, *did, c.want...)
			if n.Stats() != c.stats {
				t.Errorf("%+v, want %+v", n.Stats(), c.stats)
			}
		})
	}
}

// An engine has several listeners and several shards; the content of a datagram says whose it is.
func TestAttachEngine(t *testing.T) {
	n, a, _, did := pair(1)
	udp := netip.MustParseAddrPort("192.0.2.2:5060")
	inner := netip.MustParseAddrPort("192.0.2.3:5070")
	nodes := n.AttachEngine([]Listener{{udp, flow.UDP}, {udp, flow.TCP}, {inner, flow.UDP}}, 3,
		func(b []byte) int { return int(b[0] - '0') },
		func(shard int, out Sender) Node {
			return &echo{name: fmt.Sprint("shard", shard), out: out, did: did, answer: true}
		})
	if len(nodes) != 3 {
		t.Fatalf("%d nodes", len(nodes))
	}
	a.out.Send(flow.Flow{Remote: udp}, []byte("2"))
	a.out.Send(flow.Flow{Remote: udp, Transport: flow.TCP}, []byte("0"))
	a.out.Send(flow.Flow{Remote: inner}, []byte("1"))
	a.out.Send(flow.Flow{Remote: inner, Transport: flow.TLS}, []byte("1"))
	nodes[1].(*echo).out.Send(flow.Flow{Remote: bobAddr, Listener: 9}, []byte("odd")) // no such listener: the last one
	if err := n.RunToQuiescence(time.Second); err != nil {
		t.Fatal(err)
	}
	same(t, *did,
		"shard2 1ms got 2 from udp:192.0.2.1:5060/0",
		"shard0 1ms got 0 from tcp:192.0.2.1:5060/1",
		"shard1 1ms got 1 from udp:192.0.2.1:5060/2",
		"a 1ms failed to 192.0.2.3:5070: true",
		"b 1ms got odd from udp:192.0.2.3:5070/0",
		"a 2ms got re:2 from udp:192.0.2.2:5060/0",
		"a 2ms got re:0 from tcp:192.0.2.2:5060/0",
		"a 2ms got re:1 from udp:192.0.2.3:5070/0")
}

// Over many datagrams faults come as often as they were asked for, and a seed repeats them exactly.
func TestFaultStatistics(t *testing.T) {
	const total = 5000
	sample := func(seed uint64, f Faults) (Stats, uint64, int) {
		n, a, _, did := pair(seed)
		n.Impair(f)
		for i := range total {
			a.out.Send(toBob, fmt.Appendf(nil, "%06d", i))
		}
		if err := n.RunToQuiescence(time.Minute); err != nil {
			t.Fatal(err)
		}
		h := fnv.New64a()
		overtaken, last := 0, ""
		for _, s := range *did {
			fmt.Fprintln(h, s)
			_, s, _ = strings.Cut(s, "got ")
			if s < last {
				overtaken++
			}
			last = s
		}
		return n.Stats(), h.Sum64(), overtaken
	}
	for seed := uint64(1); seed <= 3; seed++ {
		f := Faults{Loss: 0.3, Duplicate: 0.1, Jitter: 20 * time.Millisecond}
		s, hash, overtaken := sample(seed, f)
		if share := float64(s.Lost) / total; share < 0.27 || share > 0.33 {
			t.Errorf("seed %d: %.3f lost", seed, share)
		}
		if share := float64(s.Duplicated) / float64(total-s.Lost); share < 0.07 || share > 0.13 {
			t.Errorf("seed %d: %.3f doubled", seed, share)
		}
		if s.Sent+s.Duplicated != s.Delivered+s.Lost {
			t.Errorf("seed %d: %+v does not add up", seed, s)
		}
		if overtaken < total/10 {
			t.Errorf("seed %d: %d overtaken", seed, overtaken)
		}
		if _, again, _ := sample(seed, f); again != hash {
			t.Errorf("seed %d: two runs differ", seed)
		}
		if _, other, _ := sample(seed+100, f); other == hash {
			t.Errorf("seeds %d and %d: the same run", seed, seed+100)
		}
	}
	if _, _, overtaken := sample(1, Faults{}); overtaken != 0 {
		t.Errorf("%d overtaken without jitter", overtaken)
	}
}

// The queue gives packets back by time, equal times by the order of sending.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var want []clock.Time
		at, seq := clock.Time(-1), uint64(0)
		for _, push := range rapid.SliceOf(rapid.Bool()).Draw(t, "pushes") {
			if push || len(q.heap) == 0 {
				p := q.take()
				p.at = max(at, clock.Time(rapid.IntRange(0, 5).Draw(t, "at")))
				q.push(p)
				want = append(want, p.at)
				continue
			}
			p := q.pop()
			if p.at < at || p.at == at && p.seq < seq {
				t.Fatalf("%d/%d after %d/%d", p.at, p.seq, at, seq)
			}
			for _, w := range want {
				if w < p.at {
					t.Fatalf("%d before %d", p.at, w)
				}
			}
			at, seq = p.at, p.seq
			for i, w := range want {
				if w == p.at {
					want = append(want[:i], want[i+1:]...)
					break
				}
			}
			q.release(p)
		}
	})
}

func TestWatch(t *testing.T) {
	n, a, _, _ := pair(1)
	var seen []string
	n.Watch(func(d Datagram) {
		seen = append(seen, fmt.Sprintf("%d %s>%s %s %s %v", d.At, d.From, d.To, d.Transport, bytes.Clone(d.Bytes), d.Lost))
	})
	a.out.Send(toBob, []byte("x"))
	n.Impair(Faults{Loss: 1})
	a.out.Send(toBob, []byte("y"))
	same(t, seen, "0 192.0.2.1:5060>192.0.2.11:5060 UDP x false", "0 192.0.2.1:5060>192.0.2.11:5060 UDP y true")
}
