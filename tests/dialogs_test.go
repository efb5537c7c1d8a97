package tests

import (
	"fmt"
	"testing"
	"time"
)

// Two callees send early media reliably; the caller knows nothing of 100rel and hears the first one's. Each callee gets its
// PRACK, the second one answers.
func TestForkWithReliable183(t *testing.T) {
	const calls = 5
	first := callee(t, "uas_reliable_elsewhere", host, calls, 0)
	second := callee(t, "uas_reliable", host, calls, 50*time.Millisecond)
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
local function at(port, opts) return plan.to("sip:bob@%s:" .. port, opts) end
return { invite = function() return plan.parallel { at(%d), at(%d, { delay = 0.5 }) } end }`, host, first.port, second.port))
	startSipp(t, "uac_early", host, calls, e.addr, "-s", "100", "-r", "50", "-d", "20").finish()
	first.finish()
	second.finish()
	idle(t, e)
}

// Reliable provisionals are a matter of each leg (RFC 3262).
func TestPRACK(t *testing.T) {
	t.Run("both legs", func(t *testing.T) { pair(t, 5, "uac_prack", "uas_reliable") })
	t.Run("the caller's leg", func(t *testing.T) { pair(t, 5, "uac_prack", "uas_early") })
}

func TestReinvite(t *testing.T) {
	pair(t, 5, "uac_reinvites", "uas_reinvited")
}

func TestReinviteGlare(t *testing.T) {
	pair(t, 5, "uac_glare", "uas_glare")
}

// Sessions are agreed on each leg; their expiry takes 90 s at least and is a matter of the tests in virtual time.
func TestSessionTimer(t *testing.T) {
	pair(t, 3, "uac_session", "uas_session")
}

func TestCancelRaces(t *testing.T) {
	for _, c := range []struct{ name, uac, uas string }{
		{"before any provisional", "uac_cancel_early", "uas_rings_late"},
		{"the answer crosses it towards the engine", "uac_cancel", "uas_answers_cancel"},
		{"the answer crosses it towards the caller", "uac_cancel_crosses", "uas_answer"},
	} {
		t.Run(c.name, func(t *testing.T) { pair(t, 5, c.uac, c.uas) })
	}
}
