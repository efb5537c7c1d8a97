package luaapi

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	planmod "tandem/luaapi/mod/plan"
	"tandem/luaapi/show"
	"tandem/luaapi/source"
)

// Console evaluates lines in a sandbox beside a program: the modules of Tandem and those of the program are there without require, and
// what a line assigns to a global stays. It belongs to one goroutine.
type Console struct {
	box   *Sandbox
	env   *lua.LTable
	shown []string
}

// input is what errors call a line.
const input = "input"

// Console returns a console for the program.
func (p *Program) Console(opt Options) *Console {
	c := &Console{box: p.Sandbox(opt, func(*lua.LState) map[string]*lua.LTable { return nil })}
	v := c.box.v
	L := v.L
	c.env = L.NewTable()
	c.env.RawSetString("_show", L.NewFunction(c.show))
	mt := L.NewTable()
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		if is := L.GetField(L.G.Global, L.Get(2).String()); is != lua.LNil {
			L.Push(is)
		} else if slices.Contains(v.moduleNames(), L.Get(2).String()) {
			L.Push(L.GetField(L.G.Global, "require"))
			L.Push(L.Get(2))
			L.Call(1, 1)
		} else {
			L.Push(lua.LNil)
		}
		return 1
	}))
	L.SetMetatable(c.env, mt)
	return c
}

// show keeps what an expression came to.
func (c *Console) show(L *lua.LState) int {
	for i := 1; i <= L.GetTop(); i++ {
		if n := planmod.Node(L.Get(i)); n != nil {
			c.shown = append(c.shown, n.String())
			continue
		}
		c.shown = append(c.shown, show.Value(L.Get(i)))
	}
	return 0
}

// Incomplete reports whether a text is the beginning of statements or of an expression.
func Incomplete(text string) bool {
	_, expr := source.Parse([]byte("return "+text), input)
	_, stmt := source.Parse([]byte(text), input)
	return expr != nil && stmt != nil && (expr.Early || stmt.Early)
}

// Eval runs a text: statements, or expressions, whose values it returns. The error is an *Error.
func (c *Console) Eval(text string) (string, error) {
	ch, err := compileLoose(input, []byte("_show("+returned(text)+"\n)"))
	if err != nil {
		if ch, err = compileLoose(input, []byte(text)); err != nil {
			return "", err
		}
	}
	c.shown = nil
	fn := c.box.v.L.NewFunctionFromProto(ch.proto)
	fn.Env = c.env
	if err := c.box.run(fn, c.box.v.opt.Budget, c.box.v.opt.Memory, input); err != nil {
		return "", err
	}
	return strings.Join(c.shown, ", "), nil
}

// returned is what a text returns that is nothing but a return, and every other text.
func returned(text string) string {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "return")
	if ok && rest != "" && strings.ContainsAny(rest[:1], " \t\n({\"'-#") {
		return rest
	}
	return text
}
