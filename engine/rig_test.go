package engine_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

var (
	pbx   = netip.MustParseAddrPort("192.0.2.1:5060")
	start = time.Date(2026, 11, 23, 9, 15, 0, 0, time.UTC)
)

// script is a route written in Go.
type script struct {
	invite    func(c engine.Call) *plan.Node
	deferred  func(c engine.Call, failed *plan.Step) *plan.Node
	handler   func(c engine.Call, o plan.Outcome, failed *plan.Step) *plan.Node
	redirect  func(c engine.Call, s *plan.Step) *plan.Node
	awaited   func(c engine.Call, r *plan.Result) *plan.Node
	exhausted func(c engine.Call, best *plan.Step, round int) *plan.Node
	refer     func(c engine.Call) *plan.Node
	request   func(c engine.Call) *plan.Node
	register  func(c engine.Call, r *engine.Registration) *plan.Node
	cancelled *plan.Reply
	observe   func(what string, c engine.Call, s *plan.Step)

	seen     []string
	replied  []int
	acquired int
	released int
}

func (s *script) Acquire(int, []byte) engine.Script { s.acquired++; return s }
func (s *script) Release(engine.Call)               { s.released++ }
func (s *script) Generation() uint64                { return 1 }
func (s *script) Replied(_ engine.Call, code int)   { s.replied = append(s.replied, code) }

func (s *script) Invite(c engine.Call) *plan.Node { return s.invite(c) }

func (s *script) Deferred(c engine.Call, _ plan.Callback, failed *plan.Step) *plan.Node {
	if s.deferred == nil {
		return nil
	}
	return s.deferred(c, failed)
}

func (s *script) Handler(c engine.Call, o plan.Outcome, failed *plan.Step) *plan.Node {
	s.seen = append(s.seen, o.String())
	if s.handler == nil {
		return nil
	}
	return s.handler(c, o, failed)
}

func (s *script) Redirected(c engine.Call, step *plan.Step) *plan.Node {
	s.seen = append(s.seen, "redirected")
	if s.redirect == nil {
		return nil
	}
	return s.redirect(c, step)
}

func (s *script) Awaited(c engine.Call, _ *plan.Node, r *plan.Result) *plan.Node {
	s.seen = append(s.seen, "awaited")
	if s.awaited == nil {
		return nil
	}
	return s.awaited(c, r)
}

func (s *script) Exhausted(c engine.Call, best *plan.Step, round int) *plan.Node {
	s.seen = append(s.seen, "exhausted")
	if s.exhausted == nil {
		return nil
	}
	return s.exhausted(c, best, round)
}

func (s *script) Refer(c engine.Call, leg, target string) *plan.Node {
	s.seen = append(s.seen, "refer "+leg+" "+target)
	if s.refer == nil {
		return nil
	}
	return s.refer(c)
}

func (s *script) Request(c engine.Call) *plan.Node {
	s.seen = append(s.seen, "request")
	if s.request == nil {
		return nil
	}
	return s.request(c)
}

func (s *script) Register(c engine.Call, r *engine.Registration) *plan.Node {
	s.seen = append(s.seen, "register "+r.User)
	if s.register == nil {
		return nil
	}
	return s.register(c, r)
}

func (s *script) note(what string, c engine.Call, step *plan.Step) {
	s.seen = append(s.seen, what)
	if s.observe != nil {
		s.observe(what, c, step)
	}
}

func (s *script) Ringing(c engine.Call, step *plan.Step)  { s.note("ringing", c, step) }
func (s *script) Answered(c engine.Call, step *plan.Step) { s.note("answered", c, step) }
func (s *script) Ended(c engine.Call)                     { s.note("ended", c, nil) }

func (s *script) Cancelled(c engine.Call) *plan.Reply {
	s.note("cancelled", c, nil)
	return s.cancelled
}

// rig is an engine and its peers on a virtual network.
type rig struct {
	t      *testing.T
	net    *sim.Network
	eng    *engine.Engine
	script *script
	rec    *trace.Recorder
	logs   *observer.ObservedLogs
	caller *sim.Phone
	odd    bool // the peers misbehave: what they leave behind is no fault
}

