package luaapi

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tandem/engine/plan"
	"tandem/luaapi/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// changing is a source whose snapshot a test sets.
type changing struct {
	snapshot *Snapshot
	err      error
}

func (s *changing) Read() (*Snapshot, error) { return s.snapshot, s.err }

func says(text string) *Snapshot {
	return memory("main.lua", "return { invite = function() return require('plan').to('sip:"+text+"@h') end }")
}

func newHost(t *testing.T, opt Options) (*Host, *changing, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	opt.Logger = zap.New(core)
	src := &changing{snapshot: says("one")}
	h, err := NewHost(src, opt)
	if err != nil {
		t.Fatal(err)
	}
	return h, src, logs
}

func (h *Host) answer(t *testing.T, shard int) string {
	t.Helper()
	s := h.Acquire(shard, nil)
	defer s.Release(nil)
	return s.Invite(newCall(t)).String()
}

func TestReload(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	h, src, logs := newHost(t, Options{Shards: 2, Now: func() time.Time { now = now.Add(time.Second); return now }})
	ctx := context.Background()
	one := h.Status()
	if one.Generation != 1 || one.Last.Result != Loaded || h.answer(t, 0) != "one" {
		t.Fatalf("status %+v", one)
	}

	st, err := h.Reload(ctx)
	if err != nil || st.Last.Result != Unchanged || st.Generation != 1 {
		t.Errorf("same snapshot: %v, %+v", err, st)
	}

	src.snapshot = says("two")
	st, err = h.Reload(ctx)
	if err != nil || st.Last.Result != Loaded || st.Generation != 2 || st.Hash == one.Hash || st.Last.Took != time.Second {
		t.Errorf("new snapshot: %v, %+v", err, st)
	}
	for shard := range 2 {
		if got := h.answer(t, shard); got != "two" {
			t.Errorf("shard %d answers %s", shard, got)
		}
	}

	src.snapshot = memory("main.lua", "return {}", "lib.lua", "\n\nx = = 1")
	st, err = h.Reload(ctx)
	var e *Error
	if !errors.As(err, &e) || st.Last.Result != Refused || st.Generation != 2 || h.answer(t, 1) != "two" {
		t.Errorf("bad snapshot: %v, %+v", err, st)
	}
	want := Refusal{Generation: 3, Hash: short(src.snapshot), Error: `lib.lua:3: syntax error near "="`, At: st.Refused.At}
	if diff := cmp.Diff(want, st.Refused); diff != "" {
		t.Error(diff)
	}

	src.snapshot = memory("main.lua", "error('no')")
	if st, err = h.Reload(ctx); err == nil || st.Refused.Error != "main.lua:1: no" {
		t.Errorf("a script that fails to load: %v, %+v", err, st.Refused)
	}

	if st, err = h.Reload(ctx); err == nil || st.Refused.Generation != 4 {
		t.Errorf("the same script again: %v, %+v", err, st.Refused)
	}

	src.err = errors.New("disk on fire")
	if st, err = h.Reload(ctx); err == nil || st.Refused.Error != "disk on fire" || st.Refused.Hash != "" {
		t.Errorf("unreadable source: %v, %+v", err, st.Refused)
	}

	src.err, src.snapshot = nil, says("two")
	if st, err = h.Reload(ctx); err != nil || !reflect.DeepEqual(st.Refused, Refusal{}) || st.Generation != 2 {
		t.Errorf("back to what is served: %v, %+v", err, st)
	}
	src.snapshot = says("three")
	if st, err = h.Reload(ctx); err != nil || st.Generation != 6 { // the numbers of those that were refused are not given again
		t.Errorf("the next good one: %v, %+v", err, st)
	}

	var got []string
	for _, l := range logs.TakeAll() {
		got = append(got, l.Level.String()+" "+l.Message)
	}
	wantLog := []string{
		"info script generation 1 live",
		"info script generation 2 live",
		`error generation 3 refused, still serving 2: lib.lua:3: syntax error near "="`,
		"error generation 4 refused, still serving 2: main.lua:1: no",
		"error generation 4 refused, still serving 2: main.lua:1: no",
		"error generation 5 refused, still serving 2: disk on fire",
		"info script generation 6 live",
	}
	if diff := cmp.Diff(wantLog, got); diff != "" {
		t.Error(diff)
	}
}

