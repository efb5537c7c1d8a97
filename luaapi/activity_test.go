package luaapi

import (
	"context"
	"strconv"
	"testing"

	"tandem/engine/location"
	"tandem/engine/plan"
)

// What devices have done is counted for the whole engine: over shards and over versions of the script.
func TestActivity(t *testing.T) {
	const main = `local activity, plan = require "activity", require "plan"
activity.of "sip:100@192.0.2.11"
return { invite = function()
  local did = activity.of "sip:100@192.0.2.11"
  return plan.to("sip:" .. did.up .. "-" .. did.taken .. "-" .. did.ended .. "@192.0.2.11")
end }`
	src := &changing{snapshot: memory("main.lua", main)}
	h, err := NewHost(src, Options{Shards: 2, Random: seeded})
	if err != nil {
		t.Fatal(err)
	}
	did := func(shard int, want string) {
		t.Helper()
		s, c := h.Acquire(shard, nil), newCall(t)
		n := s.Invite(c)
		s.Ended(c)
		if s.Release(c); n.String() != want {
			t.Errorf("shard %d: %s, want %s", shard, n, want)
		}
	}
	to := func(uri, key string) *plan.Step { return &plan.Step{Target: &plan.Target{URI: uri, Key: key}} }
	did(0, "0-0-0")
	s, c := h.Acquire(0, nil), newCall(t)
	s.Invite(c)
	s.Answered(c, to("sip:100@192.0.2.11", "sip:100@192.0.2.11"))
	other, elsewhere := h.Acquire(1, nil), newCall(t)
	other.Invite(elsewhere)
	other.Answered(elsewhere, to("sip:101@192.0.2.11", "sip:101@192.0.2.11"))
	did(1, "1-1-0")
	src.snapshot = memory("main.lua", main+" ")
	if _, err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	did(0, "1-1-0")
	other.Ended(elsewhere)
	did(0, "1-1-0")
	s.Ended(c)
	did(0, "0-1-1")
	did(1, "0-1-1")
	s.Release(c)
	other.Release(elsewhere)
}

// A user is counted whichever of the phones has answered.
func TestActivityOfAUser(t *testing.T) {
	const main = `local activity = require "activity"
activity.of "user:100"
return { invite = function() return require("plan").to("sip:" .. activity.of("user:100").up .. "@192.0.2.11") end }`
	h, err := NewHost(&changing{snapshot: memory("main.lua", main)}, Options{Random: seeded})
	if err != nil {
		t.Fatal(err)
	}
	for i, phone := range []string{"sip:100@192.0.2.11", "sip:mobile@192.0.2.12"} {
		s, c := h.Acquire(0, nil), newCall(t)
		if got, want := s.Invite(c).String(), strconv.Itoa(i); got != want {
			t.Errorf("%s calls are up, want %s", got, want)
		}
		s.Answered(c, &plan.Step{Target: &plan.Target{URI: phone, Key: phone, User: "100", Binding: &location.Binding{URI: phone}}})
	}
}

// A call that a bug has ended is over too, though its script is not told.
func TestActivityOfAnAbortedCall(t *testing.T) {
	const main = `local activity = require "activity"
activity.of "sip:100@192.0.2.11"
return { invite = function() return require("plan").to("sip:" .. activity.of("sip:100@192.0.2.11").up .. "@192.0.2.11") end }`
	h, err := NewHost(memory("main.lua", main), Options{Shards: 1, Random: seeded})
	if err != nil {
		t.Fatal(err)
	}
	s, c := h.Acquire(0, nil), newCall(t)
	s.Invite(c)
	s.Answered(c, &plan.Step{Target: &plan.Target{Key: "sip:100@192.0.2.11"}})
	s.Release(c)
	s, c = h.Acquire(0, nil), newCall(t)
	if got := s.Invite(c).String(); got != "0" {
		t.Errorf("%s are up", got)
	}
	s.Release(c)
}
