// Package number is the Lua module `number`: patterns, translation tables, numbering plans and the forms of telephone numbers. The work is engine/number's.
//
// What it makes of a script's tables belongs to the Lua state that made it, and is immutable but for the emergency numbers of the configuration.
package number

import (
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/number"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// Module is what the module has for a state.
type Module struct {
	// Emergency are the emergency numbers of the configuration. They may become others between two calls of the script.
	Emergency number.Emergencies
}

// Table returns what `require "number"` gives. of finds the Module of the state that calls.
func Table(L *lua.LState, of func(L *lua.LState) *Module) *lua.LTable {
	plans := methods(L)
	return mod.Table(L, "number", map[string]lua.LGFunction{
		"xcc_pattern": xccPattern,
		"translate":   func(L *lua.LState) int { return of(L).translate(L) },
		"plan":        func(L *lua.LState) int { return of(L).newPlan(L, plans) },
		"valid":       valid,
		"region":      region,
		"to_sip":      toSIP,
		"to_tel":      toTel,
	})
}

func raise(L *lua.LState, format string, args ...any) { mod.Raise(L, mod.Where(L), format, args...) }

// text returns argument n, which is to be a string; what names the function in errors.
func text(L *lua.LState, what string, n int) string {
	switch v := L.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return v.String()
	default:
		raise(L, "%s: want a string, got %s", what, mod.TypeName(v))
		return ""
	}
}

// xccPattern makes a function from an XccDiversionPattern: header entry → number, nil if it finds none.
func xccPattern(L *lua.LState) int {
	x, err := number.ParseXcc(text(L, "number.xcc_pattern", 1))
	if err != nil {
		raise(L, "number.xcc_pattern: %v", err)
	}
	L.Push(L.NewFunction(func(L *lua.LState) int {
		n, ok := x.Number(entry(L))
		if !ok {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LString(n))
		return 1
	}))
	return 1
}

// entry returns the text of a header entry: a string, or an object with one in its field raw.
func entry(L *lua.LState) string {
	switch v := L.Get(1).(type) {
	case *lua.LTable, *lua.LUserData:
		if s, ok := L.GetField(v, "raw").(lua.LString); ok {
			return string(s)
		}
	}
	return text(L, "the pattern", 1)
}

// translate makes a function from a list of rules: number → number as the first rule that matches writes it, and whether one did. Emergency numbers are
// left as they are.
func (m *Module) translate(L *lua.LState) int {
	rules, ok := L.Get(1).(*lua.LTable)
	if !ok {
		raise(L, "number.translate: a list of rules, { { pattern, replacement }, … }, got %s", mod.TypeName(L.Get(1)))
	}
	var table number.Table
	for i := 1; i <= rules.Len(); i++ {
		rule, ok := rules.RawGetInt(i).(*lua.LTable)
		if !ok {
			raise(L, "number.translate: rule %d must be { pattern, replacement }, got %s", i, mod.TypeName(rules.RawGetInt(i)))
		}
		pattern, ok1 := rule.RawGetInt(1).(lua.LString)
		with, ok2 := rule.RawGetInt(2).(lua.LString)
		if !ok1 || !ok2 || rule.Len() != 2 {
			raise(L, "number.translate: rule %d must be { pattern, replacement }, two strings", i)
		}
		r, err := number.NewRule(string(pattern), string(with))
		if err != nil {
			raise(L, "number.translate: rule %d: %v", i, err)
		}
		table = append(table, r)
	}
	L.Push(L.NewFunction(func(L *lua.LState) int {
		n, ok := text(L, "the translation", 1), false
		if !m.Emergency.Hold(n) {
			n, ok = table.Translate(n)
		}
		L.Push(lua.LString(n))
		L.Push(lua.LBool(ok))
		return 2
	}))
	return 1
}

func valid(L *lua.LState) int {
	L.Push(lua.LBool(number.Valid(text(L, "number.valid", 1))))
	return 1
}

func region(L *lua.LState) int {
	r := number.Region(text(L, "number.region", 1))
	if r == "" {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LString(r))
	return 1
}

func toSIP(L *lua.LState) int {
	uri, _ := number.ToSIP(text(L, "number.to_sip", 1), text(L, "number.to_sip", 2))
	L.Push(lua.LString(uri))
	return 1
}

func toTel(L *lua.LState) int {
	uri, _ := number.ToTel(text(L, "number.to_tel", 1))
	L.Push(lua.LString(uri))
	return 1
}

// sitePlan is a numbering plan as scripts see it.
type sitePlan struct{ *number.Plan }

// TypeName is what errors call it.
func (*sitePlan) TypeName() string { return "numbering plan" }

// Methods are the names of a plan's methods.
var Methods = []string{"dialled", "received", "format", "emergency"}

