package luatest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/sim"
	"tandem/luaapi/mod"
)

// The bounds of a property: how many cases are tried, and how many smaller ones once a case fails.
const (
	propertyCases = 100
	maxShrinks    = 500
)

// generator makes values of cases: t.integer, t.digits, t.behaviour.
type generator struct {
	name string
	make func(r *run, d *draws) lua.LValue
}

// String is what failures call it.
func (g *generator) String() string { return g.name + "(…)" }

// draws are the choices that a case is made by. Smaller ones make a simpler case; made ones make it again.
type draws struct {
	rng  *rand.Rand // nil = those in made, and 0 past them
	made []uint64
	next int
}

// upTo returns a choice from 0 to n-1.
func (d *draws) upTo(n uint64) uint64 {
	if d.rng != nil {
		d.made = append(d.made, d.rng.Uint64N(n))
	}
	if d.next++; d.next > len(d.made) {
		return 0
	}
	return d.made[d.next-1] % n
}

// property is t.property(name, generators, function): the function is called for many cases; each value of one is made by the generator
// of that name, or is an item of a list.
func (r *run) property(L *lua.LState) int {
	a := argsOf(L, "t.property")
	name, ok := L.Get(1).(lua.LString)
	generators, isTable := L.Get(2).(*lua.LTable)
	fn, isFunction := L.Get(3).(*lua.LFunction)
	if !ok || !isTable || !isFunction || fn.IsG {
		a.fail("takes a name, a table of generators and a function, got %s, %s and %s", show(L.Get(1)), mod.TypeName(L.Get(2)), mod.TypeName(L.Get(3)))
	}
	all := make(map[string]*generator)
	for k, v := generators.Next(lua.LNil); k != lua.LNil; k, v = generators.Next(k) {
		key, ok := k.(lua.LString)
		if !ok {
			a.fail("generators have names, got key %s; write { to = { \"100\", \"101\" } }", show(k))
		}
		all[string(key)] = a.generator(string(key), v)
	}
	if len(all) == 0 {
		a.fail("there are no generators; write { to = { \"100\", \"101\" }, desk = t.behaviour() }")
	}
	r.add(a, string(name), fn)
	r.found[len(r.found)-1].generators = all
	return 0
}

// generator reads a generator, or a list of values of which one is taken.
func (a *args) generator(key string, v lua.LValue) *generator {
	if g, ok := value[*generator](v); ok {
		return g
	}
	list, ok := v.(*lua.LTable)
	if !ok || list.Len() == 0 {
		a.fail("%s must be a list of values, t.integer, t.digits or t.behaviour, got %s", key, show(v))
	}
	return &generator{key, func(_ *run, d *draws) lua.LValue { return list.RawGetInt(1 + int(d.upTo(uint64(list.Len())))) }}
}

func (r *run) generates(L *lua.LState, name string, fn func(r *run, d *draws) lua.LValue) int {
	L.Push(object(L, &generator{name, fn}, r.class.generator))
	return 1
}

// maxGenerated bounds what t.integer makes.
const maxGenerated = 1 << 53

// integer is t.integer(lowest, highest).
func (r *run) integer(L *lua.LState) int {
	a := argsOf(L, "t.integer")
	lo, hi := a.bound(1), a.bound(2)
	if lo > hi {
		a.fail("the first number is the smaller one, got %d and %d", lo, hi)
	}
	return r.generates(L, a.what, func(_ *run, d *draws) lua.LValue { return lua.LNumber(lo + int64(d.upTo(uint64(hi-lo)+1))) })
}

// digits is t.digits(shortest, longest): numbers as people dial them.
func (r *run) digits(L *lua.LState) int {
	a := argsOf(L, "t.digits")
	lo, hi := a.bound(1), a.bound(2)
	if lo < 0 || lo > hi || hi > 100 {
		a.fail("the lengths must be from 0 to 100, the smaller one first, got %d and %d", lo, hi)
	}
	return r.generates(L, a.what, func(_ *run, d *draws) lua.LValue {
		var b strings.Builder
		for range lo + int64(d.upTo(uint64(hi-lo)+1)) {
			b.WriteByte('0' + byte(d.upTo(10)))
		}
		return lua.LString(b.String())
	})
}

