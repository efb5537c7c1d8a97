package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tandem/cmd/internal/admin"
)

// patience bounds every wait; nothing here takes a tenth of it.
const patience = 2 * time.Minute

// background is the background command that was last awaited.
type (
	background struct{ cmd *exec.Cmd }
	engineKey  struct{}
)

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &ended):
		ts.Fatalf("%v", err)
	case err == nil:
		checkStatus(ts, args[0], 0)
	default:
		checkStatus(ts, args[0], ended.ExitCode())
	}
}

// saveTest writes the test that `tandem test --fuzz` has printed into a file: save-test FILE.
func saveTest(ts *testscript.TestScript, neg bool, args []string) {
	_, text, found := strings.Cut(ts.ReadFile("stdout"), " beside the script:\n\n")
	text, _, ends := strings.Cut(text, "\n  rerun ")
	if neg || len(args) != 1 || !found || !ends {
		ts.Fatalf("usage, after a failing tandem test --fuzz: save-test FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll("\n"+text, "\n  ", "\n")), 0o600))
}

func checkStatus(ts *testscript.TestScript, want string, got int) {
	if strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

func awaitStatus(ts *testscript.TestScript, neg bool, args []string) {
	all := ts.BackgroundCmds()
	if neg || len(args) < 1 || len(all) == 0 {
		ts.Fatalf("usage, after exec … &NAME&: await-status SOCK [FIELD=VALUE…]")
	}
	engine := all[len(all)-1]
	socket := ts.MkAbs(args[0])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var st map[string]any
		err := admin.Status(ctx, socket, &st)
		if err == nil {
			err = missing(st, args[1:])
		}
		if err == nil {
			ts.Value(engineKey{}).(*background).cmd = engine
			ts.Setenv("ADDR", fmt.Sprint(field(st, "listeners.0")))
			return
		}
		if errors.Is(engine.Process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			ts.Fatalf("the engine has ended: %v", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("the engine does not get there: %v", err)
		}
	}
}

// missing says which of the values wanted a status does not have.
func missing(st map[string]any, want []string) error {
	for _, w := range want {
		path, value, ok := strings.Cut(w, "=")
		if got := fmt.Sprint(field(st, path)); !ok || got != value {
			return fmt.Errorf("%s is %s, want %s", path, got, value)
		}
	}
	return nil
}

// field returns a value by its path: "script.generation", "listeners.0"; nil if there is none.
func field(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// invite sends an INVITE with a Call-ID to $ADDR, and leaves everything that comes back without an answer.
func invite(ts *testscript.TestScript, neg bool, args []string) {
	_, addr, ok := strings.Cut(ts.Getenv("ADDR"), ":")
	if neg || len(args) != 1 || !ok {
		ts.Fatalf("usage, after await-status: invite CALL-ID")
	}
	conn, err := net.Dial("udp", addr)
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	self := conn.LocalAddr().String()
	_, err = conn.Write([]byte(strings.Join([]string{
		"INVITE sip:100@pbx.example SIP/2.0", "Via: SIP/2.0/UDP " + self + ";branch=z9hG4bK1", "From: <sip:alice@example.net>;tag=1",
		"To: <sip:100@pbx.example>", "Call-ID: " + args[0], "CSeq: 1 INVITE", "Max-Forwards: 70", "Contact: <sip:alice@" + self + ">",
		"Content-Length: 0", "", "",
	}, "\r\n")))
	ts.Check(err)
}

func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	cmd := ts.Value(engineKey{}).(*background).cmd
	if neg || len(args) != 1 || signals[args[0]] == 0 || cmd == nil {
		ts.Fatalf("usage, after await-status: signal HUP|INT|TERM|KILL")
	}
	ts.Check(cmd.Process.Signal(signals[args[0]]))
}

func exited(ts *testscript.TestScript, neg bool, args []string) {
	cmd := ts.Value(engineKey{}).(*background).cmd
	if neg || len(args) != 1 || cmd == nil {
		ts.Fatalf("usage, after await-status and wait: exited STATUS")
	}
	checkStatus(ts, args[0], cmd.ProcessState.ExitCode())
}

// awaitFile waits until the command that was last started has written a file, or such a line into it.
func awaitFile(ts *testscript.TestScript, neg bool, args []string) {
	all := ts.BackgroundCmds()
	if neg || len(args) < 1 || len(args) > 2 || len(all) == 0 {
		ts.Fatalf("usage, after exec … &NAME&: await-file FILE [LINE]")
	}
	line, err := regexp.Compile("(?m)" + strings.Join(args[1:], ""))
	ts.Check(err)
	cmd := all[len(all)-1]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && line.Match(text) {
			ts.Value(engineKey{}).(*background).cmd = cmd
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s is not written", strings.Join(args, ": "))
		}
	}
}

// certificate writes a certificate for 127.0.0.1 and its key.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: certificate CERTIFICATE KEY")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	ts.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}
