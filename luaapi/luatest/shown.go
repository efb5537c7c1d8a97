package luatest

import (
	lua "github.com/yuin/gopher-lua"

	shown "tandem/luaapi/show"
)

// show writes a Lua value as a test would write it: { "100", n = 2 }.
func show(v lua.LValue) string { return shown.Value(v) }
