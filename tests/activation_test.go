package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
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
	sent := 0
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
	for running := true; running; { // until its end, a few at a time
		ask(1)
		select {
		case <-old.done:
			running = false
		case <-time.After(200 * time.Microsecond):
		}
		if sent > 4000 { // the socket's buffer is not without end
			<-old.done
			running = false
		}
	}
	if status := old.wait(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	ask(50) // while there is no engine
	activated(t, dir, at, socket).waitLine(`listening on udp:` + at)
	ask(20)

	answered, codes := map[string]bool{}, map[string]int{}
	_ = caller.SetReadDeadline(time.Now().Add(patience)) // fails only when closed
	for buf := make([]byte, 65536); len(answered) < sent; {
		n, err := caller.Read(buf)
		if err != nil {
			t.Fatalf("%d of %d requests are answered: %v", len(answered), sent, err)
		}
		line, rest, _ := strings.Cut(string(buf[:n]), "\r\n")
		_, id, _ := strings.Cut(rest, "Call-ID: ")
		id, _, _ = strings.Cut(id, "\r\n")
		answered[id] = true
		codes[line]++
	}
	if codes["SIP/2.0 200 OK"] < 50 || len(codes) > 2 {
		t.Errorf("%v", codes)
	}
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
