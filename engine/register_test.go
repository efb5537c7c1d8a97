package engine_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"tandem/engine"
	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// registrar lets everybody register.
func registrar(c *engine.Config) {
	l := location.DefaultLimits
	c.Register = &l
}

// toUser is a step for user 100.
func toUser() *plan.Node {
	return &plan.Node{Kind: plan.KindTarget, Target: &plan.Target{URI: "user:100", Key: "user:100", User: "100", Registrant: "100"}}
}

// registers sends a REGISTER of user 100 from a phone and runs it.
func (r *rig) registers(p *sim.Phone, fields ...sim.Header) *sim.Exchange {
	r.t.Helper()
	x := p.Request(r.net.Now(), sim.RequestSpec{
		Method: "REGISTER", RequestURI: "sip:pbx.example", From: "sip:100@pbx.example", To: "sip:100@pbx.example", Dest: flow.Flow{Remote: pbx}, Headers: fields,
	})
	r.run()
	return x
}

func contactField(v string) sim.Header { return sim.Header{Name: "Contact", Value: v} }

// fieldsOf returns the values of a field of what an exchange was answered with.
func fieldsOf(x *sim.Exchange, name string) string {
	if x.Message() == nil {
		return "no answer: " + x.Why()
	}
	var out []string
	for _, v := range x.Message().AppendValues(nil, name) {
		out = append(out, string(v))
	}
	return strings.Join(out, " | ")
}

func (r *rig) contacts() (n int) {
	for _, sh := range r.eng.Shards() {
		n += sh.Stats().Contacts
	}
	return n
}

// A REGISTER ends at the registrar, however few hops it had left (RFC 3261 §16.3 step 3); without one it is refused like others.
func TestRegisterWithoutHops(t *testing.T) {
	for want, changes := range map[string][]func(*engine.Config){"200": {registrar}, "483": nil} {
		r := newRig(t, always(toUser()), 1, changes...)
		r.odd = true
		p := r.phone("sip:100@192.0.2.11")
		text := written{method: "REGISTER", uri: "sip:pbx.example", from: "<sip:100@pbx.example>;tag=a", via: "SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKhops"}.String()
		r.write(p, 0, strings.Replace(text, "Max-Forwards: 70", "Max-Forwards: 0", 1))
		r.run()
		if len(copies(p, "SIP/2.0 "+want)) != 1 {
			t.Errorf("no %s", want)
		}
	}
}

// Who is nobody's user, or another's, is refused; without a registrar everybody is (RFC 3261 §10.3 steps 4 and 5, §8.2.1).
func TestRegisterRefused(t *testing.T) {
	r := newRig(t, always(toUser()), 1, registrar)
	eve := r.phone("sip:eve@192.0.2.66")
	send := func(from, to string) int {
		x := eve.Request(r.net.Now(), sim.RequestSpec{Method: "REGISTER", RequestURI: "sip:pbx.example", From: from, To: to, Dest: flow.Flow{Remote: pbx}})
		r.run()
		return x.Code()
	}
	for _, c := range []struct {
		from, to string
		code     int
	}{
		{"sip:eve@pbx.example", "sip:100@pbx.example", 403},
		{"sip:pbx.example", "sip:pbx.example", 404},
		{"sip:%31%30%30@pbx.example", "sip:100@pbx.example", 200},
	} {
		if got := send(c.from, c.to); got != c.code {
			t.Errorf("%s registers %s: %d, want %d", c.from, c.to, got, c.code)
		}
	}
	r = newRig(t, always(toUser()), 1)
	eve = r.phone("sip:eve@192.0.2.66")
	if got := send("sip:eve@pbx.example", "sip:eve@pbx.example"); got != 405 {
		t.Errorf("without a registrar: %d, want 405", got)
	}
}

