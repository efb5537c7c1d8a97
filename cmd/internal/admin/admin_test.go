package admin

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"tandem/cmd/internal/follow"
	"tandem/luaapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// engine answers as it is told.
type engine struct {
	status   any
	err      error
	reloaded Reloaded

	reloads, rollbacks int

	calls []Call
	users []Contact
	ended []string
	feed  *follow.Feed
}

func (e *engine) Follow(ctx context.Context) (*follow.Listener, error) {
	if e.err != nil {
		return nil, e.err
	}
	return e.feed.Listen(ctx)
}

func (e *engine) Calls(context.Context) ([]Call, error) { return e.calls, e.err }

func (e *engine) Registrations(context.Context) ([]Contact, error) { return e.users, e.err }

func (e *engine) End(_ context.Context, id string) (int, error) {
	e.ended = append(e.ended, id)
	return len(e.calls), e.err
}

func (e *engine) Status(context.Context) (any, error) { return e.status, e.err }

func (e *engine) Reload(context.Context) Reloaded {
	e.reloads++
	return e.reloaded
}

func (e *engine) Rollback(context.Context) Reloaded {
	e.rollbacks++
	return e.reloaded
}

// serve starts a server for the test's length and returns its socket.
func serve(t *testing.T, e Engine) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	start(t, path, e)
	return path
}

func start(t *testing.T, path string, e Engine) {
	t.Helper()
	s, err := Serve(path, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket is left behind: %v", err)
		}
	})
}

func TestStatus(t *testing.T) {
	path := serve(t, &engine{status: map[string]int{"calls": 7}})
	got := map[string]int{}
	if err := Status(t.Context(), path, &got); err != nil || got["calls"] != 7 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestStatusFails(t *testing.T) {
	for name, c := range map[string]struct {
		engine engine
		want   string
	}{
		"engine refuses":     {engine{err: errors.New("a shard does not answer")}, "refused: a shard does not answer"},
		"no JSON":            {engine{status: func() {}}, "refused: json: unsupported type"},
		"of another version": {engine{status: []int{1}}, "what this version does not know"},
	} {
		t.Run(name, func(t *testing.T) {
			path := serve(t, &c.engine)
			err := Status(t.Context(), path, &map[string]int{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want …%s…", err, c.want)
			}
		})
	}
}

func TestReload(t *testing.T) {
	for name, want := range map[string]Reloaded{
		"new":       {Result: luaapi.Loaded, Generation: 2, Hash: "0123456789ab"},
		"unchanged": {Result: luaapi.Unchanged, Generation: 1},
		"tried":     {Result: luaapi.Tried, Generation: 1, Canary: &Canary{Generation: 2, Share: 0.05}},
		"refused":   {Result: luaapi.Refused, Generation: 1, Error: "main.lua:3: unexpected symbol", Findings: []string{"main.lua:3 rule no"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{reloaded: want}
			path := serve(t, e)
			got, err := Reload(t.Context(), path)
			if diff := cmp.Diff(want, got); err != nil || diff != "" || e.reloads != 1 || e.rollbacks != 0 {
				t.Errorf("%v after %d reloads\n%s", err, e.reloads, diff)
			}
			got, err = Rollback(t.Context(), path)
			if diff := cmp.Diff(want, got); err != nil || diff != "" || e.reloads != 1 || e.rollbacks != 1 {
				t.Errorf("%v after %d rollbacks\n%s", err, e.rollbacks, diff)
			}
		})
	}
}

// Asking changes nothing: only a POST reloads.
func TestMethods(t *testing.T) {
	e := &engine{status: 1}
	path := serve(t, e)
	for _, c := range []struct{ method, what string }{{http.MethodGet, "/reload"}, {http.MethodGet, "/rollback"}, {http.MethodPost, "/status"}, {http.MethodGet, "/"}} {
		if err := call(t.Context(), path, c.method, c.what, timeout, &struct{}{}); err == nil {
			t.Errorf("%s %s is answered", c.method, c.what)
		}
	}
	if e.reloads+e.rollbacks != 0 {
		t.Error("reloaded")
	}
}

func TestNoEngine(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{
		"no socket": filepath.Join(dir, "none.sock"),
		"abandoned": abandoned(t, filepath.Join(dir, "old.sock")),
		"too long":  filepath.Join(dir, strings.Repeat("x", 120)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Reload(t.Context(), path)
			if err == nil || !strings.Contains(err.Error(), "no engine answers on "+path) || !strings.Contains(err.Error(), "tandem run") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// abandoned makes a socket that an engine left behind which was killed.
func abandoned(t *testing.T, path string) string {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAbandonedSocketIsReplaced(t *testing.T) {
	path := abandoned(t, filepath.Join(t.TempDir(), "admin.sock"))
	start(t, path, &engine{status: 1})
	var got int
	if err := Status(t.Context(), path, &got); err != nil || got != 1 {
		t.Errorf("got %d, %v", got, err)
	}
}

// Of engines that find an abandoned socket at the same time one gets it, and keeps it.
func TestOneOfManyGetsAnAbandonedSocket(t *testing.T) {
	dir := t.TempDir()
	path := abandoned(t, filepath.Join(dir, "admin.sock"))
	type result struct {
		s   *Server
		err error
	}
	results := make(chan result)
	const engines = 8
	for range engines {
		go func() {
			s, err := Serve(path, &engine{status: 1})
			results <- result{s, err}
		}()
	}
	won := 0
	for range engines {
		r := <-results
		switch {
		case r.err == nil:
			won++
			t.Cleanup(func() {
				if err := r.s.Close(); err != nil {
					t.Error(err)
				}
			})
		case !errors.Is(r.err, ErrInUse):
			t.Error(r.err)
		}
	}
	var got int
	if err := Status(t.Context(), path, &got); won != 1 || err != nil || got != 1 {
		t.Errorf("%d engines have the socket, which answers %d, %v", won, got, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left over: %v", files)
	}
}

func TestOnlyTheOwnerMayOpen(t *testing.T) {
	info, err := os.Stat(serve(t, &engine{}))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
}

func TestSocketInUse(t *testing.T) {
	path := serve(t, &engine{status: 1})
	if _, err := Serve(path, &engine{}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v", err)
	}
	var got int
	if err := Status(t.Context(), path, &got); err != nil || got != 1 {
		t.Errorf("the first engine has lost its socket: %v", err)
	}
}

// An engine that has no time to accept is one still: its socket is not taken from it.
func TestBusySocketIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for { // until its queue is full
		c, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		defer c.Close()
	}
	if _, err := Serve(path, &engine{}); err == nil {
		t.Error("the socket of a busy engine is taken")
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket of a busy engine is gone: %v", err)
	}
}

func TestServeFails(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "file")
	if err := os.WriteFile(plain, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"a file is there": {plain, "no socket"},
		"a folder":        {dir, "no socket"},
		"no folder":       {filepath.Join(dir, "none", "s"), "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Serve(c.path, &engine{})
			if err == nil {
				t.Fatal(s.Close())
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("got %v, want …%s…", err, c.want)
			}
		})
	}
	if text, err := os.ReadFile(plain); err != nil || string(text) != "mine" {
		t.Errorf("the file is %q, %v", text, err)
	}
}
