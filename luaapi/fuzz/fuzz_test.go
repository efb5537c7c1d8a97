package fuzz

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/luaapi/scenario"
)

func root(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A script that errs only for some calls is found, and what is left of the network is only what it takes.
func TestFinds(t *testing.T) {
	dir := root(t, `
local plan = require "plan"
local desks = { ["100"] = "sip:100@192.0.2.11", ["101"] = "sip:101@192.0.2.12" }
return {
  invite = function(call) return plan.to(desks[call.ruri.user] or "sip:reception@192.0.2.13") end,
  busy = function(call, branch)
    if branch.user == "101" then return plan.to(call.headers["Diversion"][1].user) end
  end,
}`)
	var b strings.Builder
	sum, err := Run(t.Context(), Options{Roots: []string{dir}, N: 2000, Seed: 1, Out: &b})
	if err != nil || sum.Failed != 1 {
		t.Fatalf("%+v %v\n%s", sum, err, b.String())
	}
	for _, want := range []string{"main.lua:7", "call    alice -> 101\n", "phone   101 486\n", "rerun tandem test --fuzz 1 --seed "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	_, words, _ := strings.Cut(b.String(), "beside the script:\n\n")
	words, _, _ = strings.Cut(words, "\n\n  rerun")
	s, err := scenario.Parse(filepath.Join(dir, "a.txtar"), []byte(strings.ReplaceAll(words, "\n  ", "\n")))
	if err != nil || len(s.Calls) != 1 || len(s.Phones) != 1 {
		t.Errorf("%v\n%s", err, words)
	}
}

// The engine keeps its rules whatever the network does.
func TestRules(t *testing.T) {
	var b strings.Builder
	n := 300
	if testing.Short() {
		n = 30
	}
	sum, err := Run(t.Context(), Options{Roots: []string{"../../examples/hello", "../../examples/ring_group"}, N: n, Seed: 7, Out: &b})
	if err != nil || sum.Failed > 0 || sum.Runs != 2*n || sum.Calls < sum.Runs {
		t.Errorf("%+v %v\n%s", sum, err, b.String())
	}
}

// The same seed tries the same, and all of it can be written as a test.
func TestScenario(t *testing.T) {
	k := known{[]string{"100", "voicemail"}}
	for seed := range uint64(300) {
		one, two := k.scenario(rand.New(rand.NewPCG(seed, 0)), seed).Format(), k.scenario(rand.New(rand.NewPCG(seed, 0)), seed).Format()
		if _, err := scenario.Parse("a.txtar", one); err != nil || string(one) != string(two) {
			t.Fatalf("%v\n%s", err, one)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ root, want string }{
		{t.TempDir(), "has no main.lua; name the folder of a script to try"},
		{root(t, "return 1"), "must return a table"},
		{filepath.Join(t.TempDir(), "none"), "cannot read the scripts"},
	} {
		if _, err := Run(t.Context(), Options{Roots: []string{c.root}, N: 1, Out: &strings.Builder{}}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func BenchmarkNetworks(b *testing.B) {
	if _, err := Run(b.Context(), Options{Roots: []string{"../../examples/ring_group"}, N: b.N, Seed: 1, Out: &strings.Builder{}}); err != nil {
		b.Fatal(err)
	}
}
