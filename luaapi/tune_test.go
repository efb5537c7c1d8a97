package luaapi

import (
	"context"
	"testing"
)

// What scripts run by becomes another for all generations: that which serves, that which calls have begun with, and that which a rollback serves again.
func TestTune(t *testing.T) {
	const text = `
local number, plan = require "number", require "plan"
local site = number.plan { country = "49", area = "30", internal = { 3 } }
local keep = number.translate { { "^115$", "9115" } }
return { invite = function(call)
  for _ = 1, 1000 do end
  return plan.to("sip:" .. tostring(site:emergency("115")) .. keep("115") .. "@h")
end }`
	opt := Options{Shards: 2, Budget: 5000}
	h, src, _ := newHost(t, opt)
	src.snapshot = memory("main.lua", text)
	if _, err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	running := h.Acquire(1, nil)
	defer running.Release(nil)
	src.snapshot = memory("main.lua", text+"-- newer")
	if _, err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := h.answer(t, 1); got != "false9115" {
		t.Fatalf("before: %s", got)
	}
	take := h.Tune(Tuning{Budget: 50_000, Emergency: []string{"115"}})
	take(0)
	if got := h.answer(t, 1); got != "false9115" {
		t.Errorf("a shard that has not taken it: %s", got)
	}
	take(1)
	for _, shard := range []int{0, 1} {
		if got := h.answer(t, shard); got != "true115" {
			t.Errorf("shard %d: %s", shard, got)
		}
	}
	if got := running.Invite(newCall(t)).String(); got != "true115" {
		t.Errorf("the generation of a call: %s", got)
	}
	if st := h.Status(); st.Budget != 50_000 || st.Generation != 3 {
		t.Errorf("status %+v", st)
	}

	h.Tune(Tuning{Budget: 2000})(0)
	if got := h.answer(t, 0); got != "false9115" {
		t.Errorf("a number that is none any more: %s", got)
	}
	src.snapshot = memory("main.lua", text+"-- newest")
	if _, err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := h.answer(t, 1); got != "false9115" {
		t.Errorf("a generation that came after: %s", got)
	}
	take = h.Tune(Tuning{Budget: 1000})
	take(0)
	take(1)
	if _, err := h.Rollback(); err != nil {
		t.Fatal(err)
	}
	h.Acquire(1, nil).Invite(newCall(t))
	for _, s := range h.Status().Handlers {
		if s.OverBudget != 1 {
			t.Errorf("after going back: %+v", s)
		}
	}
}
