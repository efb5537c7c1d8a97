package luaapi

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Canary says how a new generation is tried on a share of the calls before it takes all of them.
type Canary struct {
	// Share is the part of new calls that the new generation gets, above 0 and below 1; 0 = no canary.
	Share float64
	// For is how long it is tried at most.
	For time.Duration
}

// canaryCalls is how many calls of the new generation decide a canary before its time is over.
const canaryCalls = 200

// trial is a canary as it runs: the new generation, which calls it gets, and what came of them. It is made and ended by
// the Host; shards count in their own arms.
type trial struct {
	gen    *generation
	canary Canary
	salt   uint64
	until  time.Time

	old, new []arm // by shard
	judged   atomic.Int64
	wake     func()
}

// arm counts calls of one generation on one shard while a canary runs.
type arm struct {
	begun, judged, failed atomic.Uint64
	trial                 *trial   // of the new generation's arms; nil = of the old one's
	_                     [32]byte // each shard writes to a cache line of its own
}

func newTrial(g *generation, c Canary, now time.Time, wake func()) *trial {
	t := &trial{gen: g, canary: c, salt: g.number, until: now.Add(c.For), wake: wake}
	t.old, t.new = make([]arm, len(g.vms)), make([]arm, len(g.vms))
	for i := range t.new {
		t.new[i].trial = t
	}
	return t
}

// takes reports whether the new generation gets a call.
func (t *trial) takes(callID []byte) bool {
	return float64(mix(callID, t.salt)) < t.canary.Share*(1<<64)
}

// mix hashes a Call-ID: FNV-1a, and a last step that spreads it over all bits. The salt makes every canary choose
// other calls. It is the same on every shard and in every process, so that what comes again gets the same script.
func mix(id []byte, salt uint64) uint64 {
	h := uint64(14695981039346656037) ^ salt*0x9e3779b97f4a7c15
	for _, b := range id {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// judge counts a call whose set-up is over.
func (a *arm) judge(failed bool) {
	if failed {
		a.failed.Add(1)
	}
	a.judged.Add(1)
	if a.trial == nil {
		return
	}
	switch a.trial.judged.Add(1) {
	case 1, canaryCalls: // the first may be what is waited for
		a.trial.wake()
	}
}

// Tally is what came of the calls of a generation while a canary ran.
type Tally struct {
	// Begun are the calls that began; the set-up of Judged of them is over, and in Failed of them a handler has failed, or
	// the script has answered 5xx, or both.
	Begun, Judged, Failed uint64
}

// Rate is the part of the judged calls that failed.
func (t Tally) Rate() float64 {
	if t.Judged == 0 {
		return 0
	}
	return float64(t.Failed) / float64(t.Judged)
}

func tally(arms []arm) (t Tally) {
	for i := range arms {
		t.Begun += arms[i].begun.Load()
		t.Judged += arms[i].judged.Load()
		t.Failed += arms[i].failed.Load()
	}
	return t
}

// Verdict is what a canary came to. It is zero if there was none.
type Verdict struct {
	// Generation is the one that was tried.
	Generation uint64
	// Result is Promoted, RolledBack, or Withdrawn if something else ended it.
	Result Result
	// Reason says why, for people.
	Reason string
	At     time.Time
	// Old and New are what came of the calls meanwhile.
	Old, New Tally
}

// The new generation is rolled back if it fails more often than canaryFactor times as often as the old one, plus canaryMargin.
const (
	canaryFactor = 2
	canaryMargin = 0.01
)

// judge judges a canary: by enough calls, or when its time is over by those that there are. The result is "" while it
// is undecided: also when the time is over and there was no call, for a version that nobody has called has proved nothing.
func judge(old, fresh Tally, over bool) (Result, string) {
	if fresh.Judged < canaryCalls && !over || fresh.Judged == 0 {
		return "", ""
	}
	limit := canaryFactor*old.Rate() + canaryMargin
	reason := fmt.Sprintf("%d of %d calls failed (%s), %d of %d in the generation before (%s)",
		fresh.Failed, fresh.Judged, percent(fresh.Rate()), old.Failed, old.Judged, percent(old.Rate()))
	if fresh.Rate() > limit {
		return RolledBack, reason
	}
	return Promoted, reason
}

// percent writes a part of 1 as people read it.
func percent(p float64) string { return fmt.Sprintf("%g %%", math.Round(p*1000)/10) }
