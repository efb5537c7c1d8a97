// Package tests runs the built binary on real sockets: sipp as caller and callees, on loopback addresses.
package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; nothing here takes a tenth of it.
const patience = 3 * time.Minute

var binary string

// TestMain builds the binary, unless $TANDEM names one.
func TestMain(m *testing.M) {
	if binary = os.Getenv("TANDEM"); binary != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "tandem-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "tandem")
	if out, err := exec.Command("go", "build", "-o", binary, "tandem/cmd/tandem").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // left behind at worst in the temporary folder
	os.Exit(code)
}

// process is a program that runs beside the test.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	name string
	mu   sync.Mutex
	out  strings.Builder
	done chan struct{}
	err  error
	seen chan string
}

func startProcess(t testing.TB, name, dir, path string, args ...string) *process {
	t.Helper()
	return startWith(t, nil, name, dir, path, args...)
}

// startWith starts a program with files, its descriptors from 3 on.
func startWith(t testing.TB, files []*os.File, name, dir, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(path, args...), done: make(chan struct{}), seen: make(chan string, 10000)}
	p.cmd.Dir, p.cmd.ExtraFiles = dir, files
	pr, pw := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = pw, pw
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(pr); s.Scan(); {
			p.mu.Lock()
			fmt.Fprintln(&p.out, s.Text())
			p.mu.Unlock()
			select {
			case p.seen <- s.Text():
			default: // nobody waits for a line any more
			}
		}
	}()
	go func() {
		p.err = p.cmd.Wait()
		pw.Close()
		<-read // what it said last is part of its output
		close(p.done)
	}()
	t.Cleanup(p.stop)
	return p
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// waitLine returns the first match of a pattern in the output.
func (p *process) waitLine(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	timeout := time.After(patience)
	for {
		select {
		case line := <-p.seen:
			if m := re.FindStringSubmatch(line); m != nil {
				return m
			}
		case <-p.done:
			if len(p.seen) > 0 {
				continue // a line that it said before it ended may be the one
			}
			p.t.Fatalf("%s ended (%v) before %q:\n%s", p.name, p.err, pattern, p.output())
		case <-timeout:
			p.t.Fatalf("%s: no %q:\n%s", p.name, pattern, p.output())
		}
	}
}

// wait waits for the end and returns the exit status.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end:\n%s", p.name, p.output())
	}
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return 0
	case errors.As(p.err, &exit):
		return exit.ExitCode()
	}
	p.t.Fatalf("%s: %v", p.name, p.err)
	return -1
}

func (p *process) stop() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may just have ended
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	if p.t.Failed() {
		p.t.Logf("%s:\n%s", p.name, p.output())
	}
}

// tandem is a running engine.
type tandem struct {
	*process
	addr, dir, admin string
}

// runTandem starts the engine on a free port of host with a main.lua.
func runTandem(t *testing.T, host, script string, args ...string) *tandem {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.lua"), script)
	admin := filepath.Join(t.TempDir(), "admin.sock")
	p := startProcess(t, "tandem", dir, binary, append([]string{"run", dir, "--listen", "udp:" + host + ":0", "--admin", admin}, args...)...)
	m := p.waitLine(`listening on udp:(\S+:\d+)`)
	return &tandem{process: p, addr: m[1], dir: dir, admin: admin}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command runs the binary to its end.
func command(t testing.TB, args ...string) (status int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

// freePort returns a UDP port of host that nothing uses.
func freePort(t *testing.T, host string) int {
	t.Helper()
	c, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// tool returns where a program is that a test cannot do without, by its name or one of several paths.
func tool(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed: run `make tools`", names[0])
	return ""
}

// sipp is a running sipp.
type sipp struct {
	*process
	port int
	dir  string
}

// startSipp runs a scenario of tests/sipp; extra are further arguments.
func startSipp(t *testing.T, scenario, host string, calls int, extra ...string) *sipp {
	t.Helper()
	path := tool(t, "sipp")
	xml, err := filepath.Abs(filepath.Join("sipp", scenario+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	s := &sipp{port: freePort(t, host), dir: t.TempDir()}
	// A datagram that comes while sipp waits for a processor has to find room, since it is not said twice; and sipp is to end by its scenario,
	// not since it waited often.
	args := append([]string{
		"-buff_size", "4000000", "-watchdog_major_maxtriggers", "1000000", "-watchdog_minor_maxtriggers", "1000000",
		"-sf", xml, "-i", host, "-p", strconv.Itoa(s.port), "-mi", host, "-m", strconv.Itoa(calls), "-nostdin",
		"-trace_err", "-error_file", filepath.Join(s.dir, "errors.log"), "-timeout", "160s", "-timeout_error",
	}, extra...)
	s.process = startProcess(t, "sipp "+scenario, s.dir, path, args...)
	return s
}

// callee starts a scenario that waits for calls and returns when its port is bound.
func callee(t *testing.T, scenario, host string, calls int, pause time.Duration, extra ...string) *sipp {
	t.Helper()
	s := startSipp(t, scenario, host, calls, append([]string{"-d", strconv.Itoa(int(pause.Milliseconds()))}, extra...)...)
	s.waitBound(host, s.port)
	return s
}

// waitBound waits until the program has bound a UDP port.
func (p *process) waitBound(host string, port int) {
	p.t.Helper()
	p.waitTable("udp", fmt.Sprintf("%s:%04X ", hexAddr(host), port))
}

// waitTCP waits until the program listens on a TCP port.
func (p *process) waitTCP(host string, port int) {
	p.t.Helper()
	p.waitTable("tcp", fmt.Sprintf("%s:%04X %s:0000 0A", hexAddr(host), port, strings.Repeat("0", len(hexAddr(host)))))
}

// waitTable waits until the kernel's table of sockets has an entry.
func (p *process) waitTable(table, entry string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		for _, path := range []string{"/proc/net/" + table, "/proc/net/" + table + "6"} {
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), entry) {
				return
			}
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s ended: %s", p.name, p.output())
		case <-time.After(10 * time.Millisecond):
		}
	}
	p.t.Fatalf("%s does not listen", p.name)
}

// hexAddr returns an address as the kernel prints it: words of four bytes, the last byte of each first.
func hexAddr(host string) string {
	ip := net.ParseIP(host)
	if v4 := ip.To4(); v4 != nil {
		ip = v4
	}
	var b strings.Builder
	for ; len(ip) > 0; ip = ip[4:] {
		fmt.Fprintf(&b, "%02X%02X%02X%02X", ip[3], ip[2], ip[1], ip[0])
	}
	return b.String()
}

// finish waits for the scenario's end: every call must have gone by it.
func (s *sipp) finish() {
	s.t.Helper()
	if status := s.wait(); status != 0 {
		errs, _ := os.ReadFile(filepath.Join(s.dir, "errors.log"))
		s.t.Errorf("%s: exit status %d\n%s", s.name, status, errs)
	}
}
