package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
	"tandem/luaapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; nothing takes a hundredth of it.
const patience = 2 * time.Minute

const busy = `
local plan = require "plan"
return { invite = function(call) return plan.reject(486) end }
`

// configured returns the configuration of a server for a script on a free port of loopback, and the script's path.
func configured(t *testing.T, script string) (config.Config, string) {
	t.Helper()
	c := config.Default()
	c.Scripts, c.Admin = t.TempDir(), ""
	c.Listeners = []config.Listener{{Address: "udp:127.0.0.1:0"}}
	path := filepath.Join(c.Scripts, "main.lua")
	write(t, path, script)
	return c, path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start starts a server of two shards for the test's length.
func start(t *testing.T, c config.Config) *Server {
	t.Helper()
	return startShards(t, c, 2)
}

func startShards(t *testing.T, c config.Config, shards int) *Server {
	t.Helper()
	s, err := Start(t.Context(), Options{Config: c, Log: zap.NewNop(), Shards: shards, Product: "Tandem/test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// peer is a socket that speaks to the server.
type peer struct {
	t     *testing.T
	conn  net.Conn
	agent string // a field that requests have
	asked string // the last request's Call-ID and number, which its responses have

	from     string // who calls; "" = alice
	sequence int    // the number of CSeq; 0 = 1
}

func dial(t *testing.T, s *Server) *peer {
	t.Helper()
	conn, err := net.Dial("udp", s.Addrs()[0].Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &peer{t: t, conn: conn}
}

func (p *peer) send(method, id, to string) {
	p.t.Helper()
	lines := []string{
		method + " sip:100@pbx.example SIP/2.0",
		"Via: SIP/2.0/UDP " + p.conn.LocalAddr().String() + fmt.Sprintf(";branch=z9hG4bK%s%d", id, cmp.Or(p.sequence, 1)),
		"From: <sip:" + cmp.Or(p.from, "alice") + "@example.net>;tag=" + id, "To: <sip:100@pbx.example>" + to, "Call-ID: " + id,
		fmt.Sprintf("CSeq: %d %s", cmp.Or(p.sequence, 1), method), "Max-Forwards: 70", "Contact: <sip:alice@" + p.conn.LocalAddr().String() + ">", p.agent + "Content-Length: 0", "", "",
	}
	p.asked = fmt.Sprintf("\r\nCall-ID: %s\r\nCSeq: %d ", id, cmp.Or(p.sequence, 1))
	if _, err := p.conn.Write([]byte(strings.Join(lines, "\r\n"))); err != nil {
		p.t.Fatal(err)
	}
}

// final reads responses until a final one to what was sent last, and returns its first line and the parameters of its To. One to an INVITE
// before may come again, since it is repeated until the ACK is read.
func (p *peer) final() (line, tag string) {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	for buf := make([]byte, 65536); ; {
		n, err := p.conn.Read(buf)
		if err != nil {
			p.t.Fatal(err)
		}
		line, rest, _ := strings.Cut(string(buf[:n]), "\r\n")
		if strings.HasPrefix(line, "SIP/2.0 1") || !strings.Contains(string(buf[:n]), p.asked) {
			continue
		}
		_, to, _ := strings.Cut(rest, "\r\nTo: <sip:100@pbx.example>")
		tag, _, _ := strings.Cut(to, "\r\n")
		return line, tag
	}
}

// call places a call that is refused, and returns how.
func (p *peer) call(id string) string {
	p.t.Helper()
	p.send("INVITE", id, "")
	line, tag := p.final()
	p.send("ACK", id, tag)
	return line
}

// status returns the status as `tandem status` gets it.
func status(t *testing.T, s *Server) Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	st, err := s.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return st.(Status)
}

func TestStatus(t *testing.T) {
	c, _ := configured(t, busy)
	s := start(t, c)
	p := dial(t, s)
	const calls = 5
	for i := range calls {
		if got := p.call(fmt.Sprintf("call%d", i)); got != "SIP/2.0 486 Busy Here" {
			t.Fatalf("got %s", got)
		}
	}
	if _, err := p.conn.Write([]byte("HELLO\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	p.call("last") // what was sent before has been read by then: a socket is read in order

	st := status(t, s)
	if st.Version != "Tandem/test" || st.Uptime <= 0 || st.Shards != 2 || len(st.Listeners) != 1 || st.Listeners[0] != s.Addrs()[0].String() {
		t.Errorf("server: %+v", st)
	}
	if st.Calls.Total != calls+1 || st.Calls.Answered != 0 {
		t.Errorf("calls: %+v", st.Calls)
	}
	if st.Messages.Received < 2*calls || st.Messages.Sent < calls || st.Messages.Dropped != 0 {
		t.Errorf("messages: %+v", st.Messages)
	}
	if st.Script.Generation != 1 || len(st.Script.Hash) != 12 || st.Script.Since.IsZero() || st.Script.Refused != "" {
		t.Errorf("script: %+v", st.Script)
	}
	if len(st.Handlers) != 1 || st.Handlers[0].Name != "invite" || st.Handlers[0].Calls != calls+1 || st.Handlers[0].Errors != 0 || st.Handlers[0].Instructions == 0 {
		t.Errorf("handlers: %+v", st.Handlers)
	}
	if len(st.Generation) != 1 || st.Generation[0].Total != calls+1 {
		t.Errorf("generations: %+v", st.Generation)
	}
	bad := uint64(0)
	for _, n := range st.BadInput {
		bad += n
	}
	if bad != 1 || st.Panics != 0 {
		t.Errorf("bad input: %v, %d panics", st.BadInput, st.Panics)
	}
}

// What calls wait for is in the status.
func TestStatusOfAwaits(t *testing.T) {
	asked := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	c, _ := configured(t, fmt.Sprintf(`
local http, plan = require "http", require "plan"
return { invite = function(call)
  return plan.await(http.get("%s", { timeout = 20 }), function() return plan.reject(486) end)
end }`, slow.URL))
	s := start(t, c)
	p := dial(t, s)
	p.send("INVITE", "waits", "")
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("the server was not asked")
	}
	if st := status(t, s); st.Calls.Operations != 1 {
		t.Errorf("calls: %+v", st.Calls)
	}
	p.send("CANCEL", "waits", "")
	for line := ""; !strings.HasPrefix(line, "SIP/2.0 487"); {
		var tag string
		if line, tag = p.final(); strings.HasPrefix(line, "SIP/2.0 487") {
			p.send("ACK", "waits", tag)
		}
	}
	if st := status(t, s); st.Calls.Operations != 0 {
		t.Errorf("calls: %+v", st.Calls)
	}
}

func TestReload(t *testing.T) {
	c, path := configured(t, busy)
	s := start(t, c)
	if got := s.Reload(t.Context()); got.Result != luaapi.Unchanged || got.Generation != 1 || got.Error != "" || len(got.Hash) != 12 {
		t.Errorf("nothing changed: %+v", got)
	}
	write(t, path, strings.Replace(busy, "486", "603", 1))
	// The watcher may have been quicker; what counts is what serves now.
	if got := s.Reload(t.Context()); got.Generation != 2 || got.Error != "" {
		t.Errorf("changed: %+v", got)
	}
	if got := dial(t, s).call("decline"); got != "SIP/2.0 603 Decline" {
		t.Errorf("new version: %s", got)
	}
	write(t, path, "return { invit = function() end }")
	got := s.Reload(t.Context())
	if got.Generation != 2 || got.Result != luaapi.Refused || !strings.HasPrefix(got.Error, "main.lua:1: ") {
		t.Errorf("refused: %+v", got)
	}
	if st := status(t, s); st.Script.Generation != 2 || st.Script.Refused != got.Error {
		t.Errorf("refused: %+v", st.Script)
	}
	if got := dial(t, s).call("still"); got != "SIP/2.0 603 Decline" {
		t.Errorf("after a refusal: %s", got)
	}
}

func TestStartFails(t *testing.T) {
	c, _ := configured(t, busy)
	taken := start(t, c).Addrs()[0].String()
	socket := filepath.Join(t.TempDir(), "admin.sock")
	c.Admin = socket
	start(t, c)
	for name, f := range map[string]struct {
		change func(*config.Config)
		status int
		is     error
		want   string
	}{
		"script":          {func(c *config.Config) { c.Scripts = filepath.Dir(c.Scripts) }, exit.Script, nil, "main.lua"},
		"port in use":     {func(c *config.Config) { c.Listeners = []config.Listener{{Address: taken}} }, exit.Listen, syscall.EADDRINUSE, "or listen on another port with --listen TRANSPORT:IP:PORT"},
		"foreign address": {func(c *config.Config) { c.Listeners[0].Address = "udp:192.0.2.1:0" }, exit.Listen, syscall.EADDRNOTAVAIL, "no interface"},
		"listener twice": {func(c *config.Config) {
			c.Listeners = []config.Listener{{Address: "udp:127.0.0.1:0"}, {Address: taken}}
		}, exit.Listen, syscall.EADDRINUSE, taken},
		"socket in use": {func(*config.Config) {}, exit.Listen, admin.ErrInUse, "give this engine another with --admin"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := configured(t, busy)
			c.Admin = socket
			f.change(&c)
			s, err := Start(t.Context(), Options{Config: c, Log: zap.NewNop(), Product: "Tandem/test"})
			if err == nil {
				t.Fatal(s.Close())
			}
			if exit.Status(err) != f.status || f.is != nil && !errors.Is(err, f.is) || !strings.Contains(err.Error(), f.want) {
				t.Errorf("status %d: %v\nwant %d: …%s…", exit.Status(err), err, f.status, f.want)
			}
		})
	}
}

// A server behind every address of the machine tells peers the one that it was given.
func TestAdvertise(t *testing.T) {
	phone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	c, _ := configured(t, `
local plan = require "plan"
return { invite = function(call) return plan.to "sip:101@`+phone.LocalAddr().String()+`" end }`)
	c.Listeners[0] = config.Listener{Address: "udp:0.0.0.0:0", Advertise: "192.0.2.99:5099"}
	s := start(t, c)
	bound := s.Addrs()[0].Addr
	if !bound.Addr().IsUnspecified() || bound.Port() == 0 {
		t.Fatalf("bound %s", bound)
	}
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", bound.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	(&peer{t: t, conn: conn}).send("INVITE", "advertise", "")
	if err := phone.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65536)
	n, _, err := phone.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\r\nVia: SIP/2.0/UDP 192.0.2.99:5099;", "@192.0.2.99:5099"} {
		if !strings.Contains(string(buf[:n]), want) {
			t.Errorf("the phone is not told %q:\n%s", want, buf[:n])
		}
	}
}

// The bounds of the configuration reach the engine, and the status counts what they refused.
func TestOverload(t *testing.T) {
	phone, err := net.ListenPacket("udp", "127.0.0.1:0") // that is silent
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	for name, bound := range map[string]func(*config.Config){
		"calls":        func(c *config.Config) { c.MaxCalls = 1 },
		"transactions": func(c *config.Config) { c.MaxTransactions = 2 }, // the caller's and the phone's
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := configured(t, `
local plan = require "plan"
return { invite = function(call) return plan.to "sip:101@`+phone.LocalAddr().String()+`" end }`)
			bound(&c)
			s := startShards(t, c, 1)
			p := dial(t, s)
			p.send("INVITE", "first", "")
			p.send("INVITE", "second", "")
			if got, _ := p.final(); got != "SIP/2.0 503 Service Unavailable" {
				t.Errorf("got %s", got)
			}
			if st := status(t, s); st.Calls.Active != 1 || st.Calls.Overload != 1 {
				t.Errorf("calls: %+v", st.Calls)
			}
		})
	}
}