func (a *args) bound(n int) int64 {
	v, ok := a.L.Get(n).(lua.LNumber)
	if !ok || v != lua.LNumber(int64(v)) || v < -maxGenerated || v > maxGenerated {
		a.fail("takes two whole numbers, got %s", show(a.L.Get(n)))
	}
	return int64(v)
}

// anyBehaviour is t.behaviour(): anything that a phone may do.
func (r *run) anyBehaviour(L *lua.LState) int {
	return r.generates(L, "t.behaviour", func(r *run, d *draws) lua.LValue { return object(r.L, someBehaviour(d), r.class.behaviour) })
}

// someBehaviour makes what a phone does, the simplest first.
func someBehaviour(d *draws) *behaviour {
	named := func(steps sim.Behaviour, format string, args ...any) *behaviour {
		return &behaviour{name: "t.behaviour", shown: fmt.Sprintf(format, args...), steps: steps}
	}
	codes := []int{486, 480, 404, 403, 408, 410, 487, 500, 503, 600, 603}
	switch d.upTo(6) {
	case 0:
		return named(sim.Never(), "t.never()")
	case 1:
		code := codes[d.upTo(uint64(len(codes)))]
		return named(sim.Status(code, nil), "t.status(%d)", code)
	case 2:
		after := time.Duration(d.upTo(45)) * time.Second
		return named(sim.After(after), "t.after(%g)", after.Seconds())
	case 3:
		code, ring := codes[d.upTo(uint64(len(codes)))], time.Duration(d.upTo(45))*time.Second
		return named(sim.Status(code, &ring), "t.status(%d, %g)", code, ring.Seconds())
	case 4:
		return named(sim.Silent(), "t.silent()")
	}
	after := time.Duration(d.upTo(45)) * time.Second
	return named(sim.Behaviour{sim.Ring(), {Act: sim.IgnoreCancel}, sim.Answer().In(after)}, "t.late(%g)", after.Seconds())
}

// caseOf makes a case, a table with a value for each generator.
func (r *run) caseOf(d *draws) *lua.LTable {
	t := r.L.CreateTable(0, len(r.test.generators))
	for _, key := range slices.Sorted(maps.Keys(r.test.generators)) {
		t.RawSetString(key, r.test.generators[key].make(r, d))
	}
	return t
}

// property runs a test for many cases. The first that fails is made smaller, and told.
func (s *suite) property(i int, seed uint64) *run {
	for n := 0; ; n++ {
		d := &draws{rng: rand.New(rand.NewPCG(seed, uint64(n)))}
		r := s.with(i, seed, false, d)
		switch {
		case r.bad():
			return s.smallest(i, r, d.made)
		case r.again:
			return s.with(i, seed, true, &draws{made: d.made})
		case r.verdict == Skipped || n == propertyCases-1 || s.w.ended.Load():
			return r
		}
		s.w.recycle(r)
	}
}

// smallest returns the run of the simplest case that fails as one with these choices does: at the same line, or by the same rule.
func (s *suite) smallest(i int, failed *run, made []uint64) *run {
	tries, seed := 0, failed.seed
	for again := true; again; {
		again = false
		for _, smaller := range smallerDraws(made) {
			if tries++; tries > maxShrinks {
				break
			}
			r := s.with(i, seed, false, &draws{made: smaller})
			bad := r.verdict == failed.verdict && r.pos == failed.pos
			s.w.recycle(r)
			if bad {
				made, again = smaller, true
				break
			}
		}
	}
	r := s.with(i, seed, true, &draws{made: made})
	if r.cased != nil {
		r.lines = append(r.lines, "case  "+show(r.cased))
	}
	return r
}

// smallerDraws are choices of which one is smaller.
func smallerDraws(made []uint64) (all [][]uint64) {
	for i, v := range made {
		for _, less := range []uint64{0, v / 2, v - 1} {
			if less < v {
				smaller := slices.Clone(made)
				smaller[i] = less
				all = append(all, smaller)
			}
		}
	}
	return all
}
