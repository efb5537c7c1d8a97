package engine_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// places is a resolver that finds every name at the same places, and hears which did not answer.
type places struct {
	clk  clock.Clock
	hops []flow.Hop
	bad  []string
}

func (p *places) Resolve(_ int, _ *message.URI, done func(clock.Time, []flow.Hop, error)) {
	done(p.clk.Now(), p.hops, nil)
}

func (p *places) use(c *engine.Config) {
	c.Resolver, p.clk = p, c.Clock
	c.Unanswered = func(h flow.Hop) { p.bad = append(p.bad, h.Remote.Addr().String()) }
}

func hopsTo(hosts ...string) (hops []flow.Hop) {
	for _, h := range hosts {
		hops = append(hops, flow.Hop{Remote: netip.MustParseAddrPort(h)})
	}
	return hops
}

// RFC 3263 §4.3: what cannot be reached, does not answer or answers 503 is followed by the next place; any other answer is the target's.
func TestRFC_100_Failover(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(r *rig, first *sim.Phone)
		does sim.Behaviour
		took time.Duration
	}{
		"refused":   {func(r *rig, p *sim.Phone) { r.net.SetReach(p.Addr(), sim.Refusing) }, sim.After(0), 0},
		"silent":    {func(r *rig, p *sim.Phone) { r.net.SetReach(p.Addr(), sim.Blackhole) }, sim.After(0), 32 * time.Second},
		"503":       {func(*rig, *sim.Phone) {}, sim.Status(503, nil), 0},
		"503 later": {func(*rig, *sim.Phone) {}, sim.Status(503, new(time.Duration)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := &places{hops: hopsTo("192.0.2.11:5060", "[2001:db8::1]:5060", "192.0.2.12:5060")} // no listener for the second
			r := newRig(t, always(to("sip:a@pbx.example")), 1, p.use)
			a, b := r.phone("sip:a@192.0.2.11", c.does), r.phone("sip:a@192.0.2.12", sim.After(0))
			c.fail(r, a)
			call := r.call(brief())
			if call.AnsweredBy() != b.Name() {
				t.Errorf("answered by %q", call.AnsweredBy())
			}
			if strings.Join(p.bad, " ") != "192.0.2.11" {
				t.Errorf("told that %v did not answer", p.bad)
			}
			second := b.Received("INVITE")
			if len(second) != 1 {
				t.Fatalf("%d INVITEs", len(second))
			}
			if first := a.Received("INVITE"); len(first) > 0 {
				x, y := parsed(t, first[0]), parsed(t, second[0])
				if string(x.CallID()) != string(y.CallID()) || string(x.FromTag()) != string(y.FromTag()) || x.CSeq() != y.CSeq() {
					t.Error("the second INVITE is another request")
				}
				if string(x.TopVia().Branch) == string(y.TopVia().Branch) {
					t.Error("the second INVITE is the same transaction")
				}
			}
		})
	}
}

// RFC 3665 §3.4: the first server of a name does not answer its INVITEs; 32 s after the first of them the next one takes the call, to its end.
func TestRFC_096_ServerFails(t *testing.T) {
	p := &places{hops: hopsTo("192.0.2.11:5060", "192.0.2.12:5060")}
	r := newRig(t, always(to("sip:a@pbx.example")), 1, p.use)
	primary, secondary := r.phone("sip:a@192.0.2.11", sim.Silent()), r.phone("sip:a@192.0.2.12", sim.After(time.Second))
	call := r.call(brief())
	if n := len(primary.Received("INVITE")); n != 1 {
		t.Errorf("the first server got %d INVITEs beside copies, want 1", n)
	}
	if call.AnsweredBy() != secondary.Name() || len(secondary.Received("INVITE")) != 1 || len(secondary.Received("ACK")) != 1 || len(secondary.Received("BYE")) != 1 {
		t.Errorf("answered by %q; the second server got %v", call.AnsweredBy(), secondary.Log())
	}
	if n := len(primary.Received("ACK")) + len(primary.Received("BYE")) + len(primary.Received("CANCEL")); n > 0 {
		t.Errorf("the server that was silent gets %d messages of the call", n)
	}
}

