package luaapi

import (
	"maps"
	"sync/atomic"
	"time"
)

// Result is how a reload ended.
type Result string

// The results of a reload.
const (
	Loaded     Result = "loaded"
	Unchanged  Result = "unchanged"
	Refused    Result = "refused"
	Tried      Result = "tried"       // its canary has begun
	Promoted   Result = "promoted"    // its canary went well
	RolledBack Result = "rolled back" // by its canary, or by hand
	Withdrawn  Result = "withdrawn"   // a canary that something else has ended
)

// Results are all of them.
var Results = []Result{Loaded, Unchanged, Refused, Tried, Promoted, RolledBack, Withdrawn}

// Reload is one attempt to load a script.
type Reload struct {
	Result Result
	At     time.Time
	// Took is how long it took to load.
	Took time.Duration
}

// Refusal says why the version on disk is not served. It is zero if it is.
type Refusal struct {
	// Generation is the number that it would have.
	Generation uint64
	// Hash is the start of its SHA-256, "" if it could not be read.
	Hash string
	// Error starts with file and line if it lies in a script.
	Error string
	At    time.Time
	// Findings are those of the check or the tests, if it was them.
	Findings []Finding
}

// Status is what a host serves.
type Status struct {
	// Generation is the number of the generation served, from 1; 0 = none.
	Generation uint64
	// Hash is the start of its SHA-256 in hexadecimal, Files its paths.
	Hash  string
	Files []string
	// Since is when it went live.
	Since time.Time
	// Last is the last reload, Refused why the version on disk is not served.
	Last    Reload
	Refused Refusal
	// Generations are those that are served or have calls, oldest first.
	Generations []GenerationStatus
	// Results counts reloads by result.
	Results map[Result]uint64
	// Canary is the canary that runs, nil if none does; Verdict is what the last one came to.
	Canary  *CanaryStatus
	Verdict Verdict
	// Budget is what a handler may take, in instructions.
	Budget int
	// Previous is the generation that a rollback goes back to, 0 = none.
	Previous uint64
	// Handlers are those that were called since the start, over all generations.
	Handlers []HandlerStatus
}

// CanaryStatus is a canary that runs.
type CanaryStatus struct {
	// Generation is the one that is tried, Hash the start of its SHA-256.
	Generation uint64
	Hash       string
	// Share is its part of new calls; it is decided at Until at the latest, or Waits for its first call, if it has had none by then.
	Share float64
	Until time.Time
	Waits bool
	// Old and New are what came of the calls so far.
	Old, New Tally
}

// GenerationStatus is one generation of a script.
type GenerationStatus struct {
	Number uint64
	Hash   string
	// Calls run it now; Total ever did.
	Calls int64
	Total uint64
}

// HandlerStatus counts the calls of one handler. Name is that of the handler, or "function" for functions in plans.
type HandlerStatus struct {
	Name string
	// Errors of its Calls failed, OverBudget of them because they ran for too long or made too much.
	Calls, Errors, OverBudget uint64
	// Instructions and Bytes are the most that one call has used of its budgets.
	Instructions, Bytes uint64
}

// counter counts the calls of a handler on one shard.
type counter struct {
	calls, errors, budget atomic.Uint64
	instructions, bytes   atomic.Uint64 // the most that a call used
}

// used notes what a call has used of its budgets.
func (c *counter) used(instructions, bytes int) {
	raise := func(to *atomic.Uint64, n int) {
		if uint64(n) > to.Load() {
			to.Store(uint64(n)) // nobody else writes
		}
	}
	raise(&c.instructions, instructions)
	raise(&c.bytes, bytes)
}

// shardStats are the counters of one shard, over all generations. The shard writes, the status reads.
type shardStats struct{ handlers [numHandlers]counter }

func (s *shardStats) of(h handler) *counter { return &s.handlers[h] }

// Status returns what the host serves.
func (h *Host) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status()
}

func (h *Host) status() Status {
	h.sweep()
	s := Status{Last: h.last, Refused: h.refused, Results: maps.Clone(h.results), Verdict: h.verdict, Budget: h.opt.Load().Budget, Handlers: h.handlers()}
	sv := h.served.Load()
	g := sv.gen
	s.Generation, s.Hash, s.Files, s.Since = g.number, short(g.prog.Snapshot), g.prog.Snapshot.Files(), g.since
	if t := sv.trial; t != nil {
		s.Canary = &CanaryStatus{
			Generation: t.gen.number, Hash: short(t.gen.prog.Snapshot), Share: t.canary.Share, Until: t.until,
			Old: tally(t.old), New: tally(t.new),
		}
		s.Canary.Waits = s.Canary.New.Judged == 0 && !h.opt.Load().Now().Before(t.until)
	}
	if h.previous != nil {
		s.Previous = h.previous.number
	}
	for _, g := range h.live {
		gs := GenerationStatus{Number: g.number, Hash: short(g.prog.Snapshot), Calls: g.calls(), Total: g.total()}
		s.Generations = append(s.Generations, gs)
	}
	return s
}

func (h *Host) handlers() (all []HandlerStatus) {
	for i := range numHandlers {
		hs := HandlerStatus{Name: i.String()}
		for _, s := range h.stats {
			c := s.of(i)
			hs.Calls += c.calls.Load()
			hs.Errors += c.errors.Load()
			hs.OverBudget += c.budget.Load()
			hs.Instructions = max(hs.Instructions, c.instructions.Load())
			hs.Bytes = max(hs.Bytes, c.bytes.Load())
		}
		if hs.Calls > 0 {
			all = append(all, hs)
		}
	}
	return all
}

// short is the start of a snapshot's hash, as people read it.
func short(s *Snapshot) string { return s.Hash()[:12] }
