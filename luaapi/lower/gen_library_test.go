package lower_test

import (
	"fmt"
	"strings"
)

// What the libraries, metatables and errors are asked. The statements here take values from the variables of the program and write
// what comes out; where the language leaves the result open they do not ask.

// real is an expression for a number with a fraction: a multiple of 1/8 of moderate size, which both machines compute exactly.
func (g *gen) real(d int) string {
	if d <= 0 || g.chance(25) {
		return g.of("0.5", "-1.25", "2.75", "13.125", "-0.375", "7", "-4", fmt.Sprintf("%d / 8", g.n(200)-100), fmt.Sprintf("(%s + 0.5)", g.leaf(number)))
	}
	x, y := g.real(d-1), g.real(d-1)
	switch g.n(8) {
	case 0, 1, 2:
		return fmt.Sprintf("((%s) %s (%s))", x, g.of("+", "-"), y)
	case 3:
		return fmt.Sprintf("(math.floor((%s) * (%s)) / 4 %% 97)", x, y)
	case 4:
		return fmt.Sprintf("((%s) / %s)", x, g.of("2", "4", "0.5"))
	case 5:
		return fmt.Sprintf("((%s) %% %s + 0)", x, g.of("3", "2.5", "-7", "0.75"))
	case 6:
		return fmt.Sprintf("math.%s(%s)", g.of("abs", "floor", "ceil"), x)
	}
	return fmt.Sprintf("math.%s(%s, %s)", g.of("max", "min"), x, y)
}

// inexact is a number that is written only: what the machines compute differs beyond the digits shown.
func (g *gen) inexact() string {
	return fmt.Sprintf("("+g.of("%s / 3", "%s * 1.1", "math.sqrt(math.abs(%s))", "2 ^ math.floor(%s)", "%s / 7e20", "%s * 1e15", "math.abs(%s) ^ 2", "%s * 1e300 * 1e10", "%s + 1e-7")+" + 0)", "("+g.real(2)+")")
}

func (g *gen) reals() *node {
	switch g.n(4) {
	case 0:
		return line("out(%s, %s, %s)", g.real(3), g.inexact(), g.inexact())
	case 1:
		return line("out((%s) < (%s), (%s) == (%s), %s .. '')", g.real(2), g.real(2), g.real(2), g.real(2), "("+g.real(2)+" + 0)")
	case 2:
		return line("out(math.modf(%s)) out(math.fmod(%s, %s))", g.real(2), g.real(2), g.of("3", "-2.5", "0.75"))
	}
	return line("out(tonumber(tostring(%s)), tostring(%s), tonumber(%s))", g.real(2), g.inexact(), g.of(`"0x1p"`, `"1e3"`, `" .5 "`, `"5."`, `"1e"`, `"0x1F"`, `"1 2"`, `""`, `"-7"`, `"7f"`))
}

// format asks string.format for all that it has.
func (g *gen) format() *node {
	var f strings.Builder
	var args []string
	for range 1 + g.n(3) {
		verb := g.of("d", "i", "u", "x", "X", "o", "c", "e", "E", "f", "g", "G", "s", "q", "%")
		flags, arg := "", g.expr(number, 1, true)+" + 0"
		switch verb {
		case "d", "i":
			flags, arg = g.flags("-+ 0")+g.width(20), fmt.Sprintf("(%s) - 40", g.expr(number, 1, true))
		case "u", "x", "X", "o":
			flags, arg = g.flags("-0#")+g.width(20), g.of(g.expr(number, 1, true), "2 ^ 40 + 5", "65535")
			if verb == "u" {
				flags = strings.ReplaceAll(flags, "#", "")
			}
			arg = "math.abs(" + arg + ")"
		case "c":
			flags, arg = g.flags("-"), fmt.Sprint(32+g.n(90))
		case "e", "E", "f", "g", "G":
			flags, arg = g.flags("-+ 0#")+g.width(20), g.of(g.real(2)+" + 0", g.inexact()+" + 0", "1e15 / 3", "1e-7", "123456789", "0.1", "1 / 0", "-1 / 0")
		case "s":
			flags, arg = g.flags("-")+g.width(12), g.of(g.expr(str, 2, true), g.expr(number, 1, true)+" + 0", g.expr(boolean, 1, true), "nil")
			arg = "tostring(" + arg + ")"
		case "q":
			arg = g.of(g.expr(str, 2, true), `"a\nb\0c\r\"\\"`, g.expr(number, 1, true)+" + 0")
		case "%":
			f.WriteString("%%")
			continue
		}
		fmt.Fprintf(&f, "%s%%%s%s", g.of("", "|", "x "), flags, verb)
		args = append(args, arg)
	}
	return line("out(pcall(string.format, %s))", strings.Join(append([]string{fmt.Sprintf("%q", f.String())}, args...), ", "))
}

