package lower_test

import (
	"fmt"
	"strings"
)

// expr generates an expression of a kind. A pure one calls no function that has effects.
func (g *gen) expr(k kind, d int, pure bool) string {
	if d <= 0 || g.chance(15) {
		return g.leaf(k)
	}
	switch k {
	case number:
		return g.number(d-1, pure)
	case str:
		return g.str(d-1, pure)
	case boolean:
		return g.boolean(d-1, pure)
	}
	return g.anything(d-1, pure)
}

func (g *gen) leaf(k kind) string {
	if v := g.pick(k); v != nil && g.chance(75) {
		return v.name
	}
	return g.fresh(k)
}

func (g *gen) number(d int, pure bool) string {
	n := func() string { return g.expr(number, d, true) }
	switch g.n(14) {
	case 0:
		return fmt.Sprintf("(%s %s %d)", g.leaf(number), g.of("+", "-"), g.n(9))
	case 1, 2, 3:
		return fmt.Sprintf("((%s %s %s) %% 97)", n(), g.of("+", "-", "*"), n())
	case 4:
		if l := g.pick(list); l != nil {
			return g.of("#"+l.name, fmt.Sprintf("(%s[%d] or %s)", l.name, 1+g.n(3), n()))
		}
		return "#" + g.leaf(str)
	case 5:
		return fmt.Sprintf("#(%s)", g.expr(str, d, true))
	case 6, 7:
		return fmt.Sprintf("(%s and %s or %s)", g.expr(boolean, d, pure), g.expr(number, d, pure), g.expr(number, d, pure))
	case 8:
		return fmt.Sprintf("(%s %s %s)", g.expr(number, d, pure), g.of("or", "and"), g.expr(number, d, pure))
	case 9:
		return fmt.Sprintf("math.%s(%s, %s)", g.of("max", "min"), n(), n())
	case 10:
		return fmt.Sprintf("(-%s %% 31)", g.leaf(number))
	case 11:
		return fmt.Sprintf("math.floor(%s / 2)", n())
	case 12:
		if g.vararg[g.level] {
			return "select('#', ...)"
		}
		return fmt.Sprintf("(tonumber((%s):sub(1, 3)) or %s)", g.expr(str, d, true), n())
	}
	return fmt.Sprintf("(%s ^ 2 %% 97)", n())
}

func (g *gen) str(d int, pure bool) string {
	s := func() string { return g.expr(str, d, true) }
	switch g.n(12) {
	case 0, 1:
		return fmt.Sprintf("(%s .. %s):sub(1, 12)", g.expr(str, d, pure), g.expr(str, d, pure))
	case 2:
		return fmt.Sprintf("(%s .. (%s + 0) .. %s):sub(-9)", s(), g.expr(number, d, true), s())
	case 3:
		return fmt.Sprintf("(%s):%s()", s(), g.of("upper", "lower", "reverse"))
	case 4:
		return fmt.Sprintf("(%s):sub(%d, %d)", s(), g.n(5)-2, g.n(5)-1)
	case 5:
		return fmt.Sprintf("tostring(%s)", g.of(g.expr(boolean, d, pure), g.expr(number, d, true)+" + 0"))
	case 6:
		return fmt.Sprintf("(%s and %s or %s)", g.expr(boolean, d, pure), g.expr(str, d, pure), g.expr(str, d, pure))
	case 7:
		return fmt.Sprintf("string.format(%q, %s, %s):sub(-12)", g.of("%d|%s", "%5d%s", "%03d-%q"), g.expr(number, d, true), g.leaf(str))
	case 8:
		return fmt.Sprintf("table.concat({ %s, %s }, %s):sub(-12)", s(), g.leaf(number)+" + 0", g.of(`","`, `""`))
	case 9:
		return fmt.Sprintf("type(%s)", g.expr(anything, d, pure))
	case 10:
		return fmt.Sprintf("((%s):gsub(%s, %s)):sub(1, 12)", s(), g.of(`"a"`, `"%w"`, `"(.)(.)"`, `"%s*$"`), g.of(`"b"`, `"%0"`, `"[%1]"`))
	}
	return fmt.Sprintf("(%s):rep(%d):sub(1, 12)", g.leaf(str), g.n(3))
}

