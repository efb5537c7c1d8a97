package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// toBob is a script that sends every call to one callee.
func toBob(port int) string {
	return fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.to "sip:bob@%s:%d" end }`, host, port)
}

// pair places calls with one scenario through the engine to another one, and expects that nothing is left of them. Both pause
// for 50 ms where their scenarios say so.
func pair(t *testing.T, calls int, uac, uas string) {
	t.Helper()
	const pause = 50 * time.Millisecond
	bob := callee(t, uas, host, calls, pause)
	e := runTandem(t, host, toBob(bob.port))
	startSipp(t, uac, host, calls, e.addr, "-s", "100", "-r", "50", "-d", "50").finish()
	bob.finish()
	idle(t, e)
}

// engineStatus is what tests read of `tandem status`.
type engineStatus struct {
	Calls struct {
		Active          int
		Total, Answered uint64
	}
	Connections struct {
		Open              int
		Accepted, Dialled uint64
	}
	Contacts int
	Panics   uint64
}

// awaits asks the engine for its status until it is as wanted, and returns it.
func (e *tandem) awaits(what string, is func(st *engineStatus) bool) engineStatus {
	e.t.Helper()
	return e.awaitsWithin(patience, what, is)
}

func (e *tandem) awaitsWithin(d time.Duration, what string, is func(st *engineStatus) bool) (st engineStatus) {
	e.t.Helper()
	again := time.NewTicker(20 * time.Millisecond) // a process each time, which others may need the time of
	defer again.Stop()
	for deadline := time.Now().Add(d); ; <-again.C {
		if st = status(e.t, e); is(&st) {
			return st
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("not within %s: %s; %+v", d, what, st)
		}
	}
}

func status(t testing.TB, e *tandem) (st engineStatus) {
	t.Helper()
	code, out := command(t, "status", "--json", "--admin", e.admin)
	if err := json.Unmarshal([]byte(out), &st); code != 0 || err != nil {
		t.Fatalf("tandem status: exit status %d, %v\n%s", code, err, out)
	}
	return st
}

// idle checks that no call is left in an engine, and that it met no bug of its own. What its phones said last may be on its way still, but no
// call may wait for a timer of transactions, which ends it after 32 s (RFC 3261 §17.1.1.2).
func idle(t *testing.T, e *tandem) {
	t.Helper()
	if st := e.awaitsWithin(25*time.Second, "no call is left", func(st *engineStatus) bool { return st.Calls.Active == 0 }); st.Panics != 0 {
		t.Errorf("%d panics", st.Panics)
	}
}

// socket is a peer that a test plays itself.
type socket struct {
	t    *testing.T
	conn net.PacketConn
	from net.Addr
}

func newSocket(t *testing.T, host string) *socket {
	t.Helper()
	c, err := net.ListenPacket("udp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &socket{t: t, conn: c}
}

func (s *socket) addr() string { return s.conn.LocalAddr().String() }

// receive waits for a datagram.
func (s *socket) receive() []byte {
	s.t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	b := make([]byte, 65536)
	n, from, err := s.conn.ReadFrom(b)
	if err != nil {
		s.t.Fatal(err)
	}
	s.from = from
	return b[:n]
}

// pending returns what has come and was not read.
func (s *socket) pending() [][]byte {
	s.t.Helper()
	raw, err := s.conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	var list [][]byte
	for b := make([]byte, 65536); ; {
		n, failed := 0, error(nil) // a deadline would be a race with the clock
		if err := raw.Control(func(fd uintptr) { n, _, failed = syscall.Recvfrom(int(fd), b, syscall.MSG_DONTWAIT) }); err != nil {
			s.t.Fatal(err)
		}
		switch {
		case errors.Is(failed, syscall.EINTR):
		case errors.Is(failed, syscall.EAGAIN):
			return list
		case failed != nil:
			s.t.Fatal(failed)
		default:
			list = append(list, bytes.Clone(b[:n]))
		}
	}
}

// answer answers the last request with 200, with the fields that RFC 3261 §8.2.6 wants copied.
func (s *socket) answer(request []byte) {
	s.t.Helper()
	b := []byte("SIP/2.0 200 OK\r\n")
	for line := range bytes.SplitSeq(request, []byte("\r\n")) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch strings.ToLower(string(name)) {
		case "via", "from", "to", "call-id", "cseq":
			b = append(append(b, line...), "\r\n"...)
		}
	}
	if _, err := s.conn.WriteTo(append(b, "Content-Length: 0\r\n\r\n"...), s.from); err != nil {
		s.t.Fatal(err)
	}
}

// wantRepeats checks that a silent peer got one INVITE, two times or more, and nothing else.
func wantRepeats(t *testing.T, silent *socket) {
	t.Helper()
	got := silent.pending()
	if len(got) < 2 {
		t.Fatalf("a silent peer got %d datagrams, want the INVITE and its repeats", len(got))
	}
	for _, b := range got {
		if !bytes.HasPrefix(b, []byte("INVITE ")) || !bytes.Equal(b, got[0]) {
			t.Errorf("a silent peer got\n%s\nafter\n%s", b, got[0])
		}
	}
}