func (g *gen) flags(all string) string {
	var s string
	for _, f := range all {
		if g.chance(25) {
			s += string(f)
		}
	}
	return s
}

func (g *gen) width(most int) (s string) {
	if g.chance(40) {
		s = fmt.Sprint(1 + g.n(most))
	}
	if g.chance(40) {
		s += g.of(".", fmt.Sprintf(".%d", g.n(most)))
	}
	return s
}

// pattern makes a pattern.
func (g *gen) pattern() string {
	captures := 0
	var b strings.Builder
	if g.chance(20) {
		b.WriteByte('^')
	}
	for range 1 + g.n(4) {
		piece := g.of("a", "%a", "%d", "%w", "%s", ".", "[ab]", "[^a]", "[%d,]", "[a-c]", "[^%s,]", "%p", "%x", "%l", "%u", "%(", "x", "%A", "%D", "%S", "[]]", "[a-]", "%z")
		piece += g.of("", "", "", "*", "+", "-", "?")
		switch g.n(12) {
		case 0, 1, 2:
			piece, captures = "("+piece+")", captures+1
		case 3:
			piece, captures = "()", captures+1
		case 4:
			piece = "%b()"
		case 5:
			if captures > 0 && g.chance(40) {
				piece = "%1"
			}
		case 6:
			piece = "%f" + g.of("[%a]", "[%W]", "[^,]", "[%z]")
		}
		b.WriteString(piece)
	}
	if g.chance(15) {
		b.WriteByte('$')
	}
	return b.String()
}

// subject is a string for patterns.
func (g *gen) subject() string {
	if g.chance(50) {
		return g.expr(str, 2, true)
	}
	var b strings.Builder
	for range g.n(14) {
		b.WriteString(g.of("a", "b", "c", "x", "1", "2", " ", ",", "(", ")", "A", "a1", "\\0", "\\n", "]"))
	}
	return `"` + b.String() + `"`
}

func (g *gen) patterns() *node {
	defer g.leave(g.enter(false)) // some of it stands in a function
	p := g.pattern()
	s := g.subject()
	switch g.n(8) {
	case 0:
		return line("out(pcall(string.find, %s, %q%s))", s, p, g.of("", "", ", 2", ", -3", ", 9", ", 1, true"))
	case 1:
		return line("out(pcall(string.match, %s, %q%s))", s, p, g.of("", "", ", 3", ", -2"))
	case 2, 3:
		repl := g.of("x", "%0", "[%1]", "%1%1", "", "%%", "<%0>", "%2", "%1%2")
		return line("out(pcall(string.gsub, %s, %q, %q%s))", s, p, repl, g.of("", "", ", 1", ", 2", ", 0", ", -1"))
	case 4:
		return line("out(pcall(string.gsub, %s, %q, { a = 'A', b = %s, c = false, [1] = 'one', ['1'] = %s, x = %s }%s))",
			s, p, g.expr(anything, 1, true), g.expr(number, 1, true), g.of("{}", "true", "1", "'X'"), g.of("", ", 2"))
	case 5:
		return line("out(pcall(string.gsub, %s, %q, function(...) %sout(...) return %s end))", s, p, g.of("", "", "if (...) == 'b' then error('b', 0) end "),
			g.of("...", "nil", "false", "'<' .. tostring((...)) .. '>'", "select('#', ...)", "select(-1, ...)", "{}", "true"))
	case 6:
		return line("out(pcall(function() for a, b in (%s):gmatch(%q) do out(a, b) end end))", s, p)
	}
	t := g.name(anything, 0)
	return line("do local %s = {} for w in (%s):gmatch(%q) do %s[#%s + 1] = w end out(#%s, %s[1], %s[#%s]) end", t.name, s, strings.TrimPrefix(p, "^"), t.name, t.name, t.name, t.name, t.name, t.name)
}