func TestStatusOfAClosedServer(t *testing.T) {
	c, _ := configured(t, busy)
	s, err := Start(t.Context(), Options{Config: c, Log: zap.NewNop(), Product: "Tandem/test"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // closing again does nothing
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Status(ctx); err == nil {
		t.Error("a closed server has a status")
	}
}

func TestStatusForPeople(t *testing.T) {
	st := Status{
		Version: "Tandem/1.0", Uptime: 3661.4, Listeners: []string{"udp:192.0.2.1:5060", "udp:[2001:db8::1]:5060"}, Shards: 4,
		Calls: Calls{Active: 1, Total: 20, Answered: 10, Overload: 3, Operations: 2}, Messages: Messages{Received: 100, Sent: 90, Dropped: 1},
		Script: Script{
			Generation: 3, Hash: "0123456789ab", Since: time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC), Refused: "main.lua:12: no",
			Result: luaapi.Refused, Loaded: time.Date(2026, 11, 23, 10, 20, 0, 0, time.UTC), Verdict: "generation 3 promoted: it did well",
			Canary: &admin.Canary{
				Generation: 4, Hash: "ba9876543210", Share: 0.05, Until: time.Date(2026, 11, 23, 10, 21, 0, 0, time.UTC),
				Calls: 10, Failed: 1, OldCalls: 190, OldFailed: 2,
			},
		},
		Generation: []Generation{{Number: 2, Active: 1}, {Number: 3, Active: 0}, {Number: 4, Active: 2}},
		Handlers:   []Handler{{Name: "invite", Calls: 20, Errors: 2, OverBudget: 1, Instructions: 412, Bytes: 2100}, {Name: "ended", Calls: 1, Errors: 1, Instructions: 1}},
		BadInput:   map[string]uint64{"no start line": 2, "a lone CR": 1}, Panics: 1,
	}
	const want = `Tandem/1.0, up 1h1m1s, 4 shards, listening on udp:192.0.2.1:5060 udp:[2001:db8::1]:5060
calls     1 up, 20 in all, 10 answered, 3 refused for overload
awaiting  2 operations
messages  100 received, 90 sent, 1 dropped
script    generation 3, sha256 0123456789ab, since 2026-11-23 10:15:00
reload    refused at 2026-11-23 10:20:00
refused   main.lua:12: no
canary    generation 4, sha256 ba9876543210, gets 5 % of new calls until 2026-11-23 10:21:00
          1 of 10 calls failed, 2 of 190 in generation 3
canary    generation 3 promoted: it did well
          generation 2 still has 1 call
handler   invite     20 calls, 2 errors, 1 over budget, at most 412 instructions, 3 KB
handler   ended      1 call, 1 error, 0 over budget, at most 1 instruction, 0 KB
bad input a lone CR: 1
bad input no start line: 2
bugs      1 call was ended by a bug in Tandem; see the log
`
	if got := st.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	st.Script.Canary.Waits = true
	if got := st.String(); !strings.Contains(got, "gets 5 % of new calls until the first is over: it has had none by 2026-11-23 10:21:00\n") {
		t.Errorf("got\n%s", got)
	}
}
