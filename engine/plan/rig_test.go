package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/location"
)

// fn is a function of the script; failed is nil where it is no edge.
type fn func(failed *Step) *Node

// rig runs an executor and writes down what it did, with the second at which it did it: actions as
// "20 cancel 100", questions as "20 timeout 100 480".
type rig struct {
	t   testing.TB
	e   *Executor
	now clock.Time

	acts, asks []string
	raw, every []Action // of the last step, of all
	last, best Step     // as the asker saw the latest step that was asked for, and the best one

	on         map[Outcome]fn
	redirect   fn
	onExhaust  func(best *Step, round int) *Node
	boundPlace Pos
	contacts   map[string][]*location.Binding
	taken      []string
}

func newRig(t testing.TB, limits Limits) *rig {
	r := &rig{t: t, on: map[Outcome]fn{}}
	r.e = NewExecutor(r, limits)
	return r
}

// start runs a plan under the default limits.
func start(t testing.TB, n *Node) *rig {
	r := newRig(t, Limits{})
	return r.start(n)
}

func (r *rig) start(n *Node) *rig {
	r.take(r.e.Start(r.now, n))
	return r
}

func (r *rig) secs() string {
	return strings.TrimSuffix(seconds(time.Duration(r.now)), "s")
}

func (r *rig) asking(what string, s *Step) {
	line := r.secs() + " " + what
	if s != nil {
		who := "-"
		if s.Target != nil {
			who = s.Target.User
		}
		line += fmt.Sprintf(" %s %d", who, s.Code)
	}
	r.asks = append(r.asks, line)
}

func (r *rig) step(what string, s *Step) {
	r.last = *s
	r.asking(what, s)
}

func (r *rig) Deferred(f Callback, failed *Step) *Node {
	what := "function"
	if failed != nil {
		r.last = *failed
		what = "edge " + failed.Outcome.String()
	}
	r.asking(what, failed)
	return f.(fn)(failed)
}

func (r *rig) Handler(o Outcome, failed *Step) *Node {
	if failed.Outcome != o {
		r.t.Errorf("handler %v asked with outcome %v", o, failed.Outcome)
	}
	r.step(o.String(), failed)
	if h := r.on[o]; h != nil {
		return h(failed)
	}
	return nil
}

func (r *rig) Redirected(s *Step) *Node {
	r.step("redirected", s)
	if r.redirect != nil {
		return r.redirect(s)
	}
	return nil
}

func (r *rig) Awaited(n *Node, res *Result) *Node {
	what := fmt.Sprintf("awaited %s %v", n.Await.Name, res.Value)
	if res.Err != nil {
		what = fmt.Sprintf("awaited %s: %v", n.Await.Name, res.Err)
	}
	r.asking(what, nil)
	return n.Func.(func(*Result) *Node)(res)
}

func (r *rig) Contacts(user string) []*location.Binding { return r.contacts[user] }

func (r *rig) Exhausted(best *Step, round int) *Node {
	r.best = *best
	r.asking(fmt.Sprintf("exhausted %d", round), best)
	if r.onExhaust != nil {
		return r.onExhaust(best, round)
	}
	return nil
}

func (r *rig) Ringing(s *Step) { r.step("ringing", s) }

func (r *rig) Taken(failed *Step, n *Node) {
	who := "nobody"
	if failed.Target != nil {
		who = failed.Target.User
	}
	r.taken = append(r.taken, failed.Outcome.String()+" of "+who+" → "+n.String())
}

func (r *rig) Bound(what string, pos Pos) {
	r.boundPlace = pos
	r.asking("bound "+what, nil)
}

func (r *rig) take(acts []Action) {
	r.raw = slices.Clone(acts)
	r.every = append(r.every, acts...)
	for _, a := range acts {
		line := r.secs() + " " + actionText(a)
		r.acts = append(r.acts, line)
	}
}

func actionText(a Action) string {
	cause := [...]string{CauseNone: "", CauseElsewhere: " elsewhere", CauseCaller: " caller"}[a.Cause]
	switch a.Kind {
	case ActInvite:
		return "invite " + label(a.Target)
	case ActCancel:
		return "cancel " + label(a.Target) + cause
	case ActAnswer:
		return "answer " + label(a.Target)
	case ActRelease:
		return "release " + label(a.Target) + cause
	}
	if a.Kind == ActStart || a.Kind == ActDrop {
		return map[ActionKind]string{ActStart: "start ", ActDrop: "drop "}[a.Kind] + a.Await.Name
	}
	s := fmt.Sprintf("respond %d", a.Code)
	switch {
	case a.Reply != nil:
		s += " reply"
	case a.Response != nil:
		s += fmt.Sprintf(" of %v", a.Response)
	}
	return s
}

// at moves the clock to second s, ticking at every deadline on the way.
func (r *rig) at(s float64) *rig {
	r.t.Helper()
	to := clock.Time(s * 1e9)
	for {
		d, ok := r.e.Deadline()
		if !ok || d > to {
			break
		}
		if d < r.now {
			r.t.Fatalf("deadline %v lies before now %v", d, r.now)
		}
		r.now = d
		r.take(r.e.Step(r.now, Event{Kind: EventTick}))
	}
	r.now = to
	return r
}