// The last place's failure is the branch's; another final response ends the search.
func TestRFC_100_FailoverEnds(t *testing.T) {
	for name, c := range map[string]struct {
		first, second sim.Behaviour
		code, tried   int
	}{
		"503 everywhere": {sim.Status(503, nil), sim.Status(503, nil), 500, 2},
		"busy":           {sim.Status(486, nil), sim.After(0), 486, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := &places{hops: hopsTo("192.0.2.11:5060", "192.0.2.12:5060")}
			r := newRig(t, always(to("sip:a@pbx.example")), 1, p.use)
			a, b := r.phone("sip:a@192.0.2.11", c.first), r.phone("sip:a@192.0.2.12", c.second)
			call := r.call(brief())
			if got := len(a.Received("INVITE")) + len(b.Received("INVITE")); got != c.tried {
				t.Errorf("%d places were tried, want %d", got, c.tried)
			}
			if call.Final() != c.code {
				t.Errorf("caller got %d, want %d", call.Final(), c.code)
			}
		})
	}
}

// RFC 3263 §4: the CANCEL goes where its INVITE went, and a branch that was given up is not tried elsewhere.
func TestRFC_100_CancelFollowsItsInvite(t *testing.T) {
	p := &places{hops: hopsTo("192.0.2.11:5060", "192.0.2.12:5060", "192.0.2.13:5060")}
	r := newRig(t, always(to("sip:a@pbx.example")), 1, p.use)
	a, b, c := r.phone("sip:a@192.0.2.11", sim.Status(503, nil)), r.phone("sip:a@192.0.2.12", sim.Never()), r.phone("sip:a@192.0.2.13")
	cancel := time.Second
	r.call(sim.CallSpec{CancelAfter: &cancel})
	count(t, a, "CANCEL", 0)
	count(t, b, "CANCEL", 1)
	count(t, c, "INVITE", 0)
}

// A request outside a dialog goes to the next place too; one that was silent is remembered (RFC 4321 §1.4).
func TestRFC_100_FailoverOutsideDialogs(t *testing.T) {
	p := &places{hops: hopsTo("192.0.2.11:5060", "192.0.2.12:5060")}
	s := &script{request: func(engine.Call) *plan.Node { return to("sip:a@pbx.example") }}
	r := newRig(t, s, 1, p.use)
	a, b := r.phone("sip:a@192.0.2.11"), r.phone("sip:a@192.0.2.12")
	r.net.SetReach(a.Addr(), sim.Refusing)
	x := r.caller.Request(r.net.Now(), sim.RequestSpec{Method: "MESSAGE", To: "sip:a@pbx.example", Dest: flow.Flow{Remote: pbx}})
	r.run()
	count(t, b, "MESSAGE", 1)
	if x.Code() != 200 || strings.Join(p.bad, " ") != "192.0.2.11" {
		t.Errorf("answered %d; bad: %v", x.Code(), p.bad)
	}
}

// RFC 4321 §1.4: a silent place takes all the time that a request other than INVITE has; the next request is to go elsewhere.
func TestRFC_079_SilentPlaceIsRemembered(t *testing.T) {
	p := &places{hops: hopsTo("192.0.2.11:5060", "192.0.2.12:5060")}
	s := &script{request: func(engine.Call) *plan.Node { return to("sip:a@pbx.example") }}
	r := newRig(t, s, 1, p.use)
	a, b := r.phone("sip:a@192.0.2.11"), r.phone("sip:a@192.0.2.12")
	r.odd = true // the caller gets no answer in time, as RFC 4320 §4.2 wants it
	r.net.SetReach(a.Addr(), sim.Blackhole)
	r.caller.Request(r.net.Now(), sim.RequestSpec{Method: "MESSAGE", To: "sip:a@pbx.example", Dest: flow.Flow{Remote: pbx}})
	r.run()
	count(t, b, "MESSAGE", 0)
	if strings.Join(p.bad, " ") != "192.0.2.11" {
		t.Errorf("bad: %v", p.bad)
	}
}

