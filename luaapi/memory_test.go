package luaapi

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// live returns how many bytes are in use.
func live() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// thousandLines is a routing script of 1000 lines.
func thousandLines() string {
	var b strings.Builder
	b.WriteString("local plan = require \"plan\"\nlocal route, users = {}, {}\n")
	for i := range 190 {
		fmt.Fprintf(&b, "users[\"%d\"] = {\n  uri = \"sip:%d@192.0.2.%d\",\n  ring = %d,\n}\n", 200+i, 200+i, i%250, 10+i%20)
		fmt.Fprintf(&b, "local function rule%d(call) return call.from.user == \"%d\" end\n", i, i)
		if i == 0 {
			b.WriteString("local rules = {}\n")
		}
		if i > 100 {
			continue
		}
		fmt.Fprintf(&b, "rules[%d] = rule%d\n", i+1, i)
	}
	b.WriteString("function route.invite(call)\n  local to = plan.to(\"sip:100@192.0.2.1\", { ring = 20 })\n  return plan.serial { to, plan.to \"sip:101@192.0.2.1\" }\nend\nreturn route\n")
	return b.String()
}

// TestStateMemory: the Lua state of a script of 1000 lines takes at most 1 MB.
func TestStateMemory(t *testing.T) {
	text := thousandLines()
	if n := strings.Count(text, "\n"); n < 1000 {
		t.Fatalf("the script has %d lines", n)
	}
	p, err := Compile(NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(text)}), nil)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{}.withDefaults()
	const states = 20
	var kept []*vm
	before := live()
	for range states {
		v, err := newVM(p, &opt, 1, 0, &shardStats{})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, v)
	}
	each := (live() - before) / states
	t.Logf("%d KB each", each>>10)
	if each > 1<<20 {
		t.Errorf("a state takes %d bytes", each)
	}
	runtime.KeepAlive(kept)
}

// TestCallMemory bounds what a script leaves behind for a call that waits, besides its plan, to 1 KB. A table with a field takes 700 bytes in gopher-lua.
func TestCallMemory(t *testing.T) {
	for _, c := range []struct {
		name, use string
		most      int
	}{
		{"reads", "", 256},
		{"keeps a value", "call.vars.user = user", 1024},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := serve(t, `local plan = require "plan"
				local route, to = {}, plan.to("sip:100@192.0.2.1", { ring = 20 })
				function route.invite(call)
					local user = call.ruri.user
					`+c.use+`
					if call.from.user == "nobody" then return nil end
					return to
				end
				return route`).vm()
			var kept [5000]*fakeCall
			for i := range kept {
				kept[i] = newCall(t)
			}
			v.Invite(newCall(t))
			before := live()
			for _, call := range kept {
				v.Invite(call)
			}
			each := (live() - before) / len(kept)
			t.Logf("%d bytes each", each)
			if each > c.most {
				t.Errorf("a call takes %d bytes", each)
			}
			runtime.KeepAlive(kept)
		})
	}
}
