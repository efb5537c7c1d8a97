package luatest

import (
	"cmp"
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
	shown "tandem/luaapi/show"
)

// table is t.table(name, cases, function): a test for each case, named by its key, its field `name`, or its number.
func (r *run) table(L *lua.LState) int {
	a := argsOf(L, "t.table")
	name, ok := L.Get(1).(lua.LString)
	cases, isTable := L.Get(2).(*lua.LTable)
	fn, isFunction := L.Get(3).(*lua.LFunction)
	if !ok || !isTable || !isFunction || fn.IsG {
		a.fail("takes a name, a table of cases and a function, got %s, %s and %s", show(L.Get(1)), mod.TypeName(L.Get(2)), mod.TypeName(L.Get(3)))
	}
	all := casesOf(a, cases)
	if len(all) == 0 {
		a.fail("there are no cases")
	}
	for _, c := range all {
		r.add(a, string(name)+": "+c.name, fn, c.value)
	}
	return 0
}

// oneCase is a case of t.table.
type oneCase struct {
	name  string
	value lua.LValue
}

// casesOf returns the cases of a table: those of its list in order, then those with names in the order of the names.
func casesOf(a *args, cases *lua.LTable) (all []oneCase) {
	n := cases.Len()
	for i := 1; i <= n; i++ {
		c := oneCase{fmt.Sprintf("#%d", i), cases.RawGetInt(i)}
		if c.value == lua.LNil {
			a.fail("case %d is nil", i)
		}
		if t, ok := c.value.(*lua.LTable); ok && t.RawGetString("name") != lua.LNil {
			c.name = a.text(t, "name")
		}
		all = append(all, c)
	}
	for k, v := cases.Next(lua.LNil); k != lua.LNil; k, v = cases.Next(k) {
		switch k := k.(type) {
		case lua.LString:
			all = append(all, oneCase{string(k), v})
		case lua.LNumber:
			if !shown.InList(k, n) {
				a.fail("item [%s] has no meaning: there is a hole before it", k)
			}
		default:
			a.fail("a %s as the name of a case has no meaning", k.Type())
		}
	}
	slices.SortStableFunc(all[n:], func(x, y oneCase) int { return cmp.Compare(x.name, y.name) })
	return all
}
