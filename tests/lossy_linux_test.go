package tests

import (
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/sim"
	"tandem/engine/transaction"
)

var lossyCalls = flag.Int("lossy-calls", 200, "how many calls TestLossyWire places, 40 a second")

// lossyKind is a sort of call over the wire that loses, and what its caller must be told in the end.
type lossyKind struct {
	user  string
	spec  sim.CallSpec
	talks bool // the caller makes re-INVITEs, one when the one before is answered, and hangs up
	want  int
}

func lossyKinds() []lossyKind {
	after := func(ms int) *time.Duration { d := time.Duration(ms) * time.Millisecond; return &d }
	return []lossyKind{
		{user: "bob", spec: sim.CallSpec{HangupAfter: after(500)}, want: 200},
		{user: "bob", talks: true, want: 200},
		{user: "dave", want: 200}, // who hangs up
		{user: "busy", want: 486},
		{user: "never", spec: sim.CallSpec{CancelAfter: after(700)}, want: 487},
		{user: "both", spec: sim.CallSpec{HangupAfter: after(300)}, want: 200},
		{user: "next", spec: sim.CallSpec{HangupAfter: after(300)}, want: 200},
	}
}

// lossyCallees starts the phones of the calls and returns them with the script that knows them.
func lossyCallees(t *testing.T, host string) (phones []*simPhone, script string) {
	t.Helper()
	at := map[string]string{}
	for name, b := range map[string]sim.Behaviour{
		"bob":   {sim.Ring().In(50 * time.Millisecond), sim.Answer().In(200 * time.Millisecond)},
		"dave":  {sim.Ring(), sim.Answer().In(250 * time.Millisecond), sim.Bye().In(400 * time.Millisecond)},
		"busy":  {sim.Ring(), sim.Send(486).In(100 * time.Millisecond)},
		"never": sim.Never(),
	} {
		p := newSimPhoneAt(t, name, host)
		p.do(func(clock.Time) { p.Behave(b) })
		phones, at[name] = append(phones, p), p.addr.String()
	}
	return phones, fmt.Sprintf(`
local plan = require "plan"
local function to(user, at, opts) return plan.to("sip:" .. user .. "@" .. at, opts) end
local function bob() return to("bob", "%s") end
local function dave() return to("dave", "%s") end
local function never(opts) return to("never", "%s", opts) end
local plans = {
  bob = bob(), dave = dave(), never = never(), busy = to("busy", "%s"),
  both = plan.parallel { bob(), dave() },
  next = plan.serial { never { ring = 1 }, bob() },
}
return { invite = function(call) return plans[call.ruri.user] end }`, at["bob"], at["dave"], at["never"], at["busy"])
}

// lossyRun is calls of a phone on one host by way of an engine on another to phones on a third.
type lossyRun struct {
	t       *testing.T
	wire    *wire
	e       *tandem
	alice   *simPhone
	callees []*simPhone
	kinds   []lossyKind
	calls   []*sim.Call

	timedOut int // as audit found
}

func newLossyRun(t *testing.T, f faults) *lossyRun {
	t.Helper()
	r := &lossyRun{t: t, wire: newWire(t, 1, f), kinds: lossyKinds()}
	here, between, there := r.wire.attach(t, "192.0.2.1"), r.wire.attach(t, "192.0.2.2"), r.wire.attach(t, "192.0.2.3")
	var script string
	there.within(t, func() { r.callees, script = lossyCallees(t, there.addr.String()) })
	between.within(t, func() { r.e = runTandem(t, between.addr.String(), script) })
	here.within(t, func() { r.alice = newSimPhoneAt(t, "alice", here.addr.String()) })
	return r
}

// place places calls, one every 25 ms, and waits until both ends are out of each.
func (r *lossyRun) place(n int) {
	r.t.Helper()
	r.alice.do(func(now clock.Time) {
		for i := range n {
			k := *r.kind(i)
			k.spec.To, k.spec.Dest = "sip:"+k.user+"@"+r.e.addr, flow.Flow{Remote: netip.MustParseAddrPort(r.e.addr)}
			r.calls = append(r.calls, r.alice.Call(now.Add(time.Duration(i)*25*time.Millisecond), k.spec))
		}
	})
	asked := make([][]*sim.Exchange, n)
	r.alice.until("told how every call ended", func() bool {
		for i, c := range r.calls {
			if r.kind(i).talks && c.Up() {
				asked[i] = goOn(c, asked[i])
			}
		}
		return !slices.ContainsFunc(r.calls, func(c *sim.Call) bool { return c.Final() == 0 && c.Why() == "" || c.Up() })
	})
	for _, p := range r.callees {
		p.until("out of every call", func() bool {
			return !slices.ContainsFunc(p.Incoming(), func(c *sim.Incoming) bool { return c.Final() == 0 || c.Up() })
		})
	}
}

