// Package culprit names the variable that a run-time error of the Lua machine is about, as Lua 5.1 does: "attempt to call
// global 'foo' (a nil value)" where gopher-lua says "attempt to call a non-function object".
//
// It keeps no state. Message looks at the instruction that fails, while the machine still stands there; the name is read off
// the instruction that has loaded the register (luaG_typeerror of Lua 5.1 does the same). No RFC is involved.
package culprit

import (
	"reflect"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/lower"
)

// Message returns the message of an error with the name of the variable that it is about, or the message itself if it is
// none of the machine's or no variable can be named. It is to be called where the error is raised: as the Panic of a state.
func Message(L *lua.LState, message string) string {
	place, what, ok := strings.Cut(message, ": ")
	if !ok || !raised(what) {
		return message
	}
	at, ok := where(L, 0)
	if !ok { // what the machine leaves to functions in Go
		if at, ok = where(L, 1); !ok {
			return message
		}
		what = at.left(what)
	}
	if better := at.describe(what); better != "" {
		return place + ": " + better
	}
	return message
}

// The messages of the machine that lack a name.
const (
	notCalled   = "attempt to call a non-function object"
	notIndexed  = "attempt to index a non-table object("
	notComputed = "cannot perform "
	notCompared = "attempt to compare "
	noLength    = "__len undefined"
	noNegative  = "__unm undefined"

	// Those of the functions that stand for operators of the machine.
	notJoined = "attempt to concatenate a "
	notAdded  = "attempt to perform arithmetic on a "
)

func raised(what string) bool {
	for _, start := range [...]string{notCalled, notIndexed, notComputed, notCompared, noLength, noNegative, notJoined, notAdded} {
		if strings.HasPrefix(what, start) {
			return true
		}
	}
	return false
}

// where returns the Lua function at a level of the stack, 0 being what runs, and its instruction.
func where(L *lua.LState, level int) (at place, ok bool) {
	dbg, ok := L.GetStack(level)
	if !ok {
		return at, false
	}
	v, err := L.GetInfo("f", dbg, lua.LNil)
	fn, isFn := v.(*lua.LFunction)
	if err != nil || !isFn || fn.IsG {
		return at, false
	}
	// The machine keeps the instruction to itself; it is read, never written. A machine that hides it better costs the name.
	frame := reflect.ValueOf(dbg).Elem().FieldByName("frame")
	if !frame.IsValid() || frame.Kind() != reflect.Pointer || frame.IsNil() {
		return at, false
	}
	pc := frame.Elem().FieldByName("Pc")
	if !pc.IsValid() || !pc.CanInt() {
		return at, false
	}
	at = place{L: L, fn: fn, pc: int(pc.Int()) - 1}
	return at, at.pc >= 0 && at.pc < len(fn.Proto.Code)
}

// place is an instruction that fails.
type place struct {
	L  *lua.LState
	fn *lua.LFunction
	pc int
}

// describe says what is wrong, "" if it can say no more than the machine.
func (p place) describe(what string) string {
	i := instruction(p.fn.Proto.Code[p.pc])
	switch {
	case what == notCalled:
		return p.called(i)
	case strings.HasPrefix(what, notIndexed):
		return p.indexed(i, strings.TrimPrefix(what, notIndexed))
	case strings.HasPrefix(what, notComputed):
		return p.computed(i, strings.TrimPrefix(what, notComputed))
	case strings.HasPrefix(what, notCompared):
		return p.compared(i, what)
	case strings.HasPrefix(what, notJoined):
		return "attempt to concatenate " + p.joined(i)
	case what == noLength && i.op() == lua.OP_LEN:
		return "attempt to get length of " + p.value(i.b(), "")
	case what == noNegative && i.op() == lua.OP_UNM:
		return "attempt to perform arithmetic on " + p.value(i.b(), "")
	}
	return ""
}