// records sorts records, whose order is total.
func (g *gen) records() *node {
	l := g.name(record, 0)
	n := 2 + g.n(14)
	var b strings.Builder
	for i, k := range g.r.Perm(n) {
		fmt.Fprintf(&b, "{ k = %d, s = %q, g = %d }, ", k, fmt.Sprintf("%c%d", 'a'+(k*7+i*0)%5, k), k%3)
	}
	less := g.of("a.k < b.k", "a.k > b.k", "a.s < b.s", "a.s > b.s", "a.g < b.g or a.g == b.g and a.k < b.k", "a.g > b.g or (a.g == b.g and not (a.k <= b.k))",
		"(a.g ~= b.g and a.g < b.g) or (a.g == b.g and a.s > b.s)", "a.none < b.none", "a < b")
	show := fmt.Sprintf("for i, r in ipairs(%s) do if i > 6 then break end out(r.k, r.s) end", l.name)
	if g.chance(30) {
		return line("do local %s = { %s } local m = { __lt = function(a, b) return %s end } for _, r in ipairs(%s) do setmetatable(r, m) end out((pcall(table.sort, %s)), %s[1].k) end",
			l.name, b.String(), g.of("a.k < b.k", "a.s < b.s", "a.k > b.k"), l.name, l.name, l.name)
	}
	return line("do local %s = { %s } out((pcall(table.sort, %s, function(a, b) return %s end))) %s end", l.name, b.String(), l.name, less, strings.Repeat(show, g.n(2)))
}

var events = []string{"__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm", "__concat", "__eq", "__lt", "__le", "__call", "__index", "__newindex", "__tostring", "__metatable"}

// metatable is a block with two metatables, that have some of the events, and what is done with tables that have them.
func (g *gen) metatables() *node {
	defer g.leave(g.enter(false)) // some of it stands in a function
	parts := []any{"do local A, B, S = {}, {}, { s = 'S' }"}
	for _, m := range []string{"A", "B"} {
		for _, e := range events {
			if g.chance(40) {
				parts = append(parts, m+"."+e+" = "+g.event(m, e))
			}
		}
	}
	if g.chance(50) { // otherwise two functions are never equal, and == asks neither
		parts = append(parts, "B.__eq, B.__lt, B.__le = A.__eq, A.__lt, A.__le")
	}
	parts = append(parts, fmt.Sprintf("local a, b, c = setmetatable({ n = %d }, A), setmetatable({ n = %d }, B), setmetatable({ n = %d }, A)", g.n(5), g.n(5), g.n(5)))
	value := func() string {
		return g.of("a", "a", "b", "b", "c", "a", "b", g.expr(number, 1, true), g.expr(str, 1, true), g.leaf(anything), "S", `"10"`)
	}
	for range 2 + g.n(7) {
		x, y := value(), value()
		var s string
		switch g.n(10) {
		case 0, 1, 2:
			s = fmt.Sprintf("return (%s) %s (%s)", x, g.of("+", "-", "*", "/", "%", "^", ".."), y)
		case 3, 4:
			s = fmt.Sprintf("return (%s) %s (%s)", x, g.of("<", "<=", ">", ">=", "==", "~="), y)
		case 5:
			s = fmt.Sprintf("return -(%s), not (%s)", x, y)
		case 6:
			s = fmt.Sprintf("return (%s)(%s, %s)", x, y, g.expr(anything, 1, true))
		case 7:
			s = fmt.Sprintf("%s.%s = %s return %s.n, %s.z, S.z, rawget(%s, 'z')", g.of("a", "b", "c"), g.of("n", "z", "k"), g.expr(anything, 1, true), g.of("a", "b"), g.of("a", "b"), g.of("a", "b", "S"))
		case 8:
			s = fmt.Sprintf("return (%s).%s, (%s)[%s]", g.of("a", "b", "c"), g.of("n", "s", "none", "k"), g.of("a", "b", "c"), g.expr(number, 1, true))
		default:
			s = fmt.Sprintf("local s = tostring(%s) return type(s), type(getmetatable(%s)), (pcall(setmetatable, %s, A))", g.of("a", "b"), g.of("a", "b", "c"), g.of("a", "b", "c"))
		}
		parts = append(parts, "out(pcall(function() "+s+" end))")
	}
	return block(append(parts, "out(rawget(a, 'n'), rawget(b, 'n'), rawget(c, 'n')) end")...)
}

