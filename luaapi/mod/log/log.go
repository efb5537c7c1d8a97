// Package log is the Lua module `log`: a script's lines in Tandem's log, with the call and the line that wrote them.
//
// A Writer belongs to one Lua state.
package log

import (
	"fmt"
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tandem/engine/plan"
	"tandem/luaapi/mod"
)

// Writer writes what scripts log.
type Writer struct {
	// Logger takes the lines.
	Logger *zap.Logger
	// Call returns the id of the call that is being handled, "" for none.
	Call func() string
}

// Table returns what `require "log"` gives.
func (w *Writer) Table(L *lua.LState) *lua.LTable {
	return mod.Table(L, "log", map[string]lua.LGFunction{
		"info":  w.function("log.info", zapcore.InfoLevel),
		"warn":  w.function("log.warn", zapcore.WarnLevel),
		"error": w.function("log.error", zapcore.ErrorLevel),
	})
}

func (w *Writer) function(what string, level zapcore.Level) lua.LGFunction {
	return func(L *lua.LState) int {
		w.Write(L, what, level, 1)
		return 0
	}
}

// Write logs argument n of the Go function now running as the text and the next one as its fields. what names the
// function in errors.
func (w *Writer) Write(L *lua.LState, what string, level zapcore.Level, n int) {
	text, fields := L.Get(n), L.Get(n+1)
	t, ok := fields.(*lua.LTable)
	if !ok && fields != lua.LNil {
		mod.Raise(L, mod.Where(L), "%s: fields must be a table of values by name, got %s", what, mod.TypeName(fields))
	}
	if text == lua.LNil {
		mod.Raise(L, mod.Where(L), "%s: the text is nil", what)
	}
	ce := w.Logger.Check(level, "")
	if ce == nil {
		return
	}
	ce.Message = clean(L.ToStringMeta(text).String())
	extra := w.place(mod.Where(L))
	if t != nil {
		extra = append(extra, zap.Dict("fields", fieldsOf(L, t)...))
	}
	ce.Write(extra...)
}

// place says where and for which call a line was written.
func (w *Writer) place(pos plan.Pos) []zap.Field {
	fs := []zap.Field{zap.String("at", pos.String())}
	if id := w.Call(); id != "" {
		fs = append(fs, zap.String("call", id))
	}
	return fs
}

// clean escapes what would let a header value forge a line of a log that is text.
func clean(s string) string {
	if strings.IndexFunc(s, control) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if control(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// fieldsOf returns a table's fields by name.
func fieldsOf(L *lua.LState, t *lua.LTable) []zap.Field {
	var fs []zap.Field
	p := plainer{L, maxValues}
	for k, v := t.Next(lua.LNil); k != lua.LNil && p.left > 0; k, v = t.Next(k) {
		fs = append(fs, zap.Any(clean(k.String()), p.value(v, 0)))
	}
	slices.SortFunc(fs, func(a, b zap.Field) int { return strings.Compare(a.Key, b.Key) })
	return fs
}

// maxDepth and maxValues are how deep and how many values of tables are written out.
const (
	maxDepth  = 4
	maxValues = 256
)

// plainer turns Lua values into Go values that a log encoder knows.
type plainer struct {
	L    *lua.LState
	left int // values
}

func (p *plainer) value(v lua.LValue, depth int) any {
	p.left--
	switch v := v.(type) {
	case lua.LBool:
		return bool(v)
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return number(float64(v))
	case *lua.LTable:
		if depth == maxDepth || p.left <= 0 {
			return "…"
		}
		return p.table(v, depth+1)
	}
	return p.L.ToStringMeta(v).String()
}

func number(f float64) any {
	switch {
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return int64(f)
	case math.IsNaN(f), math.IsInf(f, 0):
		return fmt.Sprint(f)
	}
	return f
}

func (p *plainer) table(t *lua.LTable, depth int) any {
	if n := t.MaxN(); n > 0 {
		var list []any
		for i := 1; i <= n && p.left > 0; i++ {
			list = append(list, p.value(t.RawGetInt(i), depth))
		}
		return list
	}
	m := make(map[string]any)
	for k, v := t.Next(lua.LNil); k != lua.LNil && p.left > 0; k, v = t.Next(k) {
		m[k.String()] = p.value(v, depth)
	}
	return m
}
