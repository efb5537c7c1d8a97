package luatest

import (
	"path/filepath"
	"testing"

	"tandem/luaapi"
)

// Tests run on the program that they are given, whatever is on the disk by now; who observes sees each result.
func TestGivenPrograms(t *testing.T) {
	in(t, `
-- main.lua --
return "this is half a file
-- sub/a_test.lua --
local t = require "test"
local pbx = t.script "../main.lua"
t.test("declines", function()
  local net = pbx:network {}
  local call = net:call { from = "sip:a@example.net", to = "sip:b@example.net" }
  net:run()
  t.eq(call:received(603):count(), 1)
end)
`[1:])
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	p, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{
		"main.lua": []byte(`local plan = require "plan" return { invite = function() return plan.reject(603) end }`),
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	sum, out := runs(t, Options{
		Paths: []string{root}, Programs: map[string]*luaapi.Program{root + "/": p},
		Observe: func(r *Result) { seen = append(seen, r.Name+" "+r.Verdict.String()) },
	})
	if sum.Passed != 1 || len(seen) != 1 || seen[0] != "declines pass" {
		t.Errorf("saw %v\n%s", seen, out)
	}
}
