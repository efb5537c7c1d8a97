package luaapi

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/probe"
)

// TestCharge checks what the meter takes for instructions that depend on what they work on.
func TestCharge(t *testing.T) {
	for _, c := range []struct {
		name, script string
		least, most  int // instructions
		bytes        int // at least
	}{
		{"plain", "local n = 0 for i = 1, 100 do n = n + i end", 200, 210, 0},
		{"different long strings", "local a, b = ('x'):rep(60000) .. 1, ('x'):rep(60000) .. 2 local c = a == b", 7500, 7800, 240000},
		{"order of long strings", "local a, b = ('x'):rep(60000) .. 1, ('x'):rep(60000) .. 2 local c = a < b", 11200, 11400, 0},
		{"a function in Go", "local f = tostring for i = 1, 100 do f(i) end", 800, 820, 0},
		{"an item far behind", "local t = {} t[10000] = 1", 5000, 5050, 320000},
		{"the length of a list that was longer", "local t = {} t[10000] = 1 t[10000] = nil for i = 1, 10 do local n = #t end", 80000, 80100, 0},
		{"many values", "local function f(...) return select('#', ...) end f(('x'):rep(8000):byte(1, -1))", 12000, 13000, 0},
		{"tables", "for i = 1, 100 do local t = { a = 1 } end", 800, 820, 36000},
		{"closures", "for i = 1, 100 do local f = function() return i end end", 500, 520, 16000},
		{"an error that is caught", "for i = 1, 10 do pcall(error, 'x') end", 2000, 6000, 0},
		{"an error that is caught far above", "local function f(n) if n == 0 then error('x') end f(n - 1) return 1 end pcall(f, 50)", 4000, 5500, 0},
		{"a function that is called deep", "local function f(n) if n > 0 then pcall(f, n - 1) end end f(30)", 450, 700, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sandboxOf(t, c.script)
			if err := s.Load(); err != nil {
				t.Fatal(err)
			}
			n, bytes := s.v.meter.spent()
			if n < c.least || n > c.most || bytes < c.bytes {
				t.Errorf("%d instructions and %d bytes, want %d to %d and at least %d", n, bytes, c.least, c.most, c.bytes)
			}
		})
	}
}

// Who looks on takes nothing from a budget: what statements are counted for is given back, of values most of it. Loops end all the same.
func TestProbesCost(t *testing.T) {
	const script = `local n, t = 0, { a = 1 }
for i = 1, 100 do
  if i % 3 == 0 then n = n + 1 elseif t.a == i and n > 2 then n = n - 1 end
  n = n + t.a
  local f = function(x) return x end
  f(n)
end`
	cost := func(text string, what probe.What, budget int) (int, error) {
		p, err := Compile(NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(text)}), nil)
		if err == nil {
			p, err = p.Probed(what)
		}
		if err != nil {
			t.Fatal(err)
		}
		s := p.Sandbox(Options{LoadBudget: budget}, noModules)
		err = s.Load()
		n, _ := s.v.meter.spent()
		return n, err
	}
	plain, err := cost(script, probe.What{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if lines, err := cost(script, probe.What{Lines: true}, 0); err != nil || lines != plain {
		t.Errorf("%d instructions with lines, %d without: %v", lines, plain, err)
	}
	if values, err := cost(script, probe.What{Values: true}, 0); err != nil || values < plain || values > plain*3/2 {
		t.Errorf("%d instructions with values, %d without: %v", values, plain, err)
	}
	for _, endless := range []string{"while true do end", "local x = 1 while x == 1 do end", "repeat until false", "local function f() return true end while f() and f() do end", "::a:: goto a"} {
		for _, what := range []probe.What{{Lines: true}, {Values: true}} {
			if _, err := cost(endless, what, 50_000); err == nil || !strings.Contains(err.Error(), "instruction budget of 50000 exceeded") {
				t.Errorf("%s, %+v: %v", endless, what, err)
			}
		}
	}
}

// sandboxOf returns a state for a text.
func sandboxOf(t testing.TB, script string) *Sandbox {
	t.Helper()
	p, err := Compile(NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(script)}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.Sandbox(Options{}, noModules)
}

func noModules(*lua.LState) map[string]*lua.LTable { return nil }
