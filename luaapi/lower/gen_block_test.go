package lower_test

import (
	"fmt"
	"strings"
)

func (g *gen) do() *node { return block("do", g.block(5), "end") }

func (g *gen) ifStmt() *node {
	parts := []any{"if " + g.condition() + " then", g.block(4)}
	for g.chance(30) {
		parts = append(parts, "elseif "+g.condition()+" then", g.block(3))
	}
	if g.chance(40) {
		parts = append(parts, "else", g.block(3))
	}
	return block(append(parts, "end")...)
}

func (g *gen) condition() string {
	if g.chance(12) {
		return g.of("true", "false", "nil", "1", "not nil", "not true", "false or nil", "nil and 1")
	}
	return g.expr(g.plainKind(), 4, false)
}

// counter declares a variable that bounds a loop.
func (g *gen) counter() (*variable, *node) {
	v := g.name(number, 0)
	v.fixed = true
	g.declare(v)
	return v, kept(line("local %s = 0", v.name))
}

// body generates the body of a loop.
func (g *gen) body(vars ...*variable) []*node {
	g.loops++
	had := len(g.vars)
	for _, v := range vars {
		g.declare(v)
	}
	out := g.block(5)
	if g.chance(30) {
		out = append(out, g.breakStmt())
	}
	if g.chance(20) {
		out = append([]*node{block("if "+g.of("false", "nil", "not true", "nil and 1")+" then", []*node{line("local x")}, "end")}, out...)
	}
	g.vars = g.vars[:had]
	g.loops--
	return out
}

// breakStmt breaks, sometimes out of a block with a local that a function shares.
func (g *gen) breakStmt() *node {
	cond := "if " + g.condition() + " then"
	if fs := g.pick(closures); fs != nil && g.chance(40) {
		v := g.name(anything, 0)
		return block(cond, []*node{
			line("local %s = %s", v.name, g.expr(anything, 2, true)),
			line("%s[#%s + 1] = function() return %s end", fs.name, fs.name, v.name),
			line("break"),
		}, "end")
	}
	return block(cond, []*node{line("break")}, "end")
}

func (g *gen) whileStmt() *node {
	if g.chance(8) {
		return block("while "+g.of("false", "nil", "not 1")+" do", g.body(), "end")
	}
	c, decl := g.counter()
	count := kept(line("%s = %s + 1", c.name, c.name))
	stop := kept(block(fmt.Sprintf("if %s > %d then", c.name, 1+g.n(4)), []*node{kept(line("break"))}, "end"))
	body := g.body()
	if g.chance(40) {
		return block([]*node{decl}, "while "+g.of("true", "1", "not nil")+" do", append([]*node{count, stop}, body...), "end")
	}
	cond := fmt.Sprintf("while %s < %d", c.name, 1+g.n(4))
	if g.chance(50) {
		cond += g.of(" and ", " and not ") + "(" + g.expr(g.plainKind(), 3, false) + ")"
	}
	return block([]*node{decl}, cond+" do", append([]*node{count}, body...), "end")
}

func (g *gen) repeatStmt() *node {
	c, decl := g.counter()
	body := g.body()
	v := g.name(anything, 0)
	tail := []*node{kept(line("%s = %s + 1", c.name, c.name)), line("local %s = %s", v.name, g.expr(anything, 2, false))}
	if fs := g.pick(closures); fs != nil && g.chance(30) {
		tail = append(tail, line("%s[#%s + 1] = function(x) %s = x or %s return %s end", fs.name, fs.name, v.name, v.name, v.name))
	}
	until := fmt.Sprintf("until %s >= %d", c.name, 1+g.n(4))
	if g.chance(60) {
		until += g.of(" or ", " or not ") + v.name
	}
	return block([]*node{decl}, "repeat", append(body, tail...), until)
}

func (g *gen) numberFor() *node {
	v := g.name(number, 20)
	v.fixed = g.chance(70)
	from, to, step := g.n(4), g.n(5), ""
	if g.chance(30) {
		step = g.of(", 2", ", -1", ", 3")
	}
	head := fmt.Sprintf("for %s = %d, %d%s do", v.name, from, to, step)
	if g.chance(20) {
		head = fmt.Sprintf("for %s = %s and 1 or 2, %d do", v.name, g.expr(boolean, 2, true), to)
	}
	return block(head, g.body(v), "end")
}

