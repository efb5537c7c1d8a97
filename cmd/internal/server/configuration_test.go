package server

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tandem/cmd/internal/config"
	"tandem/luaapi"
)

// filed is a server whose configuration stands in a file, and what it logs.
type filed struct {
	*Server
	t    *testing.T
	path string
	logs *observer.ObservedLogs
}

// startFile starts a server of two shards with a script and a configuration, which begins with a listener on a free port.
func startFile(t *testing.T, script, text string) *filed {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.lua"), script)
	f := &filed{t: t, path: filepath.Join(dir, config.Name)}
	f.save(text)
	read := func() (config.File, error) {
		if _, err := os.Stat(f.path); err != nil {
			return config.File{Config: config.Default()}, nil // as without a file
		}
		return config.ReadFile(f.path)
	}
	first, err := read()
	if err != nil {
		t.Fatal(err)
	}
	level := zap.NewAtomicLevelAt(zapcore.InfoLevel)
	core, logs := observer.New(level)
	f.logs = logs
	f.Server, err = Start(t.Context(), Options{
		Config: first.Config, FileID: first.ID, File: f.path, Reread: read, Log: zap.New(core), Level: &level, Shards: 2, Product: "Tandem/test",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// save puts a configuration in the place of the one before at once, as editors do.
func (f *filed) save(text string) {
	f.t.Helper()
	write(f.t, f.path+".new", "admin = \"\"\nlistener = [{ address = \"udp:127.0.0.1:0\" }]\n"+text)
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.t.Fatal(err)
	}
}

// saved saves and has the file be read.
func (f *filed) saved(text string) {
	f.t.Helper()
	f.save(text)
	if c := f.Reload(f.t.Context()).Configuration; c.Error != "" {
		f.t.Fatal(c.Error)
	}
}

const userOf100 = "[[user]]\nname = \"100\"\npassword = \"secret\"\n"

// A phone that was refused is taken once the file names its user, without anybody asking for a reload, and refused when it does not any more.
func TestFileIsWatched(t *testing.T) {
	s := startFile(t, busy, "[[user]]\nname = \"101\"\npassword = \"other\"\n[abuse]\nfailures = 0\n")
	p, n := dial(t, s.Server), 0
	registers := func() bool {
		n += 2
		asked := p.login(n, "", "", patience)
		m := challengeOf.FindStringSubmatch(asked)
		if m == nil {
			t.Fatalf("asked for nothing: %q", asked)
		}
		return strings.HasPrefix(p.login(n+1, m[1], "secret", patience), "SIP/2.0 200 ")
	}
	if registers() {
		t.Fatal("a stranger registers")
	}
	s.save(userOf100 + "[abuse]\nfailures = 0\n")
	until(t, s.Server, func(st *Status) bool { return st.Configuration.Result == luaapi.Loaded && registers() })
	if st := status(t, s.Server); st.Contacts != 1 {
		t.Errorf("%d contacts", st.Contacts)
	}
	s.save("[[user]]\nname = \"101\"\npassword = \"other\"\n[abuse]\nfailures = 0\n")
	until(t, s.Server, func(st *Status) bool { return st.Contacts == 0 })
	if registers() {
		t.Error("a stranger registers again")
	}
}

// until waits for a status and returns it.
func until(t *testing.T, s *Server, is func(st *Status) bool) Status {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		st := status(t, s)
		switch {
		case is(&st):
			return st
		case time.Now().After(deadline):
			t.Fatalf("the server does not get there:\n%s", st.String())
		}
	}
}

// What a file says holds for who goes by it, without a restart.
func TestConfigure(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	s := startFile(t, fmt.Sprintf(`
local http, plan = require "http", require "plan"
return { invite = function(call)
  return plan.await(http.get("%s"), function(_, r) return plan.reject(r.err and 480 or 486) end)
end }`, web.URL), "")
	p := dial(t, s.Server)
	if got := p.call("before"); got != "SIP/2.0 486 Busy Here" {
		t.Error(got)
	}
	s.saved("drain = 7\nlog = \"warn\"\nbudget = 5000\n[http]\nallow = [\"other.example\"]\n")
	if got := s.DrainTime(); got != 7*time.Second {
		t.Errorf("drain %v", got)
	}
	if st := s.host.Status(); st.Budget != 5000 || st.Generation != 1 {
		t.Errorf("scripts: %+v", st)
	}
	if n := s.logs.Len(); n == 0 || s.conf.level.Level() != zapcore.WarnLevel {
		t.Errorf("%d lines, level %v", n, s.conf.level.Level())
	}
	if got := p.call("not-allowed"); got != "SIP/2.0 480 Temporarily Unavailable" {
		t.Error(got)
	}
	s.saved("[[acl]]\naction = \"deny\"\nnetworks = \"127.0.0.0/8\"\n")
	p.send("OPTIONS", "denied", "")
	until(t, s.Server, func(st *Status) bool { return st.Abuse.Denied > 0 })
	s.saved("")
	if got := p.call("again"); got != "SIP/2.0 486 Busy Here" {
		t.Error(got)
	}
}

// What cannot be used is refused, told where, and changes nothing; nor does a file that is gone.
func TestConfigureRefused(t *testing.T) {
	s := startFile(t, busy, userOf100)
	for text, want := range map[string]string{
		userOf100 + "[http]\nca = \"none.pem\"\n": config.Name + ":7: http.ca: open ",
		"[[user]]\nname = \"100\"\n":              config.Name + ":3: password: is missing",
		"max_calls = \"x\"\n":                     config.Name + ":3: max_calls: want an integer",
		"":                                        " is gone",
	} {
		s.save(text)
		if text == "" {
			if err := os.Remove(s.path); err != nil {
				t.Fatal(err)
			}
		}
		c := s.Reload(t.Context()).Configuration
		if c.Result != luaapi.Refused || !strings.Contains(c.Error, want) {
			t.Errorf("%+v, want %s", c, want)
		}
		st := status(t, s.Server)
		if !strings.Contains(st.String(), "refused   configuration: "+c.Error+"\n") || !s.conf.counts().Broken {
			t.Errorf("status:\n%s", st.String())
		}
		if got := s.rules.Load().Auth; got == nil || !got.Users.Has([]byte("100")) {
			t.Error("it took effect")
		}
	}
	if n := s.logs.FilterMessageSnippet("configuration refused, still serving the one of ").Len(); n < 4 {
		t.Errorf("%d refusals in the log", n)
	}
	s.saved(userOf100)
	if st := status(t, s.Server); st.Configuration.Error != "" || s.conf.counts().Broken {
		t.Errorf("%+v", st.Configuration)
	}
}

// Calls are made, answered and ended, and users asked for their passwords, while the configuration is another one every few milliseconds: every request meets one
// whole configuration, and nothing is lost.
func TestConfigureUnderCalls(t *testing.T) {
	phone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	s := startFile(t, strings.Replace(`
local plan = require "plan"
return { invite = function(call)
  if call.from.user == "bob" then return plan.to "sip:desk@%s" end
  return plan.reject(486)
end }`, "%s", phone.LocalAddr().String(), 1), "")
	up := talks(t, s.Server, phone)
	const enough = 10
	stop, saver := make(chan struct{}), sync.WaitGroup{}
	saver.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				if i >= enough { // on a slow machine the calls are over before
					return
				}
			case <-time.After(3 * time.Millisecond):
			}
			s.save([]string{
				"domains = [\"a.example\"]\nbudget = 50000\n[[user]]\nname = \"100\"\npassword = \"of a.example\"\n[abuse]\nrate = 10000\nburst = 10000\nfailures = 1\n",
				"domains = [\"b.example\"]\nemergency = [\"112\"]\n[[user]]\nname = \"100\"\npassword = \"of b.example\"\n[http]\nmax = 3\n[abuse]\nfailures = 2\n",
				"max_calls = 1000\ntrusted = \"192.0.2.0/24\"\n",
			}[i%3])
			if c := s.reread(t.Context()); c.Error != "" {
				t.Errorf("refused: %s", c.Error)
			}
		}
	})
	var callers sync.WaitGroup
	for n := range 3 {
		p := dial(t, s.Server)
		callers.Go(func() {
			for i := range 150 {
				if got := p.call(fmt.Sprint("call-", n, "-", i)); got != "SIP/2.0 486 Busy Here" {
					t.Errorf("call %d: %s", i, got)
				}
			}
		})
		q := dial(t, s.Server)
		callers.Go(func() {
			for i := range 150 {
				got := q.login(1000*n+2*i, "", "", patience)
				if m := challengeOf.FindStringSubmatch(got); m != nil {
					realm, _, _ := strings.Cut(strings.TrimPrefix(m[1], "Digest realm=\""), "\"")
					got = q.login(1000*n+2*i+1, m[1], "of "+realm, patience)
				}
				if line, _, _ := strings.Cut(got, "\r\n"); !slices.Contains([]string{"SIP/2.0 200 OK", "SIP/2.0 401 Unauthorized", "SIP/2.0 404 Not Found", "SIP/2.0 405 Method Not Allowed"}, line) {
					t.Errorf("REGISTER %d: %q", i, got)
				}
			}
		})
	}
	callers.Wait()
	close(stop)
	saver.Wait()
	up.ends()
	st := until(t, s.Server, func(st *Status) bool { return st.Calls.Active == 0 })
	if st.Panics != 0 || st.Abuse.Failures != 0 || st.Abuse.Bans != 0 || st.Abuse.Challenges == 0 {
		t.Errorf("%s", st.String())
	}
	for _, e := range s.logs.FilterLevelExact(zapcore.ErrorLevel).All() {
		t.Errorf("%s: %v", e.Message, e.ContextMap())
	}
	if n := s.conf.counts().Loaded; n < enough {
		t.Errorf("%d configurations were read", n)
	}
}

