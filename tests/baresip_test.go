package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// baresip is a running phone, a real one: https://github.com/baresip/baresip. It is driven over its control socket.
type baresip struct {
	*process
	user, addr      string
	control         net.Conn
	replies, events chan control
}

// control is a message of the control socket: an event, or the reply to a command.
type control struct {
	Event   bool
	Type    string // as CALL_ESTABLISHED
	PeerURI string `json:"peeruri"`
	Param   string

	OK    bool
	Data  string
	Token string // the command
}

// modules is where Debian has the modules of baresip.
const modules = "/usr/lib/baresip/modules"

// startBaresip starts a phone without sound hardware at a host of its own; settings are further lines of its configuration.
func startBaresip(t *testing.T, user, host string, settings ...string) *baresip {
	t.Helper()
	return startAccount(t, user, host, "", settings...)
}

// startAccount starts a phone with further parameters of its account, each with its semicolon.
func startAccount(t *testing.T, user, host, params string, settings ...string) *baresip {
	t.Helper()
	return startAt(t, user, host, func(addr string) string { return fmt.Sprintf("<sip:%s@%s>;regint=0%s", user, addr, params) }, settings...)
}

// startRegistered starts a phone that registers at an address, by a transport.
func startRegistered(t *testing.T, user, host, password, registrar, transport string) *baresip {
	t.Helper()
	return startAt(t, user, host, func(string) string {
		return fmt.Sprintf("<sip:%s@%s;transport=%s>;regint=60;auth_user=%s;auth_pass=%s", user, registrar, transport, user, password)
	})
}

// startAt starts a phone with the account that belongs to its own address.
func startAt(t *testing.T, user, host string, account func(addr string) string, settings ...string) *baresip {
	t.Helper()
	path := tool(t, "baresip")
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("the modules of baresip are not where Debian has them: %v", err)
	}
	b := &baresip{user: user, replies: make(chan control, 100), events: make(chan control, 1000)}
	b.addr = net.JoinHostPort(host, strconv.Itoa(freePort(t, host)))
	ctrl := net.JoinHostPort(host, strconv.Itoa(freeTCPPort(t, host)))
	dir := t.TempDir()
	write(t, filepath.Join(dir, "accounts"), account(b.addr)+";answermode=manual\n")
	write(t, filepath.Join(dir, "config"), strings.Join(append([]string{
		"poll_method poll",
		"sip_listen " + b.addr,
		"net_interface " + host,
		"ctrl_tcp_listen " + ctrl,
		"audio_source aubridge,mouth",
		"audio_player aubridge,ear",
		"audio_alert aubridge,bell",
		"module_path " + modules,
		"module g711.so",
		"module aubridge.so",
		"module_app account.so",
		"module_app menu.so",
		"module_app ctrl_tcp.so",
	}, append(settings, "")...), "\n"))
	b.process = startProcess(t, "baresip "+user, dir, path, "-f", dir, "-s")
	b.waitLine("baresip is ready")
	var err error
	if b.control, err = net.DialTimeout("tcp", ctrl, patience); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.control.Close() })
	go b.listen()
	return b
}

// freeTCPPort returns a TCP port of host that nothing uses.
func freeTCPPort(t *testing.T, host string) int {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// listen reads the control socket, whose messages are netstrings with JSON in them.
func (b *baresip) listen() {
	defer close(b.events)
	for r := bufio.NewReader(b.control); ; {
		text, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(text, ":"))
		if err != nil {
			return
		}
		data := make([]byte, n+1) // with the comma
		if _, err := io.ReadFull(r, data); err != nil {
			return
		}
		var m control
		if json.Unmarshal(data[:n], &m) != nil {
			return
		}
		switch {
		case m.Type == "CALL_RTCP": // there are many
		case m.Event:
			b.events <- m
		default:
			b.replies <- m
		}
	}
}

