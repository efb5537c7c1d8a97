package luaapi

import (
	"context"
	"sync"
	"sync/atomic"

	"tandem/engine"
)

// Source is where scripts come from: a Dir, or a Snapshot for tests.
type Source interface {
	Read() (*Snapshot, error)
}

// Host serves the newest generation of a script: it is the engine's Scripts. Calls keep the generation that they
// started with; a version that does not load, or does not pass what Options.Require asks for, never replaces one that does.
type Host struct {
	source Source
	opt    atomic.Pointer[Options] // swapped as a whole
	stats  []*shardStats           // by shard
	served atomic.Pointer[serving]
	wake   chan struct{} // Run has something to look at

	reloading sync.Mutex // one reload at a time; it may take as long as tests take

	mu       sync.Mutex // of what follows
	live     []*generation
	previous *generation // what Rollback serves; nil = nothing
	numbered uint64      // the highest number that a generation has
	held     *Snapshot   // what was rolled back: it is not loaded before the source changes; nil = nothing
	heldWhy  string
	last     Reload
	refused  Refusal
	results  map[Result]uint64
	verdict  Verdict // of the last canary
}

// serving is what new calls get: swapping it is one atomic store.
type serving struct {
	gen   *generation
	trial *trial // of a newer generation; nil = every call gets gen
}

// serves reports whether new calls may get a generation.
func (s *serving) serves(g *generation) bool {
	return s.gen == g || s.trial != nil && s.trial.gen == g
}

// pick returns the generation for a call.
func (s *serving) pick(callID []byte) *generation {
	if s.trial != nil && s.trial.takes(callID) {
		return s.trial.gen
	}
	return s.gen
}

var _ engine.Scripts = (*Host)(nil)

// NewHost loads the first generation of a script, which has to load and no more: an engine that starts again after a
// failure has to serve. The error is an *Error if it lies in the script.
func NewHost(source Source, opt Options) (*Host, error) {
	h := &Host{source: source, wake: make(chan struct{}, 1), results: make(map[Result]uint64)}
	opt = opt.withDefaults()
	h.opt.Store(&opt)
	for range h.opt.Load().Shards {
		h.stats = append(h.stats, &shardStats{})
	}
	s, err := source.Read()
	if err == nil {
		err = h.load(context.Background(), s)
	}
	if err != nil {
		return nil, err
	}
	h.warn(s)
	return h, nil
}

// warn tells what the check finds in the version that Tandem starts with. That one has only to load: an engine that does not start helps nobody.
func (h *Host) warn(s *Snapshot) {
	if h.opt.Load().Check == nil {
		return
	}
	for _, f := range h.opt.Load().Check(s) {
		h.opt.Load().Logger.Warn(f.String())
	}
}

// Acquire returns the script that a new call runs on a shard, below Options.Shards, and counts the call.
func (h *Host) Acquire(shard int, callID []byte) engine.Script {
	v := h.acquire(shard, func(s *serving) *generation { return s.pick(callID) })
	v.total.Add(1)
	return v
}

// acquire counts a call of the generation that pick chooses.
func (h *Host) acquire(shard int, pick func(*serving) *generation) *vm {
	for {
		s := h.served.Load()
		v := pick(s).vms[shard]
		v.calls.Add(1)
		// A generation is dropped when it is no longer served and has no calls. Asking again after counting makes
		// sure that it was still served then.
		if h.served.Load() == s {
			return v
		}
		v.calls.Add(-1)
	}
}
