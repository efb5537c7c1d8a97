package luaapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// errNoPrevious says that there is nothing to go back to: one generation is kept for that.
var errNoPrevious = errors.New("there is no generation to go back to")

// Rollback ends a canary, or without one serves the generation before the present one again. What is on the disk is not
// loaded before it has changed.
func (h *Host) Rollback() (Status, error) {
	h.reloading.Lock()
	defer h.reloading.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	now, sv := h.opt.Load().Now(), h.served.Load()
	const reason = "by hand"
	if sv.trial != nil {
		h.rollTrialBack(sv, now, reason, zapcore.WarnLevel)
		return h.status(), nil
	}
	g := h.previous
	if g == nil {
		return h.status(), errNoPrevious
	}
	bad := sv.gen
	h.serve(g, now)
	h.previous = nil
	h.relive(g)
	h.hold(bad, now, reason, zapcore.WarnLevel)
	h.sweep()
	return h.status(), nil
}

// relive puts a generation that is served again among those that live, in their order.
func (h *Host) relive(g *generation) {
	at := 0
	for i, o := range h.live {
		if o == g {
			return
		}
		if o.number < g.number {
			at = i + 1
		}
	}
	h.live = append(h.live[:at], append([]*generation{g}, h.live[at:]...)...)
}

// hold keeps a version that was rolled back from being loaded again, and says so: as an error, unless somebody wanted it.
func (h *Host) hold(bad *generation, now time.Time, reason string, level zapcore.Level) {
	s := bad.prog.Snapshot
	h.held, h.heldWhy = s, fmt.Sprintf("generation %d was rolled back: %s", bad.number, reason)
	h.refused = Refusal{Generation: bad.number, Hash: short(s), Error: h.heldWhy, At: now}
	h.note(Reload{Result: RolledBack, At: now})
	h.opt.Load().Logger.Log(level, fmt.Sprintf("generation %d rolled back, serving %d: %s", bad.number, h.served.Load().gen.number, reason),
		zap.String("sha256", short(s)))
}

// try begins the canary of a generation.
func (h *Host) try(g *generation, now time.Time) {
	old := h.served.Load().gen
	t := newTrial(g, h.opt.Load().Canary, now, h.poke)
	g.since = now
	old.judgedBy(t.old)
	g.judgedBy(t.new)
	h.served.Store(&serving{gen: old, trial: t})
	h.poke()
}

// poke makes Run look.
func (h *Host) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// end ends the canary that runs, with a result.
func (h *Host) end(sv *serving, now time.Time, r Result, reason string) {
	t := sv.trial
	h.verdict = Verdict{Generation: t.gen.number, Result: r, Reason: reason, At: now, Old: tally(t.old), New: tally(t.new)}
	sv.gen.judgedBy(nil)
	t.gen.judgedBy(nil)
	if r == Promoted {
		h.serve(t.gen, now)
		return
	}
	h.served.Store(&serving{gen: sv.gen})
}

// withdraw ends the canary, if one runs, because something else has come up.
func (h *Host) withdraw(sv *serving, now time.Time, reason string) {
	if sv.trial == nil {
		return
	}
	h.end(sv, now, Withdrawn, reason)
	h.results[Withdrawn]++
	h.opt.Load().Logger.Warn(fmt.Sprintf("generation %d withdrawn: %s", sv.trial.gen.number, reason))
}

func (h *Host) rollTrialBack(sv *serving, now time.Time, reason string, level zapcore.Level) {
	h.end(sv, now, RolledBack, reason)
	h.hold(sv.trial.gen, now, reason, level)
	h.sweep()
}

// Run decides canaries, when enough calls were judged or their time is over, and lets go of generations that no call runs
// any more, until the context is done.
func (h *Host) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-timer.C:
		}
		if wait := h.decide(); wait > 0 {
			timer.Reset(wait)
		}
	}
}

// decide lets go of dead generations and ends the canary if it is decided by now; otherwise it returns how long it may still take, 0 = none runs.
func (h *Host) decide() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sweep()
	sv := h.served.Load()
	if sv.trial == nil {
		return 0
	}
	t, now := sv.trial, h.opt.Load().Now()
	result, reason := judge(tally(t.old), tally(t.new), !now.Before(t.until))
	switch result {
	case Promoted:
		h.end(sv, now, result, reason)
		h.note(Reload{Result: Promoted, At: now})
		h.opt.Load().Logger.Info(fmt.Sprintf("script generation %d live: %s", t.gen.number, reason), zap.String("sha256", short(t.gen.prog.Snapshot)))
		h.sweep()
	case RolledBack:
		h.rollTrialBack(sv, now, reason, zapcore.ErrorLevel)
	default:
		return t.until.Sub(now)
	}
	return 0
}