// branch returns the newest branch of a user.
func (r *rig) branch(user string) BranchID {
	r.t.Helper()
	for id := BranchID(len(r.e.branches)); id > 0; id-- {
		if label(r.e.Branch(id).Target) == user {
			return id
		}
	}
	r.t.Fatalf("%s was never INVITEd: %q", user, r.acts)
	return 0
}

// label tells targets apart: the user, or of a registered contact what it is called.
func label(t *Target) string {
	if t.Binding != nil {
		return t.Binding.CallID
	}
	return t.User
}

func (r *rig) event(user string, ev Event) *rig {
	r.t.Helper()
	ev.Branch = r.branch(user)
	r.take(r.e.Step(r.now, ev))
	return r
}

// done ends an operation, whether or not somebody waits for it.
func (r *rig) done(name string, value any) *rig {
	r.t.Helper()
	for i := len(r.e.nodes) - 1; i >= 0; i-- {
		if n := &r.e.nodes[i]; n.src.Kind == KindAwait && n.src.Await.Name == name {
			r.take(r.e.Step(r.now, Event{Kind: EventDone, Operation: OperationID(i + 1), Value: value}))
			return r
		}
	}
	r.t.Fatalf("no operation %s: %q", name, r.acts)
	return r
}

func (r *rig) ringing(user string) *rig {
	r.t.Helper()
	return r.event(user, Event{Kind: EventProvisional, Code: 180})
}

func (r *rig) final(user string, code int, contacts ...Contact) *rig {
	r.t.Helper()
	return r.event(user, Event{
		Kind: EventFinal, Code: code, Phrase: "Phrase", Response: user, Contacts: contacts,
	})
}

func (r *rig) answer(user string) *rig {
	r.t.Helper()
	return r.event(user, Event{Kind: EventAnswer, Code: 200, Phrase: "OK", Response: user})
}

func (r *rig) cancel() *rig {
	r.take(r.e.Step(r.now, Event{Kind: EventCallerCancel}))
	return r
}

// want compares all actions so far.
func (r *rig) want(lines ...string) *rig {
	r.t.Helper()
	if !slices.Equal(r.acts, lines) {
		r.t.Errorf("did\n\t%s\nwant\n\t%s", strings.Join(r.acts, "\n\t"), strings.Join(lines, "\n\t"))
	}
	return r
}

// asked compares all questions so far, but for `exhausted`, which every failing plan ends with.
func (r *rig) asked(lines ...string) *rig {
	r.t.Helper()
	got := slices.DeleteFunc(slices.Clone(r.asks), func(s string) bool { return strings.Contains(s, " exhausted ") })
	if !slices.Equal(got, lines) {
		r.t.Errorf("asked\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
	return r
}

func sec(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

type option func(*Node)

func build(n *Node, opts []option) *Node {
	for _, o := range opts {
		o(n)
	}
	return n
}

func to(user string, opts ...option) *Node {
	uri := "sip:" + user + "@192.0.2.1"
	return build(&Node{Kind: KindTarget, Target: &Target{URI: uri, Key: uri, User: user}}, opts)
}

func serial(members ...*Node) *Node   { return &Node{Kind: KindSerial, Members: members} }
func parallel(members ...*Node) *Node { return &Node{Kind: KindParallel, Members: members} }

func (n *Node) with(opts ...option) *Node { return build(n, opts) }

// await is an operation that may take 2 s.
func await(name string, f func(*Result) *Node) *Node {
	return &Node{Kind: KindAwait, Func: f, Await: &Operation{Name: name, Timeout: sec(2)}}
}

func deferred(f fn) *Node { return &Node{Kind: KindDeferred, Func: f} }
func reject(code int) *Node {
	return &Node{Kind: KindReject, Reply: &Reply{Code: code, Phrase: "As Given"}}
}

func ring(s float64) option  { return func(n *Node) { n.Ring = sec(s) } }
func delay(s float64) option { return func(n *Node) { n.Delay = sec(s) } }
func name(s string) option   { return func(n *Node) { n.Name = s } }
func hold(n *Node)           { n.Hold = true }
func each(d Each) option     { return func(n *Node) { n.Each = &d } }

func on(o Outcome, plan *Node) option {
	return func(n *Node) {
		if n.On == nil {
			n.On = &Edges{}
		}
		n.On[o] = plan
	}
}

func line(l int) option          { return func(n *Node) { n.Pos = Pos{"main.lua", l} } }
func registered(n *Node)         { n.Target.Registered = true }
func passAuth(n *Node)           { n.Target.Auth.Pass = true }
func sixBranch(n *Node)          { n.Target.On6xx = SixBranch }
func follows(n *Node)            { n.Target.Redirect = RedirectFollow }
func passes(n *Node)             { n.Target.Redirect = RedirectPass }
func prack(p Prack) option       { return func(n *Node) { n.Target.Prack = p } }
func headers(h ...Header) option { return func(n *Node) { n.Target.Headers = h } }

func contact(user string, q int) Contact {
	uri := "sip:" + user + "@192.0.2.1"
	return Contact{URI: uri, Key: uri, User: user, Q: q}
}
