package luaapi

import (
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/culprit"
	"tandem/luaapi/machine"
	"tandem/luaapi/mod"
)

// meter counts the instructions that a handler runs, and about how many bytes it makes. The Lua machine asks its context before
// every instruction whether it is done; no clock is read, so that the same script ends at the same instruction everywhere.
// Functions that are written in Go, and instructions that work on long strings or lists or make something, cost more than one.
type meter struct {
	vm            *vm // whose it is
	L             *lua.LState
	at            **machine.Frame // of the state
	left, bytes   int             // of the budgets
	budget, limit int
	shared        *shared // nil = nobody asks who writes what is shared
	raise         string  // how users raise the budget; "" = they cannot
	err           error   // why the handler is stopped; nil = it runs; errStarts until the first instruction
}

// errBudget marks a handler that ran for too long or made too much, errMemory one that made too long a string.
var (
	errBudget = errors.New("instruction budget exceeded")
	errMemory = fmt.Errorf("string longer than %d bytes", MaxString)
	errStarts = errors.New("starts")
)

type budgetError struct {
	budget int
	hint   string
}

func (b budgetError) Error() string {
	return fmt.Sprintf("instruction budget of %d exceeded", b.budget) + b.hint
}

func (b budgetError) Is(target error) bool { return target == errBudget }

// stopped is what Done returns to stop the machine.
var stopped = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

type memoryError int

func (b memoryError) Error() string        { return fmt.Sprintf("memory budget of %d bytes exceeded", int(b)) }
func (b memoryError) Is(target error) bool { return target == errBudget }

// run makes the meter that of the state of a vm.
func (m *meter) run(v *vm) { m.vm, m.L, m.at = v, v.L, machine.At(v.L) }

// start gives the handler that begins its budgets: of instructions, and of bytes. raise says how users give it more of the former.
func (m *meter) start(budget, limit int, raise string) {
	m.left, m.budget, m.bytes, m.limit, m.raise, m.err = budget, budget, limit, limit, raise, errStarts
}

// spent returns what has been used of the budgets.
func (m *meter) spent() (instructions, bytes int) { return m.budget - m.left, m.limit - m.bytes }

// stop is why the handler was stopped, nil if it was not.
func (m *meter) stop() error {
	if m.err == errStarts { //nolint:errorlint // it is never wrapped
		return nil
	}
	return m.err
}

// exceeded is the error of a handler that has used up its budget; hint says by what.
func (m *meter) exceeded(hint string) error {
	if m.raise != "" {
		hint += " Raise " + m.raise + " for what needs more"
	}
	return budgetError{m.budget, hint}
}

// named raises an error with the name of the variable that it is about.
func named(L *lua.LState) {
	v := L.Get(-1)
	if s, ok := v.(lua.LString); ok {
		v = lua.LString(culprit.Message(L, string(s)))
	}
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: v})
}

// Done counts an instruction. Once it has stopped the machine it keeps doing so: pcall catches the error, but the
// next instruction raises it again.
func (m *meter) Done() <-chan struct{} {
	m.left--
	f := *m.at
	if inst := f.Fn.Proto.Code[f.PC-1]; costly[inst>>26] {
		m.charge(f, inst)
	}
	if m.left >= 0 && m.bytes >= 0 && m.err == nil {
		return nil
	}
	return m.look()
}

// look is the rare part of Done: when a handler starts, and at the end of a budget.
func (m *meter) look() <-chan struct{} {
	if m.err == errStarts { //nolint:errorlint // it is never wrapped
		m.L.Panic, m.err = named, nil // PCall puts its own there, and that back which was there before
	}
	switch {
	case m.err != nil:
	case m.left < 0:
		m.err = m.exceeded("; is there a loop that never ends?")
	case m.bytes < 0:
		m.err = memoryError(m.limit)
	default:
		return nil
	}
	return stopped
}

// Err says why the machine is stopped.
func (m *meter) Err() error { return m.err }

// Deadline and Value are what a context has besides.
func (m *meter) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value returns nil.
func (m *meter) Value(any) any { return nil }

// stepsPerInstruction is how many steps of a pattern cost as much as an instruction.
const stepsPerInstruction = 4

// steps returns the steps that a pattern may take, and used takes from the budget what it took.
func (m *meter) steps() int { return max(m.left, 0) * stepsPerInstruction }

func (m *meter) used(steps int) { m.left -= steps / stepsPerInstruction }

// copied takes from the budgets what making a string of n bytes in Go costs.
func (m *meter) copied(n int) {
	m.left -= n / 32
	m.bytes -= n + 32
}

// luaCall is how many instructions the call of a Lua function from Go costs, besides those that it runs.
const luaCall = 10

// moved takes from the budget what moving n items of a list costs.
func (m *meter) moved(n int) { m.left -= max(n, 0) / 32 }

// cost takes instructions from the budget.
func (m *meter) cost(instructions int) { m.left -= instructions }

// check raises an error in a function that goes on for long once a budget is used up.
func (m *meter) check(L *lua.LState) {
	if m.left < 0 || m.bytes < 0 || m.stop() != nil {
		m.look()
		mod.Raise(L, mod.Where(L), "%v", m.err)
	}
}

// looked takes from the budget what reading n bytes in Go costs.
func (m *meter) looked(n int) { m.left -= n / 16 }
