package json

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

// encoder writes one value. Members of objects are sorted by name, so that equal values are equal texts.
type encoder struct {
	m   *Module
	out []byte
}

// value appends v; at is where it stands in the whole, for errors.
func (e *encoder) value(v lua.LValue, at string, depth int) error {
	if len(e.out) > e.m.MaxText {
		return fmt.Errorf("longer than %d bytes", e.m.MaxText)
	}
	switch v := v.(type) {
	case *lua.LNilType:
		e.out = append(e.out, "null"...)
		return nil
	case lua.LBool:
		e.out = strconv.AppendBool(e.out, bool(v))
		return nil
	case lua.LNumber:
		return e.number(float64(v), at)
	case lua.LString:
		return e.text(string(v))
	case *lua.LTable:
		return e.table(v, at, depth)
	}
	if v == lua.LValue(shared().null) {
		e.out = append(e.out, "null"...)
		return nil
	}
	return fmt.Errorf("%s has no form in JSON: %s", named(at), mod.TypeName(v))
}

func named(at string) string {
	if at == "" {
		return "the value"
	}
	return strings.TrimPrefix(at, ".")
}

func (e *encoder) number(f float64, at string) error {
	switch {
	case math.IsNaN(f), math.IsInf(f, 0):
		return fmt.Errorf("%s has no form in JSON: %v", named(at), f)
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		e.out = strconv.AppendInt(e.out, int64(f), 10)
	default:
		e.out = strconv.AppendFloat(e.out, f, 'g', -1, 64)
	}
	return nil
}

// text appends a string; bytes that are not UTF-8 become U+FFFD.
func (e *encoder) text(s string) error {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	if err := w.Encode(s); err != nil {
		return err
	}
	e.out = append(e.out, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
	if len(e.out) > e.m.MaxText {
		return fmt.Errorf("longer than %d bytes", e.m.MaxText)
	}
	return nil
}

func (e *encoder) table(t *lua.LTable, at string, depth int) error {
	if depth == MaxDepth {
		return fmt.Errorf("more than %d tables in each other; is there a circle?", MaxDepth)
	}
	n := t.MaxN()
	if n == 0 && t.Metatable != shared().array {
		return e.object(t, at, depth+1)
	}
	e.out = append(e.out, '[')
	for i := 1; i <= n; i++ {
		v := t.RawGetInt(i)
		if v == lua.LNil {
			return fmt.Errorf("%s[%d] is nil: write json.null where an array has nothing", named(at), i)
		}
		if i > 1 {
			e.out = append(e.out, ',')
		}
		if err := e.value(v, fmt.Sprintf("%s[%d]", at, i), depth+1); err != nil {
			return err
		}
	}
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if i, ok := k.(lua.LNumber); !ok || i < 1 || int(i) > n || i != lua.LNumber(int(i)) {
			return fmt.Errorf("%s has items and the key %s: an array has no names, an object nothing else", named(at), k)
		}
	}
	e.out = append(e.out, ']')
	return nil
}

func (e *encoder) object(t *lua.LTable, at string, depth int) error {
	var names []string
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		s, ok := k.(lua.LString)
		if !ok {
			return fmt.Errorf("%s has the key %s: the names of an object are strings", named(at), k)
		}
		names = append(names, string(s))
	}
	slices.Sort(names)
	e.out = append(e.out, '{')
	for i, name := range names {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		if err := e.text(name); err != nil {
			return err
		}
		e.out = append(e.out, ':')
		if err := e.value(t.RawGetString(name), at+"."+name, depth); err != nil {
			return err
		}
	}
	e.out = append(e.out, '}')
	return nil
}
