package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// startPage runs a page with JsSIP in it, which calls by way of a WebSocket and ends the call as the mode says: browser/page.js.
func startPage(t *testing.T, roots, url, target, mode string) *process {
	t.Helper()
	node := tool(t, "node")
	dir, err := filepath.Abs("browser")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "jssip")); err != nil {
		t.Fatalf("%v: make tools installs it", err)
	}
	return startProcess(t, "page", dir, "env", "NODE_EXTRA_CA_CERTS="+roots, node, "page.js", url, target, mode)
}

// JsSIP, as pages have it, calls a phone that speaks UDP over WSS.
func TestBrowserCallsUDP(t *testing.T) {
	const phone, talks = "127.0.0.7%d", "media answer m=audio 6000 RTP/AVP 8"
	cert, key := certificate(t, host)
	for i, c := range []struct {
		name, mode, scenario string
		wants                []string
	}{
		{"the page hangs up", "hangup", "uas_answer", []string{"progress 180", talks, "confirmed", "ended local Terminated"}},
		{"the phone hangs up", "wait", "uas_hangs_up", []string{"progress 180", talks, "confirmed", "ended remote Terminated"}},
		{"the page gives up before the answer", "cancel", "uas_given_up", []string{"progress 180", "failed local Canceled"}},
		{"the phone is busy", "wait", "uas_busy", []string{"failed remote Busy"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // JsSIP takes two seconds to stop
			at := fmt.Sprintf(phone, i)
			bob := callee(t, c.scenario, at, 1, 20*time.Millisecond)
			e, addrs := runListeners(t, fmt.Sprintf(relay, fmt.Sprintf("sip:bob@%s:%d", at, bob.port)), cert, key, "udp", "wss")
			page := startPage(t, cert, "wss://"+addrs["wss"]+"/", "sip:100@tandem.example", c.mode)
			for _, want := range append(append([]string{"connected"}, c.wants...), "disconnected in order") {
				page.waitLine("^" + want + "$")
			}
			if status := page.wait(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			bob.finish()
			idle(t, e)
		})
	}
}