func (r *lossyRun) kind(call int) *lossyKind { return &r.kinds[call%len(r.kinds)] }

// goOn does what the caller of a call that is up does next, if it is time for it: two re-INVITEs, then BYE.
func goOn(c *sim.Call, asked []*sim.Exchange) []*sim.Exchange {
	const now = 0 // at once
	switch n := len(asked); {
	case n > 0 && asked[n-1].Code() == 0:
	case n < 2:
		return append(asked, c.Request(now, "INVITE", nil, nil))
	default:
		c.Bye(now)
	}
	return asked
}

// audit returns what is wrong with the calls: by their callers' book, which has to be that of the engine, and by the rules of all calls.
func (r *lossyRun) audit() (faults []string) {
	st := r.e.quiet()
	bad := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	together(append(r.callees, r.alice), func(phones []*sim.Phone) {
		timedOut := map[string]bool{} // with all of seven INVITEs or their answers lost: on the first leg, or on the second
		answered := uint64(0)
		for i, c := range r.calls {
			k := r.kind(i)
			switch {
			case c.Final() == 200:
				answered++
			case c.Why() == "timeout" && len(c.Received("")) == 0,
				c.Final() == 408 && c.Received("408 INVITE")[0].At.Sub(c.At()) >= 64*transaction.DefaultTimers.T1:
				timedOut[c.CallID()] = true
			}
			if c.Final() != k.want && !timedOut[c.CallID()] {
				bad("call %d to %s: %d %s, want %d", i, k.user, c.Final(), c.Why(), k.want)
			}
		}
		n := len(r.calls)
		if total := int(st.Calls.Total); total > n || total < n-len(timedOut) || st.Calls.Answered != answered || st.Panics != 0 {
			bad("%d calls, %d answered; the engine says %+v", n, answered, st)
		}
		if len(timedOut) > 1+n/1000 {
			bad("%d of %d calls met a timer, which should be 1 in 50000", len(timedOut), n)
		}
		for _, f := range sim.Check(phones, sim.Rules{Lossy: true, Overlap: 64 * transaction.DefaultTimers.T1}) {
			_, id, _ := strings.Cut(f, "(Call-ID ")
			if !timedOut[strings.TrimSuffix(id, ")")] {
				bad("%s", f)
			}
		}
		r.timedOut = len(timedOut)
	})
	return faults
}

// A caller's host, the engine's and a callees' are joined by a wire that loses every tenth packet, brings every twentieth late,
// doubles some and delays all. Every call ends as it should, and the books of the caller, the callees and the engine say the same.
func TestLossyWire(t *testing.T) {
	r := newLossyRun(t, faults{loss: 0.10, late: 0.05, twice: 0.02, delay: 5 * time.Millisecond, behind: 40 * time.Millisecond})
	began := time.Now()
	r.place(*lossyCalls)
	t.Logf("all ended in %s", time.Since(began).Round(time.Second))
	r.wire.wasBad(t)
	// What has been said last may be on its way still, for as long as anything is sent again.
	faults := r.audit()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for last := time.Now().Add(64 * transaction.DefaultTimers.T1); len(faults) > 0 && time.Now().Before(last); faults = r.audit() {
		<-again.C
	}
	t.Logf("%d calls, %d timed out", len(r.calls), r.timedOut)
	for _, f := range faults {
		t.Error(f)
	}
}

// together runs fn while phones do nothing else.
func together(all []*simPhone, fn func(phones []*sim.Phone)) {
	var phones []*sim.Phone
	var stop func(rest []*simPhone)
	stop = func(rest []*simPhone) {
		if len(rest) == 0 {
			fn(phones)
			return
		}
		phones = append(phones, rest[0].Phone)
		rest[0].do(func(clock.Time) { stop(rest[1:]) })
	}
	stop(all)
}

// quiet waits until the engine has no call and returns its status then.
func (e *tandem) quiet() engineStatus {
	e.t.Helper()
	return e.awaits("no call is left", func(st *engineStatus) bool { return st.Calls.Active == 0 })
}

// wasBad checks that the wire did what it is for.
func (w *wire) wasBad(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	share := func(n int) float64 { return float64(n) / float64(w.sent) }
	t.Logf("%d packets: %.1f %% lost, %.1f %% overtaken, %.1f %% doubled", w.sent, 100*share(w.lost), 100*share(w.overtaken), 100*share(w.doubled))
	if bad := share(w.lost) > 0.8*w.loss && share(w.overtaken) > 0.5*w.late && share(w.doubled) > 0.5*w.twice; !bad {
		t.Error("the wire is too good")
	}
}
