package tests

import (
	"fmt"
	"path/filepath"
	"testing"
)

// withRegistrar starts the engine by UDP and TCP with users whose password is "secret"; who is called is rung where he has registered.
func withRegistrar(t *testing.T, users ...string) (e *tandem, tcp string) {
	t.Helper()
	config := "[auth]\nalgorithms = \"MD5\"\ncalls = \"none\"\n"
	for _, u := range users {
		config += fmt.Sprintf("[[user]]\nname = %q\npassword = \"secret\"\n", u)
	}
	file := filepath.Join(t.TempDir(), "tandem.toml")
	write(t, file, config)
	tcp = fmt.Sprintf("%s:%d", host, freeTCPPort(t, host))
	e = runTandem(t, host, `
local plan = require "plan"
return { invite = function(call) return plan.to("user:" .. call.ruri.user, { ring = 20 }) end }`, "-c", file, "--listen", "tcp:"+tcp)
	return e, tcp
}

// contacts waits until so many are registered.
func contacts(e *tandem, want int) {
	e.t.Helper()
	e.awaits(fmt.Sprintf("%d contacts are registered", want), func(st *engineStatus) bool { return st.Contacts == want })
}

// Real phones register with their passwords and are called as their users: by UDP where the REGISTER came from, by TCP over the connection that it came by.
func TestBaresipRegisters(t *testing.T) {
	e, tcp := withRegistrar(t, "bob", "carol")
	bob := startRegistered(t, "bob", "127.0.0.66", "secret", e.addr, "udp")
	carol := startRegistered(t, "carol", "127.0.0.67", "secret", tcp, "tcp")
	contacts(e, 2)
	alice := startBaresip(t, "alice", "127.0.0.68")
	for _, callee := range []*baresip{bob, carol} {
		alice.do("dial", "sip:"+callee.user+"@"+e.addr)
		callee.expect("CALL_INCOMING", "alice")
		alice.expect("CALL_RINGING", callee.user)
		callee.do("accept", "")
		alice.expect("CALL_ESTABLISHED", callee.user)
		callee.expect("CALL_ESTABLISHED", "alice")
		alice.do("hangup", "")
		callee.expect("CALL_CLOSED", "alice")
		alice.expect("CALL_CLOSED", callee.user)
	}
	if c := status(t, e).Connections; c.Accepted != 1 || c.Dialled != 0 {
		t.Errorf("%d connections were accepted and %d made, want the one by which carol registered", c.Accepted, c.Dialled)
	}
	bob.stop() // and says so
	contacts(e, 1)
	_ = carol.cmd.Process.Kill() // without a word: her connection is gone
	contacts(e, 0)
	alice.do("dial", "sip:carol@"+e.addr)
	if why := alice.expect("CALL_CLOSED", "carol"); why[:4] != "480 " {
		t.Errorf("the caller was told %q", why)
	}
	idle(t, e)
}

// Two phones of one user ring together; the one that is too late hears that the call was answered elsewhere. A reload of the scripts keeps
// who is registered.
func TestBaresipTwoContacts(t *testing.T) {
	e, tcp := withRegistrar(t, "bob")
	desk := startRegistered(t, "bob", "127.0.0.66", "secret", e.addr, "udp")
	mobile := startRegistered(t, "bob", "127.0.0.67", "secret", tcp, "tcp")
	contacts(e, 2)
	if code, out := command(t, "reload", "--admin", e.admin); code != 0 {
		t.Fatalf("reload: %d %s", code, out)
	}
	alice := startBaresip(t, "alice", "127.0.0.68")
	alice.do("dial", "sip:bob@"+e.addr)
	desk.expect("CALL_INCOMING", "alice")
	mobile.expect("CALL_INCOMING", "alice")
	mobile.do("accept", "")
	alice.expect("CALL_ESTABLISHED", "bob")
	desk.receives(e, "CANCEL ", `Reason: SIP;cause=200;text="Call completed elsewhere"`)
	desk.expect("CALL_CLOSED", "alice")
	mobile.do("hangup", "")
	alice.expect("CALL_CLOSED", "bob")
	idle(t, e)
}
