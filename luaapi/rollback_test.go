package luaapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tandem/engine/plan"
)

func TestRollback(t *testing.T) {
	h, src, logs := newHost(t, Options{Shards: 2})
	ctx := context.Background()
	put := func(text string) error {
		src.snapshot = says(text)
		_, err := h.Reload(ctx)
		return err
	}
	if _, err := h.Rollback(); !errors.Is(err, errNoPrevious) {
		t.Fatalf("the first generation is rolled back: %v", err)
	}
	if err := put("two"); err != nil {
		t.Fatal(err)
	}
	up := h.Acquire(0, nil)
	st, err := h.Rollback()
	if err != nil || st.Generation != 1 || h.answer(t, 0) != "one" || h.answer(t, 1) != "one" {
		t.Fatalf("%v, %+v", err, st)
	}
	if got := up.Invite(newCall(t)).String(); got != "two" {
		t.Errorf("a call of generation 2 is answered by %s", got)
	}
	up.Release(nil)
	if st.Refused.Generation != 2 || st.Refused.Hash != short(says("two")) || st.Refused.Error != "generation 2 was rolled back: by hand" {
		t.Errorf("refused %+v", st.Refused)
	}
	if _, err := h.Rollback(); !errors.Is(err, errNoPrevious) {
		t.Errorf("rolled back twice: %v", err)
	}

	// That the files are seen once more, an event being late, is nothing new.
	src.snapshot = says("two")
	before := logs.Len()
	h.version(ctx).Load()
	if st := h.Status(); logs.Len() != before || st.Generation != 1 || st.Refused.Error != "generation 2 was rolled back: by hand" {
		t.Errorf("%v, refused %+v", logs.All()[before:], st.Refused)
	}

	// It stays so until the files change.
	for range 2 {
		if err := put("two"); err == nil || !strings.Contains(err.Error(), "generation 2 was rolled back") || h.Status().Generation != 1 {
			t.Errorf("the same files again: %v, %+v", err, h.Status())
		}
	}
	if err := put("three"); err != nil || h.Status().Generation != 3 || h.Status().Previous != 1 {
		t.Errorf("other files: %v, %+v", err, h.Status())
	}
	if err := put("two"); err != nil || h.Status().Generation != 4 || h.answer(t, 0) != "two" {
		t.Errorf("changed back: %v, %+v", err, h.Status())
	}
	if st, err := h.Rollback(); err != nil || st.Generation != 3 || len(st.Generations) != 1 {
		t.Errorf("the next rollback: %v, %+v", err, st)
	}
	want := map[Result]uint64{Loaded: 4, RolledBack: 2, Refused: 2}
	if diff := cmp.Diff(want, h.Status().Results); diff != "" {
		t.Error(diff)
	}
	if n := logs.FilterMessage("generation 2 rolled back, serving 1: by hand").FilterLevelExact(zapcore.WarnLevel).Len(); n != 1 {
		t.Errorf("logged %d times as a warning", n)
	}
}

// A generation that calls still run is served again with those calls counted.
func TestRollbackToALiveGeneration(t *testing.T) {
	h, src, _ := newHost(t, Options{})
	up := h.Acquire(0, nil)
	src.snapshot = says("two")
	if _, err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	st, err := h.Rollback()
	if err != nil || len(st.Generations) != 1 || st.Generations[0].Number != 1 || st.Generations[0].Calls != 1 {
		t.Errorf("%v, %+v", err, st.Generations)
	}
	up.Release(nil)
}

// required is a host that requires something of a new version.
func required(t *testing.T, opt Options) (*Host, *changing, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.ErrorLevel)
	opt.Logger = zap.New(core)
	src := &changing{snapshot: says("one")}
	h, err := NewHost(src, opt)
	if err != nil {
		t.Fatal(err)
	}
	return h, src, logs
}

func TestRequirements(t *testing.T) {
	bad := []Finding{
		{plan.Pos{File: "main.lua", Line: 3}, "unused-local", `"x" is not used`},
		{plan.Pos{File: "lib.lua", Line: 1}, "shadow", "no"},
	}
	failing := []Finding{{plan.Pos{File: "main_test.lua", Line: 4}, "test", "busy desk phone: got 480"}}
	for _, c := range []struct {
		name    string
		require Requirement
		check   []Finding
		test    []Finding
		testErr error
		want    string
		tested  bool
	}{
		{name: "load looks no further", require: RequireLoad, check: bad, test: failing},
		{name: "nothing said is load", check: bad, test: failing},
		{name: "check finds", require: RequireCheck, check: bad, want: `check: main.lua:3 unused-local "x" is not used (and 1 more)`},
		{name: "check finds nothing", require: RequireCheck, test: failing},
		{name: "test comes after check", require: RequireTest, check: bad, want: `check: main.lua:3 unused-local "x" is not used (and 1 more)`},
		{name: "a test fails", require: RequireTest, test: failing, want: "test: main_test.lua:4 test busy desk phone: got 480", tested: true},
		{name: "there are no tests", require: RequireTest, testErr: errors.New("there are none"), want: "test: there are none", tested: true},
		{name: "all is well", require: RequireTest, tested: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tested *Program
			h, src, logs := required(t, Options{
				Require: c.require,
				Check:   func(*Snapshot) []Finding { return c.check },
				Test: func(_ context.Context, p *Program) ([]Finding, error) {
					tested = p
					return c.test, c.testErr
				},
			})
			if tested != nil {
				t.Error("the first version was held to more than loading")
			}
			src.snapshot = says("two")
			st, err := h.Reload(context.Background())
			if (tested != nil) != c.tested || tested != nil && tested.Snapshot != src.snapshot {
				t.Errorf("tested %+v", tested)
			}
			if c.want == "" {
				if err != nil || st.Generation != 2 {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || err.Error() != c.want || st.Generation != 1 || h.answer(t, 0) != "one" || st.Refused.Error != c.want {
				t.Errorf("got %v, %+v", err, st)
			}
			if found := append(c.check, c.test...); len(found) > 0 && !cmp.Equal(st.Refused.Findings, found) {
				t.Errorf("findings %v", st.Refused.Findings)
			}
			if got := logs.All(); len(got) != 1 || got[0].Message != "generation 2 refused, still serving 1: "+c.want {
				t.Errorf("logged %v", got)
			}
		})
	}
}

// Tests that take too long refuse a version; meanwhile calls are taken and the status answers.
func TestTestsThatTakeTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := make(chan struct{})
		h, src, _ := required(t, Options{
			Require: RequireTest, TestTime: 10 * time.Second,
			Test: func(ctx context.Context, _ *Program) ([]Finding, error) {
				close(began)
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		src.snapshot = says("two")
		done := make(chan error)
		begin := time.Now()
		go func() {
			_, err := h.Reload(context.Background())
			done <- err
		}()
		<-began
		if h.Status().Generation != 1 || h.answer(t, 0) != "one" {
			t.Error("not served while the tests run")
		}
		err := <-done
		if got := fmt.Sprint(err); got != "test: the tests take longer than 10s" || time.Since(begin) != 10*time.Second {
			t.Errorf("after %v: %s", time.Since(begin), got)
		}
		ctx, cancel := context.WithCancel(context.Background())
		began = make(chan struct{})
		go func() { <-began; cancel() }()
		if _, err := h.Reload(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}