// event is the handler of an event.
func (g *gen) event(m, e string) string {
	result := g.of("a", "b", "1", "'r'", "nil", "false", "{ n = 9 }", "rawget(S, 's')")
	switch e {
	case "__index":
		return g.of("S", "S", m, "setmetatable({ k = 5 }, { __index = S })", "function(t, k) out('index', k) return k end", "setmetatable({}, { __index = function(_, k) return 'deep' end })")
	case "__newindex":
		return g.of("S", "S", "rawset", "function(t, k, v) out('set', k) rawset(t, k, 'v') end", "setmetatable({}, { __newindex = S })", "setmetatable({}, { __newindex = function(_, k, v) rawset(S, k, v) end })")
	case "__metatable":
		return g.of("'locked'", "false", "nil", "nil", "nil")
	case "__tostring":
		return g.of("function(t) return 'T' .. t.n end", "function() return 'text' end", "function() error('no text', 0) end")
	case "__unm":
		return fmt.Sprintf("function(a) out('%s') return a, 2 end", m+e)
	case "__call":
		return fmt.Sprintf("function(self, ...) out('%s', select('#', ...)) return ..., self.n end", m+e)
	case "__eq", "__lt", "__le":
		result = g.of("a.n < b.n", "a.n == b.n", "true", "nil", "1")
	}
	return fmt.Sprintf("function(a, b) out('%s', type(a), type(b)) return %s end", m+e, result)
}

// errors raises tables, catches them in several places, and passes values through pcall.
func (g *gen) errors() *node {
	e := g.name(anything, 0)
	g.names++
	f := fmt.Sprint("e", g.names)
	raise := g.of("error(o)", "error(o, 2)", "error(o.text)", "error(o.text, 2)", "error(o.text, 0)", "error(setmetatable({ code = 2, text = 'new' }, getmetatable(o)))", "assert(nil, o)", "assert(false, o.text)", "o.x.y = 1", "o()", "return o + 1")
	mt := g.of("{ __tostring = function(t) return 'E' .. t.code end }", "{ __index = { extra = 'x' }, __tostring = function(t) return t.text end }", "nil", "{ __concat = function(a, b) return 'joined' end }")
	had, loops := g.enter(false)
	inside := g.values(4)
	g.leave(had, loops)
	again := g.of("", "", "error(m, 0)", "if type(m) == 'table' then error(m) end", "error({ m })")
	handler := g.of("tostring", "function(m) return m, 2 end", "type", "function(m) error(m) end", "function(m) return setmetatable({ m }, { __tostring = function() return 'handled' end }) end")
	use := fmt.Sprintf("out(type(%s), type(%s) == 'table' and (%s.code or type(%s[1])), type(%s) == 'string' and %s)", e.name, e.name, e.name, e.name, e.name, e.name)
	if !strings.Contains(mt, "__tostring") && handler == "tostring" {
		handler = "type" // of a table it would show where it is
	}
	body := []any{
		fmt.Sprintf("do local o = setmetatable({ code = %s, text = %s }, %s)", g.expr(number, 1, true), g.expr(str, 1, true), mt),
		fmt.Sprintf("local function %s(...) if select('#', ...) > %d then %s end return select('#', ...), ... end", f, g.n(4), raise),
		fmt.Sprintf("out((pcall(%s)))", f),
		fmt.Sprintf("local ok, %s = pcall(%s, %s)", e.name, f, g.values(4)),
		use,
		fmt.Sprintf("out(select('#', pcall(%s, %s)))", f, g.values(3)),
		fmt.Sprintf("ok, %s = xpcall(function() return %s(%s) end, %s)", e.name, f, inside, handler),
		use,
		fmt.Sprintf("ok, %s = pcall(function(...) local ok, m = pcall(%s, ...) %s return ok, %s end, %s)", e.name, f, again, g.of("...", "m", "(...)", "select('#', ...)"), g.values(4)),
		use,
	}
	if mt != "nil" && !strings.Contains(mt, "__concat") {
		body = append(body, fmt.Sprintf("out(tostring(o), pcall(tostring, %s) and 'text')", e.name))
	}
	return block(append(body, "end")...)
}

// values is a list of n values or fewer, nil among them.
func (g *gen) values(n int) string {
	var vs []string
	for range g.n(n) + 1 {
		vs = append(vs, g.of("nil", g.expr(anything, 1, true), g.expr(number, 1, true)))
	}
	if g.vararg[g.level] && g.chance(25) {
		vs = append(vs, "...")
	}
	return strings.Join(vs, ", ")
}

// realFor is a numeric loop with a fraction, or one that counts down.
func (g *gen) realFor() *node {
	v := g.name(number, 0)
	v.name = "r" + v.name
	head := fmt.Sprintf(g.of("for %s = %s, %s, 0.5 do", "for %s = %s, %s, -0.75 do", "for %s = %s, %s, -2 do", "for %s = %s, %s do", "for %s = %s, %s, 0.1 do", "for %s = %s, %s, 1 / 8 + 1 do"), v.name, g.real(1), g.real(1))
	if g.chance(10) {
		head = fmt.Sprintf("for %s = %s, %s, %s do", v.name, g.real(1), g.of("math.huge", "-math.huge", "3"), g.of("1", "-1", "2.5"))
	}
	g.names++
	c := fmt.Sprint("c", g.names)
	first := []*node{kept(line("%s = %s + 1", c, c)), kept(block(fmt.Sprintf("if %s > 5 then", c), []*node{kept(line("break"))}, "end")), line("out(%s)", v.name)}
	if g.chance(30) {
		first = append(first, line("%s = %s * 2", v.name, v.name))
	}
	return block([]*node{kept(line("local %s = 0", c))}, head, append(first, g.body()...), "end")
}

