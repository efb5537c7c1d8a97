package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

func await(timeout time.Duration) *plan.Node {
	return &plan.Node{Kind: plan.KindAwait, Await: &plan.Operation{Name: "op", Timeout: timeout, Work: "work"}}
}

// awaiting is a rig whose operations come to what is given.
func awaiting(t *testing.T, s *script, shards int, o sim.Outcome) *rig {
	t.Helper()
	ops := &late{}
	r := newRig(t, s, shards, func(c *engine.Config) { c.Operations = ops })
	ops.Operations = r.net.AttachOperations(func(op *plan.Operation) sim.Outcome {
		if op.Work != "work" {
			t.Errorf("work %v", op.Work)
		}
		return o
	})
	return r
}

// late are operations that belong to a network which is made after the engine's configuration.
type late struct{ engine.Operations }

// found is a script whose await finds a target.
func found(timeout time.Duration, results *[]plan.Result) *script {
	s := always(await(timeout))
	s.awaited = func(_ engine.Call, r *plan.Result) *plan.Node {
		*results = append(*results, *r)
		return to("sip:a@192.0.2.11")
	}
	return s
}

func TestAwait(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		o    sim.Outcome
		want plan.Result
	}{
		"value":   {sim.Outcome{After: time.Second, Value: 7}, plan.Result{Value: 7, Elapsed: time.Second, Place: plan.PlaceStart}},
		"error":   {sim.Outcome{After: time.Second, Err: broken}, plan.Result{Err: broken, Elapsed: time.Second, Place: plan.PlaceStart}},
		"at once": {sim.Outcome{Value: 7}, plan.Result{Value: 7, Place: plan.PlaceStart}},
		"timeout": {sim.Outcome{After: 3 * time.Second, Value: 7}, plan.Result{Err: plan.ErrTimeout, Elapsed: 2 * time.Second, Place: plan.PlaceStart}},
		"never":   {sim.Outcome{After: sim.Endless}, plan.Result{Err: plan.ErrTimeout, Elapsed: 2 * time.Second, Place: plan.PlaceStart}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []plan.Result
			r := awaiting(t, found(2*time.Second, &got), 3, c.o)
			r.phone("sip:a@192.0.2.11", sim.After(0))
			call := r.call(sim.CallSpec{HangupAfter: seconds(10)})
			if len(got) != 1 || got[0] != c.want || !call.Answered() {
				t.Errorf("got %+v, want %+v; answered %v", got, c.want, call.Answered())
			}
			if n := len(call.Received("100")); n != 1 {
				t.Errorf("%d times 100: the caller is to know that it is heard", n)
			}
		})
	}
}

func TestAwaitWithoutOperations(t *testing.T) {
	var got []plan.Result
	r := newRig(t, found(2*time.Second, &got), 1)
	r.phone("sip:a@192.0.2.11", sim.After(0))
	r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if len(got) != 1 || got[0].Err == nil {
		t.Errorf("got %+v", got)
	}
}

// The caller gives up while the call waits: the function is not called, and the operation is stopped.
func TestAwaitCallerCancels(t *testing.T) {
	s := always(await(2 * time.Second))
	r := awaiting(t, s, 1, sim.Outcome{After: time.Second, Value: 7})
	call := r.call(sim.CallSpec{CancelAfter: seconds(0.5)})
	wantSeen(t, s, "cancelled", "ended")
	if call.Final() != 487 {
		t.Errorf("final %d", call.Final())
	}
}

// Another branch answers first.
func TestAwaitLosesToAnAnswer(t *testing.T) {
	s := always(parallel(to("sip:b@192.0.2.12"), await(2*time.Second)))
	r := awaiting(t, s, 1, sim.Outcome{After: time.Second, Value: 7})
	r.phone("sip:b@192.0.2.12", sim.After(500*time.Millisecond))
	r.call(sim.CallSpec{HangupAfter: seconds(5)})
	wantSeen(t, s, "ringing", "answered", "ended")
}

// A script that hangs up as its function is called starts nothing more.
func TestAwaitHangup(t *testing.T) {
	s := always(await(2 * time.Second))
	s.awaited = func(c engine.Call, _ *plan.Result) *plan.Node {
		c.Hangup("no more")
		return await(time.Second)
	}
	r := awaiting(t, s, 1, sim.Outcome{After: time.Second, Value: 7})
	call := r.call(sim.CallSpec{})
	wantSeen(t, s, "awaited", "ended")
	if call.Final() != 480 {
		t.Errorf("final %d", call.Final())
	}
	// Nor does one that hangs up in invite itself.
	s = &script{invite: func(c engine.Call) *plan.Node { c.Hangup(""); return await(time.Second) }}
	r = awaiting(t, s, 1, sim.Outcome{Value: 7})
	r.call(sim.CallSpec{})
	wantSeen(t, s, "ended")
}

// The engine stops while a call waits.
func TestAwaitEndCalls(t *testing.T) {
	s := always(await(2 * time.Second))
	r := awaiting(t, s, 1, sim.Outcome{After: time.Second, Value: 7})
	call := r.place(sim.CallSpec{})
	if err := r.net.Run(clock.Time(500 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n := r.eng.Shards()[0].Stats().Operations; n != 1 {
		t.Errorf("%d operations", n)
	}
	r.eng.Shards()[0].EndCalls(r.net.Now())
	r.run()
	if wantSeen(t, s, "ended"); call.Final() != 503 {
		t.Errorf("final %d", call.Final())
	}
}

// A panic in the function of an await ends that call, and stops what else it awaits.
func TestAwaitPanic(t *testing.T) {
	s := always(parallel(await(2*time.Second), await(2*time.Second)))
	s.awaited = func(engine.Call, *plan.Result) *plan.Node { panic("a bug") }
	r := awaiting(t, s, 1, sim.Outcome{After: time.Second, Value: 7})
	call := r.call(sim.CallSpec{})
	if st := r.eng.Shards()[0].Stats(); call.Final() != 500 || st.Panics != 1 || st.Operations != 0 {
		t.Errorf("final %d, %d panics, %d operations", call.Final(), st.Panics, st.Operations)
	}
	r.logs.TakeAll()
}

// The trace says what was awaited, what came of it and what was decided.
func TestAwaitTrace(t *testing.T) {
	var got []plan.Result
	r := awaiting(t, found(2*time.Second, &got), 1, sim.Outcome{After: time.Second, Value: 200})
	r.phone("sip:a@192.0.2.11", sim.After(0))
	r.call(sim.CallSpec{HangupAfter: seconds(2)})
	var texts []string
	for _, e := range r.rec.Events() {
		texts = append(texts, e.Text)
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{"invite → await op", "await op: 200 → a"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}
