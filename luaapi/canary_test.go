package luaapi

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestJudge(t *testing.T) {
	of := func(failed, judged uint64) Tally { return Tally{Begun: judged + 7, Judged: judged, Failed: failed} }
	for _, c := range []struct {
		name     string
		old, new Tally
		over     bool
		want     Result
	}{
		{"too few calls yet", of(0, 5000), of(150, 199), false, ""},
		{"enough calls", of(0, 5000), of(0, 200), false, Promoted},
		{"one point is allowed", of(0, 5000), of(2, 200), false, Promoted},
		{"more than one point is not", of(0, 5000), of(3, 200), false, RolledBack},
		{"twice the old share and one point", of(100, 1000), of(42, 200), false, Promoted},
		{"more than that", of(100, 1000), of(43, 200), false, RolledBack},
		{"the old one fails always", of(1000, 1000), of(200, 200), false, Promoted},
		{"the time is over, few calls, all well", of(0, 100), of(0, 3), true, Promoted},
		{"the time is over, few calls, one failed", of(0, 100), of(1, 3), true, RolledBack},
		{"the time is over, no calls", of(0, 100), of(0, 0), true, ""},
		{"no calls on the old one", of(0, 0), of(3, 200), false, RolledBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, why := judge(c.old, c.new, c.over); got != c.want || (why == "") != (got == "") {
				t.Errorf("got %q (%s), want %q", got, why, c.want)
			}
		})
	}
	if _, got := judge(of(1, 3), of(7, 200), false); got != "7 of 200 calls failed (3.5 %), 1 of 3 in the generation before (33.3 %)" {
		t.Errorf("reason: %s", got)
	}
}

// Whatever Call-IDs look like, the new generation gets its share of them, and other ones in another canary.
func TestCanaryShare(t *testing.T) {
	const calls = 20_000
	for name, format := range map[string]string{
		"counted": "%d", "with a host": "%d@192.0.2.1", "hexadecimal": "%032x", "the same end": "call-%08d-7f3a@pbx.example",
	} {
		for _, share := range []float64{0.01, 0.05, 0.5, 0.99} {
			first, second := &trial{canary: Canary{Share: share}, salt: 2}, &trial{canary: Canary{Share: share}, salt: 3}
			taken, both := 0, 0
			for i := range calls {
				id := fmt.Appendf(nil, format, i)
				if first.takes(id) {
					taken++
					if second.takes(id) {
						both++
					}
				}
			}
			if got := float64(taken) / calls; got < share*0.8 || got > share*1.2 {
				t.Errorf("%s: %g of the calls, want %g", name, got, share)
			}
			if got := float64(both) / float64(taken); share >= 0.05 && (got < share*0.5 || got > min(share*1.5, 1)) {
				t.Errorf("%s: of those that one canary takes the next one takes %g, want %g", name, got, share)
			}
		}
	}
}

// canaried is a host with a canary, on a clock that the test sets.
type canaried struct {
	*Host
	t    *testing.T
	src  *changing
	logs *observer.ObservedLogs
	now  time.Time
	n    int // calls so far
}

const half = 0.5