func newRig(t *testing.T, s *script, shards int, change ...func(c *engine.Config)) *rig {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	r := &rig{t: t, net: sim.NewNetwork(start, 1), script: s, rec: &trace.Recorder{}, logs: logs}
	cfg := engine.Config{
		Clock: r.net.Clock(), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}},
		Log: zap.New(core), Trace: r.rec, Product: "Tandem",
	}
	for _, f := range change {
		f(&cfg)
	}
	r.eng = engine.New(cfg, s, shards)
	var listeners []sim.Listener
	for _, l := range cfg.Locals {
		listeners = append(listeners, sim.Listener{Addr: netip.AddrPortFrom(l.Addr, 5060), Transport: l.Transport})
	}
	r.net.AttachEngine(listeners, shards, r.eng.ShardOf, func(i int, out sim.Sender) sim.Node {
		r.eng.Shards()[i].Connect(out)
		return r.eng.Shards()[i]
	})
	r.caller = r.phone("sip:alice@192.0.2.100")
	t.Cleanup(r.check)
	return r
}

// phone attaches a phone at the host of its URI.
func (r *rig) phone(uri string, does ...sim.Behaviour) *sim.Phone {
	r.t.Helper()
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		r.t.Fatal(err)
	}
	addr, _ := u.Addr()
	p := r.net.AttachPhone(sim.PhoneConfig{URI: uri, Addr: addr})
	if len(does) > 0 {
		p.Behave(does...)
	}
	return p
}

// call places a call now and runs everything that comes of it.
func (r *rig) call(s sim.CallSpec) *sim.Call {
	r.t.Helper()
	c := r.place(s)
	r.run()
	return c
}

func (r *rig) place(s sim.CallSpec) *sim.Call {
	if s.To == "" {
		s.To = "sip:100@pbx.example"
	}
	s.Dest = flow.Flow{Remote: pbx}
	return r.caller.Call(r.net.Now(), s)
}

func (r *rig) run() {
	r.t.Helper()
	if err := r.net.RunToQuiescence(time.Hour); err != nil {
		r.t.Fatal(err)
	}
}

// check asserts what holds in every call.
func (r *rig) check() {
	if !r.odd {
		for _, fault := range r.net.Check() {
			r.t.Error(fault)
		}
	}
	for _, sh := range r.eng.Shards() {
		if left := sh.Leaks(); left != "" {
			r.t.Error("left over: " + left)
		}
	}
	if r.script.acquired != r.script.released {
		r.t.Errorf("script acquired %d times, released %d", r.script.acquired, r.script.released)
	}
	for _, e := range r.logs.FilterLevelExact(zapcore.ErrorLevel).All() {
		r.t.Errorf("logged: %s %v", e.Message, e.ContextMap())
	}
	if r.t.Failed() {
		r.t.Log("\n" + trace.Ladder(r.rec.Events(), trace.Options{}))
	}
}

func to(uri string) *plan.Node {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		panic(err)
	}
	return &plan.Node{Kind: plan.KindTarget, Target: &plan.Target{URI: uri, Key: string(u.AppendKey(nil)), User: string(u.User)}}
}

func serial(members ...*plan.Node) *plan.Node {
	return &plan.Node{Kind: plan.KindSerial, Members: members}
}

func parallel(members ...*plan.Node) *plan.Node {
	return &plan.Node{Kind: plan.KindParallel, Members: members}
}

func ring(d time.Duration, n *plan.Node) *plan.Node { n.Ring = d; return n }

func always(n *plan.Node) *script {
	return &script{invite: func(engine.Call) *plan.Node { return n }}
}

func seconds(n float64) *time.Duration {
	d := time.Duration(n * float64(time.Second))
	return &d
}

// header returns the values of a field in a logged message.
func header(t *testing.T, l *sim.Logged, name string) []string {
	t.Helper()
	m, err := l.Message()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range m.AppendValues(nil, name) {
		out = append(out, string(v))
	}
	return out
}

func wantSeen(t *testing.T, s *script, want ...string) {
	t.Helper()
	if !slices.Equal(s.seen, want) {
		t.Errorf("handlers ran: %s; want %s", strings.Join(s.seen, " "), strings.Join(want, " "))
	}
}
