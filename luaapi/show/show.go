// Package show writes Lua values as people read them, in bounds.
//
// It holds no state.
package show

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

// The bounds of what is shown of a value: levels of tables, items in all, bytes of a string.
const (
	shownDepth  = 5
	shownItems  = 60
	shownString = 400
)

// Value writes a Lua value as a test would write it: { "100", n = 2 }.
func Value(v lua.LValue) string {
	s := shower{left: shownItems, inside: make(map[*lua.LTable]bool)}
	s.value(v)
	return s.b.String()
}

type shower struct {
	b      strings.Builder
	left   int // items that may still be shown
	inside map[*lua.LTable]bool
}

func (s *shower) value(v lua.LValue) {
	switch v := v.(type) {
	case lua.LString:
		s.b.WriteString(quote(string(v)))
	case *lua.LTable:
		s.table(v)
	case *lua.LUserData:
		s.userdata(v)
	case *lua.LFunction:
		s.b.WriteString("function")
		if !v.IsG {
			fmt.Fprintf(&s.b, " at %s:%d", v.Proto.SourceName, v.Proto.LineDefined)
		}
	default:
		s.b.WriteString(v.String())
	}
}

func (s *shower) userdata(ud *lua.LUserData) {
	if n, ok := ud.Value.(fmt.Stringer); ok {
		s.b.WriteString(n.String())
		return
	}
	s.b.WriteString(mod.TypeName(ud))
}

func (s *shower) table(t *lua.LTable) {
	if s.inside[t] || len(s.inside) == shownDepth {
		s.b.WriteString("{ … }")
		return
	}
	s.inside[t] = true
	defer delete(s.inside, t)
	n, open := t.MaxN(), "{ "
	for i := 1; i <= n && s.left > 0; i++ {
		s.item(&open)
		s.value(t.RawGetInt(i))
	}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if i, ok := k.(lua.LNumber); ok && InList(i, n) {
			continue
		}
		if s.left == 0 {
			s.b.WriteString(open + "…")
			break
		}
		s.item(&open)
		s.key(k)
		s.value(v)
	}
	if open == "{ " {
		s.b.WriteString("{}")
		return
	}
	s.b.WriteString(" }")
}

// InList reports whether a key is an index of the first n items.
func InList(k lua.LNumber, n int) bool {
	return k >= 1 && k <= lua.LNumber(n) && k == lua.LNumber(int(k))
}

func (s *shower) item(open *string) {
	s.left--
	s.b.WriteString(*open)
	*open = ", "
}

func (s *shower) key(k lua.LValue) {
	if name, ok := k.(lua.LString); ok && IsName(string(name)) {
		s.b.WriteString(string(name) + " = ")
		return
	}
	s.b.WriteByte('[')
	s.value(k)
	s.b.WriteString("] = ")
}

// IsName reports whether a key may be written without brackets.
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// quote writes a string with its control characters escaped as Lua 5.1 does.
func quote(s string) string {
	cut := ""
	if len(s) > shownString {
		s, cut = strings.ToValidUTF8(s[:shownString], ""), "…"
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + cut + `"`
}

// maxBrief is how much of a value a line shows, in bytes.
const maxBrief = 60

// Brief writes a value so that it fits on a line: of tables and objects only what they are.
func Brief(v lua.LValue) string {
	switch v := v.(type) {
	case *lua.LTable:
		if at, ok := date(v); ok {
			return at
		}
		if s := Value(v); len(s) <= maxBrief {
			return s
		}
		return "a table"
	case *lua.LFunction, *lua.LUserData:
		return "a " + mod.TypeName(v)
	}
	s := Value(v)
	if len(s) > maxBrief {
		return strings.ToValidUTF8(s[:maxBrief], "") + "…"
	}
	return s
}

// date writes a table such as call.time: 2026-12-24 18:00.
func date(t *lua.LTable) (string, bool) {
	var part [5]int
	for i, key := range []string{"year", "month", "day", "hour", "min"} {
		n, ok := t.RawGetString(key).(lua.LNumber)
		if !ok {
			return "", false
		}
		part[i] = int(n)
	}
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d", part[0], part[1], part[2], part[3], part[4]), true
}