func (g *gen) genericFor() *node {
	k, v := g.name(number, 10), g.name(number, 10)
	if k.name == v.name {
		v = g.name(number, 0)
	}
	head := ""
	switch l := g.pick(list); {
	case l != nil && g.chance(30):
		head = fmt.Sprintf("for %s, %s in ipairs(%s) do if %s > 4 then break end", k.name, v.name, l.name, k.name)
	case g.chance(25):
		head = fmt.Sprintf("for %s, %s in next, { %s } do", k.name, v.name, g.items(1+g.n(4)))
	case g.chance(25):
		head = fmt.Sprintf("for %s, %s in pairs { %s } do", k.name, v.name, g.items(1+g.n(4)))
	case g.chance(40):
		head = fmt.Sprintf("for %s, %s in function(s, c) if c < s then return c + 1, c * 2 end end, %d, 0 do", k.name, v.name, 1+g.n(4))
	default:
		c := g.name(number, 0)
		return block(
			fmt.Sprintf("local %s = 0", c.name),
			fmt.Sprintf("for %s, %s in function() %s = %s + 1 if %s < %d then return %s, %s end end do", k.name, v.name, c.name, c.name, c.name, 2+g.n(4), c.name, c.name),
			g.body(k, v), "end")
	}
	return block(head, g.body(k, v), "end")
}

func (g *gen) items(n int) string {
	var items []string
	for range n {
		items = append(items, g.expr(number, 1, true))
	}
	return strings.Join(items, ", ")
}

// enter and leave stand around the body of a function.
func (g *gen) enter(vararg bool, params ...*variable) (had, loops int) {
	had, loops = len(g.vars), g.loops
	g.level++
	g.vararg, g.effect = append(g.vararg, vararg), append(g.effect, false)
	g.loops = min(1, g.loops)
	for _, p := range params {
		g.declare(p)
	}
	return had, loops
}

func (g *gen) leave(had, loops int) (effect bool) {
	effect = g.effect[g.level]
	g.vararg, g.effect = g.vararg[:g.level], g.effect[:g.level]
	g.level--
	g.vars, g.loops = g.vars[:had], loops
	return effect
}

func (g *gen) params(n int) (vs []*variable, text string) {
	var names []string
	for range n {
		v := g.name(anything, 0)
		vs, names = append(vs, v), append(names, v.name)
	}
	return vs, strings.Join(names, ", ")
}

// statements is the body of a function: its call counts, and it returns something.
func (g *gen) statements(tick bool) []*node {
	var out []*node
	if tick {
		out = append(out, kept(line("tick()")))
	}
	vars := len(g.vars)
	for range 1 + g.n(4) {
		if g.left > 0 {
			out = append(out, g.stmt())
		}
	}
	switch g.n(4) {
	case 0:
		out = append(out, line("return %s", g.expr(anything, 3, false)))
	case 1:
		out = append(out, line("return %s, %s", g.expr(anything, 2, false), g.spread(false)))
	case 2:
		out = append(out, line("return %s", g.spread(false)))
	}
	g.vars = g.vars[:vars]
	return out
}

