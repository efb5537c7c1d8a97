package log

import (
	"errors"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

type sink struct{ strings.Builder }

func (*sink) Sync() error { return nil }

// script runs a script with module log and returns what it logged, one JSON object a line.
func script(t *testing.T, level zapcore.Level, call, src string) (string, error) {
	t.Helper()
	L := lua.NewState()
	defer L.Close()
	out := &sink{}
	enc := zapcore.NewJSONEncoder(zapcore.EncoderConfig{MessageKey: "msg", LevelKey: "level", EncodeLevel: zapcore.LowercaseLevelEncoder})
	w := &Writer{Logger: zap.New(zapcore.NewCore(enc, out, level)), Call: func() string { return call }}
	L.SetGlobal("log", Table(L, func(*lua.LState) *Writer { return w }))
	fn, err := L.Load(strings.NewReader(src), "main.lua")
	if err != nil {
		t.Fatal(err)
	}
	L.Push(fn)
	err = L.PCall(0, 0, nil)
	return strings.TrimSpace(out.String()), err
}

func TestLog(t *testing.T) {
	for _, c := range []struct{ name, call, src, want string }{
		{"text", "c1", `log.info("hello")`, `{"level":"info","msg":"hello","at":"main.lua:1","call":"c1"}`},
		{"outside a call", "", `log.warn("hello")`, `{"level":"warn","msg":"hello","at":"main.lua:1"}`},
		{"error", "c1", "\nlog.error('x')", `{"level":"error","msg":"x","at":"main.lua:2","call":"c1"}`},
		{"not a string", "", `log.info(12.5)`, `{"level":"info","msg":"12.5","at":"main.lua:1"}`},
		{"line breaks cannot forge a line", "", `log.info("a\r\nb\127\tc")`, `{"level":"info","msg":"a\\x0d\\x0ab\\x7f\tc","at":"main.lua:1"}`},
		{
			"fields by name", "", `log.info("x", {zone="b", user="100", n=3, f=0.5, ok=true, inf=1/0, none=nil})`,
			`{"level":"info","msg":"x","at":"main.lua:1","fields":{"f":0.5,"inf":"+Inf","n":3,"ok":true,"user":"100","zone":"b"}}`,
		},
		{
			"tables", "", `log.info("x", {list={1,{2}}, map={a="b"}})`,
			`{"level":"info","msg":"x","at":"main.lua:1","fields":{"list":[1,[2]],"map":{"a":"b"}}}`,
		},
		{
			"a table in itself", "", `local t = {} t.t = t log.info("x", t)`,
			`{"level":"info","msg":"x","at":"main.lua:1","fields":{"t":{"t":{"t":{"t":{"t":"…"}}}}}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := script(t, zapcore.InfoLevel, c.call, c.src)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLogIsBounded(t *testing.T) {
	got, err := script(t, zapcore.InfoLevel, "", `
		local wide = {} for i = 1, 1000 do wide[i] = i end
		local map = {} for i = 1, 1000 do map["k"..i] = wide end
		log.info("x", {wide = wide, map = map, more = map})`)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) > 4000 || !strings.Contains(got, "[1,2,3") {
		t.Errorf("logged %d bytes: %.200s", len(got), got)
	}
}

func TestLogLevelIsAskedFirst(t *testing.T) {
	got, err := script(t, zapcore.ErrorLevel, "", `log.info(setmetatable({}, {__tostring = function() error("asked") end}))`)
	if got != "" || err != nil {
		t.Errorf("got %q, %v; want nothing", got, err)
	}
}

func TestLogMistakes(t *testing.T) {
	for src, want := range map[string]string{
		`log.info("x", 3)`:     "main.lua:1: log.info: fields must be a table of values by name, got number",
		"\nlog.warn()":         "main.lua:2: log.warn: the text is nil",
		`log.debug("x")`:       `main.lua:1: log has no "debug"`,
		`log.eror("x")`:        `main.lua:1: log has no "eror"; did you mean "error"?`,
		`log.info = print`:     `main.lua:1: module log cannot be changed; keep "info" in a local of your own`,
		`log.info(nil, {a=1})`: "main.lua:1: log.info: the text is nil",
	} {
		_, err := script(t, zapcore.InfoLevel, "", src)
		var e *lua.ApiError
		if !errors.As(err, &e) || e.Object.String() != want {
			t.Errorf("%s: got %v, want %s", src, err, want)
		}
	}
}