// left returns the error of a function in Go, which runs above p, as the machine would put it; "" if it is no operator's.
func (p place) left(what string) string {
	i := instruction(p.fn.Proto.Code[p.pc])
	switch op := i.op(); {
	case strings.HasPrefix(what, notJoined) && p.joins(i):
		return what
	case strings.HasPrefix(what, notAdded) && op >= lua.OP_ADD && op <= lua.OP_POW:
		return notComputed + "add between " + p.L.Get(1).Type().String() + " and " + p.L.Get(2).Type().String()
	}
	return ""
}

// joins reports whether an instruction calls the function that stands for "..".
func (p place) joins(i instruction) bool {
	if i.op() != lua.OP_CALL && i.op() != lua.OP_TAILCALL {
		return false
	}
	pc, ok := p.loaded(i.a())
	if !ok {
		return false
	}
	load, at := instruction(p.fn.Proto.Code[pc]), p
	at.pc = pc
	switch load.op() {
	case lua.OP_MOVE, lua.OP_MOVEN:
		return at.local(load.b()) == lower.Concat
	case lua.OP_GETUPVAL:
		return at.upvalue(load.b()) == lower.Concat
	}
	return false
}

func (p place) called(i instruction) string {
	switch i.op() {
	case lua.OP_CALL, lua.OP_TAILCALL:
		return "attempt to call " + p.value(i.a(), "")
	case lua.OP_TFORLOOP:
		return "attempt to call the iterator of a for loop (" + article(p.typeOf(i.a())) + "): write in pairs(t), or in ipairs(t)"
	}
	return ""
}

// indexed reads "nil) with key 'x'".
func (p place) indexed(i instruction, rest string) string {
	kind, key, _ := strings.Cut(rest, ")")
	r := i.b()
	switch i.op() {
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_SELF:
	case lua.OP_SETTABLE, lua.OP_SETTABLEKS:
		r = i.a()
	default:
		return ""
	}
	return "attempt to index " + p.value(r, kind) + key
}

// computed reads "add operation between nil and number".
func (p place) computed(i instruction, rest string) string {
	_, types, _ := strings.Cut(rest, " between ")
	left, right, ok := strings.Cut(types, " and ")
	switch op := i.op(); {
	case !ok:
	case op >= lua.OP_ADD && op <= lua.OP_POW && (left == "number" || left == "string" && right != "string" && right != "number"):
		return "attempt to perform arithmetic on " + p.value(i.c(), right)
	case op >= lua.OP_ADD && op <= lua.OP_POW:
		return "attempt to perform arithmetic on " + p.value(i.b(), left)
	}
	return ""
}

// joined is the value that cannot be concatenated: of the last two the left one if both cannot, else the rightmost. They are
// the arguments of the function that runs.
func (p place) joined(i instruction) string {
	n := p.L.GetTop() - 1 // the message is above them
	wrong := n
	for wrong > 1 && (isText(p.L.Get(wrong)) || wrong == n && !isText(p.L.Get(n-1))) {
		wrong--
	}
	return p.value(i.a()+wrong, p.L.Get(wrong).Type().String())
}

func isText(v lua.LValue) bool { return v.Type() == lua.LTString || v.Type() == lua.LTNumber }

// compared adds the name of the side that is nil.
func (p place) compared(i instruction, what string) string {
	left, right, ok := strings.Cut(strings.TrimPrefix(what, notCompared), " with ")
	if op := i.op(); !ok || op != lua.OP_LT && op != lua.OP_LE {
		return ""
	}
	for r, kind := range map[int]string{i.b(): left, i.c(): right} {
		if name := p.name(r); kind == "nil" && left != right && name != "" {
			return what + ": " + name + " is nil"
		}
	}
	return ""
}

// value says what register r, or constant, holds: "local 'x' (a nil value)". kind is its type if that is known.
func (p place) value(r int, kind string) string {
	if kind == "" {
		kind = p.typeOf(r)
	}
	if name := p.name(r); name != "" {
		return name + " (" + article(kind) + ")"
	}
	return article(kind)
}

func article(kind string) string { return "a " + kind + " value" }

func (p place) typeOf(r int) string {
	if isConstant(r) {
		return p.constant(r).Type().String()
	}
	return p.L.Get(r + 1).Type().String()
}