// methods makes the metatable of numbering plans.
func methods(L *lua.LState) *lua.LTable {
	functions := L.CreateTable(0, len(Methods))
	for name, f := range map[string]func(L *lua.LState, p *sitePlan) int{
		"dialled":  func(L *lua.LState, p *sitePlan) int { return push(L, p.Dialled(text(L, "dialled", 2))) },
		"received": func(L *lua.LState, p *sitePlan) int { return push(L, p.Received(text(L, "received", 2))) },
		"format":   format,
		"emergency": func(L *lua.LState, p *sitePlan) int {
			L.Push(lua.LBool(p.IsEmergency(text(L, "emergency", 2))))
			return 1
		},
	} {
		functions.RawSetString(name, L.NewFunction(func(L *lua.LState) int {
			ud, ok := L.Get(1).(*lua.LUserData)
			if !ok {
				raise(L, "numbering plan:%s is called with a colon", name)
			}
			p, ok := ud.Value.(*sitePlan)
			if !ok {
				raise(L, "numbering plan:%s is called with a colon", name)
			}
			return f(L, p)
		}))
	}
	mt := L.CreateTable(0, 2)
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		if f := functions.RawGet(L.Get(2)); f != lua.LNil {
			L.Push(f)
			return 1
		}
		raise(L, "a numbering plan has no %q%s", L.Get(2).String(), spell.Hint(L.Get(2).String(), Methods))
		return 0
	}))
	mt.RawSetString("__metatable", lua.LFalse)
	return mt
}

func push(L *lua.LState, n number.Number) int {
	L.Push(lua.LString(n.Text))
	L.Push(lua.LString(n.Kind))
	return 2
}

func format(L *lua.LState, p *sitePlan) int {
	n, err := p.Format(text(L, "format", 2), number.Form(text(L, "format", 3)))
	if err != nil {
		raise(L, "numbering plan:format: %v", err)
	}
	L.Push(lua.LString(n))
	return 1
}

// Options are the names of the fields of number.plan's table.
var Options = []string{"country", "area", "internal", "outside", "national", "international", "emergency", "central"}

func (m *Module) newPlan(L *lua.LState, methods *lua.LTable) int {
	t, ok := L.Get(1).(*lua.LTable)
	if !ok {
		raise(L, "number.plan: a table, { country = \"49\", … }, got %s", mod.TypeName(L.Get(1)))
	}
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if name := k.String(); !slices.Contains(Options, name) {
			raise(L, "number.plan: no option %q%s", name, spell.Hint(name, Options))
		}
	}
	o := options{L, t}
	p, err := number.NewPlan(number.PlanConfig{
		Country: o.text("country"), Area: o.text("area"), Outside: o.text("outside"), National: o.text("national"), International: o.text("international"),
		Internal: o.lengths("internal"), Emergency: o.texts("emergency"), Common: &m.Emergency, Central: o.text("central"),
	})
	if err != nil {
		raise(L, "number.plan: %v", err)
	}
	ud := L.NewUserData()
	ud.Value, ud.Metatable = &sitePlan{p}, methods
	L.Push(ud)
	return 1
}

// options reads the fields of a table.
type options struct {
	L *lua.LState
	t *lua.LTable
}

// text returns a field that is a string, "" if it is not there. A number would have lost its leading zeros.
func (o options) text(name string) string {
	switch v := o.t.RawGetString(name).(type) {
	case *lua.LNilType:
		return ""
	case lua.LString:
		return string(v)
	default:
		raise(o.L, "number.plan: %s must be a string of digits, got %s", name, mod.TypeName(v))
		return ""
	}
}

// list calls each with every item of a field that is a list.
func (o options) list(name string, each func(v lua.LValue)) {
	switch v := o.t.RawGetString(name).(type) {
	case *lua.LNilType:
	case *lua.LTable:
		for i := 1; i <= v.Len(); i++ {
			each(v.RawGetInt(i))
		}
	default:
		raise(o.L, "number.plan: %s must be a list, got %s", name, mod.TypeName(v))
	}
}

func (o options) lengths(name string) (out []int) {
	o.list(name, func(v lua.LValue) {
		n, ok := v.(lua.LNumber)
		if !ok || n != lua.LNumber(int(n)) {
			raise(o.L, "number.plan: %s must be a list of lengths, got %s", name, mod.TypeName(v))
		}
		out = append(out, int(n))
	})
	return out
}

func (o options) texts(name string) (out []string) {
	o.list(name, func(v lua.LValue) {
		s, ok := v.(lua.LString)
		if !ok {
			raise(o.L, "number.plan: %s must be a list of strings, got %s", name, mod.TypeName(v))
		}
		out = append(out, string(s))
	})
	return out
}
