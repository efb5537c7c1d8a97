package luaapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Reload reads the source and serves what it holds from now on, if it has changed and passes what is required. On an
// error the script served before goes on. With a canary, it serves its share first.
func (h *Host) Reload(ctx context.Context) (Status, error) {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	s, err := h.source.Read()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		h.refuse(nil, err)
	} else {
		err = h.load(ctx, s)
	}
	return h.Status(), err
}

// Apply is Reload with a snapshot that was read already.
func (h *Host) Apply(ctx context.Context, s *Snapshot) error {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	return h.load(ctx, s)
}

// load serves a snapshot if it passes.
func (h *Host) load(ctx context.Context, s *Snapshot) error {
	begin := h.opt.Load().Now()
	if known, err := h.known(s, begin); known {
		return err
	}
	g, err := h.prepare(ctx, s)
	if err != nil {
		h.refuse(s, err)
		return err
	}
	h.install(g, begin)
	return nil
}

// known sees to a snapshot that needs no loading: the one that serves, the one on trial, the one that was rolled back.
func (h *Host) known(s *Snapshot, now time.Time) (bool, error) {
	if h.served.Load() == nil {
		return false, nil
	}
	if err := h.holds(s); err != nil {
		h.refuse(s, err)
		return true, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = nil
	sv := h.served.Load()
	if s.hash == sv.gen.prog.Snapshot.hash {
		h.withdraw(sv, now, "the scripts are again as before it")
	} else if sv.trial == nil || sv.trial.gen.prog.Snapshot.hash != s.hash {
		return false, nil
	}
	h.note(Reload{Result: Unchanged, At: now})
	h.refused = Refusal{} // what was wrong is gone from the disk
	return true, nil
}

// holds returns an error if a version was rolled back and nothing has changed since.
func (h *Host) holds(s *Snapshot) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil || h.held.hash != s.hash {
		return nil
	}
	return errors.New(h.heldWhy + "; it is tried again when the scripts have changed")
}

// prepare makes a generation that may serve.
func (h *Host) prepare(ctx context.Context, s *Snapshot) (*generation, error) {
	p, err := compileAfter(h.program(), s, h.opt.Load().Library)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	number := h.next()
	h.mu.Unlock()
	g, err := h.generation(p, number)
	if err != nil {
		return nil, err
	}
	p.tables.Loaded()
	if h.served.Load() == nil {
		return g, nil
	}
	return g, h.opt.Load().pass(ctx, p)
}

// program is what is served, nil before the first version is.
func (h *Host) program() *Program {
	if sv := h.served.Load(); sv != nil {
		return sv.gen.prog
	}
	return nil
}

// install serves a generation, or begins its canary.
func (h *Host) install(g *generation, begin time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sv := h.served.Load()
	h.numbered = g.number
	for _, v := range g.vms {
		v.tune(h.opt.Load()) // which may have become others since it was made
	}
	h.live = append(h.live, g)
	now := h.opt.Load().Now()
	r := Reload{Result: Loaded, At: begin, Took: now.Sub(begin)}
	s := g.prog.Snapshot
	fields := []zap.Field{zap.String("sha256", short(s)), zap.Int("files", len(s.files)), zap.Duration("took", r.Took)}
	if sv != nil && h.opt.Load().Canary.Share > 0 {
		h.withdraw(sv, now, "a newer version came")
		h.try(g, now)
		r.Result = Tried
		h.opt.Load().Logger.Info(fmt.Sprintf("script generation %d gets %s of new calls for %v, generation %d the others",
			g.number, percent(h.opt.Load().Canary.Share), h.opt.Load().Canary.For, sv.gen.number), fields...)
	} else {
		h.serve(g, begin)
		h.opt.Load().Logger.Info(fmt.Sprintf("script generation %d live", g.number), fields...)
	}
	h.note(r)
	h.refused = Refusal{}
	h.sweep()
	if g.vms[0].route.handlers[hInvite] == nil {
		h.opt.Load().Logger.Warn(s.Entry + " returns no invite handler: every call is answered 404")
	}
}

// serve gives new calls to a generation.
func (h *Host) serve(g *generation, now time.Time) {
	if old := h.served.Load(); old != nil {
		h.previous = old.gen
	}
	g.since = now
	g.retired.Store(false)
	h.served.Store(&serving{gen: g})
}

// next is the number of the next generation.
func (h *Host) next() uint64 { return h.numbered + 1 }

// note keeps the result of a reload.
func (h *Host) note(r Reload) {
	h.last = r
	h.results[r.Result]++
}

// refuse notes that a version is not served.
func (h *Host) refuse(s *Snapshot, err error) {
	if h.served.Load() == nil {
		return // NewHost returns the error
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.opt.Load().Now()
	h.note(Reload{Result: Refused, At: now})
	number := h.refused.Generation
	if s == nil || h.refused.Hash != short(s) {
		number = h.next()
		h.numbered = number // another version is not to be taken for this one
	}
	h.refused = Refusal{Generation: number, Error: err.Error(), At: now}
	var found *FoundError
	if errors.As(err, &found) {
		h.refused.Findings = found.Findings
	}
	var fields []zap.Field
	if s != nil {
		h.refused.Hash = short(s)
		fields = append(fields, zap.String("sha256", short(s)))
	}
	sv := h.served.Load()
	h.opt.Load().Logger.Error(fmt.Sprintf("generation %d refused, still serving %d: %v", number, sv.gen.number, err), fields...)
}
