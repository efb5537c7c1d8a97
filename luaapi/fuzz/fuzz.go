// Package fuzz is `tandem test --fuzz`: random callers, phones, faults and dates against a script, held to the rules that hold in
// every call. What breaks one is made smaller and written as a test in words.
//
// It holds no state. A seed decides everything: the same seed finds the same.
package fuzz

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/scenario"
)

// Options say what is tried.
type Options struct {
	// Roots are folders with main.lua, or files; none means the working folder.
	Roots []string
	// N is how many networks are tried for each root.
	N    int
	Seed uint64
	Out  io.Writer
	// Settings returns what the configuration says for the scripts at a root.
	Settings scenario.SettingsOf
	// ASCII and Width are those of trace.Options.
	ASCII bool
	Width int
}

// Summary counts what was tried.
type Summary struct {
	// Runs and Calls were tried, Failed roots have a run that broke a rule.
	Runs, Calls, Failed int
	Virtual             time.Duration
}

// others answers for phones that no line speaks of yet.
var others = scenario.DefaultAnswers

// Run tries random networks on the scripts at the roots, each until a rule is broken. The error is an *luaapi.Error if a script does not
// load.
func Run(ctx context.Context, o Options) (sum Summary, err error) {
	if len(o.Roots) == 0 {
		o.Roots = []string{"."}
	}
	for _, root := range o.Roots {
		prog, err := load(root)
		if err != nil {
			return sum, err
		}
		t := &trial{prog: prog, known: harvest(prog.Snapshot)}
		if t.settings, err = o.Settings.At(root); err != nil {
			return sum, err
		}
		if err := t.root(ctx, &o, root, &sum); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// load reads a script root; main.lua names its folder.
func load(root string) (*luaapi.Program, error) {
	if filepath.Base(root) == "main.lua" {
		root = filepath.Dir(root)
	}
	if info, err := os.Stat(root); err == nil && info.IsDir() {
		if _, err := os.Stat(filepath.Join(root, "main.lua")); err != nil {
			return nil, fmt.Errorf("%s has no main.lua; name the folder of a script to try", root)
		}
	}
	p, err := luaapi.Load(root)
	if err == nil {
		err = p.DryLoad(luaapi.Options{})
	}
	return p, err
}

// trial tries one script.
type trial struct {
	prog  *luaapi.Program
	known known
	runs  int

	settings scenario.Settings
}

// root tries networks until one breaks a rule.
func (t *trial) root(ctx context.Context, o *Options, root string, sum *Summary) error {
	for i := range o.N {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		seed := o.Seed + uint64(i)
		s := t.known.scenario(rand.New(rand.NewPCG(seed, 0)), seed)
		r, broken, err := t.try(s, rand.New(rand.NewPCG(seed, 1)))
		if err != nil {
			return err
		}
		sum.Runs++
		sum.Calls += len(r.Calls)
		sum.Virtual += r.Virtual
		if len(broken) > 0 {
			sum.Failed++
			return t.report(o, root, i, s, broken)
		}
	}
	fmt.Fprintf(o.Out, "ok    %s    %d random networks\n", root, o.N)
	return nil
}

// maxRounds is how often phones are added for targets that a run has found.
const maxRounds = 3

// try runs a network, with phones of their own for all that is called, and returns the rules that it breaks.
func (t *trial) try(s *scenario.Scenario, rng *rand.Rand) (r *scenario.Run, broken []string, err error) {
	for range maxRounds {
		if r, broken, err = t.run(s); err != nil || len(broken) > 0 || !t.complete(s, r, rng) {
			return r, broken, err
		}
	}
	return r, broken, nil
}

func (t *trial) run(s *scenario.Scenario) (*scenario.Run, []string, error) {
	t.runs++
	r, err := s.Run(scenario.Options{Program: t.prog, Others: &others, Settings: t.settings})
	if err != nil {
		return nil, nil, err
	}
	broken := rules(r)
	if len(broken) == 0 && t.runs%again == 0 {
		broken, err = t.twice(s, r)
	}
	return r, broken, err
}

// again is how often a network is run twice, to see that both runs are the same: every tenth.
const again = 10

// twice runs a network once more; a script that decides otherwise then depends on something that is not its own.
func (t *trial) twice(s *scenario.Scenario, r *scenario.Run) ([]string, error) {
	other, err := s.Run(scenario.Options{Program: t.prog, Others: &others, Settings: t.settings})
	if err != nil {
		return nil, err
	}
	for i, c := range r.Calls {
		if o := (trace.Options{Repeats: true}); c.Ladder(o) != other.Calls[i].Ladder(o) {
			return []string{"the same seed gives another run"}, nil
		}
	}
	return nil, nil
}

// errorIn begins what is said of an error of a handler.
const errorIn = "error in "

// rules are those that a run breaks, and errors of the script.
func rules(r *scenario.Run) []string {
	broken := slices.Clone(r.Faults)
	for _, e := range r.Unexpected() {
		broken = append(broken, errorIn+e)
	}
	return broken
}

// complete says what phones do that a run has called and no line speaks of. It reports whether there were any.
func (t *trial) complete(s *scenario.Scenario, r *scenario.Run, rng *rand.Rand) bool {
	found := false
	for _, c := range r.Calls {
		for _, l := range c.Legs() {
			if nameable(l.Name) && !slices.ContainsFunc(s.Phones, func(p *scenario.Phone) bool { return p.Name == l.Name }) {
				s.Phones = append(s.Phones, &scenario.Phone{Name: l.Name, Answers: answers(rng)})
				found = true
			}
		}
	}
	return found
}

// nameable reports whether a line can speak of a phone.
func nameable(name string) bool {
	return name != "" && name != "caller" && name != "all" && !strings.ContainsAny(name, " \t\",#")
}

// report makes a network that breaks a rule smaller and writes it.
func (t *trial) report(o *Options, root string, i int, s *scenario.Scenario, broken []string) error {
	small := t.shrink(s, kind(broken))
	r, broken, err := t.run(small)
	if err != nil {
		return err
	}
	small.Title = strings.ReplaceAll(broken[0], "\n", " ")
	if strings.HasSuffix(root, ".lua") && filepath.Base(root) != "main.lua" {
		small.Script = filepath.Base(root)
	}
	t.complete(small, r, nil)
	fmt.Fprintf(o.Out, "FAIL  %s  random network %d, seed %d\n\n", root, i+1, o.Seed+uint64(i))
	for _, b := range broken {
		fmt.Fprintf(o.Out, "  %s\n", b)
	}
	for _, c := range r.Calls {
		fmt.Fprintf(o.Out, "\n%s", c.Ladder(trace.Options{ASCII: o.ASCII, Width: o.Width}))
	}
	fmt.Fprintf(o.Out, "\n  as a test, for a file *.txtar beside the script:\n\n")
	for line := range strings.Lines(string(small.Format())) {
		fmt.Fprint(o.Out, "  "+line)
	}
	fmt.Fprintf(o.Out, "\n  rerun tandem test --fuzz 1 --seed %d %s\n", o.Seed+uint64(i), root)
	return nil
}

// kind is what a broken rule is about, without names and numbers: a smaller network has to break the same one.
func kind(broken []string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, word(broken[0]))
}

// word is a rule without who breaks it; of an error of the script its place.
func word(rule string) string {
	if rest, ok := strings.CutPrefix(rule, errorIn); ok {
		parts := strings.SplitN(rest, ": ", 3)
		return parts[min(1, len(parts)-1)]
	}
	_, what, ok := strings.Cut(rule, ": ")
	if !ok {
		return rule
	}
	what, _, _ = strings.Cut(what, " at ")
	return what
}