// talk is a call that is up.
type talk struct {
	caller *peer
	phone  net.PacketConn
	to     string // parameters of its To
}

// talks returns a call of bob that the phone has answered.
func talks(t *testing.T, s *Server, phone net.PacketConn) *talk {
	t.Helper()
	k := &talk{caller: dial(t, s), phone: phone}
	k.caller.from = "bob"
	k.caller.send("INVITE", "talk", "")
	k.answers("INVITE", "Contact: <sip:desk@"+phone.LocalAddr().String()+">\r\n")
	line := ""
	if line, k.to = k.caller.final(); line != "SIP/2.0 200 OK" {
		t.Fatal(line)
	}
	k.caller.send("ACK", "talk", k.to)
	k.next("ACK")
	return k
}

// next returns the next request with a method that comes to the phone, and where it came from.
func (k *talk) next(method string) (string, net.Addr) {
	k.caller.t.Helper()
	_ = k.phone.SetReadDeadline(time.Now().Add(patience)) // fails only when closed
	for buf := make([]byte, 65536); ; {
		n, from, err := k.phone.ReadFrom(buf)
		if err != nil {
			k.caller.t.Fatalf("no %s: %v", method, err)
		}
		if strings.HasPrefix(string(buf[:n]), method+" ") {
			return string(buf[:n]), from
		}
	}
}

// answers has the phone answer the next request with a method by 200.
func (k *talk) answers(method, more string) {
	k.caller.t.Helper()
	m, from := k.next(method)
	answer := "SIP/2.0 200 OK\r\n"
	for line := range strings.SplitSeq(m, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch {
		case name == "To" && !strings.Contains(line, ";tag="):
			answer += line + ";tag=desk\r\n"
		case slices.Contains([]string{"Via", "From", "To", "Call-ID", "CSeq", "Record-Route"}, name):
			answer += line + "\r\n"
		}
	}
	if _, err := k.phone.WriteTo([]byte(answer+more+"Content-Length: 0\r\n\r\n"), from); err != nil {
		k.caller.t.Fatal(err)
	}
}

// ends has the caller hang up, of which the phone hears.
func (k *talk) ends() {
	k.caller.t.Helper()
	k.caller.sequence = 2
	k.caller.send("BYE", "talk", k.to)
	k.answers("BYE", "")
	if line, _ := k.caller.final(); line != "SIP/2.0 200 OK" {
		k.caller.t.Errorf("BYE: %s", line)
	}
}
