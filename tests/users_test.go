package tests

import (
	"crypto/md5"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// withUsers starts the engine with a configuration; a call goes to bob and says whose it is.
func withUsers(t *testing.T, config, at string, bob *sipp) *tandem {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tandem.toml")
	write(t, file, config)
	return runTandem(t, host, fmt.Sprintf(`
local plan, log = require "plan", require "log"
return { invite = function(call)
  log.info("call of", { user = call.source.user or "nobody" })
  return plan.to "sip:bob@%s:%d"
end }`, at, bob.port), "-c", file)
}

// ha1 is a user by the MD5 of his password only: sipp 3.6 knows no other algorithm.
func ha1(user, realm, password string) string {
	return fmt.Sprintf("[[user]]\nname = %q\nha1 = \"%x\"\n", user, md5.Sum([]byte(user+":"+realm+":"+password)))
}

// The caller is asked for credentials, by sipp's own digest (RFC 3665 §3.3 with the engine as the first proxy).
func TestRFC3665_3_3_ChallengedByTheEngine(t *testing.T) {
	const calls = 10
	bob := callee(t, "uas_answer", host, calls, 0)
	e := withUsers(t, "[auth]\nrealm = \"e2e\"\n"+ha1("100", "e2e", "secret"), host, bob)
	startSipp(t, "uac_login", host, calls, e.addr, "-s", "200", "-r", "50", "-d", "50", "-au", "100", "-ap", "secret", "-auth_uri", "200@"+e.addr).finish()
	bob.finish()
	idle(t, e)
	if n := strings.Count(e.output(), `"user": "100"`); n != calls {
		t.Errorf("%d calls were of user 100:\n%s", n, e.output())
	}
	if status, out := command(t, "status", "--admin", e.admin); status != 0 || !strings.Contains(out, fmt.Sprintf("users     %d requests asked for credentials, 0 wrong ones", calls)) {
		t.Errorf("status %d: %s", status, out)
	}
}

// Three wrong passwords silence their source, and nobody else.
func TestGuessesAreBanned(t *testing.T) {
	const other = "127.0.0.41"
	bob := callee(t, "uas_answer", "127.0.0.42", 1, 0)
	e := withUsers(t, "[abuse]\nfailures = 3\n[auth]\nrealm = \"e2e\"\n"+ha1("100", "e2e", "secret"), "127.0.0.42", bob)
	as := func(password string) []string {
		return []string{e.addr, "-s", "200", "-au", "100", "-ap", password, "-auth_uri", "200@" + e.addr}
	}
	startSipp(t, "uac_guess", host, 1, as("one")...).finish()
	startSipp(t, "uac_guess", host, 1, as("two")...).finish()
	startSipp(t, "uac_silenced", host, 1, as("three")...).finish()
	startSipp(t, "uac_unheard", host, 1, as("secret")...).finish()
	status, out := command(t, "status", "--admin", e.admin)
	if status != 0 || !strings.Contains(out, "3 wrong ones\n") || !strings.Contains(out, host+" is banned for ") || !strings.Contains(out, "more: wrong credentials\n") {
		t.Errorf("status %d: %s", status, out)
	}
	startSipp(t, "uac_login", other, 1, as("secret")...).finish()
	bob.finish()
}

// A real phone calls as a user, with its own digest. This one knows MD5 only, and gives up when another algorithm is named at all.
func TestBaresipHasCredentials(t *testing.T) {
	bob := callee(t, "uas_answer", host, 1, 0)
	e := withUsers(t, "[auth]\nalgorithms = \"MD5\"\n[[user]]\nname = \"100\"\npassword = \"secret\"\n", host, bob)
	alice := startAccount(t, "100", "127.0.0.43", ";auth_user=100;auth_pass=secret")
	alice.do("dial", "sip:200@"+e.addr)
	alice.expect("CALL_ESTABLISHED", "200")
	alice.do("hangup", "")
	bob.finish()
	if !strings.Contains(e.output(), `"user": "100"`) {
		t.Errorf("it was nobody's call:\n%s", e.output())
	}
	idle(t, e)
}
