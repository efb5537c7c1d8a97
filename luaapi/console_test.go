package luaapi

import (
	"strings"
	"testing"
)

// Lines see the modules and what lines before them have left; none takes the others down.
func TestConsole(t *testing.T) {
	p, err := Compile(NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte("return {}"), "lib/hours.lua": []byte("return { open = 8 }")}), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := p.Console(Options{Budget: 10_000})
	for _, s := range []struct{ line, want, err string }{
		{line: "x = { 1, 2 }"},
		{line: "x", want: "{ 1, 2 }"},
		{line: "#x, nil -- two", want: "2, nil"},
		{line: `plan.to "sip:100@192.0.2.11"`, want: "100"},
		{line: `require("lib.hours").open`, want: "8"},
		{line: "local y = 1; x = y"},
		{line: "x", want: "1"},
		{line: "while true do end", err: "instruction budget"},
		{line: "x", want: "1"},
		{line: "f(", err: "syntax error"},
		{line: "io", want: "nil"},
		{line: "error 'no'", err: "input:1: no"},
	} {
		got, err := c.Eval(s.line)
		if got != s.want || (err == nil) != (s.err == "") || err != nil && !strings.Contains(err.Error(), s.err) {
			t.Errorf("%s: got %q, %v", s.line, got, err)
		}
	}
}

func TestIncomplete(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "1 + 1": false, "x": false, "x = 1": false, "if": true, "if x": true, "if x then": true, "if x then end": false, "1 +": true,
		"f(": true, "f(1": true, "f(1)": false, "{": true, "}": false, "local": true, "local x": false, "function f()": true, "x = [[": true,
		"return": false, "return 1 +": true, "-- x": false, "for i = 1, 2 do": true, "x y": false,
	} {
		if got := Incomplete(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestReturned(t *testing.T) {
	for text, want := range map[string]string{
		"return 1": " 1", " return(1)": "(1)", "returned": "returned", "return": "return", "1": "1", "return\n1": "\n1", "return_1": "return_1",
	} {
		if got := returned(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
