package seeds

import (
	"strconv"

	"tandem/engine"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// callField is the header field that says which call of the Spec an INVITE is about. It passes from leg to leg.
const callField = "X-Call"

func callOf(m *message.Message) (int, bool) {
	for i := range m.Len() {
		if _, name, v := m.Field(i); string(name) == callField {
			n, err := strconv.Atoi(string(v))
			return n, err == nil
		}
	}
	return 0, false
}

// nodes makes plans of steps for one call.
type nodes struct {
	spec *Spec
	call int
	book *callBook
}

func (b nodes) node(s *step) *plan.Node {
	if s == nil {
		return nil
	}
	n := &plan.Node{Name: s.Name, Ring: s.Ring, Delay: s.Delay, On: b.edges(s.On), Hold: s.Hold}
	switch s.Kind {
	case ring:
		n.Target = b.target(s)
	case serial, parallel:
		n.Kind = plan.KindSerial
		if s.Kind == parallel {
			n.Kind = plan.KindParallel
		}
		for _, m := range s.Members {
			n.Members = append(n.Members, b.node(m))
		}
		if e := s.Each; e != nil {
			n.Each = &plan.Each{
				Ring: e.Ring, Delay: e.Delay, On: b.edges(e.On), Target: plan.Target{On6xx: e.Six, Redirect: e.Redirect},
			}
		}
	case function:
		n.Kind, n.Func = plan.KindDeferred, s
	case await:
		n.Kind, n.Func = plan.KindAwait, s
		n.Await = &plan.Operation{Name: s.Work.String(), Timeout: s.Work.timeout(), Work: job{s, b.book}}
	case reject:
		n.Kind, n.Reply = plan.KindReject, &plan.Reply{Code: max(s.Code, 300)}
	case redirect:
		n.Kind, n.Reply = plan.KindRedirect, &plan.Reply{Code: 302, Contacts: b.contacts(s.Contacts)}
	}
	return n
}

func (b nodes) target(s *step) *plan.Target {
	uri := b.spec.uri(b.call, s.Phone, s.Line)
	auth := plan.Auth{Pass: s.PassAuth}
	if s.Login {
		auth.Login = &plan.Login{User: loginUser, Password: loginPassword}
	}
	t := &plan.Target{
		URI: uri, Key: uri, User: "p" + strconv.Itoa(s.Phone), On6xx: s.Six, Redirect: s.Redirect,
		Registered: s.Registered, Auth: auth, EarlyMedia: s.Early, Prack: s.Prack,
		MaxDuration: b.spec.Calls[b.call].Longest,
	}
	if s.User > 0 {
		userTarget(t, b.call, s.User, s.ByQ)
	}
	return t
}

func (b nodes) edges(list []edge) *plan.Edges {
	if len(list) == 0 {
		return nil
	}
	var out plan.Edges
	for _, e := range list {
		if out[e.Outcome] == nil {
			out[e.Outcome] = b.node(e.Plan)
		}
	}
	return &out
}

func (b nodes) contacts(list []pointer) (out []plan.Contact) {
	for _, p := range list {
		out = append(out, plan.Contact{URI: b.spec.uri(b.call, p.Phone, p.Line), Q: 1000 - p.Less})
	}
	return out
}

// hangupText is what the script says as it hangs up.
const hangupText = "as the script says"

// script is the script of a run: it does what the Spec says and writes down what it was asked.
type script struct{ w *world }

// scripted is what the script keeps of a call.
type scripted struct {
	book             *callBook
	nodes            nodes
	answers, effects int // used up
}

func (s script) Acquire(int, []byte) engine.Script { s.w.book.acquired++; return s }
func (s script) Release(engine.Call)               { s.w.book.released++ }
func (s script) Generation() uint64                { return 1 }
func (s script) Replied(engine.Call, int)          {}

// data returns what is kept of a call.
func (s script) data(c engine.Call) *scripted {
	d, ok := c.Data().(*scripted)
	if !ok {
		n, _ := callOf(c.Request())
		d = &scripted{book: s.w.book.calls[n], nodes: nodes{s.w.spec, n, s.w.book.calls[n]}}
		c.SetData(d)
	}
	return d
}

func (s script) do(c engine.Call, e effect) {
	if e.Progress != 0 {
		_ = c.Progress(e.Progress, nil) // after the final response it is an error and nothing is sent
	}
	if e.Hangup {
		if b := s.data(c).book; !b.over { // as it ends for another reason it is not hung up
			b.hungAt = s.w.net.Now()
		}
		c.Hangup(hangupText)
	}
}

func (s script) Invite(c engine.Call) *plan.Node {
	d := s.data(c)
	d.book.asked(s.w, "invite", nil)
	s.do(c, d.book.spec.Invited)
	return d.nodes.node(d.book.spec.Plan)
}

func (s script) Deferred(c engine.Call, fn plan.Callback, failed *plan.Step) *plan.Node {
	d, f := s.data(c), fn.(*step)
	d.book.asked(s.w, "function", failed)
	s.do(c, f.Does)
	return d.nodes.node(f.Returns)
}

func (s script) Awaited(c engine.Call, n *plan.Node, r *plan.Result) *plan.Node {
	d, f := s.data(c), n.Func.(*step)
	d.book.awaited(s.w, f, r)
	s.do(c, f.Does)
	if f.Work.Follow && r.Place == plan.PlaceRedirected {
		return &plan.Node{Kind: plan.KindFollow}
	}
	return d.nodes.node(f.Returns)
}

// next uses up the next answer.
func (s script) next(c engine.Call) (*scripted, answer) {
	d := s.data(c)
	if d.answers == len(d.book.spec.Answers) {
		return d, answer{}
	}
	d.answers++
	a := d.book.spec.Answers[d.answers-1]
	s.do(c, a.Does)
	return d, a
}

func (s script) Handler(c engine.Call, o plan.Outcome, failed *plan.Step) *plan.Node {
	s.data(c).book.asked(s.w, o.String(), failed)
	d, a := s.next(c)
	return d.nodes.node(a.Plan)
}

func (s script) Redirected(c engine.Call, failed *plan.Step) *plan.Node {
	s.data(c).book.asked(s.w, "redirected", failed)
	d, a := s.next(c)
	if a.Follow {
		return &plan.Node{Kind: plan.KindFollow}
	}
	return d.nodes.node(a.Plan)
}

func (s script) Exhausted(c engine.Call, best *plan.Step, round int) *plan.Node {
	d := s.data(c)
	d.book.exhausted(s.w, best, round)
	d, a := s.next(c)
	return d.nodes.node(a.Plan)
}

func (s script) observe(c engine.Call, what string, st *plan.Step) {
	d := s.data(c)
	d.book.asked(s.w, what, st)
	if d.effects < len(d.book.spec.Effects) {
		d.effects++
		s.do(c, d.book.spec.Effects[d.effects-1])
	}
}

func (s script) Ringing(c engine.Call, st *plan.Step)  { s.observe(c, "ringing", st) }
func (s script) Answered(c engine.Call, st *plan.Step) { s.observe(c, "answered", st) }
func (s script) Cancelled(c engine.Call) *plan.Reply   { s.observe(c, "cancelled", nil); return nil }
func (s script) Ended(c engine.Call)                   { s.observe(c, "ended", nil) }

// Refer is about what no party of a run does.
func (s script) Refer(engine.Call, string, string) *plan.Node { return nil }