// shared makes closures in a loop, which share some locals, and leaves it in the middle.
func (g *gen) shared() *node {
	fs, n, turn, own := g.name(closures, 0), g.name(number, 0), g.name(number, 0), g.name(anything, 0)
	loop := fmt.Sprintf(g.of("for %s = 1, 4 do", "for _, %s in ipairs { 1, 2, 3, 4 } do", "for %s in function(_, c) c = (c or 0) + 1 if c < 5 then return c end end do"), turn.name)
	had := len(g.vars)
	turn.fixed = true
	g.declare(turn)
	g.declare(own)
	leave := fmt.Sprintf("if %s >= %d then %s end", turn.name, 1+g.n(4), g.of("break", "do local z = "+own.name+" "+fs.name+".z = function() return z end break end", "if "+own.name+" then break end"))
	before, value, after := leave, g.expr(anything, 2, true), ""
	if g.chance(50) {
		before, after = "", leave
	}
	out := block(
		fmt.Sprintf("local %s, %s = {}, 0", fs.name, n.name), loop, before,
		fmt.Sprintf("local %s = %s", own.name, value),
		fmt.Sprintf("%s[#%s + 1] = function(x) %s = %s + 1 if x then %s = x end return %s, %s, %s end", fs.name, fs.name, n.name, n.name, own.name, own.name, n.name, turn.name),
		fmt.Sprintf("%s[#%s + 1] = function() %s = %s * 2 %s return %s, %s end", fs.name, fs.name, n.name, n.name, g.of("", turn.name+" = "+turn.name+" + 10", own.name+" = 7"), own.name, turn.name),
		g.block(2), after, "end",
		fmt.Sprintf("for i = 1, math.min(#%s, 6) do out(pcall(%s[i], %s)) out(pcall(%s[i])) end out(%s, %s.z and %s.z())", fs.name, fs.name, g.of("nil", "'y'", "i"), fs.name, n.name, fs.name, fs.name),
	)
	g.vars = g.vars[:had]
	g.declare(&variable{name: n.name, kind: number})
	return out
}

// texts asks the functions of the string and base libraries that the expressions do not have.
func (g *gen) texts() *node {
	defer g.leave(g.enter(false)) // some of it stands in a function
	s, n := g.expr(str, 2, true), fmt.Sprint(g.n(9)-4)
	switch g.n(8) {
	case 0:
		return line("out(pcall(string.byte, %s, %s, %d))", s, n, g.n(9)-4)
	case 1:
		return line("out((%s):sub(%s, %d), (%s):len(), string.len(%s + 0), string.rep(%s + 0, 2))", s, n, g.n(9)-4, s, g.expr(number, 1, true), g.expr(number, 1, true))
	case 2:
		return line("out(pcall(select, %s, %s))", g.of("1", "2", "-1", "-2", "'#'", "0", "9", "-9", "'2'"), g.values(4))
	case 3:
		return line("out(tonumber(%s, %d), tonumber(%s), pcall(function() return (%s) + 1 end))", g.of(`"ff"`, `"10"`, `"zz"`, `" 7 "`, `"-11"`, s), 2+g.n(35), s, g.of(s, `"10"`, `"0x10"`, `" 5 "`, `"1e1"`))
	case 4:
		return line("out((%s) .. (%s) .. (%s), pcall(function() return (%s) .. (%s) end))", s, "("+g.real(1)+" + 0)", s, g.leaf(anything), g.expr(str, 1, true))
	case 5:
		return line("out(string.char(%d, %d), rawequal(%s, %s), type(%s), #(%s .. 'x'))", 32+g.n(90), g.n(256), g.leaf(anything), g.leaf(anything), g.leaf(anything), s)
	case 6:
		return line("out(pcall(unpack, { %s }, %d, %d))", g.values(3), g.n(3), g.n(5))
	}
	return line("out(table.maxn { %s, [%d] = 1 }, pcall(table.concat, { %s, %s }, ',', %d, %d))", g.items(2), 3+g.n(9), g.items(2), g.of("'x'", "1.5", "{}", "nil"), g.n(3), g.n(5))
}
