package culprit

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// instruction is one of the machine: opcode 6 bits, A 8, C 9, B 9, from the top.
type instruction uint32

func (i instruction) op() int { return int(i >> 26) }
func (i instruction) a() int  { return int(i>>18) & 0xff }
func (i instruction) b() int  { return int(i & 0x1ff) }
func (i instruction) c() int  { return int(i>>9) & 0x1ff }
func (i instruction) bx() int { return int(i & 0x3ffff) }

// to is where a jump at pc goes.
func (i instruction) to(pc int) int { return pc + 1 + i.bx() - 0x3ffff>>1 }

// isConstant reports whether an operand is a constant and no register.
func isConstant(operand int) bool { return operand&0x100 != 0 }

func (p place) constant(operand int) lua.LValue {
	if k := operand &^ 0x100; k < len(p.fn.Proto.Constants) {
		return p.fn.Proto.Constants[k]
	}
	return lua.LNil
}

// name returns what a script calls the value in register r: "global 'foo'", "field 'x'", …; "" if it has no name.
func (p place) name(r int) string {
	if isConstant(r) {
		return ""
	}
	if name := p.local(r); name != "" && !made(name) {
		return "local '" + name + "'"
	}
	pc, ok := p.loaded(r)
	if !ok {
		return ""
	}
	i, at := instruction(p.fn.Proto.Code[pc]), p
	at.pc = pc
	switch i.op() {
	case lua.OP_MOVE, lua.OP_MOVEN:
		return at.name(i.b())
	case lua.OP_GETGLOBAL:
		return "global '" + p.constant(i.bx()).String() + "'"
	case lua.OP_GETUPVAL:
		if name := p.upvalue(i.b()); name != "" && !made(name) {
			return "upvalue '" + name + "'"
		}
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS:
		if n, ok := at.number(i.c()); ok {
			return at.item(n, i.b())
		}
		return at.key("field", i.c())
	case lua.OP_SELF:
		if i.a() == r {
			return at.key("method", i.c())
		}
		return at.name(i.b())
	}
	return ""
}

// local returns the name of the local in register r: the first ones hold the locals in the order of their declaration.
func (p place) local(r int) string {
	for _, l := range p.fn.Proto.DbgLocals {
		if l.StartPc > p.pc || p.pc >= l.EndPc {
			continue
		}
		if r == 0 {
			return l.Name
		}
		r--
	}
	return ""
}

func (p place) upvalue(n int) string {
	if names := p.fn.Proto.DbgUpvalues; n < len(names) {
		return names[n]
	}
	return ""
}

// made reports whether a local is none of the script's: the machine's own and those of package lower have brackets.
func made(name string) bool { return strings.HasPrefix(name, "(") }

// number returns an operand that is a constant number.
func (p place) number(operand int) (n lua.LNumber, ok bool) {
	if isConstant(operand) {
		n, ok = p.constant(operand).(lua.LNumber)
	}
	return n, ok
}

// item names what is at a number in the table in register r, as Lua 5.1 does not: header fields are lists.
func (p place) item(n lua.LNumber, r int) string {
	if list := p.name(r); list != "" {
		return "item " + n.String() + " of " + list
	}
	return ""
}

func (p place) key(what string, operand int) string {
	if isConstant(operand) {
		if s, ok := p.constant(operand).(lua.LString); ok {
			return what + " '" + string(s) + "'"
		}
	}
	return ""
}

// loaded returns the instruction before pc that has set register r, false if there is none or if another way leads to pc past
// it.
func (p place) loaded(r int) (pc int, ok bool) {
	code := p.fn.Proto.Code
	for pc = p.pc - 1; pc >= 0; pc-- {
		if instruction(code[pc]).sets(r) {
			break
		}
	}
	for j := range p.pc {
		i := instruction(code[j])
		if op := i.op(); op != lua.OP_JMP && op != lua.OP_FORPREP && op != lua.OP_FORLOOP {
			continue
		}
		if to := i.to(j); j < pc && to > pc && to <= p.pc {
			return 0, false
		}
	}
	return pc, pc >= 0
}

// sets reports whether an instruction changes register r.
func (i instruction) sets(r int) bool {
	a := i.a()
	switch i.op() {
	case lua.OP_SETGLOBAL, lua.OP_SETUPVAL, lua.OP_SETTABLE, lua.OP_SETTABLEKS, lua.OP_SETLIST, lua.OP_JMP, lua.OP_EQ, lua.OP_LT,
		lua.OP_LE, lua.OP_TEST, lua.OP_RETURN, lua.OP_CLOSE, lua.OP_NOP:
		return false
	case lua.OP_LOADNIL:
		return r >= a && r <= i.b()
	case lua.OP_SELF:
		return r == a || r == a+1
	case lua.OP_CALL, lua.OP_TAILCALL, lua.OP_VARARG:
		return r >= a
	case lua.OP_TFORLOOP:
		return r >= a+3
	case lua.OP_FORLOOP, lua.OP_FORPREP:
		return r == a || r == a+3
	}
	return r == a
}
