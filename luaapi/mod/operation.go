package mod

import (
	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
)

// Operation is the Go value behind an operation that a script made with a function such as http.get: it describes work, and
// plan.await starts it. It does not change.
type Operation struct {
	ud lua.LUserData
	op plan.Operation
}

// TypeName is what errors call it.
func (*Operation) TypeName() string { return "operation" }

// NewOperation returns the value that a script holds of an operation.
func NewOperation(L *lua.LState, op plan.Operation) *lua.LUserData {
	o := &Operation{op: op}
	o.ud.Value, o.ud.Env = o, L.Env
	return &o.ud
}

// OperationOf returns the operation that a script holds, nil if v is none.
func OperationOf(v lua.LValue) *plan.Operation {
	if ud, ok := v.(*lua.LUserData); ok {
		if o, ok := ud.Value.(*Operation); ok {
			return &o.op
		}
	}
	return nil
}

// Outcome is implemented by the values that operations come to. Table returns a new table of what the function of the await
// sees, to which `elapsed` is added. It is called on the goroutine of the state.
type Outcome interface {
	Table(L *lua.LState) *lua.LTable
}

// KeyLine returns the line of a key in the table of a call that spans several lines, 0 if it is not known: call is
// where the call starts. Without a line in call, it returns where the file first sets a field of that name.
type KeyLine func(call plan.Pos, key string) int

// At returns the place of a key in the table that is given to the call at pos: its own line if that is known.
func (k KeyLine) At(pos plan.Pos, key string) plan.Pos {
	if k != nil && key != "" {
		if line := k(pos, key); line > 0 {
			pos.Line = line
		}
	}
	return pos
}
