package luaapi

import (
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/culprit"
)

// meter counts the instructions that a handler runs. The Lua machine asks its context before every one of them
// whether it is done; no clock is read, so that the same script ends at the same instruction everywhere.
type meter struct {
	L      *lua.LState
	left   int
	budget int
	raise  string // how users raise the budget; "" = they cannot
	err    error  // why the handler is stopped; nil = it runs; errStarts until the first instruction
}

// errBudget marks a handler that ran for too long, errMemory one that made too long a string.
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

// start gives the handler that begins its budget; raise says how users give it more.
func (m *meter) start(budget int, raise string) {
	m.left, m.budget, m.raise, m.err = budget, budget, raise, errStarts
}

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
	if m.left&31 != 0 && m.left > 0 && m.err == nil {
		return nil
	}
	return m.look()
}

// look is the rare part of Done: at the end of the budget, and at times for strings that grow without end. The
// machine has no hook where strings are joined; between two looks a string can grow by a factor of some thousands.
func (m *meter) look() <-chan struct{} {
	if m.err == errStarts { //nolint:errorlint // it is never wrapped
		m.L.Panic, m.err = named, nil // PCall puts its own there, and that back which was there before
	}
	if m.err == nil && m.left < 0 {
		m.err = m.exceeded("; is there a loop that never ends?")
	}
	for i, n := 1, m.L.GetTop(); m.err == nil && i <= n; i++ {
		if s, ok := m.L.Get(i).(lua.LString); ok && len(s) > MaxString {
			m.err = errMemory
		}
	}
	if m.err == nil {
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

// copied takes from the budget what handling n bytes in Go costs.
func (m *meter) copied(n int) { m.left -= n / 64 }
