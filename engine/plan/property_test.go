package plan

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tandem/engine/clock"
	"tandem/engine/location"
)

// Random plans, run by random events at random times. What holds at every step is in world.check.

var (
	someUsers  = []string{"a", "b", "c", "d", "e", "f"}
	someRings  = []float64{0, 0, 4, 10, 30}
	someDelays = []float64{0, 0, 0, 2, 5, 12}
	someCodes  = []int{486, 480, 404, 403, 408, 487, 401, 503, 500, 600, 603, 302}
)

func pick[T any](t *rapid.T, what string, of []T) T { return rapid.SampledFrom(of).Draw(t, what) }

func oneIn(t *rapid.T, n int, what string) bool { return rapid.IntRange(1, n).Draw(t, what) == n }

func drawPlan(t *rapid.T, depth int) *Node {
	kinds := []Kind{KindTarget, KindTarget, KindTarget, KindDeferred, KindAwait, KindSerial, KindParallel, KindParallel}
	if depth == 0 {
		kinds = kinds[:5]
	}
	n := &Node{Kind: pick(t, "kind", kinds)}
	switch n.Kind {
	case KindDeferred:
		n.Func = drawFunction(depth)
		if oneIn(t, 12, "reject") {
			return reject(pick(t, "code", someCodes[:10]))
		}
		return n
	case KindAwait:
		n.Func = drawFunction(depth)
		n.Await = &Operation{Timeout: sec(pick(t, "timeout", []float64{1, 2, 9}))}
		return n
	case KindTarget:
		n.Target = to(pick(t, "user", someUsers)).Target
		if oneIn(t, 3, "registered") {
			name := pick(t, "registrant", []string{"nobody", "one", "two", "many"})
			n.Target = &Target{URI: "user:" + name, User: name, Registrant: name, ByQ: oneIn(t, 2, "by q")}
		}
		n.Target.On6xx = pick(t, "on_6xx", []SixPolicy{SixDefault, SixBranch})
		n.Target.Redirect = pick(t, "redirect", []RedirectPolicy{RedirectDefault, RedirectFollow, RedirectPass})
	default:
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			n.Members = append(n.Members, drawPlan(t, depth-1))
		}
		n.Hold = oneIn(t, 4, "hold")
		if n.Kind == KindSerial && len(n.Members) == 1 && oneIn(t, 2, "divert") {
			n.Divert = &Divert{Announce: true}
		}
		if oneIn(t, 4, "each") {
			n.Each = &Each{Ring: sec(pick(t, "each.ring", someRings)), Delay: sec(pick(t, "each.delay", someDelays)), On: drawEdges(t, depth)}
		}
	}
	n.Ring, n.Delay = sec(pick(t, "ring", someRings)), sec(pick(t, "delay", someDelays))
	n.On = drawEdges(t, depth)
	return n
}

func drawEdges(t *rapid.T, depth int) *Edges {
	if depth == 0 || !oneIn(t, 3, "edges") {
		return nil
	}
	var e Edges
	e[pick(t, "outcome", []Outcome{Busy, NoAnswer, Timeout, Rejected, Failed})] = drawPlan(t, depth-1)
	return &e
}

// drawFunction is a function of the script that decides when it is called.
func drawFunction(depth int) func(*rapid.T) *Node {
	return func(t *rapid.T) *Node {
		if depth == 0 || oneIn(t, 3, "no plan") {
			return nil
		}
		return drawPlan(t, depth-1)
	}
}

// world is the script, the phones, the caller and the call glue, which keeps account of every branch.
type world struct {
	*rapid.T
	e      *Executor
	limits Limits
	now    clock.Time
	log    []string

	plain bool      // the script says nothing and nobody redirects
	twin  *Executor // does the same as e, if not nil
	said  []*Node   // what twin is still to be told

	branches  []account
	started   []OperationID
	awaits    map[OperationID]bool // those that somebody waits for
	answers   int
	responses int
	cancelled bool
	bounds    int
}

