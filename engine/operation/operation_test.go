package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"tandem/engine/clock"
	"tandem/engine/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// job is work that takes virtual time.
type job struct {
	host  string
	takes time.Duration
	fails error
	deaf  bool // to the context
	bug   bool
	watch *watch
}

// watch sees how much is done at a time.
type watch struct {
	mu        sync.Mutex
	now, most map[string]int
	order     []string
}

func (w *watch) enter(host string, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range []string{"", host} {
		w.now[h] += by
		w.most[h] = max(w.most[h], w.now[h])
	}
	if by > 0 {
		w.order = append(w.order, host)
	}
}

func (j *job) Host() string { return j.host }

func (j *job) Do(ctx context.Context) (any, error) {
	if j.watch != nil {
		j.watch.enter(j.host, 1)
		defer j.watch.enter(j.host, -1)
	}
	if j.bug {
		panic("oops")
	}
	if j.deaf {
		time.Sleep(j.takes)
		return "deaf", nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(j.takes):
		return "done at " + j.host, j.fails
	}
}

// bench is a pool whose results are written down.
type bench struct {
	*Pool
	mu      sync.Mutex
	results []string
	begin   time.Time
}

func newBench(l Limits) *bench {
	b := &bench{begin: time.Now()}
	b.Pool = New(func(shard int, fn func(clock.Time)) {
		b.mu.Lock()
		defer b.mu.Unlock()
		fn(clock.Time(shard))
	}, l)
	return b
}

func (b *bench) start(name string, work any) (stop func()) {
	return b.Start(3, &plan.Operation{Timeout: 2 * time.Second, Work: work}, func(now clock.Time, value any, err error) {
		b.results = append(b.results, fmt.Sprintf("%s %s %v %v", time.Since(b.begin), name, value, err))
		if now != 3 {
			b.results = append(b.results, "posted elsewhere")
		}
	})
}

func (b *bench) want(t *testing.T, want ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := strings.Join(b.results, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func in(t *testing.T, l Limits, f func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(l)
		f(b)
		b.Close()
		if len(b.hosts)+b.ready.Len()+b.running+b.waiting != 0 {
			t.Errorf("left: %d hosts, %d ready, %d running, %d waiting", len(b.hosts), b.ready.Len(), b.running, b.waiting)
		}
	})
}

func TestResults(t *testing.T) {
	for name, c := range map[string]struct {
		work any
		want string
	}{
		"value":      {&job{host: "a", takes: time.Second}, "1s x done at a <nil>"},
		"error":      {&job{host: "a", fails: errors.New("no")}, "0s x done at a no"},
		"panic":      {&job{bug: true}, "0s x <nil> a bug in Tandem: oops"},
		"no work":    {7, "0s x <nil> int cannot be done here"},
		"never ends": {&job{takes: time.Hour}, "7s x <nil> context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, Limits{}, func(b *bench) {
				b.start("x", c.work)
				time.Sleep(time.Minute)
				b.want(t, c.want)
			})
		})
	}
}

func TestPerHost(t *testing.T) {
	in(t, Limits{PerHost: 2}, func(b *bench) {
		for i := range 5 {
			b.start(fmt.Sprint("a", i), &job{host: "a", takes: time.Duration(100+i) * time.Millisecond})
		}
		b.start("b", &job{host: "b", takes: 50 * time.Millisecond})
		synctest.Wait()
		if running, waiting := b.Len(); running != 3 || waiting != 3 {
			t.Errorf("%d run, %d wait", running, waiting)
		}
		time.Sleep(time.Second)
		b.want(t, "50ms b done at b <nil>", "100ms a0 done at a <nil>", "101ms a1 done at a <nil>", "202ms a2 done at a <nil>",
			"204ms a3 done at a <nil>", "306ms a4 done at a <nil>")
	})
}