// Each leg says its own transport, and nothing is sent twice on one that is reliable (RFC 3261 §17.1.1.2).
func TestTransportsOfLegs(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11;transport=tcp")), 1, withTCP)
	slow := 20 * time.Second
	a := r.phone("sip:a@192.0.2.11", sim.After(slow))
	tcp := flow.Flow{Remote: pbx, Transport: flow.TCP, Listener: 1}
	for name, dest := range map[string]flow.Flow{"from UDP": {Remote: pbx}, "from TCP": tcp} {
		t.Run(name, func(t *testing.T) {
			before := len(a.Received("INVITE"))
			spec := brief()
			spec.To, spec.Dest = "sip:100@pbx.example", dest
			r.caller.Call(r.net.Now(), spec)
			r.run()
			got := a.Received("INVITE")[before:]
			if len(got) != 1 {
				t.Fatalf("%d INVITEs", len(got))
			}
			if via := string(parsed(t, got[0]).TopVia().Transport); via != "TCP" {
				t.Errorf("Via says %s", via)
			}
			if c := string(parsed(t, got[0]).Get(message.Contact)); !strings.Contains(c, ";transport=tcp") {
				t.Errorf("Contact is %s", c)
			}
			for _, ok := range r.caller.Received("200") {
				if c := string(parsed(t, ok).Get(message.Contact)); c != "" && strings.Contains(c, "transport=tcp") != (parsed(t, ok).TopVia().Transport[0] == 'T') {
					t.Errorf("Contact %s under Via %s", c, parsed(t, ok).TopVia().Transport)
				}
			}
		})
	}
}

// A listener is chosen by the network of the target, then by where the caller came from.
func TestNetworks(t *testing.T) {
	other := netip.MustParseAddrPort("198.51.100.1:5060")
	two := func(networks ...string) func(c *engine.Config) {
		return func(c *engine.Config) {
			l := engine.Local{SentBy: other.String(), Addr: other.Addr()}
			for _, n := range networks {
				l.Networks = append(l.Networks, netip.MustParsePrefix(n))
			}
			c.Locals = append(c.Locals, l)
		}
	}
	for name, c := range map[string]struct {
		networks []string
		sentBy   string
	}{
		"the caller's":    {nil, pbx.Addr().String()},
		"the target's":    {[]string{"192.0.2.0/24"}, other.Addr().String()},
		"one of several":  {[]string{"203.0.113.0/24", "192.0.2.8/29"}, other.Addr().String()},
		"another network": {[]string{"203.0.113.0/24"}, pbx.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.11")), 1, two(c.networks...))
			a := r.phone("sip:a@192.0.2.11", sim.After(0))
			r.call(brief())
			invite := a.Received("INVITE")
			if len(invite) != 1 || string(parsed(t, invite[0]).TopVia().Host) != c.sentBy || invite[0].Peer.Addr().String() != c.sentBy {
				t.Errorf("called from %v, want %s", invite[0].Peer, c.sentBy)
			}
		})
	}
}

// brief is a call that the caller ends soon.
func brief() sim.CallSpec {
	hangup := time.Second
	return sim.CallSpec{HangupAfter: &hangup}
}

// A callee whose Contact is a name is talked to where the name is found, which need not be where it answered from (RFC 3261 §12.2.1.1).
func TestRFC_100_NameInDialog(t *testing.T) {
	p := &places{hops: hopsTo("192.0.2.12:5060")}
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1, p.use)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer(sim.Header{Name: "Contact", Value: "<sip:a@phone.example>"})})
	b := r.phone("sip:a@192.0.2.12", sim.After(0))
	r.odd = true // the one that answered is left alone, the one at the name knows nothing of it
	r.call(brief())
	if n := len(b.Received("ACK")) + len(b.Received("BYE")); n != 2 || len(a.Received("ACK"))+len(a.Received("BYE")) != 0 {
		t.Errorf("ACK and BYE went to\n%v\nand\n%v", a.Log(), b.Log())
	}
	if uri := string(parsed(t, b.Received("BYE")[0]).RequestURI()); uri != "sip:a@phone.example" {
		t.Errorf("BYE is for %s", uri)
	}
}