type account struct {
	target  *Target
	breadth int
	ended   bool // the glue saw a final response
	cancels []Cause
}

func (w *world) Deferred(f Callback, _ *Step) *Node { return w.say(f.(func(*rapid.T) *Node)(w.T)) }
func (w *world) Handler(_ Outcome, s *Step) *Node   { return w.handler(s) }
func (w *world) Redirected(s *Step) *Node {
	if !w.plain && oneIn(w.T, 3, "follow") {
		return w.say(&Node{Kind: KindFollow})
	}
	return w.handler(s)
}

func (w *world) Awaited(n *Node, r *Result) *Node {
	if (r.Err == nil) == (r.Value == nil) || r.Elapsed > n.Await.Timeout || errors.Is(r.Err, ErrTimeout) != (r.Elapsed == n.Await.Timeout) {
		w.Fatalf("awaited %+v of %+v", r, n.Await)
	}
	if !w.plain && r.Place == PlaceRedirected && oneIn(w.T, 3, "follow") {
		return w.say(&Node{Kind: KindFollow})
	}
	return w.Deferred(n.Func, nil)
}

func (w *world) Contacts(user string) []*location.Binding { return registeredBy(user) }

// registeredBy are the contacts of the users that drawPlan calls.
func registeredBy(user string) []*location.Binding {
	return bindings(map[string][]string{"one": {"a"}, "two": {"a", "b"}, "many": {"b", "c", "d", "e"}}[user]...)
}

func (w *world) Exhausted(s *Step, _ int) *Node { return w.handler(s) }

func (w *world) Ringing(s *Step) {
	if !s.Rang || w.e.Done() {
		w.Fatalf("ringing told of %+v", s)
	}
}
func (w *world) Bound(string, Pos) { w.bounds++ }

func (w *world) Taken(*Step, *Node) {}

func (w *world) handler(s *Step) *Node {
	if s == nil || s.Code == 0 {
		w.Fatalf("asked with %+v", s)
	}
	if !w.plain && oneIn(w.T, 4, "handler") {
		return w.say(drawPlan(w.T, 2))
	}
	return w.say(nil)
}

func (w *world) say(n *Node) *Node {
	if w.twin != nil {
		w.said = append(w.said, n)
	}
	return n
}

// do keeps the account of what the glue is told to do after event ev.
func (w *world) do(ev Event, acts []Action) {
	for i, a := range acts {
		w.log = append(w.log, actionText(a))
		switch a.Kind {
		case ActInvite:
			w.branches = append(w.branches, account{target: a.Target, breadth: int(a.Breadth)})
			if int(a.Branch) != len(w.branches) || w.answers+w.responses > 0 || w.cancelled {
				w.Fatalf("INVITE of branch %d after %q", a.Branch, w.log)
			}
			w.checkDiverted(&a)
		case ActCancel:
			w.cancelOf(&w.branches[a.Branch-1], a)
		case ActAnswer:
			w.answers++
			if i != 0 || ev.Kind != EventAnswer || a.Branch != ev.Branch {
				w.Fatalf("answer of %d at %d after %+v", a.Branch, i, ev)
			}
		case ActRelease:
			if len(acts) != 1 || ev.Kind != EventAnswer || a.Branch != ev.Branch {
				w.Fatalf("release of %d after %+v", a.Branch, ev)
			}
		case ActRespond:
			w.responses++
			w.checkBest(a)
		default:
			w.operation(a)
		}
	}
	w.check()
}

// checkDiverted: a diversion has a reason, and who diverts is whoever was called before: the first one by the caller.
func (w *world) checkDiverted(a *Action) {
	for i, d := range a.Diverted {
		if !slices.Contains(DivertReasons, d.Reason) || d.From >= a.Branch || (d.From == 0) != (d.By == "") || i == 0 && d.From != 0 {
			w.Fatalf("branch %d is diverted by %+v", a.Branch, a.Diverted)
		}
	}
	if a.Announce != nil && len(a.Diverted) == 0 {
		w.Fatalf("branch %d is announced", a.Branch)
	}
}

