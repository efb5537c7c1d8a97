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
	// Cost takes from a script's budgets what a line costs that is written, and raises an error if that is too much; nil = nothing.
	Cost func(L *lua.LState, instructions, bytes int)
}

// Table returns what `require "log"` gives, in all states. of finds the writer of the one that calls.
func Table(L *lua.LState, of func(L *lua.LState) *Writer) *lua.LTable {
	return mod.Table(L, "log", mod.Bind(of, map[string]func(*Writer, *lua.LState) int{
		"info":  writes("log.info", zapcore.InfoLevel),
		"warn":  writes("log.warn", zapcore.WarnLevel),
		"error": writes("log.error", zapcore.ErrorLevel),
	}))
}

func writes(what string, level zapcore.Level) func(*Writer, *lua.LState) int {
	return func(w *Writer, L *lua.LState) int {
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
	message := L.ToStringMeta(text).String()
	ce.Message = clean(message)
	extra, p := w.place(mod.Where(L)), plainer{L: L, left: maxValues}
	if t != nil {
		extra = append(extra, zap.Dict("fields", p.fields(t)...))
	}
	if n := lineBytes + len(message) + p.bytes; w.Cost != nil {
		w.Cost(L, n/bytesPerInstruction, n)
	}
	ce.Write(extra...)
}

// bytesPerInstruction is how many bytes of a line cost as much as an instruction.
const bytesPerInstruction = 16

// What a line and a value take besides their texts, in bytes.
const (
	lineBytes  = 512
	valueBytes = 64
)

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

// fields returns a table's fields by name.
func (p *plainer) fields(t *lua.LTable) []zap.Field {
	var fs []zap.Field
	for k, v := t.Next(lua.LNil); k != lua.LNil && p.left > 0; k, v = t.Next(k) {
		fs = append(fs, zap.Any(clean(p.name(k)), p.value(v, 0)))
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
	L     *lua.LState
	left  int // values
	bytes int // that they take
}

// name returns a key as text.
func (p *plainer) name(key lua.LValue) string {
	s := key.String()
	p.bytes += len(s)
	return s
}

func (p *plainer) value(v lua.LValue, depth int) any {
	p.left--
	p.bytes += valueBytes
	switch v := v.(type) {
	case lua.LBool:
		return bool(v)
	case lua.LString:
		p.bytes += len(v)
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
		m[p.name(k)] = p.value(v, depth)
	}
	return m
}