func TestReloadIsCancelled(t *testing.T) {
	h, src, _ := newHost(t, Options{})
	src.snapshot = says("two")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if st, err := h.Reload(ctx); !errors.Is(err, context.Canceled) || st.Generation != 1 {
		t.Errorf("got %v, %+v", err, st)
	}
}

func TestFirstGenerationMustLoad(t *testing.T) {
	for name, src := range map[string]Source{
		"main.lua:1: no": memory("main.lua", "error('no')"),
		"unreadable":     &changing{err: errors.New("unreadable")},
	} {
		if _, err := NewHost(src, Options{}); err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

// A call keeps the generation that it started with; a generation goes when its last call has.
func TestGenerations(t *testing.T) {
	h, src, _ := newHost(t, Options{Shards: 2})
	ctx := context.Background()
	first, second := h.Acquire(0, nil), h.Acquire(1, nil)
	src.snapshot = says("two")
	if _, err := h.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	third := h.Acquire(0, nil)
	if g := []uint64{first.Generation(), second.Generation(), third.Generation()}; g[0] != 1 || g[1] != 1 || g[2] != 2 {
		t.Errorf("generations %v", g)
	}
	if got := first.Invite(newCall(t)).String(); got != "one" {
		t.Errorf("the first call is answered by %s", got)
	}
	counts := func() (out []GenerationStatus) {
		for _, g := range h.Status().Generations {
			g.Hash = ""
			out = append(out, g)
		}
		return out
	}
	if diff := cmp.Diff([]GenerationStatus{{Number: 1, Calls: 2, Total: 2}, {Number: 2, Calls: 1, Total: 1}}, counts()); diff != "" {
		t.Error(diff)
	}
	first.Release(nil)
	if diff := cmp.Diff([]GenerationStatus{{Number: 1, Calls: 1, Total: 2}, {Number: 2, Calls: 1, Total: 1}}, counts()); diff != "" {
		t.Error(diff)
	}
	second.Release(nil)
	third.Release(nil)
	if diff := cmp.Diff([]GenerationStatus{{Number: 2, Total: 1}}, counts()); diff != "" {
		t.Error(diff)
	}
}

func TestDeadGenerationsAreFreed(t *testing.T) {
	h, src, _ := newHost(t, Options{})
	freed := make(chan struct{})
	call := h.Acquire(0, nil)
	runtime.AddCleanup(h.served.Load().gen, func(c chan struct{}) { close(c) }, freed)
	src.snapshot = says("two")
	if _, err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	call.Release(nil)
	call = nil // let go of
	h.Status()
	defer runtime.KeepAlive(h)
	src.snapshot = says("three") // the one before is kept to go back to
	if _, err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(2 * time.Minute)
	for {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-deadline:
			t.Fatal("the first generation is still held")
		default:
		}
	}
}

// Shards take calls while generations change: every call gets a live generation, and none is lost from the counts.
func TestAcquireWhileReloading(t *testing.T) {
	const shards, calls, reloads = 4, 300, 20
	h, _, _ := newHost(t, Options{Shards: shards, Random: func(uint64, int) rand.Source { return rand.NewPCG(1, 2) }})
	var wg sync.WaitGroup
	for shard := range shards {
		wg.Go(func() {
			last := uint64(0)
			for range calls {
				s := h.Acquire(shard, nil)
				if s.Generation() < last {
					t.Errorf("shard %d went back to generation %d", shard, s.Generation())
				}
				last = s.Generation()
				if s.Invite(newCall(t)) == nil {
					t.Error("no plan")
				}
				s.Release(nil)
			}
		})
	}
	for i := range reloads {
		if err := h.Apply(context.Background(), says(strings.Repeat("x", i+1))); err != nil {
			t.Error(err)
		}
		h.Status()
	}
	wg.Wait()
	st := h.Status()
	if len(st.Generations) != 1 || st.Generations[0].Calls != 0 || st.Generation != reloads+1 {
		t.Errorf("left: %+v", st.Generations)
	}
	if st.Handlers[0].Calls != shards*calls {
		t.Errorf("%d calls are counted, want %d", st.Handlers[0].Calls, shards*calls)
	}
}

// The same script, seed and calls give the same on every shard and in every process.
func TestShardsDoNotShare(t *testing.T) {
	r, err := try(t, Options{Shards: 2}, "main.lua", `
		local plan = require "plan"
		local seen = {}
		return { invite = function() seen[#seen + 1] = true return plan.to("sip:" .. #seen .. "@h") end }`)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{r.answer(t, 0), r.answer(t, 0), r.answer(t, 1)}
	if diff := cmp.Diff([]string{"1", "2", "1"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWatchReloads(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.lua")
	write(t, main, says("one").File("main.lua"))
	logged := make(chan string, 100)
	hook := zap.Hooks(func(e zapcore.Entry) error { logged <- e.Message; return nil })
	core, _ := observer.New(zapcore.InfoLevel)
	h, err := NewHost(Dir(dir), Options{Logger: zap.New(core, hook)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- h.watch(ctx, watch.Config{Debounce: 5 * time.Millisecond, Poll: time.Hour}) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	wait := func(want string) {
		t.Helper()
		for deadline := time.After(2 * time.Minute); ; {
			select {
			case got := <-logged:
				if strings.HasPrefix(got, want) {
					return
				}
			case <-deadline:
				t.Fatalf("%q does not come: %+v", want, h.Status())
			}
		}
	}
	wait("script generation 1 live")
	write(t, main, says("two").File("main.lua"))
	wait("script generation 2 live")
	if got := h.answer(t, 0); got != "two" {
		t.Errorf("answers %s", got)
	}
	if err := os.Remove(main); err != nil {
		t.Fatal(err)
	}
	wait("generation 3 refused, still serving 2: " + dir + " has no main.lua")
	if st := h.Status(); st.Generation != 2 || st.Refused.Generation != 3 {
		t.Errorf("after main.lua is gone: %+v", st)
	}
	write(t, main, says("three").File("main.lua"))
	wait("script generation 4 live")
	if st := h.Status(); !reflect.DeepEqual(st.Refused, Refusal{}) {
		t.Errorf("still refused: %+v", st.Refused)
	}
}

func TestWatchWithoutAFolder(t *testing.T) {
	h, _, _ := newHost(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Watch(ctx); err != nil {
		t.Error(err)
	}
}

// A script that forgot its invite handler, or the return before it, serves, and the log says what it does.
func TestNoInviteHandler(t *testing.T) {
	r := serve(t, "return { invite = function() end }")
	if err := r.Apply(context.Background(), memory("main.lua", "return { busy = function() end }")); err != nil {
		t.Fatal(err)
	}
	if got := r.logged(); !strings.Contains(got, "warn main.lua returns no invite handler: every call is answered 404") {
		t.Errorf("logged %q", got)
	}
}

// The version that Tandem starts with is served whatever the check finds, and the log says what that is.
func TestStartTellsWhatTheCheckFinds(t *testing.T) {
	finding := Finding{Pos: plan.Pos{File: "main.lua", Line: 2}, Rule: "unknown-option", Message: `no option "rings"`}
	core, logs := observer.New(zapcore.WarnLevel)
	opt := Options{Logger: zap.New(core), Check: func(*Snapshot) []Finding { return []Finding{finding} }}
	if _, err := NewHost(memory("main.lua", "return { invite = function() end }"), opt); err != nil {
		t.Fatal(err)
	}
	if all := logs.All(); len(all) != 1 || all[0].Message != `main.lua:2 unknown-option no option "rings"` {
		t.Errorf("logged %v", all)
	}
}
