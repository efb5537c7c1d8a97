package main

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Whatever callers say, a message is one line, and nothing in it disturbs a terminal.
func TestSingleLine(t *testing.T) {
	for text, want := range map[string]string{
		"listening on udp:127.0.0.1:5060":     "listening on udp:127.0.0.1:5060",
		"Zoë → \"100\"":                       "Zoë → \"100\"",
		"a\r\n2026-11-23 INFO made up\x1b[2J": `a\r\n2026-11-23 INFO made up\x1b[2J`,
		"\t\x00\u0085":                        `\t\x00\u0085`,
		"\x9b":                                "\uFFFD",
		"\u009b2J\u202e\x7f":                  `\u009b2J\u202e\x7f`,
	} {
		enc := singleLine{zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "M"})}
		b, err := enc.Clone().EncodeEntry(zapcore.Entry{Message: text}, []zap.Field{zap.String("from", text)})
		if err != nil {
			t.Fatal(err)
		}
		got, fields, _ := strings.Cut(b.String(), "\t{")
		if got != want || strings.Count(b.String(), "\n") != 1 || escaped(strings.TrimSuffix(fields, "\n")) != strings.TrimSuffix(fields, "\n") {
			t.Errorf("%q: %q, fields %q", text, got, fields)
		}
	}
}
