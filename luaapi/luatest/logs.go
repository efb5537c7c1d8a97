package luatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
)

// logCore keeps what a script logs, for the report of a test that fails.
type logCore struct {
	r      *run
	net    *network // nil for the test's own
	fields []zapcore.Field
}

// Enabled reports whether a level is kept.
func (c *logCore) Enabled(l zapcore.Level) bool { return l >= zapcore.InfoLevel }

// With returns a core whose entries have more fields.
func (c *logCore) With(fields []zapcore.Field) zapcore.Core {
	d := *c
	d.fields = append(slices.Clone(c.fields), fields...)
	return &d
}

// Check adds the core to an entry that it keeps.
func (c *logCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Sync does nothing.
func (c *logCore) Sync() error { return nil }

// maxLogs bounds what is kept of the log of a test, in entries.
const maxLogs = 200

// hidden are fields that say what the reader of a test knows.
var hidden = []string{"call", "generation", "trace"}

// Write keeps an entry as a line: time, level, place, text, fields.
func (c *logCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	c.raised(e, fields)
	if len(c.r.logs) >= maxLogs {
		return nil
	}
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range append(slices.Clone(c.fields), fields...) {
		f.AddTo(enc)
	}
	var b strings.Builder
	if c.net != nil {
		b.WriteString(stamp(time.Duration(c.net.sim.Now()-zero)) + " ")
	}
	if e.Level != zapcore.InfoLevel {
		b.WriteString(e.Level.String() + " ")
	}
	if at, _ := enc.Fields["at"].(string); at != "" && !strings.HasPrefix(e.Message, at) {
		b.WriteString(at + " ")
	}
	b.WriteString(e.Message)
	delete(enc.Fields, "at")
	if own, ok := enc.Fields["fields"].(map[string]any); ok {
		delete(enc.Fields, "fields")
		maps.Copy(enc.Fields, own)
	}
	for _, k := range slices.Sorted(maps.Keys(enc.Fields)) {
		if !slices.Contains(hidden, k) {
			fmt.Fprintf(&b, " %s=%v", k, enc.Fields[k])
		}
	}
	c.r.logs = append(c.r.logs, b.String())
	return nil
}

// raised takes note of an entry that tells of an error of a handler.
func (c *logCore) raised(e zapcore.Entry, fields []zapcore.Field) {
	at := slices.IndexFunc(fields, func(f zapcore.Field) bool { return f.Key == "handler" })
	if c.net != nil && e.Level == zapcore.ErrorLevel && at >= 0 && len(c.net.raised) < maxLogs {
		c.net.raised = append(c.net.raised, fields[at].String+": "+e.Message)
	}
}
