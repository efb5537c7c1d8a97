package tests

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// files raises the number of files that this process, and those that it starts from now on, may have open.
func files(t *testing.T, n uint64) {
	t.Helper()
	var had unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &had); err != nil {
		t.Fatal(err)
	}
	if had.Cur >= n {
		return
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: max(n, had.Max)}); err != nil {
		t.Fatalf("%d files are needed, %d allowed: raise the limit (ulimit -Hn %d), or run the test as root (%v)", n, had.Max, n, err)
	}
	t.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &had) }) // it was allowed before
}

// resident returns the memory of a process in bytes, and the most that it has had.
func resident(t *testing.T, pid int) (now, peak int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) int {
		m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in\n%s", name, text)
		}
		n, _ := strconv.Atoi(string(m[1])) // digits, as matched
		return n << 10
	}
	return value("VmRSS"), value("VmHWM")
}

// 10 000 connections, each of which has had a message, rest in less than 150 MB of the engine's.
func TestIdleConnections(t *testing.T) {
	const n, perSource, bound = 10_000, 200, 150 << 20
	files(t, n+1000)
	cert, key := certificate(t, host)
	e, addrs := runListeners(t, "return { invite = function() end }", cert, key, "tcp")
	empty, _ := resident(t, e.cmd.Process.Pid)
	began := time.Now()
	for i := range n {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 100, byte(1+i/perSource))}} // so many from a source, and no more
		conn, err := d.Dial("tcp4", addrs["tcp"])
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience)) // fails only when closed
		l := streamLine{conn, bufio.NewReaderSize(conn, 512)}
		text := fmt.Sprintf("OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK%d\r\nFrom: <sip:a@a.example>;tag=a\r\nTo: <sip:%[1]s>\r\n"+
			"Call-ID: idle-%[3]d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", addrs["tcp"], conn.LocalAddr(), i)
		if err := l.write([]byte(text)); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if b, err := l.read(); err != nil || !strings.HasPrefix(string(b), "SIP/2.0 200") {
			t.Fatalf("connection %d: %q, %v", i, b, err)
		}
	}
	full, peak := resident(t, e.cmd.Process.Pid)
	t.Logf("%d connections in %s: %.1f MB, %.1f MB at most, %.1f MB without any", n, time.Since(began).Round(time.Millisecond),
		float64(full)/(1<<20), float64(peak)/(1<<20), float64(empty)/(1<<20))
	if open := status(t, e).Connections.Open; open != n {
		t.Errorf("%d connections are open", open)
	}
	if full > bound || peak > bound {
		t.Errorf("%d MB for %d connections, at most %d are right", max(full, peak)>>20, n, bound>>20)
	}
}
