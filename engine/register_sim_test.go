package engine_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"tandem/engine"
	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/location"
)

// storm is an engine whose shards ask each other late, and whoever sends it whatever.
type storm struct {
	rt     *rapid.T
	eng    *engine.Engine
	now    clock.Time
	posted []func() // what shards have asked each other
	n      int      // of the requests
}

func (s *storm) Send(flow.Flow, []byte) {}

// receive hands bytes to the shard that owns them.
func (s *storm) receive(f flow.Flow, b string) {
	s.eng.Shards()[s.eng.ShardOf([]byte(b))].Receive(s.now, f, []byte(b))
}

func (s *storm) register() {
	rt := s.rt
	s.n++
	user, conn := fmt.Sprint(100+rapid.IntRange(0, 3).Draw(rt, "user")), uint32(rapid.IntRange(0, 3).Draw(rt, "conn"))
	transport := "UDP"
	f := flow.Flow{Remote: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.11"), uint16(5060+conn)), Conn: conn + 10*uint32(s.now/clock.Time(time.Hour))}
	if conn != 0 {
		f.Listener, f.Transport, transport = 1, flow.TCP, "TCP"
	} else {
		f.Conn = 0
	}
	more := ""
	for range rapid.IntRange(0, 3).Draw(rt, "fields") {
		more += rapid.SampledFrom([]string{
			"Contact: *\r\n", "Expires: 0\r\n", "Expires: 60\r\n", "Contact: <sip:a@h>\r\n", "Contact: <sip:b@h>;expires=0, <sip:c@h>;q=0.5\r\n", "Path: <sip:p;lr>\r\n",
			"Contact: <sip:d@h>;+sip.instance=\"<urn:x:1>\";reg-id=1\r\nSupported: outbound\r\n", "Contact: <sip:e@h>;+sip.instance=\"<urn:x:1>\";reg-id=2\r\nSupported: outbound\r\n",
			"Contact: <sip:f@h>;+sip.instance=\"<urn:x:1>\"\r\n", "Contact: <sip:pbx.example>;expires=99999999999\r\n", "Contact: <sip:g@h>;expires=1\r\n", "Require: path\r\n",
		}).Draw(rt, "field")
	}
	s.receive(f, fmt.Sprintf("REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/%s 192.0.2.11;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:%s@pbx.example>;tag=a\r\nTo: <sip:%s@pbx.example>\r\n"+
		"Call-ID: %d\r\nCSeq: %d REGISTER\r\n%sContent-Length: 0\r\n\r\n", transport, s.n, user, user, rapid.IntRange(0, 5).Draw(rt, "Call-ID"), s.n, more))
}

func (s *storm) invite() {
	s.n++
	f := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.100:5060")}
	text := func(method string) string {
		return fmt.Sprintf("%s sip:100@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.100;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.net>;tag=%d\r\nTo: <sip:100@pbx.example>\r\n"+
			"Call-ID: call%d\r\nCSeq: 1 %s\r\nContact: <sip:alice@192.0.2.100>\r\nContent-Length: 0\r\n\r\n", method, s.n, s.n, s.n, method)
	}
	s.receive(f, text("INVITE"))
	if rapid.Bool().Draw(s.rt, "cancelled") {
		s.receive(f, text("CANCEL"))
	}
}

func (s *storm) tick(d time.Duration) {
	until := s.now.Add(d)
	for {
		next, at := clock.Time(0), -1
		for i, sh := range s.eng.Shards() {
			if due, ok := sh.Next(); ok && due <= until && (at < 0 || due < next) {
				next, at = due, i
			}
		}
		if at < 0 {
			break
		}
		s.now = max(s.now, next)
		s.eng.Shards()[at].Tick(s.now)
	}
	s.now = until
}

// letGo runs some of what shards have asked each other.
func (s *storm) letGo(n int) {
	for ; n > 0 && len(s.posted) > 0; n-- {
		next := s.posted[0]
		s.posted = s.posted[1:]
		next()
	}
}

// Whatever registers, in whatever order, while connections close, users come and go and calls ring: nothing panics, nobody has more than he may, and in the end nothing is left.
func TestRegisterStorm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &storm{rt: rt}
		users := func(names ...string) *auth.Config {
			var list []auth.User
			for _, n := range names {
				list = append(list, auth.User{Name: n, Password: "x"})
			}
			u, err := auth.NewUsers("pbx.example", list)
			if err != nil {
				rt.Fatal(err)
			}
			return &auth.Config{Users: u, Domains: []string{"pbx.example"}, Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.11/32")}}
		}
		l := location.Limits{Min: 60, Max: 7200, Default: 3600, Contacts: 3}
		all := []engine.Rules{{Register: &l, Auth: users("100", "101", "102")}, {Register: &l, Auth: users("100", "103")}, {Register: &l}, {}}
		cfg := engine.Config{
			Clock: clock.NewVirtual(start), Log: zap.NewNop(), Rules: all[0],
			Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}, {SentBy: pbx.String(), Addr: pbx.Addr(), Transport: flow.TCP}},
		}
		if rapid.Bool().Draw(rt, "late") {
			cfg.Post = func(_ int, fn func(now clock.Time)) { s.posted = append(s.posted, func() { fn(s.now) }) }
		}
		script := always(toUser())
		s.eng = engine.New(cfg, script, rapid.IntRange(1, 3).Draw(rt, "shards"))
		for _, sh := range s.eng.Shards() {
			sh.Connect(s)
		}
		for range rapid.IntRange(10, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				gone := flow.Flow{Conn: uint32(rapid.IntRange(1, 3).Draw(rt, "gone")) + 10*uint32(s.now/clock.Time(time.Hour))}
				for _, sh := range s.eng.Shards() {
					sh.SendFailed(s.now, gone, flow.ErrLost)
				}
			case 1:
				r := rapid.SampledFrom(all).Draw(rt, "rules")
				for _, sh := range s.eng.Shards() {
					sh.Adopt(s.now, r)
				}
			case 2:
				s.invite()
			case 3:
				s.tick(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(rt, "passes"))
			case 4:
				s.letGo(rapid.IntRange(1, 9).Draw(rt, "answers"))
			default:
				s.register()
			}
		}
		s.letGo(1 << 20)
		for _, sh := range s.eng.Shards() {
			for _, set := range sh.Registrations() {
				if len(set.Bindings) > l.Contacts {
					rt.Fatalf("%s has %d contacts", set.User, len(set.Bindings))
				}
			}
		}
		for range 5 {
			s.tick(time.Hour)
			s.letGo(1 << 20)
		}
		for i, sh := range s.eng.Shards() {
			if st := sh.Stats(); st.Panics != 0 || st.Contacts != 0 || sh.Leaks() != "" {
				rt.Fatalf("shard %d: %d panics, %d contacts, %s", i, st.Panics, st.Contacts, sh.Leaks())
			}
		}
		if script.acquired != script.released {
			rt.Fatalf("script acquired %d times, released %d", script.acquired, script.released)
		}
	})
}