// function declares a function in one of the ways there are.
func (g *gen) function() *node {
	f := g.name(function, 30)
	f.fixed = false
	params, names := g.params(g.n(4))
	vararg := g.chance(40)
	if vararg {
		names = strings.TrimPrefix(names+", ...", ", ")
	}
	if g.chance(15) { // it calls itself
		had, loops := g.enter(vararg, params...)
		g.stored++
		depth := g.name(number, 0)
		body := g.block(3)
		g.stored--
		f.effect = g.leave(had, loops)
		g.inherit(f.effect)
		f = &variable{name: g.name(function, 0).name, kind: function, effect: f.effect}
		g.declare(f)
		f.fixed = true
		head := fmt.Sprintf("local function %s(%s)", f.name, strings.TrimSuffix(depth.name+", "+names, ", "))
		end := fmt.Sprintf("%s = type(%s) == 'number' and %s < 5 and %s or 1 if %s <= 0 then return %s end", depth.name, depth.name, depth.name, depth.name, depth.name, depth.name)
		again := g.of("return %s(%s - 1)", "return 1, %s(%s - 1)", "return (%s(%s - 1))")
		return block(head, []*node{kept(line("tick()")), kept(line("%s", end))}, body, fmt.Sprintf(again, f.name, depth.name), "end")
	}
	had, loops := g.enter(vararg, params...)
	g.stored++
	body := g.statements(true)
	g.stored--
	f.effect = g.leave(had, loops)
	head := "local %s = function(%s)"
	if hides := g.visible(func(v *variable) bool { return v.name == f.name }); len(hides) == 0 && g.chance(50) {
		head = "local function %s(%s)" // it would see itself, and not the one that it hides
	}
	g.declare(f)
	return block(fmt.Sprintf(head, f.name, names), body, "end")
}

func (g *gen) inherit(effect bool) {
	if effect {
		g.effect[g.level] = true
	}
}

// closure appends a function to a list of them.
func (g *gen) closure() *node {
	fs := g.pick(closures)
	if fs == nil {
		return g.function()
	}
	params, names := g.params(g.n(2))
	had, loops := g.enter(false, params...)
	g.stored++
	body := g.statements(true)
	g.stored--
	g.leave(had, loops)
	return block(fmt.Sprintf("%s[#%s + 1] = function(%s)", fs.name, fs.name, names), body, "end")
}

// callClosures calls the functions of a list. Functions that can be called later do not, or there would be circles.
func (g *gen) callClosures() *node {
	fs := g.pick(closures)
	if fs == nil || g.stored > 0 {
		return nil
	}
	g.names++
	i := fmt.Sprint("i", g.names)
	return line("for %s = 1, math.min(#%s, 4) do out(pcall(%s[%s], %s)) end", i, fs.name, fs.name, i, g.expr(anything, 2, false))
}

// protected catches an error.
func (g *gen) protected() *node {
	ok, e := g.name(boolean, 0), g.name(anything, 0)
	had, loops := g.enter(false)
	body := g.statements(false)
	if g.chance(70) {
		if n := len(body); n > 0 && strings.HasPrefix(text(body[n-1:]), "return") {
			body = body[:n-1]
		}
		body = append(body, g.failure())
	}
	effect := g.leave(had, loops)
	g.inherit(effect)
	out := line("out(%s, %s)", ok.name, e.name)
	defer g.declare(ok)
	defer g.declare(e)
	if g.chance(20) {
		handler := "function(m) return m end"
		if v := g.target(anything); v != nil {
			handler = fmt.Sprintf("function(m) %s = m return m end", v.name)
		}
		return block(fmt.Sprintf("local %s, %s = xpcall(function()", ok.name, e.name), body, "end, "+handler+")", []*node{out})
	}
	return block(fmt.Sprintf("local %s, %s = pcall(function()", ok.name, e.name), body, "end)", []*node{out})
}

// failure is a statement that raises an error, or may.
func (g *gen) failure() *node {
	fail := []string{
		"error(" + g.expr(anything, 2, true) + ")", "error(" + g.expr(str, 2, true) + ", 0)", "error({ " + g.expr(number, 1, true) + " })",
		"error()", "local x = nil x.y = 1", "local x x()", "local x = {} + 1", "local x = {} < {}", "local x = 1 < 'x'", "local x = #nil",
		"local x = 'a' .. {}", "assert(" + g.expr(anything, 2, true) + ")", "assert(false, 'because')", "ipairs(nil)", "local x = ('x'):nope()",
		"local t = {} t[nil] = 1", "for i = 1, 'x' do end", "local x = -{}", "table.concat({ {} })", "local x = ('x').y.z", "local x = {} x.y.z = 1", "setmetatable(1, {})",
	}
	if g.chance(30) {
		return line("if %s then %s end", g.expr(boolean, 2, true), g.of(fail...))
	}
	return line("%s", g.of(fail...))
}