// operation keeps the account of the operations.
func (w *world) operation(a Action) {
	if (a.Kind == ActStart) == w.awaits[a.Operation] || a.Await == nil || slices.Contains(w.started, a.Operation) != (a.Kind == ActDrop) {
		w.Fatalf("action %d with operation %d of %v", a.Kind, a.Operation, w.awaits)
	}
	w.awaits[a.Operation] = a.Kind == ActStart
	if a.Kind == ActStart {
		w.started = append(w.started, a.Operation)
	}
}

func (w *world) cancelOf(b *account, a Action) {
	b.cancels = append(b.cancels, a.Cause)
	switch n := len(b.cancels); {
	case b.ended, n > 2, n == 2 && (b.cancels[0] != CauseNone || a.Cause != CauseElsewhere):
		w.Fatalf("cancels of branch %d: %v, ended %v", a.Branch, b.cancels, b.ended)
	case (a.Cause == CauseElsewhere) != (w.answers > 0), (a.Cause == CauseCaller) != w.cancelled:
		w.Fatalf("cause %d of branch %d", a.Cause, a.Branch)
	}
}

// checkBest finds the best response once more, the long way round.
func (w *world) checkBest(a Action) {
	if a.Reply != nil || len(w.e.results) == 0 && a.Code == 404 { // an await instead of the whole plan came to nothing
		return
	}
	best := 0
	for _, r := range w.e.results {
		s := r.step
		if s.Outcome != NoOutcome && r.rank != uncounted && (best == 0 || weight(s.Code) < weight(best)) {
			best = s.Code
		}
	}
	if best == 0 {
		best = 480
	}
	if weight(a.Code) != weight(best) || a.Code == 503 || a.Code == 401 {
		w.Fatalf("responded %d, best is %d", a.Code, best)
	}
}

// weight is the order of the responses that occur here, the best first.
func weight(code int) int {
	order := [][]int{{600, 603}, {302}, {486}, {480}, {401, 403, 404, 487}, {408}, {500, 503}}
	return slices.IndexFunc(order, func(equal []int) bool { return slices.Contains(equal, code) })
}

func (w *world) check() {
	w.checkCall()
	w.checkRoom()
	for i := range w.e.nodes {
		w.checkNode(int32(i))
	}
}

func (w *world) checkCall() {
	pending := 0
	rung := map[string]bool{}
	for id, b := range w.branches {
		if b.ended || len(b.cancels) > 0 {
			continue
		}
		pending++
		if rung[b.target.Key] {
			w.Fatalf("branch %d rings %s a second time", id+1, b.target.Key)
		}
		rung[b.target.Key] = true
	}
	ends := w.answers + w.responses
	if w.cancelled {
		ends++
	}
	_, due := w.e.Deadline()
	awaits := 0
	for i := range w.e.nodes {
		if waits := w.e.awaits(int32(i)); waits != w.awaits[operationOf(int32(i))] {
			w.Fatalf("node %d waits %v, operations %v", i, waits, w.awaits)
		} else if waits {
			awaits++
		}
	}
	switch {
	case w.e.Done() && awaits > 0:
		w.Fatalf("done, but %d operations are awaited", awaits)
	case w.e.Pending() != pending:
		w.Fatalf("pending %d, counted %d", w.e.Pending(), pending)
	case w.e.Done() != (ends == 1) || ends > 1:
		w.Fatalf("done %v with %d ends", w.e.Done(), ends)
	case w.e.Done() && (due || pending > 0):
		w.Fatalf("done, but deadline %v, pending %d", due, pending)
	case !w.e.Done() && !due && w.e.Waiting() == 0:
		w.Fatal("the call hangs: not done and no deadline")
	case w.bounds > 1 || w.bounds == 1 && !w.e.Done():
		w.Fatalf("%d bounds, done %v", w.bounds, w.e.Done())
	case len(w.branches) > DefaultLimits.Branches || len(w.e.nodes) > DefaultLimits.Nodes || w.e.Round() > DefaultLimits.Rounds:
		w.Fatal("past a bound")
	}
}

