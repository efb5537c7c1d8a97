package lower_test

import (
	"flag"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

var (
	programs = flag.Int("programs", 5000, "random programs to run in Lua 5.1 and in Tandem; 300 under the race detector")
	seed     = flag.Uint64("seed", 1, "of the random programs")
)

// batch is how many programs one process of Lua 5.1 runs.
const batch = 100

// TestRandom runs random programs in Lua 5.1 and in Tandem: they must write the same.
func TestRandom(t *testing.T) {
	needReference(t)
	dir, failed, zeros := t.TempDir(), 0, 0
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // each program leaves much behind, and nothing lives on
	for first := 0; first < *programs && failed < maxShown; first += batch {
		var texts []string
		for i := first; i < min(first+batch, *programs); i++ {
			texts = append(texts, text(generate(*seed, uint64(i))))
		}
		all := assemble(texts)
		ref := inReference(t, dir, all)
		want, got := split(ref), split(inTandem(t, dir, all))
		if len(want) != len(texts) {
			t.Fatalf("Lua 5.1 ran %d programs of %d from %d on, seed %d: %s", len(want), len(texts), first, *seed, ref[max(len(ref)-500, 0):])
		}
		for i := range texts {
			if i < len(got) && same(want[i], got[i]) || failed >= maxShown {
				continue
			}
			stmts := generate(*seed, uint64(first+i))
			ref, our, differ := compare(t, dir, stmts)
			switch {
			case !differ:
				continue // a program beside it does not compile, or ended the run
			case unsigned(ref) == unsigned(our):
				zeros++
				continue
			}
			failed++
			stmts = shrink(t, dir, stmts)
			ref, our, _ = compare(t, dir, stmts)
			t.Errorf("program %d of seed %d:\n%sLua 5.1 writes\n%sTandem writes\n%s", first+i, *seed, text(stmts), ref, our)
		}
	}
	t.Logf("%d programs of seed %d, %d of them differ in the sign of a zero alone", *programs, *seed, zeros)
	if zeros > *programs/1000 {
		t.Errorf("%d programs differ in the sign of a zero", zeros)
	}
}

// unsigned is what a program has written but for the sign of zeros, and of what was divided by one: both machines keep 0 and -0 as one constant, each the
// one that it meets first.
func unsigned(out string) string { return zeroSign.ReplaceAllString(out, "$1") }

var zeroSign = regexp.MustCompile(`(?i)[-+](0|inf)| `)

// compare runs one program on both sides.
func compare(t *testing.T, dir string, stmts []*node) (want, got string, differ bool) {
	all := assemble([]string{text(stmts)})
	want = normalise(inReference(t, dir, all))
	got = normalise(inTandem(t, dir, all))
	return want, got, want != got && !strings.HasSuffix(want, notLua)
}

// maxShown is how many differences are shown.
const maxShown = 5

// maxShrinks bounds the work for one difference.
const maxShrinks = 400

// shrink drops statements, and blocks around statements, for as long as the difference stays.
func shrink(t *testing.T, dir string, stmts []*node) []*node {
	tries := 0
	root := block(stmts)
	differs := func() bool {
		tries++
		_, _, differ := compare(t, dir, root.parts[0].([]*node))
		return differ && tries < maxShrinks
	}
	for again := true; again && tries < maxShrinks; {
		again = smaller(root, differs)
	}
	return root.parts[0].([]*node)
}

// smaller tries to drop each statement below a node, or to put what is in it in its place.
func smaller(n *node, differs func() bool) (changed bool) {
	for p, part := range n.parts {
		stmts, ok := part.([]*node)
		if !ok {
			continue
		}
		for i := len(stmts) - 1; i >= 0; i-- {
			if stmts[i].keep {
				continue
			}
			without := append(append([]*node{}, stmts[:i]...), stmts[i+1:]...)
			if n.parts[p] = without; differs() {
				stmts, changed = without, true
				continue
			}
			instead := append(append(append([]*node{}, stmts[:i]...), inner(stmts[i])...), stmts[i+1:]...)
			if n.parts[p] = instead; len(stmts[i].parts) > 1 && differs() {
				stmts, changed = instead, true
				continue
			}
			n.parts[p] = stmts
			changed = smaller(stmts[i], differs) || changed
		}
		n.parts[p] = stmts
	}
	return changed
}

func inner(n *node) (stmts []*node) {
	for _, p := range n.parts {
		if block, ok := p.([]*node); ok {
			stmts = append(stmts, block...)
		}
	}
	return stmts
}

// TestPrograms runs the programs in testdata/programs: what the generator does not reach.
func TestPrograms(t *testing.T) {
	needReference(t)
	paths, err := filepath.Glob("testdata/programs/*.lua")
	if err != nil || len(paths) == 0 {
		t.Fatal("there are no programs: ", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".lua"), func(t *testing.T) {
			dir := t.TempDir()
			if want, got, differ := compare(t, dir, []*node{line("%s", read(t, path))}); differ {
				t.Errorf("Lua 5.1 writes\n%sTandem writes\n%s", want, got)
			}
		})
	}
}
