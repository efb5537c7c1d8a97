package luatest

import "fmt"

// list prints the names of the tests, and runs none.
func (x *runner) list(files []string, out reporter) (total Summary) {
	for _, f := range files {
		s := &suite{w: &worker{runner: x}, path: f}
		if err := s.load(); err != nil {
			res := notLoaded(f, err)
			total.count(res)
			out.test(res)
			continue
		}
		for _, t := range s.tests {
			if x.picks(t) {
				fmt.Fprintf(x.Out, "%s  %s\n", t.pos, t.name)
				total.Listed++
			}
		}
	}
	return total
}
