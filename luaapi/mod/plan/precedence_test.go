package plan

import (
	"fmt"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
)

// asker answers an executor from a script: functions in its plan are called, nothing else is known.
type asker struct {
	plan.Asker
	s *script
}

func (a asker) Deferred(fn plan.Callback, _ *plan.Step) *plan.Node {
	L := a.s.L
	if err := L.CallByParam(lua.P{Fn: fn.(*lua.LFunction), NRet: 1, Protect: true}); err != nil {
		a.s.t.Fatal(err)
	}
	return Node(L.Get(-1))
}

func (asker) Handler(plan.Outcome, *plan.Step) *plan.Node { return nil }

// targets returns what a plan INVITEs at once, by user.
func (s *script) targets(n *plan.Node) map[string]*plan.Target {
	all := map[string]*plan.Target{}
	for _, a := range plan.NewExecutor(asker{s: s}, plan.Limits{}).Start(0, n) {
		if a.Kind == plan.ActInvite {
			all[a.Target.User] = a.Target
		}
	}
	return all
}

// options of targets: how each is written in two ways, and what a target then has.
var targetValues = []struct {
	name, one, two string
	get            func(t *plan.Target) any
	vone, vtwo     any
}{
	{"on_6xx", `"stop"`, `"branch"`, func(t *plan.Target) any { return t.On6xx }, plan.SixStop, plan.SixBranch},
	{"redirect", `"follow"`, `"pass"`, func(t *plan.Target) any { return t.Redirect }, plan.RedirectFollow, plan.RedirectPass},
	{"headers", `{ A = 1 }`, `{}`, func(t *plan.Target) any { return len(t.Headers) }, 1, 0},
	{"cancel_headers", `{ A = 1 }`, `{}`, func(t *plan.Target) any { return len(t.CancelHeaders) }, 1, 0},
	{"colp", `"sip:a@h"`, `false`, func(t *plan.Target) any { return t.Colp.Value }, "<sip:a@h>", ""},
	{"trusted", `true`, `false`, func(t *plan.Target) any { return t.Trust }, plan.TrustYes, plan.TrustNo},
	{"privacy", `"id"`, `{ "user", "id" }`, func(t *plan.Target) any { return t.Privacy }, "id", "user;id"},
	{"early_media", `"all"`, `"none"`, func(t *plan.Target) any { return t.EarlyMedia }, plan.EarlyAll, plan.EarlyNone},
	{"prack", `"off"`, `"required"`, func(t *plan.Target) any { return t.Prack }, plan.PrackOff, plan.PrackRequired},
	{"max_duration", `30`, `60`, func(t *plan.Target) any { return t.MaxDuration.Seconds() }, 30.0, 60.0},
	{"params", `{ user = "phone" }`, `{}`, func(t *plan.Target) any { return t.Params }, ";user=phone", ""},
	{"to", `"keep"`, `"sip:x@h"`, func(t *plan.Target) any { return t.To }, "keep", "sip:x@h"},
	{"from", `{ user = "a" }`, `{ user = "b" }`, func(t *plan.Target) any { return t.From.User }, "a", "b"},
	{"display", `"a"`, `false`, func(t *plan.Target) any { return *t.Display }, "a", ""},
	{"clip", `"sip:a@h"`, `false`, func(t *plan.Target) any { return t.Clip.Value }, "<sip:a@h>", ""},
	{"codecs", `{ "PCMA" }`, `{ "opus", "G722" }`, func(t *plan.Target) any { return len(t.Codecs.Names) }, 1, 2},
	{"send_181", `true`, `false`, func(t *plan.Target) any { return t.Send181 }, true, false},
}

// A target's own option wins, then the each of its group, then those of the groups around, then route.defaults: wherever and
// whenever the target is made.
func TestPrecedenceOfOptions(t *testing.T) {
	for _, o := range targetValues {
		for _, one := range []bool{true, false} { // which of the two values wins
			win, lose, want := o.one, o.two, o.vone
			if !one {
				win, lose, want = o.two, o.one, o.vtwo
			}
			for _, c := range []struct{ name, target, inner, outer, defaults string }{
				{"own", win, lose, lose, lose},
				{"group", "", win, lose, lose},
				{"group around", "", "", win, lose},
				{"defaults", "", "", "", win},
				{"own before defaults", win, "", "", lose},
				{"group before defaults", "", win, "", lose},
				{"own before the group around", win, "", lose, ""},
			} {
				t.Run(fmt.Sprint(o.name, " ", win, " of ", c.name), func(t *testing.T) {
					said := func(v string) string {
						if v == "" {
							return "{}"
						}
						return "{ " + o.name + " = " + v + " }"
					}
					src := fmt.Sprintf(`plan.serial { each = %s, plan.parallel { each = %s,
						plan.to("sip:a@h", %s), function() return plan.to("sip:b@h", %[3]s) end } }`, said(c.outer), said(c.inner), said(c.target))
					s := newScript(t)
					early := s.node(src)
					if err := s.loaded(said(c.defaults)); err != "" {
						t.Fatal(err)
					}
					for made, n := range map[string]*plan.Node{"while loading": early, "in a call": s.node(src)} {
						got := s.targets(n)
						if len(got) != 2 || o.get(got["a"]) != want || o.get(got["b"]) != want {
							t.Errorf("made %s: want %v, got %+v and in a function %+v", made, want, got["a"], got["b"])
						}
					}
				})
			}
		}
	}
}

// auth and dialect have one value only: they are taken from wherever they are said.
func TestOptionsWithOneValue(t *testing.T) {
	const opts = `{ auth = "pass", dialect = "minisipserver" }`
	for _, c := range []struct{ name, target, group, defaults string }{
		{"own", opts, "{}", "{}"}, {"group", "{}", opts, "{}"}, {"defaults", "{}", "{}", opts},
	} {
		s := newScript(t)
		if err := s.loaded(c.defaults); err != "" {
			t.Fatal(err)
		}
		got := s.targets(s.node(fmt.Sprintf(`plan.serial { plan.parallel { plan.to("sip:a@h", %s) }, each = %s }`, c.target, c.group)))["a"]
		if !got.Auth.Pass || got.Dialect != "minisipserver" {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// A delay of 0 is one: it is not taken from the group, and a group's 0 beats the defaults.
func TestDelayOfNothing(t *testing.T) {
	s := newScript(t)
	if err := s.loaded("{ delay = 3 }"); err != "" {
		t.Fatal(err)
	}
	got := s.targets(s.node(`plan.parallel {
		plan.parallel { plan.to("sip:own@h", { delay = 0 }), each = { delay = 5 } },
		plan.parallel { plan.to("sip:group@h"), ring = 2, each = { delay = 0 } },
	}`))
	if len(got) != 2 {
		t.Errorf("called at once: %v", got)
	}
}

// What can be said of a target can be said of every member of a group, and of every target of the script.
func TestEachAndDefaultsHaveTheOptionsOfTargets(t *testing.T) {
	if missing := targetOptions &^ eachOptions &^ setOf(optName); missing != 0 {
		t.Errorf("each has no %v", missing.names())
	}
	for o := range numOptions {
		if eachOptions.has(o) && given[o] == 0 {
			t.Errorf("%s is not known to the engine: nobody could take it", optionNames[o])
		}
	}
}
