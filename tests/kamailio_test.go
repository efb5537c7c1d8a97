package tests

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// proxyConfig is a proxy that records its route and sends what is not routed yet to one next hop.
const proxyConfig = `
debug=1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:%s:%d

loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"

request_route {
	if (!mf_process_maxfwd_header("10")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) t_relay();
		exit;
	}
	if (has_totag()) {
		if (loose_route() || (is_method("ACK") && t_check_trans())) {
			t_relay();
		} else if (!is_method("ACK")) {
			sl_send_reply("404", "Not Routed");
		}
		exit;
	}
	t_check_trans();
	record_route();
	$du = "sip:%s";
	t_relay();
}
`

// startKamailio runs a proxy before next, an address with its port, and returns its own.
func startKamailio(t *testing.T, host, next string) (addr string) {
	t.Helper()
	path := tool(t, "kamailio", "/usr/sbin/kamailio") // which is not in everybody's PATH
	dir, port := t.TempDir(), freePort(t, host)
	config := filepath.Join(dir, "kamailio.cfg")
	write(t, config, fmt.Sprintf(proxyConfig, host, port, next))
	p := startProcess(t, "kamailio "+host, dir, path, "-f", config, "-DD", "-E", "-m", "16", "-M", "4", "-Y", dir)
	p.waitBound(host, port)
	return fmt.Sprintf("%s:%d", host, port)
}

// A proxy of another make on either side, each of which wants to stay in the path (RFC 3261 §16.6 step 4): the route set of each
// leg is its own, and the engine honours it (RFC 3261 §12.1.1, §12.1.2, §12.2.1.1).
func TestRFC3665_3_2_ThroughTwoProxies(t *testing.T) {
	for _, c := range []struct{ name, uac, uas string }{
		{"the caller hangs up", "uac_routed", "uas_routed"},
		{"the callee hangs up", "uac_routed_hung_up", "uas_routed_hangs_up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			const calls = 5
			bob := callee(t, c.uas, host, calls, 20*time.Millisecond)
			second := startKamailio(t, "127.0.0.48", fmt.Sprintf("%s:%d", host, bob.port))
			e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.to "sip:bob@%s" end }`, second))
			first := startKamailio(t, "127.0.0.47", e.addr)
			startSipp(t, c.uac, host, calls, first, "-s", "100", "-r", "50", "-d", "20").finish()
			bob.finish()
			idle(t, e)
		})
	}
}
