package luaapi

import (
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// maxLive is how many generations may live. Past it the established calls of the oldest go on in the one that is served.
const maxLive = 16

// generation is one version of the script with a Lua state for every shard.
type generation struct {
	number uint64
	prog   *Program
	since  time.Time
	vms    []*vm
	// retired says that calls leave the generation once they are answered.
	retired atomic.Bool
}

// generation makes the next generation from a program. Every shard's state is made beforehand: no call pays for it.
func (h *Host) generation(p *Program, number uint64) (*generation, error) {
	o := h.opt.Load()
	g := &generation{number: number, prog: p, vms: make([]*vm, o.Shards)}
	for i := range g.vms {
		v, err := newVM(p, o, number, i, h.stats[i])
		if err != nil {
			return nil, err
		}
		v.host, v.gen, g.vms[i] = h, g, v
	}
	return g, nil
}

// calls returns the calls that run the generation.
func (g *generation) calls() (n int64) {
	for _, v := range g.vms {
		n += v.calls.Load()
	}
	return n
}

// total returns the calls that ever ran it.
func (g *generation) total() (n uint64) {
	for _, v := range g.vms {
		n += v.total.Load()
	}
	return n
}

// judgedBy sets the trial that the calls of the generation that begin from now on are counted for; nil = none.
func (g *generation) judgedBy(arms []arm) {
	for i, v := range g.vms {
		if arms == nil {
			v.arm.Store(nil)
			continue
		}
		v.arm.Store(&arms[i])
	}
}

// sweep lets go of generations that no call runs any more, and retires the oldest of those that are too many.
func (h *Host) sweep() {
	s := h.served.Load()
	kept := h.live[:0]
	for _, g := range h.live {
		if s.serves(g) || g.calls() > 0 {
			kept = append(kept, g)
		}
	}
	clear(h.live[len(kept):])
	h.live = kept
	for i := 0; i < len(h.live)-maxLive; i++ {
		if g := h.live[i]; !s.serves(g) {
			h.retire(g)
		}
	}
}

// retire lets the established calls of a generation go on in the one that is served. Ringing calls keep theirs: their
// plans may hold functions.
func (h *Host) retire(g *generation) {
	if h.opt.Load().Post == nil || g.retired.Swap(true) {
		return
	}
	h.opt.Load().Logger.Warn(fmt.Sprintf("%d script generations have calls; established calls of generation %d go on in generation %d",
		len(h.live), g.number, h.served.Load().gen.number), zap.Int64("calls", g.calls()))
	for i, v := range g.vms {
		h.opt.Load().Post(i, v.moveCalls)
	}
}
