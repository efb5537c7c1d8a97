package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The flows of RFC 3665 §3, as far as they show at a back-to-back user agent that takes the place of the proxies. §3.2 is beside
// the proxies, in kamailio_test.go.

func TestRFC3665_3_1_SuccessfulSession(t *testing.T) {
	pair(t, 10, "uac_hung_up", "uas_hangs_up")
}

// A challenge is the engine's to meet, and it has no credentials: the caller is refused and hears nothing of the challenge.
func TestRFC3665_3_3_ChallengedByTheFarSide(t *testing.T) {
	pair(t, 5, "uac_rejected", "uas_challenges")
}

// The first proxy is silent: INVITE is sent again to it, then to the second one. No CANCEL goes to who never answered
// (RFC 3261 §9.1).
func TestRFC3665_3_4_ProxyFailure(t *testing.T) {
	silent := newSocket(t, host)
	bob := callee(t, "uas_answer", host, 1, 0)
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.serial { plan.to("sip:bob@%s", { ring = 0.8 }), plan.to "sip:bob@%s:%d" } end }`,
		silent.addr(), host, bob.port))
	startSipp(t, "uac_call", host, 1, e.addr, "-s", "100").finish()
	bob.finish()
	wantRepeats(t, silent)
	idle(t, e)
}

// The engine is the ALG: a user agent to both sides.
func TestRFC3665_3_5_ThroughAnALG(t *testing.T) {
	bob := callee(t, "uas_hidden", "127.0.0.42", 5, 0)
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.to "sip:bob@127.0.0.42:%d" end }`, bob.port))
	startSipp(t, "uac_preloaded_route", "127.0.0.41", 5, e.addr, "-s", "100", "-r", "50", "-d", "50").finish()
	bob.finish()
	idle(t, e)
}

// The engine is the redirect server, then the proxy behind which the callee is.
func TestRFC3665_3_6_RedirectAndSDPInACK(t *testing.T) {
	bob := callee(t, "uas_offers", host, 5, 20*time.Millisecond)
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
local route = {}
function route.invite(call)
  if call.ruri.user == "100" then
    return plan.redirect { "sip:bob@" .. call.ruri.host .. ":" .. call.ruri.port }
  end
  return plan.to "sip:bob@%s:%d"
end
return route`, host, bob.port))
	startSipp(t, "uac_redirected", host, 5, e.addr, "-s", "100", "-r", "50").finish()
	bob.finish()
	idle(t, e)
}

// The engine follows the redirect itself.
func TestRedirectFollowed(t *testing.T) {
	bob := callee(t, "uas_answer", host, 5, 0)
	moved := callee(t, "uas_moved", host, 5, 0, "-key", "moved", fmt.Sprintf("sip:bob@%s:%d", host, bob.port))
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.to("sip:bob@%s:%d", { redirect = "follow" }) end }`, host, moved.port))
	startSipp(t, "uac_call", host, 5, e.addr, "-s", "100", "-r", "50", "-d", "20").finish()
	moved.finish()
	bob.finish()
	idle(t, e)
}

// After the callee has moved, the BYE goes to where it is now (RFC 3261 §12.2.1.2).
func TestRFC3665_3_7_AddressChange(t *testing.T) {
	moved := newSocket(t, "127.0.0.43")
	bob := callee(t, "uas_moves", host, 1, 20*time.Millisecond, "-key", "moved", moved.addr())
	e := runTandem(t, host, toBob(bob.port))
	alice := startSipp(t, "uac_moved", host, 1, e.addr, "-s", "100", "-d", "20")
	got := moved.receive()
	if want := "BYE sip:bob@" + moved.addr() + " SIP/2.0\r\n"; !strings.HasPrefix(string(got), want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	moved.answer(got)
	alice.finish()
	bob.finish()
	idle(t, e)
}

func TestRFC3665_3_8_NoAnswer(t *testing.T) {
	pair(t, 5, "uac_cancel", "uas_given_up")
}

func TestRFC3665_3_9_Busy(t *testing.T) {
	pair(t, 10, "uac_busy", "uas_busy")
}

func TestRFC3665_3_10_NoResponse(t *testing.T) {
	silent := newSocket(t, host)
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.to("sip:bob@%s", { ring = 1.6 }) end }`, silent.addr()))
	startSipp(t, "uac_no_response", host, 1, e.addr, "-s", "100").finish()
	wantRepeats(t, silent)
	idle(t, e)
}

func TestRFC3665_3_11_TemporarilyUnavailable(t *testing.T) {
	pair(t, 10, "uac_unavailable", "uas_unavailable")
}
