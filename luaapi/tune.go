package luaapi

import (
	"slices"

	httpmod "tandem/luaapi/mod/http"
)

// Tuning is what of the Options may become another while scripts run. The fields are those of Options, and so are their zero values.
type Tuning struct {
	Budget, Memory int
	Emergency      []string
	HTTP           *httpmod.Client
	Require        Requirement
	Canary         Canary
}

// Tune has other options hold from now on, for the generations that there are as well: on the shards once take was called for each of them, on its goroutine. A canary
// that runs goes on as it began.
func (h *Host) Tune(t Tuning) (take func(shard int)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := *h.opt.Load()
	next.Budget, next.Memory, next.Emergency, next.HTTP, next.Require, next.Canary = t.Budget, t.Memory, t.Emergency, t.HTTP, t.Require, t.Canary
	next = next.withDefaults()
	h.opt.Store(&next)
	all := slices.Clone(h.live)
	if h.previous != nil {
		all = append(all, h.previous) // it may serve again
	}
	return func(shard int) {
		for _, g := range all {
			g.vms[shard].tune(&next)
		}
	}
}

// tune has a state go by other options.
func (v *vm) tune(o *Options) {
	v.opt = o
	if m := v.kept.number; m != nil {
		m.Emergency = o.Emergency
	}
	if m := v.kept.http; m != nil {
		m.Client = o.HTTP
	}
}
