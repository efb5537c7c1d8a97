package luaapi

import (
	"sync"
	"testing"
)

// The states of all shards use the library at once; under -race nothing of it may be written to.
func TestLibraryIsSharedUnchanged(t *testing.T) {
	const main = `local names = { "plan", "log", "identity", "json", "lookup", "http", "re", "activity", "schedule", "number" }
local function use()
  for _, name in ipairs(names) do
    local m = require(name)
    for k in pairs(m) do tostring(m[k]) end
    pcall(function() return m.nonsense end)
    pcall(function() m.nonsense = 1 end)
    pcall(rawset, m, "nonsense", 1)
    pcall(setmetatable, m, {})
    pcall(table.insert, m, 1)
    pcall(require("json").array, m)
    tostring(m)
    next(m)
  end
  for k in pairs(_G) do tostring(_G[k]) end
  pcall(table.sort, string)
  local entry = require("identity").parse("<sip:1@h>;reason=no-answer")[1]
  return tostring(entry), require("json").encode { a = require("json").null, b = require("json").array {} }, ("x"):upper()
end
use()
return { invite = function() use() return require("plan").reject(480) end }`
	p, err := Compile(memory("main.lua", main), nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if err := p.DryLoad(Options{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
