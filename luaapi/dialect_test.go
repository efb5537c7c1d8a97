package luaapi

import "testing"

// What `tandem check` warns of under rule dialect is so, and what it does not warn of any more works.
func TestDialect(t *testing.T) {
	for name, src := range map[string]string{
		`\x`:        `assert("\x41" == "x41")`,
		`\z`:        `assert("a\zb" == "azb")`,
		`\u`:        `assert("\u{41}" == "u{41}")`,
		"rep":       `assert(("x"):rep(3, ",") == "xxx")`,
		"tonumber":  `assert(tonumber("1e1") == 10)`,
		"__pairs":   `local n = 0 for _ in pairs(setmetatable({}, { __pairs = function() return next, { 1 } end })) do n = n + 1 end assert(n == 0)`,
		"unpack":    `assert(table.unpack == nil and table.pack == nil and table.move == nil)`,
		"math":      `assert(math.type == nil and math.tointeger == nil and math.randomseed == nil)`,
		"frontier":  `assert(("THE (quick) fox"):find("%f[%a]%a+%f[%A]") == 1 and ("x y"):match("%g+") == "x")`,
		"__len":     `assert(#setmetatable({}, { __len = function() return 3 end }) == 3)`,
		"holes":     `local t = { 1, nil, 3 } assert(#t == 3 or #t == 1)`,
		"goto":      `for i = 1, 2 do if i == 1 then goto continue end assert(i == 2) ::continue:: end`,
		"bit, utf8": `assert(bit32 == nil and utf8 == nil)`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := try(t, Options{}, "main.lua", src+" return {}"); err != nil {
				t.Error(err)
			}
		})
	}
}
