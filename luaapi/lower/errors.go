package lower

import lua "github.com/yuin/gopher-lua"

// Error is error. gopher-lua's takes level 2 for level 1, raises numbers without their place, and refuses nil.
func Error(L *lua.LState) int {
	value, level := L.Get(1), L.OptInt(2, 1)
	if n, ok := value.(lua.LNumber); ok && level > 0 {
		value = lua.LString(n.String())
	}
	if at, ok := L.GetStack(level); !ok || native(L, at) || tail(L, level) {
		level = 0 // called by pcall itself, or by a function that is gone: there is no line
	}
	if level > 1 {
		level++ // the machine does not count the function that raises for level 1 only
	}
	L.Error(value, level)
	return 0
}

// native reports whether a function on the stack is written in Go.
func native(L *lua.LState, at *lua.Debug) bool {
	_, err := L.GetInfo("S", at, nil)
	return err != nil || at.What == "G"
}

// tail reports whether the function at a level has left its place to one that it called last. The machine shows the
// outermost function there.
func tail(L *lua.LState, level int) bool {
	if !outermost(L, level) {
		return false
	}
	_, more := L.GetStack(level + 1)
	return more || outermost(L, level-1)
}

func outermost(L *lua.LState, level int) bool {
	at, ok := L.GetStack(level)
	if !ok {
		return false
	}
	_, err := L.GetInfo("S", at, nil)
	return err == nil && at.What == "main"
}

// PCall returns pcall. caught is told of every error that is caught.
func PCall(caught func(*lua.LState, *lua.ApiError)) lua.LGFunction {
	return func(L *lua.LState) int {
		fn := L.CheckAny(1)
		if fn.Type() != lua.LTFunction && L.GetMetaField(fn, "__call").Type() != lua.LTFunction {
			L.Push(lua.LFalse)
			L.Push(lua.LString("attempt to call a " + fn.Type().String() + " value")) // there is no line
			return 2
		}
		if err := L.PCall(L.GetTop()-1, lua.MultRet, nil); err != nil {
			L.Push(lua.LFalse)
			L.Push(raised(L, err, caught))
			return 2
		}
		L.Insert(lua.LTrue, 1)
		return L.GetTop()
	}
}

// XPCall returns xpcall. gopher-lua's leaves the locals of the functions that fail to closures that share them and live on, without
// their values. The handler runs when they are gone: nothing in the sandbox could tell.
func XPCall(caught func(*lua.LState, *lua.ApiError)) lua.LGFunction {
	return func(L *lua.LState) int {
		fn, handler := L.Get(1), L.CheckAny(2)
		L.SetTop(0)
		L.Push(fn)
		err := L.PCall(0, lua.MultRet, nil)
		if err == nil {
			L.Insert(lua.LTrue, 1)
			return L.GetTop()
		}
		L.Push(lua.LFalse)
		L.Push(handler)
		L.Push(raised(L, err, caught))
		if err := L.PCall(1, 1, nil); err != nil {
			raised(L, err, caught)
			L.Push(lua.LString("error in error handling"))
		}
		return 2
	}
}

// raised returns the value that was raised.
func raised(L *lua.LState, err error, caught func(*lua.LState, *lua.ApiError)) lua.LValue {
	api, ok := err.(*lua.ApiError) //nolint:errorlint // PCall wraps nothing
	if !ok {
		return lua.LString(err.Error())
	}
	caught(L, api)
	return api.Object
}