// checkRoom is RFC 5393 §5.3.3: never more than the breadth, and nobody waits while there is room.
func (w *world) checkRoom() {
	breadth, alive, outgoing, waiting := w.limits.Breadth, 0, 0, 0
	for id, b := range w.branches {
		if (b.breadth > 0) != (breadth > 0) {
			w.Fatalf("branch %d has %d of %d", id+1, b.breadth, breadth)
		}
		if !b.ended {
			alive++
		}
		if !b.ended && len(b.cancels) == 0 {
			outgoing += b.breadth
		}
	}
	for i := range w.e.nodes {
		if w.e.nodes[i].state == queued {
			waiting++
		}
	}
	full := alive >= breadth || outgoing >= breadth
	switch {
	case w.e.Waiting() != waiting:
		w.Fatalf("%d wait for room, counted %d", w.e.Waiting(), waiting)
	case waiting > 0 && !full:
		w.Fatalf("%d wait although %d of %d branches have %d of the breadth", waiting, alive, breadth, outgoing)
	case breadth > 0 && (alive > breadth || outgoing > breadth):
		w.Fatalf("%d branches alive with a breadth of %d in all, of %d", alive, outgoing, breadth)
	}
}

func (w *world) checkNode(i int32) {
	n := &w.e.nodes[i]
	switch n.state {
	case idle, ended, queued:
		if n.at != never {
			w.Fatalf("node %d in state %d waits for %v", i, n.state, n.at)
		}
	}
	if n.state == idle || n.state == ended {
		return
	}
	for p := n.parent; p != none; p = w.e.nodes[p].parent {
		if w.e.nodes[p].state != running {
			w.Fatalf("node %d is in state %d, %d around it in %d", i, n.state, p, w.e.nodes[p].state)
		}
	}
	if n.ring > 0 && n.state == running && w.now.Sub(n.start) >= n.ring {
		w.Fatalf("node %d rings for %v of %v", i, w.now.Sub(n.start), n.ring)
	}
	if !n.isGroup() || n.state != running {
		return
	}
	count := map[state]int{}
	for c := n.first; c != none; c = w.e.nodes[c].next {
		count[w.e.nodes[c].state]++
	}
	active := count[running] + count[waiting] + count[queued]
	switch {
	case active == 0:
		w.Fatalf("group %d has nothing left", i)
	case n.src.Kind == KindSerial && active > 1:
		w.Fatalf("serial group %d has %d members at a time", i, active)
	case n.src.Kind == KindParallel && count[running]+count[queued] == 0 && !n.src.Hold:
		w.Fatalf("parallel group %d only waits", i)
	}
}

// advance moves the clock on, ticking at every deadline on the way.
func (w *world) advance(to clock.Time) {
	for {
		d, ok := w.e.Deadline()
		if !ok || d > to {
			break
		}
		if d < w.now {
			w.Fatalf("deadline %v before %v", d, w.now)
		}
		w.now = d
		w.step(Event{Kind: EventTick})
	}
	w.now = max(w.now, to)
}