// do runs a command of the phone's menu.
func (b *baresip) do(command, params string) {
	b.t.Helper()
	text, err := json.Marshal(map[string]string{"command": command, "params": params, "token": command})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.control, "%d:%s,", len(text), text); err != nil {
		b.t.Fatalf("%s: %v", b.name, err)
	}
	select {
	case m := <-b.replies:
		if !m.OK || m.Token != command {
			b.t.Fatalf("%s: %s %s: %+v", b.name, command, params, m)
		}
	case <-time.After(patience):
		b.t.Fatalf("%s: no reply to %s", b.name, command)
	}
}

// expect waits for an event that is about a call with peer, a part of its URI, and returns its parameter.
func (b *baresip) expect(event, peer string) string {
	b.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case m, ok := <-b.events:
			if !ok {
				b.t.Fatalf("%s is gone before %s", b.name, event)
			}
			if m.Type == event && strings.Contains(m.PeerURI, peer) {
				return m.Param
			}
		case <-timeout:
			b.t.Fatalf("%s: no %s with %s", b.name, event, peer)
		}
	}
}

// receives waits for a message from the engine that begins as told and has all the texts in it.
func (b *baresip) receives(e *tandem, start string, texts ...string) {
	b.t.Helper()
	for {
		b.waitLine("^UDP " + regexp.QuoteMeta(e.addr) + " -> ")
		m := b.message()
		missing := func(text string) bool { return !strings.Contains(m, text) }
		if strings.HasPrefix(m, start) && !slices.ContainsFunc(texts, missing) {
			return
		}
	}
}

// message returns the message that the trace has next: it ends where the colour does.
func (b *baresip) message() string {
	b.t.Helper()
	var lines []string
	for {
		line := b.waitLine(".*")[0]
		if strings.HasPrefix(line, "\x1b[;m") {
			return strings.Join(lines, "\n")
		}
		lines = append(lines, line)
	}
}

// phones are three baresips round an engine whose script knows bob, carol and both of them.
type phones struct {
	e                 *tandem
	alice, bob, carol *baresip
}

