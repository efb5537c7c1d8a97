package main

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
)

var update = flag.Bool("update", false, "write what commands print into the scripts")

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"tandem": main}) }

// The scripts know, beside testscript's own commands:
//
//	exits N PROGRAM [ARG…]           the program ends with exit status N
//	await-status SOCK [FIELD=VALUE…] the engine on SOCK answers, and its status has these values; $ADDR is its first listener
//	await-file FILE                  the background command that was last started has written a file
//	certificate CERTIFICATE KEY      write a certificate for 127.0.0.1 and its key
//	invite ID                        a call with that Call-ID comes to $ADDR from a phone that answers nothing
//	signal NAME                      send a signal to the background command that was last awaited
//	exited N                         it has ended, and has been waited for, with exit status N
//
// $SOCK is the admin socket of an engine that is given no other.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "await-status": awaitStatus, "signal": sendSignal, "exited": exited,
			"save-test": saveTest, "invite": invite, "await-file": awaitFile, "certificate": certificate,
		},
		Setup: func(env *testscript.Env) error {
			dir, err := os.MkdirTemp("", "tandem-") // short: the path of a socket has at most 107 bytes
			if err != nil {
				return err
			}
			env.Defer(func() { os.RemoveAll(dir) })
			env.Values[engineKey{}] = &background{}
			env.Setenv("XDG_RUNTIME_DIR", dir)
			env.Setenv("SOCK", filepath.Join(dir, "tandem.sock"))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second longer under the race detector
			return nil
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
	})
}

func TestDemoInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cmd := newDemoCommand()
	cmd.SetOut(io.Discard)
	cmd.SetArgs([]string{})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(ctx); exit.Status(err) != exit.Interrupted {
		t.Errorf("exit status %d: %v", exit.Status(err), err)
	}
}

func TestBug(t *testing.T) {
	root := newRootCommand()
	var out bytes.Buffer
	root.SetErr(&out)
	root.AddCommand(&cobra.Command{Use: "broken", Run: func(*cobra.Command, []string) { panic("out of tune") }})
	if got := execute(root, []string{"broken"}); got != exit.Bug {
		t.Errorf("exit status %d, want %d", got, exit.Bug)
	}
	for _, want := range []string{"tandem: this is a bug in Tandem: out of tune\n", "main_test.go"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
