// Package seeds is random calls by seed, and what must hold after each.
//
// A seed makes a Spec: calls, plans and handlers of a script, phones that behave and phones that do not, and the weather on the
// network. The Spec runs on the engine's real shards, on the virtual network of package sim, with one and with three shards. A
// book is kept of every datagram at the engine's border and checked against the rules that hold for every call (files
// received, sent, talk and finish); and a reference works out from the contract what the engine had to do, and when, to the
// nanosecond (files ref). A Spec that fails is shrunk.
//
// A run belongs to one goroutine. The rules are those of RFC 3261 §9 and §12 to §18 and RFC 6026 for a back-to-back user agent,
// and those of the page "How a plan runs" of the Lua reference. They hold whatever the parties do wrong, but for this:
//
//   - a request other than INVITE whose far side never answers is not answered either (RFC 4320 §4.2);
//   - a request inside an early dialog may be answered, or passed on, in any way;
//   - what a party repeats after its transaction was forgotten is new: a refused INVITE another call, the INFO that was not
//     answered another INFO; a 2xx that comes then is nobody's and is dropped;
//   - a call whose sides both forgot it is ended by a BYE of the caller's, since nobody else would.
package seeds

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/trace"
)

// Result is what came of a run.
type Result struct {
	// Violations say what went against the rules, the first ones; none is success.
	Violations []string
	// Digest is of every datagram at the engine's border, with its time and shard: equal for equal runs.
	Digest uint64

	calls  [][]fact
	sights sights
}

// Outcomes are all that the engine did in each call, and when: whom it tried and gave up, what the script was asked, what the
// caller got.
func (r *Result) Outcomes() []string {
	var list []string
	for _, c := range r.calls {
		var b strings.Builder
		for i := range c {
			b.WriteString(c[i].String() + "\n")
		}
		list = append(list, b.String())
	}
	return list
}

// quiet is how much virtual time a run may take.
const quiet = 24 * time.Hour

// lateNight is when calls that nobody ends are ended: an instant that does not depend on when the last timer of a shard ran.
const lateNight = clock.Time(48 * time.Hour)

// Run makes the Spec of a seed and runs it on an engine with a number of shards.
func Run(seed uint64, shards int) Result { return Draw(seed).Run(shards) }

// Run runs the Spec on an engine with a number of shards.
func (s *Spec) Run(shards int) Result {
	r, _ := s.run(shards, nil, nil)
	return r
}

func (s *Spec) run(shards int, sink trace.Sink, spoil twist) (Result, *world) {
	w := newWorld(s, shards, sink)
	w.twist = spoil
	k := &w.book
	err := w.net.RunToQuiescence(quiet)
	if err == nil {
		err = w.net.Run(lateNight)
	}
	if err == nil && w.farewell() {
		k.seen[sawFarewell]++
		err = w.net.RunToQuiescence(quiet)
	}
	if err != nil {
		k.bad(nil, "%v", err)
	}
	r := Result{}
	for _, c := range k.all() {
		r.calls = append(r.calls, c.facts)
		if c.invite == nil {
			continue // it never arrived
		}
		if d := compare(c.facts, k.expect(c).facts); d != "" {
			k.bad(c, "not by the contract: %s", d)
		}
	}
	for _, c := range k.outside {
		r.calls = append(r.calls, c.facts)
	}
	k.finish()
	r.Violations, r.Digest, r.sights = k.found, k.digest, k.seen
	return r, w
}

// Try runs a seed with one and with three shards, and every eighth seed once more, and returns what went wrong, nil for
// nothing.
func Try(seed uint64) *Failure {
	var seen sights
	return attempt(seed, &seen)
}

func attempt(seed uint64, seen *sights) *Failure {
	s := Draw(seed)
	f := s.try(seen)
	if f == nil && seed%8 == 0 {
		return s.again()
	}
	return f
}

func (s *Spec) try(seen *sights) *Failure {
	one := s.Run(1)
	seen.add(&one.sights)
	if len(one.Violations) > 0 {
		return &Failure{s, 1, one.Violations}
	}
	three := s.Run(3)
	if len(three.Violations) > 0 {
		return &Failure{s, 3, three.Violations}
	}
	for i := range one.calls {
		if !slices.Equal(one.calls[i], three.calls[i]) {
			return &Failure{s, 3, []string{fmt.Sprintf("call %d: not the outcome that it has with one shard:\n%swith one:\n%s",
				i, three.Outcomes()[i], one.Outcomes()[i])}}
		}
	}
	return nil
}

// again checks that a run can be repeated, datagram by datagram.
func (s *Spec) again() *Failure {
	if first := s.Run(1); first.Digest != s.Run(1).Digest {
		return &Failure{s, 1, []string{"another run: two with the same seed differ"}}
	}
	return nil
}

// Failure is a Spec that goes against a rule.
type Failure struct {
	Spec       *Spec
	Shards     int
	Violations []string
}

// String is what went wrong, in which Spec, and what passed.
func (f *Failure) String() string {
	return fmt.Sprintf("with %d shards: %s\n\n%s\n\n%s", f.Shards, strings.Join(f.Violations, "\n"), f.Spec, f.Spec.Ladder(f.Shards))
}

// Ladder runs the Spec once more and draws what passed the engine's border; what the engine logged as errors follows.
func (s *Spec) Ladder(shards int) string {
	rec := &trace.Recorder{}
	_, w := s.run(shards, rec, nil)
	names := w.net.Names()
	for i := range s.Calls {
		names[s.callerAddr(i)] = fmt.Sprintf("caller%d", s.Calls[i].Caller)
		for p := range s.Phones {
			names[s.phoneAddr(i, p)] = fmt.Sprintf("p%d", p)
		}
	}
	return trace.Ladder(rec.Events(), trace.Options{Names: names, Trying: true, Repeats: true}) + w.log.String()
}