func newPhones(t *testing.T) *phones {
	t.Helper()
	p := &phones{bob: startBaresip(t, "bob", "127.0.0.62"), carol: startBaresip(t, "carol", "127.0.0.63")}
	p.e = runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
local bob, carol = "sip:bob@%s", "sip:carol@%s"
local at = { bob = plan.to(bob), carol = plan.to(carol), both = plan.parallel { plan.to(bob), plan.to(carol) } }
return { invite = function(call) return at[call.ruri.user] end }`, p.bob.addr, p.carol.addr))
	p.alice = startBaresip(t, "alice", "127.0.0.61")
	return p
}

// dial places a call from alice and waits until the callees ring.
func (p *phones) dial(user string, callees ...*baresip) {
	p.alice.do("dial", p.uri(user))
	for _, b := range callees {
		b.expect("CALL_INCOMING", "alice")
	}
	p.alice.expect("CALL_RINGING", user)
}

// talk places a call from alice to bob that bob answers.
func (p *phones) talk() {
	p.dial("bob", p.bob)
	p.bob.do("accept", "")
	p.alice.expect("CALL_ESTABLISHED", "bob")
	p.bob.expect("CALL_ESTABLISHED", "alice")
}

// uri is where the engine is reached.
func (p *phones) uri(user string) string { return "sip:" + user + "@" + p.e.addr }

func TestBaresipHangup(t *testing.T) {
	t.Run("by the caller", func(t *testing.T) {
		p := newPhones(t)
		p.talk()
		p.alice.do("hangup", "")
		p.bob.expect("CALL_CLOSED", "alice")
		p.alice.expect("CALL_CLOSED", "bob")
		idle(t, p.e)
	})
	t.Run("by the callee", func(t *testing.T) {
		p := newPhones(t)
		p.talk()
		p.bob.do("hangup", "")
		p.alice.expect("CALL_CLOSED", "bob")
		p.bob.expect("CALL_CLOSED", "alice")
		idle(t, p.e)
	})
	t.Run("by the caller before the answer", func(t *testing.T) {
		p := newPhones(t)
		p.dial("bob", p.bob)
		p.alice.do("hangup", "")
		p.bob.expect("CALL_CLOSED", "alice")
		p.alice.expect("CALL_CLOSED", "bob")
		idle(t, p.e)
	})
	t.Run("by the callee before the answer", func(t *testing.T) {
		p := newPhones(t)
		p.dial("bob", p.bob)
		p.bob.do("hangup", "")
		if why := p.alice.expect("CALL_CLOSED", "bob"); !strings.HasPrefix(why, "486 ") {
			t.Errorf("the caller was told %q", why)
		}
		idle(t, p.e)
	})
}

// The phone that is too late hears that the call was answered elsewhere, not that it was missed.
func TestBaresipFork(t *testing.T) {
	p := newPhones(t)
	p.dial("both", p.bob, p.carol)
	p.bob.do("accept", "")
	p.alice.expect("CALL_ESTABLISHED", "both")
	p.carol.receives(p.e, "CANCEL ", `Reason: SIP;cause=200;text="Call completed elsewhere"`)
	p.carol.expect("CALL_CLOSED", "alice")
	p.bob.do("hangup", "")
	p.alice.expect("CALL_CLOSED", "both")
	idle(t, p.e)
}

func TestBaresipHold(t *testing.T) {
	p := newPhones(t)
	p.talk()
	for _, side := range []struct{ by, other *baresip }{{p.alice, p.bob}, {p.bob, p.alice}} {
		side.by.do("hold", "")
		side.other.receives(p.e, "INVITE ", "a=sendonly")
		side.by.receives(p.e, "SIP/2.0 200 ", "a=recvonly")
		side.other.receives(p.e, "ACK ")
		side.by.do("resume", "")
		side.other.receives(p.e, "INVITE ", "a=sendrecv")
		side.by.receives(p.e, "SIP/2.0 200 ", "a=sendrecv")
		side.other.receives(p.e, "ACK ")
	}
	p.alice.do("hangup", "")
	p.bob.expect("CALL_CLOSED", "alice")
	idle(t, p.e)
}

// Blind transfer (RFC 5589 §6): alice sends bob to carol, hears by NOTIFY how it went, and is out of the call. Her
// CSeq numbers are not those of the engine, and her NOTIFYs have to name the REFER by hers (RFC 3515 §2.4.6).
func TestBaresipBlindTransfer(t *testing.T) {
	for _, c := range []struct {
		name string
		ends func(p *phones) (by, other *baresip)
	}{
		{"the transferred phone hangs up", func(p *phones) (by, other *baresip) { return p.bob, p.carol }},
		{"the transfer target hangs up", func(p *phones) (by, other *baresip) { return p.carol, p.bob }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPhones(t)
			p.talk()
			p.alice.do("transfer", p.uri("carol"))
			if to := p.bob.expect("TRANSFER", "alice"); to != p.uri("carol") {
				t.Errorf("transferred to %s", to)
			}
			p.alice.receives(p.e, "NOTIFY ", "Event: refer", "\nSIP/2.0 100 Trying")
			p.carol.expect("CALL_INCOMING", "bob")
			p.carol.do("accept", "")
			p.bob.expect("CALL_ESTABLISHED", "carol")
			p.alice.receives(p.e, "NOTIFY ", "Subscription-State: terminated", "\nSIP/2.0 200 OK")
			p.alice.expect("CALL_CLOSED", "bob")
			p.bob.expect("CALL_CLOSED", "alice")
			p.carol.expect("CALL_ESTABLISHED", "bob")
			by, other := c.ends(p)
			by.do("hangup", "")
			other.expect("CALL_CLOSED", "")
			idle(t, p.e)
		})
	}
}
