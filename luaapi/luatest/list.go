package luatest

import "fmt"

// list prints the names of the tests, and runs none.
func (x *runner) list(files []string, out reporter) (total Summary) {
	for _, f := range files {
		if isDeclared(f) {
			x.listDeclared(f, out, &total)
			continue
		}
		s := &suite{w: &worker{runner: x}, path: f}
		if err := s.load(); err != nil {
			res := notLoaded(f, err)
			total.count(res)
			out.test(res)
			continue
		}
		if len(s.tests) == 0 {
			total.without(f)
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

// listDeclared prints the name of a test that is said in words.
func (x *runner) listDeclared(file string, out reporter, total *Summary) {
	d, err := (&worker{runner: x}).loadDeclared(file)
	switch {
	case err != nil:
		res := notLoaded(file, err)
		total.count(res)
		out.test(res)
	case x.picks(&testCase{name: d.name}):
		fmt.Fprintf(x.Out, "%s:1  %s\n", file, d.name)
		total.Listed++
	}
}
