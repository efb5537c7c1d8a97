package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const host = "127.0.0.40"

func TestRelay(t *testing.T) {
	bob := callee(t, "uas_answer", host, 20, 20*time.Millisecond)
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.to "sip:bob@%s:%d" end }`, host, bob.port))
	startSipp(t, "uac_call", host, 20, e.addr, "-s", "100", "-r", "50", "-d", "50").finish()
	bob.finish()
}

// Four phones ring, one answers, three get a CANCEL that says so.
func TestParallelFork(t *testing.T) {
	const calls = 10
	winner := callee(t, "uas_answer", host, calls, 100*time.Millisecond)
	var losers []*sipp
	for range 3 {
		losers = append(losers, callee(t, "uas_elsewhere", host, calls, 0))
	}
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
local function at(port) return plan.to("sip:bob@%s:" .. port) end
return { invite = function() return plan.parallel { at(%d), at(%d), at(%d), at(%d) } end }`,
		host, losers[0].port, winner.port, losers[1].port, losers[2].port))
	startSipp(t, "uac_call", host, calls, e.addr, "-s", "100", "-r", "50", "-d", "50").finish()
	winner.finish()
	for _, l := range losers {
		l.finish()
	}
}

// The first is busy, the second does not answer in time, the third does.
func TestSerial(t *testing.T) {
	const calls = 5
	busy := callee(t, "uas_busy", host, calls, 0)
	silent := callee(t, "uas_given_up", host, calls, 0)
	last := callee(t, "uas_answer", host, calls, 50*time.Millisecond)
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
local function at(port, opts) return plan.to("sip:bob@%s:" .. port, opts) end
return { invite = function() return plan.serial { at(%d), at(%d, { ring = 0.5 }), at(%d) } end }`,
		host, busy.port, silent.port, last.port))
	startSipp(t, "uac_call", host, calls, e.addr, "-s", "100", "-r", "50", "-d", "50").finish()
	busy.finish()
	silent.finish()
	last.finish()
}

func TestCallerCancels(t *testing.T) {
	const calls = 5
	var phones []*sipp
	for range 3 {
		phones = append(phones, callee(t, "uas_given_up", host, calls, 0))
	}
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
local function at(port) return plan.to("sip:bob@%s:" .. port) end
return { invite = function() return plan.parallel { at(%d), at(%d), at(%d) } end }`,
		host, phones[0].port, phones[1].port, phones[2].port))
	startSipp(t, "uac_cancel", host, calls, e.addr, "-s", "100", "-r", "50", "-d", "200").finish()
	for _, p := range phones {
		p.finish()
	}
}

func TestReject(t *testing.T) {
	e := runTandem(t, host, `
local plan = require "plan"
return { invite = function() return plan.reject(403, "Not from here") end }`)
	startSipp(t, "uac_rejected", host, 20, e.addr, "-s", "100", "-r", "50").finish()
}

// Fifty calls a second for twelve seconds while the script is saved as soon as the version before is live, in the ways editors do it: not
// one call fails.
func TestHotReloadUnderLoad(t *testing.T) {
	const calls = 600
	bob := callee(t, "uas_answer", host, calls, 100*time.Millisecond)
	script := func(version int) string {
		return fmt.Sprintf("-- version %d\nlocal plan = require \"plan\"\nreturn { invite = function() return plan.to(\"sip:bob@%s:%d\", { headers = { [\"X-Version\"] = \"%d\" } }) end }\n",
			version, host, bob.port, version)
	}
	e := runTandem(t, host, script(0))
	caller := startSipp(t, "uac_call", host, calls, e.addr, "-s", "100", "-r", "50", "-d", "500")
	main := filepath.Join(e.dir, "main.lua")
	saves := 0
	for running := true; running; {
		saves++
		if saves%2 == 0 { // in place
			write(t, main, script(saves))
		} else { // by an atomic rename
			write(t, main+"~", script(saves))
			if err := os.Rename(main+"~", main); err != nil {
				t.Fatal(err)
			}
		}
		for live := false; running && !live; {
			select {
			case <-caller.done:
				running = false
			case line := <-e.seen:
				live = strings.Contains(line, " live")
			}
		}
	}
	caller.finish()
	bob.finish()
	status, out := command(t, "status", "--admin", e.admin)
	if status != 0 || saves < 5 { // there are 18 where the machine has nothing else to do
		t.Fatalf("status %d after %d saves: %s", status, saves, out)
	}
	idle(t, e)
}

// A script that does not load is refused with its line and the old one goes on.
func TestRefusedReload(t *testing.T) {
	e := runTandem(t, host, `
local plan = require "plan"
return { invite = function() return plan.reject(403) end }`)
	write(t, filepath.Join(e.dir, "main.lua"), "local plan = require \"plan\"\nreturn { invite = function( return end }\n")
	status, out := command(t, "reload", "--admin", e.admin)
	if status != 6 || !strings.Contains(out, "main.lua:2:") || !strings.Contains(out, "still serving") {
		t.Errorf("status %d: %s", status, out)
	}
	startSipp(t, "uac_rejected", host, 3, e.addr, "-s", "100").finish()
}
