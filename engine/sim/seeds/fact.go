package seeds

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/plan"
)

// matter is what a fact is about.
type matter uint8

const (
	tried    matter = iota // an INVITE went to phone code, line x
	given                  // a CANCEL went out, with Reasons text
	shown                  // the caller was sent a provisional under its tag number leg; x = 1: with a description
	finished               // the caller was sent a final response, that of leg, under its tag number x
	acked                  // a 2xx with tag text was acknowledged for the first time
	byed                   // a BYE went out in the dialog of that 2xx
	asked                  // the script was asked, or told, what text says
	relayed                // a request inside a dialog went out
	begun                  // the operation that text names was started
	stopped                // and nobody waits for it any more
	pracked                // a PRACK of the engine's went out, for RSeq x
	matters
)

var matterNames = [matters]string{"INVITE", "CANCEL", "provisional", "final", "ACK", "BYE", "asked", "request", "operation", "end of an operation", "PRACK"}

// fact is something that the engine did in a call.
type fact struct {
	at   clock.Time
	what matter
	leg  int // by the order of INVITEs; 0 is the caller's
	code int
	x    int64
	text string
	more string
	step stepFact
}

// stepFact is the step that a script was told of.
type stepFact struct {
	elapsed     time.Duration
	outcome     plan.Outcome
	phone, line int
	attempt     int
	rang, none  bool
	synthetic   bool
}

// String is for reports of what went wrong.
func (f *fact) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", time.Duration(f.at), matterNames[f.what])
	if f.leg > 0 {
		fmt.Fprintf(&b, " leg %d", f.leg)
	}
	if f.code > 0 {
		fmt.Fprintf(&b, " %d", f.code)
	}
	if f.x > 0 {
		fmt.Fprintf(&b, " (%d)", f.x)
	}
	fmt.Fprintf(&b, " %s %s", f.text, f.more)
	if f.what == asked && !f.step.none {
		fmt.Fprintf(&b, " %+v", f.step)
	}
	return strings.TrimSpace(b.String())
}

// compare returns the first difference between what the engine did and what the reference expects, the matter in the first
// line. Each matter is compared by itself: the contract says in which order things of one kind happen, but for CANCELs at one
// instant and operations that nobody waits for any more.
func compare(got, want []fact) string {
	got, want = inOrder(got, given), inOrder(want, given)
	got, want = inOrder(got, stopped), inOrder(want, stopped)
	for what := range matters {
		if what == relayed {
			continue
		}
		if d := compareOne(what, got, want); d != "" {
			return matterNames[what] + "\n" + d
		}
	}
	return ""
}

// inOrder returns facts with those of a matter at each instant in the order of their legs and texts.
func inOrder(list []fact, what matter) []fact {
	order := func(a, b fact) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.leg, b.leg), cmp.Compare(a.text, b.text))
	}
	var some []fact
	for i := range list {
		if list[i].what == what {
			some = append(some, list[i])
		}
	}
	if slices.IsSortedFunc(some, order) {
		return list
	}
	slices.SortStableFunc(some, order)
	list = slices.Clone(list)
	for i := range list {
		if list[i].what == what {
			list[i], some = some[0], some[1:]
		}
	}
	return list
}

func compareOne(what matter, got, want []fact) string {
	i, j := nextFact(what, got, 0), nextFact(what, want, 0)
	for i < len(got) && j < len(want) {
		if got[i] != want[j] {
			return fmt.Sprintf("did: %s\nexpected: %s", got[i].String(), want[j].String())
		}
		i, j = nextFact(what, got, i+1), nextFact(what, want, j+1)
	}
	switch {
	case i < len(got):
		return fmt.Sprintf("did: %s\nexpected: nothing", got[i].String())
	case j < len(want):
		return fmt.Sprintf("did: nothing\nexpected: %s", want[j].String())
	}
	return ""
}

func nextFact(what matter, list []fact, i int) int {
	for i < len(list) && list[i].what != what {
		i++
	}
	return i
}
