package json

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// read reads a whole text. Objects have their members in the order of their names; null is nothing in an object, and json.null
// elsewhere, so that an array keeps its length.
func (m *Module) read(L *lua.LState, text string) (lua.LValue, error) {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, wrong(text, err)
	}
	return m.lua(L, v, 0)
}

// lua turns a value into Lua's.
func (m *Module) lua(L *lua.LState, v any, depth int) (lua.LValue, error) {
	switch v := v.(type) {
	case string:
		return lua.LString(v), nil
	case float64:
		return lua.LNumber(v), nil
	case bool:
		return lua.LBool(v), nil
	case nil:
		return shared().null, nil
	}
	if depth == MaxDepth {
		return nil, fmt.Errorf("more than %d arrays and objects in each other", MaxDepth)
	}
	if list, ok := v.([]any); ok {
		return m.list(L, list, depth)
	}
	return m.object(L, v.(map[string]any), depth) // encoding/json makes nothing else
}

func (m *Module) list(L *lua.LState, items []any, depth int) (lua.LValue, error) {
	list := L.CreateTable(len(items), 0)
	list.Metatable = shared().array
	for i, item := range items {
		v, err := m.lua(L, item, depth+1)
		if err != nil {
			return nil, err
		}
		list.RawSetInt(i+1, v)
	}
	return list, nil
}

func (m *Module) object(L *lua.LState, members map[string]any, depth int) (lua.LValue, error) {
	t := L.CreateTable(0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if members[name] == nil {
			continue
		}
		v, err := m.lua(L, members[name], depth+1)
		if err != nil {
			return nil, err
		}
		t.RawSetString(name, v)
	}
	return t, nil
}

// wrong says what is wrong with a text, and where.
func wrong(text string, err error) error {
	offset, what := int64(len(text)), strings.TrimPrefix(err.Error(), "json: ")
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax) && strings.HasPrefix(what, "unexpected end"):
		offset, what = offset+1, "the text ends too early"
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset, what = kind.Offset-1, kind.Value+" is out of range"
	}
	before := text[:max(0, min(int(offset)-1, len(text)))]
	line := strings.Count(before, "\n") + 1
	column := len(before) - strings.LastIndexByte(before, '\n')
	return fmt.Errorf("line %d, column %d: %s", line, column, what)
}