func newCanaried(t *testing.T, main string) *canaried {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	c := &canaried{t: t, src: &changing{snapshot: memory("main.lua", script(main))}, logs: logs, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	h, err := NewHost(c.src, Options{
		Shards: 2, Logger: zap.New(core), Now: func() time.Time { return c.now }, Canary: Canary{Share: half, For: 2 * time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Host = h
	logs.TakeAll()
	return c
}

// put puts a script on the disk and reloads.
func (c *canaried) put(main string) (Status, error) {
	c.src.snapshot = memory("main.lua", script(main))
	return c.Reload(context.Background())
}

func (c *canaried) mustPut(main string) {
	c.t.Helper()
	if _, err := c.put(main); err != nil {
		c.t.Fatal(err)
	}
}

// calls runs calls until the new generation has had n of them, as the engine does: Invite, Replied, Release.
func (c *canaried) calls(n int) {
	for served := uint64(0); n > 0; c.n++ {
		if served == 0 {
			served = c.Status().Generation
		}
		id := fmt.Sprintf("call %d", c.n)
		s, call := c.Acquire(c.n%2, []byte(id)), newCall(c.t)
		if p := s.Invite(call); p != nil && p.Reply != nil {
			s.Replied(call, p.Reply.Code)
		}
		s.Ended(call)
		s.Release(call)
		if s.Generation() != served {
			n--
		}
	}
}

func (c *canaried) want(serving uint64, canary uint64) {
	c.t.Helper()
	st, got := c.Status(), uint64(0)
	if st.Canary != nil {
		got = st.Canary.Generation
	}
	if st.Generation != serving || got != canary {
		c.t.Errorf("serves %d with canary %d, want %d with %d\n%+v", st.Generation, got, serving, canary, st)
	}
}

const (
	well    = `function route.invite(call) return plan.to "sip:a@h" end`
	better  = `function route.invite(call) return plan.to "sip:b@h" end`
	errs    = `function route.invite(call) error "no" end`
	rejects = `function route.invite(call) return plan.reject(503) end`
	refuses = `function route.invite(call) return plan.reject(486) end`
	late    = well + ` function route.ended(call) error "late" end`
	odd     = `function route.invite(call) if math.random(2) == 1 then error "odd" end end`
)

func TestCanary(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		calls          int
		after          time.Duration
		want           Result
		failed         uint64
	}{
		{"all well", well, better, 200, 0, Promoted, 0},
		{"not yet enough calls", well, errs, 199, 2*time.Minute - 1, "", 0},
		{"a handler fails", well, errs, 200, 0, RolledBack, 200},
		{"5xx of the script", well, rejects, 200, 0, RolledBack, 200},
		{"4xx of the script", well, refuses, 200, 0, Promoted, 0},
		{"the last handler fails", well, late, 200, 0, RolledBack, 200},
		{"both fail", errs, rejects, 200, 0, Promoted, 200},
		{"the time is over", well, errs, 1, 2 * time.Minute, RolledBack, 1},
		{"the time is over without a call", well, errs, 0, 2 * time.Hour, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newCanaried(t, c.old)
			h.mustPut(c.new)
			h.want(1, 2)
			h.calls(c.calls)
			h.now = h.now.Add(c.after)
			h.decide()
			switch c.want {
			case Promoted:
				h.want(2, 0)
			case RolledBack:
				h.want(1, 0)
			default:
				h.want(1, 2)
			}
			if v := h.Status().Verdict; v.Result != c.want || v.New.Failed != c.failed || v.New.Judged != uint64(c.calls) && c.want != "" {
				t.Errorf("verdict %+v", v)
			}
		})
	}
}

// A canary without calls waits for the first one, and says so.
func TestCanaryWaits(t *testing.T) {
	for name, c := range map[string]struct {
		new    string
		serves uint64
		log    string
	}{
		"well":  {better, 2, "info script generation 2 live: 0 of 1 calls failed (0 %), "},
		"badly": {errs, 1, "error generation 2 rolled back, serving 1: 1 of 1 calls failed (100 %), "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newCanaried(t, well)
				h.opt.Load().Now = time.Now
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go h.Run(ctx)
				h.mustPut(c.new)
				if st := h.Status().Canary; st.Waits {
					t.Errorf("%+v", st)
				}
				<-time.After(30 * time.Hour)
				synctest.Wait()
				h.want(1, 2)
				if st := h.Status().Canary; !st.Waits {
					t.Errorf("%+v", st)
				}
				if h.logs.TakeAll(); t.Failed() {
					return
				}
				h.calls(1)
				synctest.Wait()
				h.want(c.serves, 0)
				logs := ""
				for _, e := range h.logs.TakeAll() {
					logs += e.Level.String() + " " + e.Message + "\n"
				}
				if !strings.Contains(logs, c.log) {
					t.Errorf("logged %s", logs)
				}
			})
		})
	}
}

// A call that began before the canary counts for neither side, and one that fails twice counts once.
func TestWhatCanaryCounts(t *testing.T) {
	h := newCanaried(t, late)
	before, call := h.Acquire(0, []byte("before")), newCall(t)
	before.Invite(call)
	h.mustPut(errs)
	before.Ended(call)
	before.Release(call)
	h.calls(10)
	c := h.Status().Canary
	if c.New != (Tally{10, 10, 10}) || c.Old.Judged != uint64(h.n)-10 || c.Old.Failed != c.Old.Judged {
		t.Errorf("new %+v, old %+v of %d calls", c.New, c.Old, h.n-10)
	}
}