// Who comes from an exempt network is who he says that he is, if he is a user at all; others are asked.
func TestRegisterExempt(t *testing.T) {
	r := newRig(t, always(toUser()), 1, registrar, asking(func(c *auth.Config) { c.Exempt = []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26")} }))
	r.odd = true
	near, far := r.phone("sip:100@192.0.2.66"), r.phone("sip:100@192.0.2.11")
	for _, c := range []struct {
		of       *sim.Phone
		from, to string
		code     int
	}{
		{near, "sip:100@pbx.example", "sip:100@pbx.example", 200},
		{near, "sip:100@pbx.example", "sip:101@pbx.example", 403},
		{near, "sip:102@pbx.example", "sip:102@pbx.example", 404},
		{far, "sip:100@pbx.example", "sip:100@pbx.example", 401},
	} {
		x := c.of.Request(r.net.Now(), sim.RequestSpec{Method: "REGISTER", RequestURI: "sip:pbx.example", From: c.from, To: c.to, Dest: flow.Flow{Remote: pbx}})
		r.run()
		if x.Code() != c.code {
			t.Errorf("%s registers %s: %d, want %d", c.from, c.to, x.Code(), c.code)
		}
	}
	call := near.Request(r.net.Now(), sim.RequestSpec{Method: "MESSAGE", RequestURI: "sip:101@pbx.example", From: "sip:100@pbx.example", To: "sip:101@pbx.example", Dest: flow.Flow{Remote: pbx}})
	r.run()
	if call.Code() == 407 {
		t.Error("a request was asked for credentials")
	}
}

// Why a phone is not registered stands in the log: that it registers at another domain, that its password is for another realm, that the script refuses it.
func TestRegisterRefusedIsLogged(t *testing.T) {
	refusing := &script{invite: func(engine.Call) *plan.Node { return nil }, register: func(engine.Call, *engine.Registration) *plan.Node {
		return &plan.Node{Kind: plan.KindReject, Pos: plan.Pos{File: "main.lua", Line: 7}, Reply: &plan.Reply{Code: 403}}
	}}
	for name, c := range map[string]struct{ host, to, authorization, want string }{
		"domain": {"other.example", "sip:100@other.example", "", `registration refused (404): it is at a host that is none of domains: sip:other.example, To <sip:100@other.example>`},
		"nobody": {"pbx.example", "sip:pbx.example", "", "registration refused (404): To names no user"},
		"script": {"pbx.example", "sip:100@pbx.example", "", "registration refused (403) by the script at main.lua:7"},
		"realm": {
			"pbx.example", "sip:100@pbx.example", `Digest username="100", realm="o\"k", nonce="n", uri="sip:pbx.example", response="00000000000000000000000000000000"`,
			`credentials refused: they are for realm "o\"k", not for "pbx.example"`,
		},
		"URI": {
			"pbx.example", "sip:100@pbx.example", `Digest username="100", realm="pbx.example", nonce="n", uri="sip:192.0.2.1", response="00000000000000000000000000000000"`,
			`credentials refused: they are for "sip:192.0.2.1", not for "sip:pbx.example"`,
		},
		"kind": {
			"pbx.example", "sip:100@pbx.example", `Digest username="100", realm="pbx.example", nonce="n", uri="sip:pbx.example", response="0", algorithm=MD5-sess`,
			"credentials refused: they are malformed, or of a kind that was not asked for",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, refusing, 1, registrar, asking())
			p := r.phone("sip:100@192.0.2.11")
			spec := sim.RequestSpec{Method: "REGISTER", RequestURI: "sip:" + c.host, From: "sip:100@" + c.host, To: c.to, Dest: flow.Flow{Remote: pbx}}
			if c.authorization == "" {
				x, l := p.Request(r.net.Now(), spec), login("100", "secret")
				r.run()
				l.Learn(x.Message())
				_, value, _ := strings.Cut(string(l.Append(nil, "REGISTER", []byte(spec.RequestURI))), ": ")
				c.authorization = strings.TrimSpace(value)
			}
			spec.Headers = []sim.Header{{Name: "Authorization", Value: c.authorization}}
			p.Request(r.net.Now(), spec)
			r.run()
			var got []string
			for _, e := range r.logs.FilterLevelExact(zapcore.WarnLevel).All() {
				why, _ := e.ContextMap()["why"].(string)
				got = append(got, strings.TrimSuffix(e.Message+": "+why, ": "))
			}
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("logged %q, want %q", got, c.want)
			}
		})
	}
}

