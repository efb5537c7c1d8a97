package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tandem/engine/sim"
)

// ticks is a network's clock as that of a logger.
type ticks struct{ net *sim.Network }

// Now is the date on the network.
func (t ticks) Now() time.Time { return t.net.Clock().Date() }

// NewTicker is of no use here.
func (ticks) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

// known are fields that a line says otherwise, or that its reader knows.
var known = []string{"at", "call", "fields", "generation", "handler", "trace"}

// LogLine is what was logged, as a line for people: level, place, text, fields.
func LogLine(e *observer.LoggedEntry) string {
	var b strings.Builder
	if e.Level != zapcore.InfoLevel {
		b.WriteString(e.Level.String() + " ")
	}
	fields := e.ContextMap()
	if at, ok := fields["at"].(string); ok && !strings.HasPrefix(e.Message, at) {
		b.WriteString(at + " ")
	}
	b.WriteString(e.Message)
	if own, ok := fields["fields"].(map[string]any); ok {
		maps.Copy(fields, own)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, name) {
			fmt.Fprintf(&b, " %s=%v", name, fields[name])
		}
	}
	return b.String()
}