// A call is judged when it is answered; what fails later counts all the same.
func TestCanaryJudgesAnswers(t *testing.T) {
	h := newCanaried(t, well)
	h.mustPut(late)
	n := 0
	for !h.served.Load().trial.takes(fmt.Appendf(nil, "%d", n)) {
		n++
	}
	s, call := h.Acquire(0, fmt.Appendf(nil, "%d", n)), newCall(t)
	s.Invite(call)
	is := func(want Tally) {
		t.Helper()
		if got := h.Status().Canary.New; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	is(Tally{Begun: 1})
	s.Answered(call, nil)
	is(Tally{Begun: 1, Judged: 1})
	s.Ended(call)
	s.Release(call)
	is(Tally{Begun: 1, Judged: 1, Failed: 1})
}

func TestCanaryOfRequests(t *testing.T) {
	h := newCanaried(t, well+` function route.request(req) return plan.reject(405) end`)
	h.mustPut(well + ` function route.request(req) return plan.reject(500) end`)
	for i := range 100 {
		s, call := h.Acquire(0, fmt.Appendf(nil, "%d", i)), newCall(t)
		s.Request(call)
		s.Release(call)
	}
	c := h.Status().Canary
	if c.New.Judged < 20 || c.New.Failed != c.New.Judged || c.Old.Judged < 20 || c.Old.Failed != 0 {
		t.Errorf("new %+v, old %+v", c.New, c.Old)
	}
}

func TestCanaryMeetsReloads(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *canaried) error
		// what comes of it
		serving, canary uint64
		result          Result
		verdict         Result
		err             string
	}{
		{"nothing changed", func(h *canaried) error { _, err := h.put(better); return err }, 1, 2, Unchanged, "", ""},
		{"another version", func(h *canaried) error { _, err := h.put(refuses); return err }, 1, 3, Tried, Withdrawn, ""},
		{"the old version", func(h *canaried) error { _, err := h.put(well); return err }, 1, 0, Unchanged, Withdrawn, ""},
		{"a bad version", func(h *canaried) error { _, err := h.put("x = = 1"); return err }, 1, 2, Refused, "", `main.lua:4: syntax error near "="`},
		{"a rollback", func(h *canaried) error { _, err := h.Rollback(); return err }, 1, 0, RolledBack, RolledBack, ""},
		{"a rollback and nothing changed", func(h *canaried) error {
			h.Rollback()
			_, err := h.put(better)
			return err
		}, 1, 0, Refused, RolledBack, "generation 2 was rolled back: by hand; it is tried again when the scripts have changed"},
		{"a rollback and another version", func(h *canaried) error {
			h.Rollback()
			_, err := h.put(refuses)
			return err
		}, 1, 3, Tried, RolledBack, ""},
		{"a rollback, another version and back", func(h *canaried) error {
			h.Rollback()
			h.put(refuses)
			_, err := h.put(better)
			return err
		}, 1, 4, Tried, Withdrawn, ""},
		{"a rollback and as before", func(h *canaried) error {
			h.Rollback()
			_, err := h.put(well)
			return err
		}, 1, 0, Unchanged, RolledBack, ""},
		{"it was promoted, and a rollback", func(h *canaried) error {
			h.calls(200)
			h.decide()
			_, err := h.Rollback()
			return err
		}, 1, 0, RolledBack, Promoted, ""},
		{"it was rolled back, and a rollback", func(h *canaried) error {
			h.Rollback()
			_, err := h.Rollback()
			return err
		}, 1, 0, RolledBack, RolledBack, "there is no generation to go back to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newCanaried(t, well)
			h.mustPut(better)
			err := c.do(h)
			h.want(c.serving, c.canary)
			st := h.Status()
			if st.Last.Result != c.result || st.Verdict.Result != c.verdict {
				t.Errorf("result %q, verdict %q; want %q, %q", st.Last.Result, st.Verdict.Result, c.result, c.verdict)
			}
			if got := fmt.Sprint(err); got != c.err && (err != nil || c.err != "") {
				t.Errorf("error %q, want %q", got, c.err)
			}
			// What no canary is on counts for none.
			for _, g := range h.live {
				if c.canary == 0 && g.vms[0].arm.Load() != nil {
					t.Errorf("generation %d is still judged", g.number)
				}
			}
		})
	}
}

// Run decides by itself: when the time is over, and as soon as there were enough calls.
func TestRunDecides(t *testing.T) {
	for name, c := range map[string]struct {
		new    string
		calls  int
		sleep  time.Duration
		serves uint64
		log    string
	}{
		"time":       {better, 3, 2 * time.Minute, 2, "info script generation 2 live: 0 of 3 calls failed (0 %), "},
		"calls":      {errs, 200, 0, 1, "error generation 2 rolled back, serving 1: 200 of 200 calls failed (100 %), 0 of "},
		"before it":  {errs, 199, 2*time.Minute - 1, 1, ""},
		"errs a bit": {odd, 200, 0, 1, "error generation 2 rolled back, serving 1: "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newCanaried(t, well)
				h.opt.Load().Now = time.Now
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go h.Run(ctx)
				h.mustPut(c.new)
				h.calls(c.calls)
				<-time.After(c.sleep)
				synctest.Wait()
				if got := h.Status().Generation; got != c.serves {
					t.Errorf("serves %d, want %d", got, c.serves)
				}
				logs := ""
				for _, e := range h.logs.TakeAll() {
					logs += e.Level.String() + " " + e.Message + "\n"
				}
				if !strings.Contains(logs, "info script generation 2 gets 50 % of new calls for 2m0s, generation 1 the others") || !strings.Contains(logs, c.log) {
					t.Errorf("logged %s\nwant %s", logs, c.log)
				}
			})
		})
	}
}

// The last call of an old generation lets go of it, without anybody asking for the status.
func TestRunLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, src, _ := newHost(t, Options{Shards: 2})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go h.Run(ctx)
		first, second := h.Acquire(0, nil), h.Acquire(1, nil)
		src.snapshot = says("two")
		if _, err := h.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		live := func(want int) {
			t.Helper()
			synctest.Wait()
			h.mu.Lock()
			defer h.mu.Unlock()
			if len(h.live) != want {
				t.Errorf("%d generations live, want %d", len(h.live), want)
			}
		}
		live(2)
		first.Release(nil)
		live(2)
		second.Release(nil)
		live(1)
	})
}