// event is something that a phone, or rarely the caller, does.
func (w *world) event() {
	if oneIn(w.T, 40, "caller cancels") {
		w.cancelled = w.cancelled || !w.e.Done()
		w.step(Event{Kind: EventCallerCancel})
		return
	}
	if n := len(w.started); n > 0 && oneIn(w.T, 4, "operation ends") {
		ev := Event{Kind: EventDone, Operation: pick(w.T, "operation", append(w.started, 0, 9999)), Value: "value"}
		if oneIn(w.T, 3, "operation fails") {
			ev.Value, ev.Err = nil, errNoService
		}
		delete(w.awaits, ev.Operation)
		w.step(ev)
		return
	}
	if len(w.branches) == 0 {
		return
	}
	ev := Event{Branch: BranchID(rapid.IntRange(1, len(w.branches)).Draw(w.T, "branch"))}
	b := &w.branches[ev.Branch-1]
	ev.Kind = pick(w.T, "event", []EventKind{
		EventProvisional, EventProvisional, EventFinal, EventFinal, EventFinal, EventFinal, EventAnswer, EventTimeout,
		EventTransportError, EventOffline, EventDenied, EventLimited,
	})
	switch ev.Kind {
	case EventAnswer:
		if !oneIn(w.T, 6, "answer") {
			return
		}
		ev.Code = 200
	case EventFinal:
		ev.Code = pick(w.T, "code", someCodes)
		if w.plain && ev.Code == 302 {
			ev.Code = 404
		}
		for range rapid.IntRange(0, 3).Draw(w.T, "contacts") {
			ev.Contacts = append(ev.Contacts, contact(pick(w.T, "contact", someUsers), pick(w.T, "q", []int{500, 1000})))
		}
	case EventProvisional:
		ev.Code = pick(w.T, "provisional", []int{180, 183, 199})
	}
	if ev.Kind != EventProvisional {
		b.ended = true
	}
	w.step(ev)
}

// start runs a plan, step takes one event: in both executors, if there are two.
func (w *world) start(n *Node) {
	w.do(Event{}, w.e.Start(w.now, n))
	if w.twin != nil {
		w.same(w.twin.Start(w.now, n))
	}
}

func (w *world) step(ev Event) {
	w.do(ev, w.e.Step(w.now, ev))
	if w.twin != nil {
		w.same(w.twin.Step(w.now, ev))
	}
}

var errNoService = errors.New("no such service")

// same compares what twin did with what e did last.
func (w *world) same(acts []Action) {
	var did, want []string
	for _, a := range acts {
		did = append(did, actionText(a))
	}
	for _, a := range w.e.acts {
		want = append(want, actionText(a))
	}
	d1, ok1 := w.e.Deadline()
	d2, ok2 := w.twin.Deadline()
	if !slices.Equal(did, want) || d1 != d2 || ok1 != ok2 || w.twin.Waiting() > 0 || len(w.said) > 0 {
		w.Fatalf("with a breadth of %d: %q until %v, %d wait; without: %q until %v", w.twin.limits.Breadth, did, d2, w.twin.Waiting(), want, d1)
	}
}

func TestRandomPlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, awaits: map[OperationID]bool{}, limits: Limits{Breadth: pick(t, "breadth", []int{0, 0, 1, 2, 3, 8})}}
		w.e = NewExecutor(w, w.limits)
		w.run(drawPlan(t, 3))
	})
}

// run is a call with a plan and what comes of it.
func (w *world) run(plan *Node) {
	text := plan.String()
	w.start(plan)
	for range rapid.IntRange(0, 60).Draw(w.T, "events") {
		w.advance(w.now + clock.Time(sec(rapid.Float64Range(0, 8).Draw(w.T, "wait"))))
		w.event()
	}
	for ticks := 0; !w.e.Done(); ticks++ { // nobody does anything any more: the call ends by itself
		if ticks > 2000 {
			w.Fatalf("the call does not end: %s", plan)
		}
		if d, due := w.e.Deadline(); due && (!w.plain || w.e.Pending() == 0) {
			w.advance(d)
		} else {
			w.timeOut()
		}
	}
	for id, b := range w.branches {
		if !b.ended && len(b.cancels) == 0 {
			w.Fatalf("branch %d was left alone", id+1)
		}
	}
	if plan.String() != text {
		w.Fatalf("the script's plan became %s", plan)
	}
}

// timeOut ends the first branch that is alive.
func (w *world) timeOut() {
	for i := range w.branches {
		if b := &w.branches[i]; !b.ended {
			b.ended = true
			w.step(Event{Kind: EventTimeout, Branch: BranchID(i + 1)})
			return
		}
	}
	w.Fatal("the call hangs: not done, no deadline and no branch to wait for")
}
