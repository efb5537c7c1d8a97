package luatest

import (
	"math/rand/v2"
)

// worker runs a test file. It belongs to one goroutine.
type worker struct {
	*runner
	out   chan<- *Result
	tapes []*tape // that are free
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
}

// file runs the tests of a file.
func (w *worker) file(path string) {
	if w.ended.Load() {
		return
	}
	s := &suite{w: w, path: path}
	if err := s.load(); err != nil {
		w.out <- notLoaded(path, err)
		return
	}
	order := make([]int, len(s.tests))
	for i := range order {
		order[i] = i
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
	w.recycle(r)
	return res
}
