package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem/engine/plan"
)

// called runs an expression with an option table as `p` of a function at one line, after loading with defaults, as often as there
// are options, and returns the nodes or errors.
func called(t *testing.T, defaults string, options []string) (nodes []*plan.Node, errs []string) {
	t.Helper()
	s := newScript(t)
	if err := s.loaded(defaults); err != "" {
		t.Fatal(err)
	}
	s.run(`function to(o) p = plan.to("sip:a@h", o) end`)
	for _, o := range options {
		s.run("p = nil")
		errs = append(errs, s.run("to("+o+")"))
		nodes = append(nodes, Node(s.L.GetGlobal("p")))
	}
	return nodes, errs
}

// TestKeptTargets: a target that is kept is given out only for what would make the same.
func TestKeptTargets(t *testing.T) {
	for _, c := range []struct {
		name, first, then string
		same              bool
	}{
		{"no options", "nil", "nil", true},
		{"no options, an empty table", "nil", "{}", true},
		{"the same times", "{ ring = 5, delay = 2 }", "{ delay = 2, ring = 5 }", true},
		{"a string's digits", "{ ring = 5 }", "{ ring = '5' }", false},
		{"another ring", "{ ring = 5 }", "{ ring = 6 }", false},
		{"another delay", "{ delay = 5 }", "{ delay = 6 }", false},
		{"ring for delay", "{ ring = 5 }", "{ delay = 5 }", false},
		{"less", "{ ring = 5, delay = 2 }", "{ ring = 5 }", false},
		{"more", "{ ring = 5 }", "{ ring = 5, delay = 2 }", false},
		{"no delay, said", "nil", "{ delay = 0 }", false},
		{"nearly no delay, negative", "{ delay = 0 }", "{ delay = -1e-12 }", false},
		{"not a number", "{ delay = 0 }", "{ delay = 0 / 0 }", false},
		{"something else besides", "{ ring = 5 }", "{ ring = 5, name = 'x' }", false},
		{"an unknown option", "{ ring = 5 }", "{ ring = 5, rang = 1 }", false},
		{"an item", "{ ring = 5 }", "{ ring = 5, 1 }", false},
		{"a key that is no name", "{ ring = 5 }", "{ ring = 5, [true] = 1 }", false},
		{"a name", "{ name = 'x' }", "{ name = 'x' }", false},
		{"headers", "{ headers = { ['X-A'] = 'a' } }", "{ headers = { ['X-A'] = 'b' } }", false},
		{"no table", "nil", "1", false},
	} {
		for _, defaults := range []string{"nil", "{ ring = 30, on_6xx = 'branch' }"} {
			t.Run(c.name+", defaults "+defaults, func(t *testing.T) {
				nodes, errs := called(t, defaults, []string{c.first, c.first, c.first, c.then, c.then, c.first})
				for i, o := range []string{3: c.then, 4: c.then, 5: c.first} {
					if o == "" {
						continue
					}
					want, err := called(t, defaults, []string{o})
					if diff := cmp.Diff(want[0], nodes[i], cmp.AllowUnexported(plan.Node{})); diff != "" || errs[i] != err[0] {
						t.Errorf("call %d: error %q, not %q; %s", i, errs[i], err[0], diff)
					}
				}
				if nodes[2] == nil {
					t.Fatal(errs[2])
				}
				if same := nodes[3] == nodes[2]; same != c.same {
					t.Errorf("one value: %v", same)
				}
			})
		}
	}
}

// TestKeptTargetsHavePlaces: what another line makes is another target, named by that line.
func TestKeptTargetsHavePlaces(t *testing.T) {
	s := ready(t)
	s.run("function one() p = plan.to 'sip:a@h' end\nfunction two() p = plan.to 'sip:a@h' end")
	for i, f := range []string{"one", "one", "one", "two", "two", "two", "one"} {
		s.run(f + "()")
		line := 1
		if f == "two" {
			line = 2
		}
		if got := Node(s.L.GetGlobal("p")).Pos.Line; got != line {
			t.Errorf("call %d: line %d", i, got)
		}
	}
}

// TestMadeIsKeptToo: a handler that makes a target that is kept, and does not return it, is found out every time.
func TestMadeIsKeptToo(t *testing.T) {
	s := ready(t)
	s.run("function to() p = plan.to 'sip:a@h' end")
	for i := range 4 {
		s.run("to()")
		if s.m.Made() == nil {
			t.Errorf("call %d: nothing was made", i)
		}
	}
}