// A user that is registered nowhere diverts under his name, at the host that was called; one that is, under his address of record (RFC 5806 §4).
func TestUserDiverts(t *testing.T) {
	for want, registered := range map[string]bool{
		`<sip:ann%20lee@pbx.example>;reason=unavailable;counter=1`: false,
		`<sip:100@home.example>;reason=user-busy;counter=1`:        true,
	} {
		divert := func(n *plan.Node) *plan.Node {
			return &plan.Node{Kind: plan.KindSerial, Divert: &plan.Divert{}, Members: []*plan.Node{n}}
		}
		first := toUser()
		if !registered {
			first.Target.URI, first.Target.Registrant = "user:ann lee", "ann lee"
		}
		r := newRig(t, always(divert(serial(first, divert(to("sip:vm@192.0.2.20"))))), 1, registrar)
		vm := r.phone("sip:vm@192.0.2.20", sim.Status(480, nil))
		desk := r.phone("sip:100@192.0.2.11", sim.Status(486, nil))
		desk.Request(r.net.Now(), sim.RequestSpec{Method: "REGISTER", From: "sip:100@home.example", To: "sip:100@home.example", Dest: flow.Flow{Remote: pbx}})
		r.run()
		r.call(sim.CallSpec{})
		if got := header(t, vm.Logged(false, "INVITE", "")[0], "Diversion"); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("Diversion %q, want first %s", got, want)
		}
	}
}

