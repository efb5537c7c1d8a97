package luatest

import (
	"math/rand/v2"
	"time"
)

// worker runs a test file. It belongs to one goroutine.
type worker struct {
	*runner
	out   chan<- *Result
	tapes []*tape // that are free
	empty bool    // the file declares no test
}

// tape returns an empty tape.
func (w *worker) tape() *tape {
	if n := len(w.tapes); n > 0 {
		t := w.tapes[n-1]
		w.tapes = w.tapes[:n-1]
		return t
	}
	return &tape{}
}

// recycle takes the tapes of a run that was reported.
func (w *worker) recycle(r *run) {
	for _, n := range r.nets {
		n.tape.wipe()
		w.tapes = append(w.tapes, n.tape)
	}
	if r.before != nil {
		w.recycle(r.before)
	}
}

// file runs the tests of a file.
func (w *worker) file(path string) {
	if w.ended.Load() {
		return
	}
	if isDeclared(path) {
		w.declared(path)
		return
	}
	w.use(path)
	s := &suite{w: w, path: path}
	if err := s.load(); err != nil {
		w.out <- notLoaded(path, err)
		return
	}
	w.empty = len(s.tests) == 0
	order := make([]int, len(s.tests))
	for i := range order {
		order[i] = i
	}
	if w.Bench {
		w.bench(s)
		return
	}
	for rep := range w.Count {
		seed := w.Seed + uint64(rep)
		if w.Shuffle {
			order = rand.New(rand.NewPCG(seed, 1)).Perm(len(s.tests))
		}
		for _, i := range order {
			if !w.picks(s.tests[i]) {
				continue
			}
			res := w.test(s, i, seed)
			w.out <- res
			if w.ended.Load() || w.FailFast && res.bad() {
				return
			}
		}
	}
}

// test runs a test once.
func (w *worker) test(s *suite, i int, seed uint64) *Result {
	begin := w.Now()
	r := s.run(i, seed)
	res := r.result()
	res.Took = w.Now().Sub(begin)
	if res.Verdict == Passed {
		w.passed(nameIn(s.path, r.test.name), r.tried())
	}
	w.recycle(r)
	return res
}

// benchTime is how long a test is run again and again, benchRuns how often at most.
const (
	benchTime = 500 * time.Millisecond
	benchRuns = 1_000_000
)

// bench runs each test once, and if it passes again and again.
func (w *worker) bench(s *suite) {
	for i, t := range s.tests {
		if !w.picks(t) {
			continue
		}
		res := w.test(s, i, w.Seed)
		if res.Verdict == Passed {
			res.Bench = w.again(res, func(seed uint64) *Result { return w.test(s, i, seed) })
		}
		w.out <- res
		if w.ended.Load() || w.FailFast && res.bad() {
			return
		}
	}
}

// again runs a test, with one seed after the other, until its time is over. The first run that does not pass ends it.
func (w *worker) again(res *Result, test func(seed uint64) *Result) *Bench {
	b := &Bench{}
	begin := w.Now()
	for b.Runs < benchRuns && !w.ended.Load() {
		one := test(w.Seed + uint64(b.Runs))
		if one.bad() {
			*res = *one
			return nil
		}
		b.Runs++
		b.Calls += one.Calls
		b.Took = w.Now().Sub(begin)
		if w.Count > 1 && b.Runs == w.Count || w.Count == 1 && b.Took >= benchTime {
			break
		}
	}
	return b
}
