package plan

import (
	"testing"

	"tandem/engine/clock"
	"tandem/engine/location"
)

// silent is a script with nothing but an `invite` handler.
type silent struct{}

func (silent) Deferred(Callback, *Step) *Node      { return nil }
func (silent) Handler(Outcome, *Step) *Node        { return nil }
func (silent) Redirected(*Step) *Node              { return nil }
func (silent) Awaited(*Node, *Result) *Node        { return nil }
func (silent) Contacts(string) []*location.Binding { return nil }
func (silent) Exhausted(*Step, int) *Node          { return nil }
func (silent) Ringing(*Step)                       {}
func (silent) Bound(string, Pos)                   {}
func (silent) Taken(*Step, *Node)                  {}

// BenchmarkStepCall is a whole call: start three targets in series, 180, 486, the next one, 180, answer.
func BenchmarkStepCall(b *testing.B) {
	plan := serial(to("100", ring(20)), to("200", ring(20)), to("300"))
	events := []Event{
		{Kind: EventProvisional, Branch: 1, Code: 180},
		{Kind: EventFinal, Branch: 1, Code: 486},
		{Kind: EventProvisional, Branch: 2, Code: 180},
		{Kind: EventAnswer, Branch: 2, Code: 200},
	}
	b.ReportAllocs()
	for b.Loop() {
		e := NewExecutor(silent{}, DefaultLimits)
		var now clock.Time
		e.Start(now, plan)
		for _, ev := range events {
			now = now.Add(1e9)
			e.Step(now, ev)
			e.Deadline()
		}
		if !e.Done() {
			b.Fatal("not answered")
		}
	}
}

// BenchmarkStepFork is a fork to ten phones of which one answers.
func BenchmarkStepFork(b *testing.B) { benchFork(b, DefaultLimits) }

// BenchmarkStepForkWithin is the same fork with a breadth that is enough.
func BenchmarkStepForkWithin(b *testing.B) {
	limits := DefaultLimits
	limits.Breadth = 60
	benchFork(b, limits)
}

func benchFork(b *testing.B, limits Limits) {
	group := parallel().with(ring(25))
	for _, user := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		group.Members = append(group.Members, to(user))
	}
	b.ReportAllocs()
	for b.Loop() {
		e := NewExecutor(silent{}, limits)
		e.Start(0, group)
		for id := BranchID(1); id <= 10; id++ {
			e.Step(1, Event{Kind: EventProvisional, Branch: id, Code: 180})
		}
		if len(e.Step(2, Event{Kind: EventAnswer, Branch: 5, Code: 200})) != 10 {
			b.Fatal("not answered")
		}
	}
}

// BenchmarkStepProvisional is the event that comes most often, with the deadline that it moves.
func BenchmarkStepProvisional(b *testing.B) {
	e := NewExecutor(silent{}, DefaultLimits)
	e.Start(0, serial(to("100"), to("200")))
	var now clock.Time
	b.ReportAllocs()
	for b.Loop() {
		now++
		e.Step(now, Event{Kind: EventProvisional, Branch: 1, Code: 183})
		e.Deadline()
	}
}

// A usual call is one allocation, the executor; what happens in it allocates nothing.
func TestStepAllocatesNothing(t *testing.T) {
	plan := parallel(to("100", ring(20)), to("200", ring(20)), to("300"))
	allocs := testing.AllocsPerRun(100, func() {
		e := NewExecutor(silent{}, DefaultLimits)
		e.Start(0, plan)
		e.Step(1, Event{Kind: EventProvisional, Branch: 1, Code: 180})
		e.Step(2, Event{Kind: EventFinal, Branch: 1, Code: 486})
		e.Step(3, Event{Kind: EventAnswer, Branch: 2, Code: 200})
	})
	if allocs > 1 {
		t.Errorf("%v allocations in a call", allocs)
	}
}