// All contacts of a user ring, by the flow that they came by, under the URI that they gave, with the address of record in To.
func TestUserRings(t *testing.T) {
	for _, shards := range []int{1, 3} {
		s := always(toUser())
		r := newRig(t, s, shards, registrar)
		desk, mobile := r.phone("sip:100@192.0.2.11", sim.After(3*time.Second)), r.phone("sip:100@192.0.2.12", sim.After(time.Second))
		r.registers(desk)
		r.registers(mobile, contactField("<sip:line1@10.1.1.1:5070;x=y>"), sim.Header{Name: "Path", Value: "<sip:192.0.2.12;lr>"})
		c := r.place(sim.CallSpec{})
		if err := r.net.Run(r.net.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if !c.Up() || len(desk.Incoming()) != 1 || len(mobile.Incoming()) != 1 {
			t.Fatalf("%d shards: up %v, desk %d, mobile %d", shards, c.Up(), len(desk.Incoming()), len(mobile.Incoming()))
		}
		in, err := mobile.Logged(false, "INVITE", "")[0].Message()
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%s, To %s, Route %s", in.RequestURI(), in.Get(3), in.AppendValues(nil, "Route"))
		if want := "sip:line1@10.1.1.1:5070;x=y, To <sip:100@pbx.example>, Route [<sip:192.0.2.12;lr>]"; got != want {
			t.Errorf("INVITE %s, want %s", got, want)
		}
		if n := len(desk.Logged(false, "CANCEL", "")); n != 1 {
			t.Errorf("desk: %d CANCELs", n)
		}
		c.Bye(r.net.Now())
		r.run()
		wantSeen(t, s, "register 100", "register 100", "ringing", "ringing", "answered", "ended")
	}
}

// A phone behind a NAT says an address that leads nowhere: everything goes where its REGISTER came from, also ACK and BYE.
func TestUserBehindNAT(t *testing.T) {
	r := newRig(t, always(toUser()), 1, registrar)
	private := contactField("<sip:100@10.0.0.4:5060>")
	desk := r.phone("sip:100@192.0.2.11", sim.Behaviour{sim.Ring(), sim.Answer(private)})
	r.registers(desk, private)
	r.net.SetReach(netip.MustParseAddrPort("10.0.0.4:5060"), sim.Blackhole)
	c := r.place(sim.CallSpec{})
	if err := r.net.Run(r.net.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c.Bye(r.net.Now())
	r.run()
	if n := len(desk.Logged(false, "ACK", "")) + len(desk.Logged(false, "BYE", "")); n != 2 {
		t.Errorf("%d ACKs and BYEs came to the phone, want 2", n)
	}
}

// "offline: no binding, 404 from a registered contact, the flow of a registered contact is gone".
func TestUserOffline(t *testing.T) {
	offline := func(prepare func(r *rig)) {
		t.Helper()
		s := always(toUser())
		s.handler = func(_ engine.Call, o plan.Outcome, failed *plan.Step) *plan.Node {
			if failed.Target.User != "100" || failed.Outcome != o {
				return nil
			}
			return to("sip:vm@192.0.2.20")
		}
		r := newRig(t, s, 1, registrar)
		r.phone("sip:vm@192.0.2.20", sim.Status(480, nil))
		prepare(r)
		s.seen = nil
		r.call(sim.CallSpec{})
		wantSeen(t, s, "offline", "offline", "exhausted", "ended")
	}
	offline(func(*rig) {})
	offline(func(r *rig) { r.registers(r.phone("sip:100@192.0.2.11", sim.Status(404, nil))) })
	offline(func(r *rig) {
		desk := r.phone("sip:100@192.0.2.11")
		r.registers(desk)
		r.net.SetReach(desk.Addr(), sim.Refusing)
	})
	offline(func(r *rig) {
		desk := r.phone("sip:100@192.0.2.11")
		r.registers(desk)
		r.registers(desk, contactField("*"), sim.Header{Name: "Expires", Value: "0"})
	})
	offline(func(r *rig) {
		r.registers(r.phone("sip:100@192.0.2.11"), contactField("<sip:100@192.0.2.11>;expires=60"))
		if err := r.net.Run(r.net.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	})
}

// RFC 5626 §5.3: a connection that is gone takes its bindings along, and a call that waits for it goes on elsewhere at once.
func TestConnectionGone(t *testing.T) {
	tcp := func(c *engine.Config) {
		registrar(c)
		c.Locals = append(c.Locals, engine.Local{SentBy: "192.0.2.1:5060", Addr: pbx.Addr(), Transport: flow.TCP})
	}
	s := always(toUser())
	r := newRig(t, s, 1, tcp)
	desk := r.phone("sip:100@192.0.2.11", sim.Silent())
	by := flow.Flow{Remote: desk.Addr(), Conn: 7, Listener: 1, Transport: flow.TCP}
	sh := r.eng.Shards()[0]
	sh.Receive(r.net.Now(), by, []byte("REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.11;branch=z9hG4bKa\r\nMax-Forwards: 70\r\nFrom: <sip:100@h>;tag=a\r\n"+
		"To: <sip:100@h>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\nContact: <sip:100@192.0.2.11;transport=tcp>\r\nContent-Length: 0\r\n\r\n"))
	if r.contacts() != 1 {
		t.Fatalf("%d contacts", r.contacts())
	}
	r.place(sim.CallSpec{})
	if err := r.net.Run(r.net.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	sh.SendFailed(r.net.Now(), flow.Flow{Conn: 7}, nil)
	if r.contacts() != 0 {
		t.Errorf("%d contacts are left", r.contacts())
	}
	r.run()
	wantSeen(t, s, "register 100", "offline", "exhausted", "ended")
}

// A script may refuse a registration, or say how long it lasts.
func TestRegisterHandler(t *testing.T) {
	s := always(toUser())
	s.register = func(c engine.Call, reg *engine.Registration) *plan.Node {
		switch {
		case reg.All || len(reg.Contacts) == 0:
			return nil
		case reg.Contacts[0].Expires > 1000:
			return &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 403, Phrase: "Not So Long"}}
		}
		return &plan.Node{Kind: plan.KindAccept, Reply: &plan.Reply{Expires: 120}}
	}
	r := newRig(t, s, 1, registrar)
	desk := r.phone("sip:100@192.0.2.11")
	if x := r.registers(desk); x.Code() != 403 || string(x.Message().Phrase()) != "Not So Long" {
		t.Errorf("refused: %d %s", x.Code(), x.Message().Phrase())
	}
	if x := r.registers(desk, contactField("<sip:100@192.0.2.11>;expires=900")); fieldsOf(x, "Contact") != "<sip:100@192.0.2.11>;expires=120" {
		t.Errorf("accepted: %d %s", x.Code(), fieldsOf(x, "Contact"))
	}
}

// A request outside a dialog tries the contacts one after the other, by descending q; without one it is answered 480.
func TestMessageToUser(t *testing.T) {
	s := always(nil)
	s.request = func(engine.Call) *plan.Node { return toUser() }
	r := newRig(t, s, 1, registrar)
	message := func() int {
		x := r.caller.Request(r.net.Now(), sim.RequestSpec{Method: "MESSAGE", To: "sip:100@pbx.example", Dest: flow.Flow{Remote: pbx}})
		r.run()
		return x.Code()
	}
	if got := message(); got != 480 {
		t.Errorf("registered nowhere: %d, want 480", got)
	}
	first, second := r.phone("sip:100@192.0.2.11"), r.phone("sip:100@192.0.2.12")
	r.registers(second, contactField("<sip:100@10.0.0.1>;q=0.1"))
	r.registers(first)
	first.Reply("MESSAGE", sim.Reply{Code: 486}, sim.Reply{Code: 200})
	for _, want := range []int{1, 1} {
		if got := message(); got != 200 || len(second.Logged(false, "MESSAGE", "")) != want {
			t.Errorf("%d, and the second phone got %d, want %d", got, len(second.Logged(false, "MESSAGE", "")), want)
		}
	}
}

// Bindings that end do not keep the network, or a drain, from coming to rest; nor are they left over.
func TestRegistrationsRest(t *testing.T) {
	r := newRig(t, always(toUser()), 1, registrar)
	r.registers(r.phone("sip:100@192.0.2.11"))
	if at, ok := r.eng.Shards()[0].Next(); !ok || at < clock.Time(time.Hour) {
		t.Errorf("the next deadline is at %v, want that of the registration", time.Duration(at))
	}
}

// What the refresh of a contact costs, of who is believed and of who has identified himself by the nonce that he has.
func BenchmarkRegister(b *testing.B) {
	for name, change := range map[string]func(*engine.Config){"believed": func(*engine.Config) {}, "digest": asking(func(c *auth.Config) { c.Lifetime = 10_000 * time.Hour })} {
		b.Run(name, func(b *testing.B) {
			cfg := engine.Config{Clock: clock.NewVirtual(start), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}}}
			registrar(&cfg)
			change(&cfg)
			out := &kept{}
			sh := engine.New(cfg, always(nil), 1).Shards()[0]
			sh.Connect(out)
			f := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.11:5060")}
			var now clock.Time
			l, seq := login("100", "secret"), 0
			request := func() []byte {
				seq++
				return fmt.Appendf(nil, "REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:100@pbx.example>;tag=a\r\n"+
					"To: <sip:100@pbx.example>\r\nCall-ID: a\r\nCSeq: %d REGISTER\r\nContact: <sip:100@192.0.2.11>\r\n%sContent-Length: 0\r\n\r\n", seq, seq, l.Append(nil, "REGISTER", []byte("sip:pbx.example")))
			}
			sh.Receive(now, f, request())
			if m := new(message.Message); name == "digest" && (m.Parse(out.last) != nil || !l.Learn(m)) {
				b.Fatalf("not asked: %s", out.last)
			}
			var waiting [256][]byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i %= len(waiting); i == 0 {
					b.StopTimer()
					for j := range waiting {
						waiting[j] = request()
					}
					b.StartTimer()
				}
				sh.Receive(now, f, waiting[i])
				now = now.Add(time.Second)
				sh.Tick(now)
			}
			if !bytes.HasPrefix(out.last, []byte("SIP/2.0 200 ")) {
				b.Fatalf("%s", out.last)
			}
			if got := sh.Stats().Contacts; got != 1 {
				b.Fatalf("%d contacts", got)
			}
		})
	}
}

// kept keeps what was sent last.
type kept struct{ last []byte }

func (k *kept) Send(_ flow.Flow, b []byte) { k.last = append(k.last[:0], b...) }