func (g *gen) boolean(d int, pure bool) string {
	switch g.n(9) {
	case 0, 1:
		return fmt.Sprintf("%s %s %s", g.expr(number, d, true), g.of("<", ">", "<=", ">=", "==", "~="), g.expr(number, d, true))
	case 2:
		return fmt.Sprintf("(%s %s %s)", g.expr(str, d, true), g.of("<", ">", "<=", "==", "~="), g.expr(str, d, true))
	case 3:
		return fmt.Sprintf("(%s %s %s)", g.expr(anything, d, true), g.of("==", "~="), g.expr(anything, d, true))
	case 4:
		return fmt.Sprintf("not (%s)", g.expr(anything, d, pure))
	case 5, 6:
		return fmt.Sprintf("(%s %s %s)", g.expr(boolean, d, pure), g.of("and", "or"), g.expr(boolean, d, pure))
	case 7:
		return fmt.Sprintf("not (%s and %s)", g.expr(boolean, d, pure), g.expr(boolean, d, pure))
	}
	return fmt.Sprintf("((%s):find(%s, 1, true) ~= nil)", g.expr(str, d, true), g.leaf(str))
}

func (g *gen) anything(d int, pure bool) string {
	switch g.n(14) {
	case 0:
		return g.expr(number, d, pure)
	case 1:
		return g.expr(str, d, pure)
	case 2:
		return g.expr(boolean, d, pure)
	case 3, 4, 5:
		return fmt.Sprintf("(%s and %s)", g.expr(anything, d, pure), g.expr(anything, d, pure))
	case 6, 7, 8:
		return fmt.Sprintf("(%s or %s)", g.expr(anything, d, pure), g.expr(anything, d, pure))
	case 9:
		if t := g.pick(record); t != nil {
			return t.name + "." + g.of("a", "b", "c", "d")
		}
	case 10:
		if c := g.callOf(pure); c != "" {
			return c
		}
	case 11:
		if g.vararg[g.level] {
			return g.of("(...)", "...")
		}
	case 12:
		return g.of(g.record(d), g.list(d), "next({})")
	case 13:
		return fmt.Sprintf("(%s and %s or %s)", g.expr(anything, d, pure), g.expr(anything, d, pure), g.expr(anything, d, pure))
	}
	return g.leaf(anything)
}

// callOf is a call of a function, "" if there is none.
func (g *gen) callOf(pure bool) string {
	f := g.any(g.visible(func(v *variable) bool { return v.kind == function && (!pure || !v.effect) }))
	if f == nil {
		return ""
	}
	if f.effect {
		g.effect[g.level] = true
	}
	var args []string
	for range g.n(4) {
		args = append(args, g.expr(anything, 1, pure))
	}
	if g.vararg[g.level] && g.chance(30) {
		args = append(args, "...")
	}
	if g.chance(10) {
		return fmt.Sprintf("select(2, pcall(%s))", strings.Join(append([]string{f.name}, args...), ", "))
	}
	return fmt.Sprintf("%s(%s)", f.name, strings.Join(args, ", "))
}

// spread is something with several values.
func (g *gen) spread(pure bool) string {
	if g.vararg[g.level] && g.chance(50) {
		return "..."
	}
	if c := g.callOf(pure); c != "" {
		return c
	}
	if l := g.pick(list); l != nil {
		return fmt.Sprintf("unpack(%s, 1, %d)", l.name, g.n(4))
	}
	return "nil"
}

func (g *gen) list(d int) string {
	if g.chance(2) { // as long as what the compiler stores at once
		var b strings.Builder
		for i := range []int{49, 50, 51, 100}[g.n(4)] {
			fmt.Fprintf(&b, "%d, ", i)
		}
		return "{ " + b.String() + g.of("", g.items(1), "unpack({ 1, 2 })") + " }"
	}
	return "{ " + g.items(1+g.n(4)) + g.of("", "", ", unpack({ 4, 5 })") + " }"
}

func (g *gen) record(d int) string {
	var fields []string
	for _, f := range []string{"a", "b", "c"} {
		if g.chance(70) {
			fields = append(fields, fmt.Sprintf(g.of("%s = %s", "[%q] = %s"), f, g.expr(anything, d, true)))
		}
	}
	if g.chance(15) {
		fields = append(fields, "a = "+g.spread(true))
	}
	return "{ " + strings.Join(fields, ", ") + " }"
}
