package tests

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// activated starts the engine as systemd does: with a bound socket as descriptor 3.
func activated(t *testing.T, dir, at string, socket *os.File) *process {
	t.Helper()
	// LISTEN_PID is the engine's own: exec keeps the number of the shell.
	sh := []string{"-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`, binary, "run", dir, "--listen", "udp:" + at, "--admin", filepath.Join(t.TempDir(), "admin.sock")}
	return startWith(t, []*os.File{socket}, "tandem", dir, "sh", sh...)
}

// A restart by way of a socket that the service manager holds loses no datagram: every request sent while the old engine ends, while
// there is none and while the new one starts is answered, if only by 503.
func TestRestartBySocketActivation(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	socket, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	conn.Close() // File is another descriptor
	at := conn.LocalAddr().String()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.lua"), "return { invite = function() end }\n")

	old := activated(t, dir, at, socket)
	old.waitLine(`listening on udp:` + at)
	caller, err := net.Dial("udp4", at)
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	sent, answers := 0, hearAnswers(caller)
	ask := func(n int) {
		for range n {
			sent++
			text := fmt.Sprintf("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKr%d\r\nFrom: <sip:a@a.example>;tag=a\r\nTo: <sip:%s>\r\n"+
				"Call-ID: restart-%d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", at, caller.LocalAddr(), sent, at, sent)
			if _, err := caller.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(20)
	if err := old.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for running := true; running; { // until its end, one at a time
		if sent-answers.number() < 100 { // what nobody has read is in the socket's buffer, which is not without end
			ask(1)
		}
		select {
		case <-old.done:
			running = false
		case <-tick.C:
		}
	}
	if status := old.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	ask(50) // while there is no engine
	activated(t, dir, at, socket).waitLine(`listening on udp:` + at)
	ask(20)

	for deadline := time.Now().Add(patience); answers.number() < sent; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d requests are answered", answers.number(), sent)
		}
	}
	answers.mu.Lock()
	defer answers.mu.Unlock()
	if codes := answers.codes; codes["SIP/2.0 200 OK"] < 50 || len(codes) > 2 {
		t.Errorf("%v", codes)
	}
}

// answers are the responses that have come to a caller: the requests that have one, by Call-ID, and how many there are of each kind.
type answers struct {
	mu       sync.Mutex
	answered map[string]bool
	codes    map[string]int
}

// hearAnswers reads what comes until the connection is closed, since the buffer of its socket is not without end either.
func hearAnswers(caller net.Conn) *answers {
	a := &answers{answered: map[string]bool{}, codes: map[string]int{}}
	go func() {
		for buf := make([]byte, 65536); ; {
			n, err := caller.Read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			line, rest, _ := strings.Cut(string(buf[:n]), "\r\n")
			_, id, ok := strings.Cut(rest, "Call-ID: ")
			if id, _, _ = strings.Cut(id, "\r\n"); err != nil || !ok {
				continue
			}
			a.mu.Lock()
			a.answered[id] = true
			a.codes[line]++
			a.mu.Unlock()
		}
	}()
	return a
}

func (a *answers) number() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.answered)
}

// relayTold calls one target and says when it has answered.
const relayTold = `
local plan = require "plan"
return {
  invite = function() return plan.to "%s" end,
  answered = function(call) call:log("the call is up") end,
}`

// SIGTERM lets a call end and turns others away; a second one ends it.
func TestDrain(t *testing.T) {
	for name, c := range map[string]struct {
		signals int
		lasts   string // ms
	}{"one signal": {1, "2000"}, "two signals": {2, "600000"}} {
		t.Run(name, func(t *testing.T) {
			bob := callee(t, "uas_answer", host, 1, 0)
			e := runTandem(t, host, fmt.Sprintf(relayTold, fmt.Sprintf("sip:bob@%s:%d", host, bob.port)), "--drain", "86400")
			alice := startSipp(t, "uac_call", host, 1, e.addr, "-s", "100", "-d", c.lasts)
			e.waitLine("the call is up")
			for range c.signals {
				if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				e.waitLine("new calls are turned away|calls ended")
			}
			if c.signals == 1 {
				alice.finish()
			}
			bob.finish() // it gets its BYE in any case
			if status := e.wait(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}
