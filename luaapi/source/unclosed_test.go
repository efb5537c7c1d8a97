package source

import "testing"

// TestUnclosed: an error says which block has no end, and where it begins.
func TestUnclosed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a function", "local x\nlocal function f()\n  return 1\n", `syntax error: "end" expected (to close "function" at line 2)`},
		{
			"an if", "function f()\n  if a then\n    b()\nend\nreturn {}\n",
			`syntax error: "end" expected (to close "function" at line 1); by its indentation it is "if" at line 2 that has no "end"`,
		},
		{"an if with else", "if a then\n  b()\nelse\n  c()\n", `syntax error: "end" expected (to close "if" at line 1)`},
		{"a loop", "while a do\n  b()\n", `syntax error: "end" expected (to close "while" at line 1)`},
		{
			"a for in a function", "function f()\n  for i = 1, 3 do\n    do b() end\nend\n",
			`syntax error: "end" expected (to close "function" at line 1); by its indentation it is "for" at line 2 that has no "end"`,
		},
		{"a repeat", "repeat\n  b()\n", `syntax error: "until" expected (to close "repeat" at line 1)`},
		{"a block", "do\n  b()\n", `syntax error: "end" expected (to close "do" at line 1)`},
		{"a table", "local t = {\n  a = 1,\n", `syntax error: "}" expected (to close "{" at line 1)`},
		{"a call", "f(\n", `syntax error: ")" expected (to close "(" at line 1)`},
		{"an index", "local x = t[\n1\n", `syntax error: "]" expected (to close "[" at line 1)`},
		{"a table closed as a call", "f(1, { ring = 20)\n", `syntax error: "}" expected (to close "{" at line 1) near ")"`},
		{"a call closed as a table", "local t = { f(1 }\n", `syntax error: ")" expected (to close "(" at line 1) near "}"`},
		{"a call that a block ends", "function g()\n  return f(1, {}\nend\n", `syntax error: ")" expected (to close "(" at line 2) near "end"`},
		{"a value that is missing", "f(1, )\n", `syntax error near ")"`},
		{
			"a return in an if", "function f()\n  if a then\n    return 1\n  return 2\nend\n",
			`syntax error: "end" expected (to close "if" at line 2) near "return": nothing follows the return of a block`,
		},
		{
			"a return in a function", "function f()\n  return 1\n\nfunction g() end\nreturn {}\n",
			`syntax error: "end" expected (to close "function" at line 1) near "function": nothing follows the return of a block`,
		},
		{
			"a return in an else", "if a then return 1\nelse\n  return 2\nlocal x = 1\n",
			`syntax error: "end" expected (to close "if" at line 1) near "local": nothing follows the return of a block`,
		},
		{"a return of the file", "return {}\nlocal x = 1\n", `syntax error near "local"`},
		{"a return before else is closed by it", "if a then return 1 else local local end\n", `syntax error near "local"`},
		{"after a byte order mark", "\xef\xbb\xbfif a then\n", `syntax error: "end" expected (to close "if" at line 1)`},
		{"after a line for the shell", "#!/usr/bin/env tandem\nif a then\n", `syntax error: "end" expected (to close "if" at line 2)`},
		{"an expression", "local x =\n", `syntax error: the file ends too early; is an "end", a bracket or a quote missing?`},
		{"one end too many", "if a then end\nend\n", `syntax error near "end"`},
		{
			"words in texts and comments", "-- if do function\nlocal x = 'if ('\nlocal y = [[ function ( ]]\nwhile a do\n",
			`syntax error: "end" expected (to close "while" at line 4)`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, bad := Parse([]byte(c.text), "main.lua")
			if bad == nil {
				t.Fatal("it was parsed")
			}
			if bad.Message != c.want {
				t.Errorf("got  %s\nwant %s", bad.Message, c.want)
			}
		})
	}
}

// TestUnclosedLong: a long string or comment that has no end is told of where it begins.
func TestUnclosedLong(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		line             int
	}{
		{"a comment", "local x = 1\n--[[ abc\nlocal y\n\nreturn x\n", `syntax error: "]]" expected (to close "--[[" at line 2)`, 2},
		{"a string", "local x = 1\nlocal y = [[\nabc\n\nreturn x\n", `syntax error: "]]" expected (to close "[[" at line 2)`, 2},
		{"with a level", "--[==[ ]] ]=]\nreturn {}", `syntax error: "]==]" expected (to close "--[==[" at line 1)`, 1},
		{"lines of Windows", "local x\r\n\r\n--[[\r\nabc\r\n", `syntax error: "]]" expected (to close "--[[" at line 3)`, 3},
		{"in a block", "function f()\n  local s = [[x\nend\n", `syntax error: "]]" expected (to close "[[" at line 2)`, 2},
		{"at the end", "return [[", `syntax error: "]]" expected (to close "[[" at line 1)`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), "a.lua")
			if err == nil || err.Message != c.want || err.Line != c.line {
				t.Errorf("got %+v, want line %d: %s", err, c.line, c.want)
			}
		})
	}
}
