package luaapi

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tandem/engine"
)

// Source is where scripts come from: a Dir, or a Snapshot for tests.
type Source interface {
	Read() (*Snapshot, error)
}

// Host serves the newest generation of a script: it is the engine's Scripts. Calls keep the generation that they
// started with; a version that does not load never replaces one that does.
type Host struct {
	source Source
	opt    Options
	stats  []*shardStats // by shard
	served atomic.Pointer[generation]

	mu      sync.Mutex // of what follows: one reload at a time
	live    []*generation
	last    Reload
	refused Refusal
}

// generation is one version of the script with a Lua state for every shard.
type generation struct {
	number uint64
	prog   *Program
	since  time.Time
	vms    []*vm
}

// calls returns the calls that run the generation.
func (g *generation) calls() (n int64) {
	for _, v := range g.vms {
		n += v.calls.Load()
	}
	return n
}

var _ engine.Scripts = (*Host)(nil)

// NewHost loads the first generation of a script. The error is an *Error if it lies in the script.
func NewHost(source Source, opt Options) (*Host, error) {
	h := &Host{source: source, opt: opt.withDefaults()}
	for range h.opt.Shards {
		h.stats = append(h.stats, &shardStats{})
	}
	if _, err := h.Reload(context.Background()); err != nil {
		return nil, err
	}
	return h, nil
}

// Acquire returns the script of the present generation for a shard, below Options.Shards, and counts the call.
func (h *Host) Acquire(shard int) engine.Script {
	for {
		g := h.served.Load()
		v := g.vms[shard]
		v.calls.Add(1)
		// A generation is dropped when it is no longer served and has no calls. Asking again after counting makes
		// sure that it was still served then.
		if h.served.Load() == g {
			v.total.Add(1)
			return v
		}
		v.calls.Add(-1)
	}
}

// Reload reads the source and serves what it holds from now on, if it has changed and loads. On an error the script
// served before goes on.
func (h *Host) Reload(ctx context.Context) (Status, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, err := h.source.Read()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		h.refuse(nil, err)
	} else {
		err = h.load(s)
	}
	return h.status(), err
}

// Apply is Reload with a snapshot that was read already.
func (h *Host) Apply(s *Snapshot) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.load(s)
}

// load serves a snapshot if it loads. Every shard's state is made beforehand: no call pays for it.
func (h *Host) load(s *Snapshot) error {
	begin := h.opt.Now()
	old := h.served.Load()
	if old != nil && old.prog.Snapshot.hash == s.hash {
		h.last = Reload{Result: Unchanged, At: begin}
		h.refused = Refusal{} // what was wrong is gone from the disk
		return nil
	}
	g, err := h.generation(s)
	if err != nil {
		h.refuse(s, err)
		return err
	}
	g.since = begin
	h.served.Store(g)
	h.live = append(h.live, g)
	h.sweep()
	if g.vms[0].route.handlers[hInvite] == nil {
		h.opt.Logger.Warn(s.Entry + " returns no invite handler: every call is answered 404")
	}
	took := h.opt.Now().Sub(begin)
	h.last, h.refused = Reload{Result: Loaded, At: begin, Took: took}, Refusal{}
	h.opt.Logger.Info(fmt.Sprintf("script generation %d live", g.number),
		zap.String("sha256", short(s)), zap.Int("files", len(s.files)), zap.Duration("took", took))
	return nil
}

// generation makes the next generation from a snapshot.
func (h *Host) generation(s *Snapshot) (*generation, error) {
	p, err := Compile(s, h.opt.Library)
	if err != nil {
		return nil, err
	}
	g := &generation{number: h.next(), prog: p, vms: make([]*vm, h.opt.Shards)}
	for i := range g.vms {
		if g.vms[i], err = newVM(p, &h.opt, g.number, i, h.stats[i]); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// next is the number of the next generation.
func (h *Host) next() uint64 {
	if g := h.served.Load(); g != nil {
		return g.number + 1
	}
	return 1
}

// refuse notes that a version is not served.
func (h *Host) refuse(s *Snapshot, err error) {
	now := h.opt.Now()
	h.last = Reload{Result: Refused, At: now}
	h.refused = Refusal{Generation: h.next(), Error: err.Error(), At: now}
	var fields []zap.Field
	if s != nil {
		h.refused.Hash = short(s)
		fields = append(fields, zap.String("sha256", short(s)))
	}
	g := h.served.Load()
	if g == nil {
		return // NewHost returns the error
	}
	h.opt.Logger.Error(fmt.Sprintf("generation %d refused, still serving %d: %v", h.next(), g.number, err), fields...)
}

// sweep lets go of generations that no call runs any more.
func (h *Host) sweep() {
	served := h.served.Load()
	kept := h.live[:0]
	for _, g := range h.live {
		if g == served || g.calls() > 0 {
			kept = append(kept, g)
		}
	}
	clear(h.live[len(kept):])
	h.live = kept
}