// Hosts take turns: one with a long queue does not starve the others.
func TestTurns(t *testing.T) {
	in(t, Limits{All: 1}, func(b *bench) {
		w := &watch{now: map[string]int{}, most: map[string]int{}}
		for i, h := range []string{"a", "a", "a", "a", "b", "b", "c"} {
			b.start(fmt.Sprint(i), &job{host: h, takes: time.Millisecond, watch: w})
		}
		time.Sleep(time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		if got := strings.Join(w.order, ""); got != "aabcaba" {
			t.Errorf("order %s", got)
		}
	})
}

func TestBusy(t *testing.T) {
	in(t, Limits{All: 1, Waiting: 1}, func(b *bench) {
		for i := range 3 {
			b.start(fmt.Sprint(i), &job{host: "a", takes: time.Second})
		}
		time.Sleep(time.Minute)
		b.want(t, "0s 2 <nil> too many operations wait for their turn", "1s 0 done at a <nil>", "2s 1 done at a <nil>")
	})
}

func TestStop(t *testing.T) {
	in(t, Limits{All: 1}, func(b *bench) {
		running := b.start("running", &job{host: "a", takes: time.Second})
		waiting := b.start("waiting", &job{host: "b", takes: time.Second})
		b.start("other", &job{host: "a", takes: time.Second})
		synctest.Wait()
		waiting()
		running()
		running()
		time.Sleep(time.Minute)
		// The engine takes no notice of what it has stopped.
		b.want(t, "0s running <nil> context canceled", "1s other done at a <nil>")
	})
}

func TestClose(t *testing.T) {
	in(t, Limits{All: 1}, func(b *bench) {
		b.start("running", &job{host: "a", takes: time.Hour})
		b.start("waiting", &job{host: "a", takes: time.Hour})
		synctest.Wait()
		b.Close()
		b.start("late", &job{host: "a"})
		b.want(t, "0s running <nil> context canceled", "0s waiting <nil> context canceled", "0s late <nil> the engine is stopping")
	})
}

// Whatever comes, each operation that is not stopped ends once, and never is more done than may be.
func TestRandomLoad(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limits := Limits{All: rapid.IntRange(1, 5).Draw(rt, "all"), PerHost: rapid.IntRange(1, 3).Draw(rt, "per host"), Waiting: 1000}
		type one struct {
			host  string
			takes int
			at    int
			stop  int
		}
		jobs := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) one {
			return one{
				rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "host"), rapid.IntRange(0, 30).Draw(rt, "takes"),
				rapid.IntRange(0, 10).Draw(rt, "at"), rapid.IntRange(0, 40).Draw(rt, "stop"),
			}
		}), 1, 40).Draw(rt, "jobs")
		synctest.Test(t, func(t *testing.T) {
			b, w := newBench(limits), &watch{now: map[string]int{}, most: map[string]int{}}
			ended := make([]int, len(jobs))
			stopped := make([]bool, len(jobs))
			for i, j := range jobs {
				time.AfterFunc(time.Duration(j.at)*time.Millisecond, func() {
					work := &job{host: j.host, takes: time.Duration(j.takes) * time.Millisecond, watch: w}
					stop := b.Start(0, &plan.Operation{Timeout: time.Hour, Work: work}, func(clock.Time, any, error) { ended[i]++ })
					if j.stop < 10 {
						time.AfterFunc(time.Duration(j.stop)*time.Millisecond, func() {
							b.mu.Lock()
							stopped[i] = true
							b.mu.Unlock()
							stop()
						})
					}
				})
			}
			time.Sleep(time.Minute)
			b.Close()
			b.mu.Lock()
			defer b.mu.Unlock()
			for i := range jobs {
				if ended[i] > 1 || ended[i] == 0 && !stopped[i] {
					rt.Errorf("operation %d ended %d times, stopped %v", i, ended[i], stopped[i])
				}
			}
			for h, n := range w.most {
				if h == "" && n > limits.All || h != "" && n > limits.PerHost {
					rt.Errorf("%d at a time for %q", n, h)
				}
			}
			if len(b.hosts)+b.ready.Len()+b.running+b.waiting != 0 {
				rt.Errorf("left: %d hosts, %d ready, %d running, %d waiting", len(b.hosts), b.ready.Len(), b.running, b.waiting)
			}
		})
	})
}

// Other limits hold from now on: what waits begins where there is more room, and where there is less nothing is stopped.
func TestLimit(t *testing.T) {
	in(t, Limits{All: 3, PerHost: 1}, func(b *bench) {
		counts := func(running, waiting int) {
			t.Helper()
			synctest.Wait()
			if r, w := b.Len(); r != running || w != waiting {
				t.Errorf("%d run, %d wait, want %d and %d", r, w, running, waiting)
			}
		}
		for i := range 4 {
			b.start(fmt.Sprint("a", i), &job{host: "a", takes: time.Duration(i+1) * time.Second})
		}
		counts(1, 3)
		b.Limit(Limits{All: 3, PerHost: 4})
		counts(3, 1)
		b.Limit(Limits{All: 1, PerHost: 4})
		counts(3, 1)
		time.Sleep(time.Second)
		counts(2, 1)
		time.Sleep(time.Second)
		counts(1, 1)
		b.Limit(Limits{Waiting: 1})
		counts(2, 0)
		time.Sleep(time.Minute)
	})
}

// A pool that is closed begins nothing more.
func TestLimitOfClosed(t *testing.T) {
	in(t, Limits{All: 1}, func(b *bench) {
		b.start("a", &job{host: "a", takes: time.Second})
		b.start("b", &job{host: "b", takes: time.Second})
		b.Close()
		b.Limit(Limits{})
		if running, waiting := b.Len(); running+waiting != 0 {
			t.Errorf("%d run, %d wait", running, waiting)
		}
	})
}
