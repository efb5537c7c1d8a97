// Package admin lets commands talk to a running engine: JSON over HTTP on a unix socket that only its owner may open.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"tandem/cmd/internal/follow"
	"tandem/luaapi"
)

// timeout bounds a request, reloadTimeout one that may run the tests of the scripts.
const (
	timeout       = 10 * time.Second
	reloadTimeout = luaapi.DefaultTestTime + timeout
)

// Reloaded is the answer to a reload or a rollback.
type Reloaded struct {
	// Result is how it ended.
	Result luaapi.Result `json:"result"`
	// Generation is what serves new calls now, Hash the start of its SHA-256.
	Generation uint64 `json:"generation"`
	Hash       string `json:"sha256"`
	// Canary is the generation that gets a share of them first, nil if there is none.
	Canary *Canary `json:"canary,omitempty"`
	// Error says why the scripts on disk were refused, or why nothing was rolled back.
	Error string `json:"error,omitempty"`
	// Findings are all that a check or the tests found, a line for each: file:line rule message.
	Findings []string `json:"findings,omitempty"`
	// Configuration is what came of the configuration, nil if it is not read again.
	Configuration *Configuration `json:"configuration,omitempty"`
}

// Configuration is that by which an engine goes.
type Configuration struct {
	// File is where it was read from; empty = from nowhere.
	File string `json:"file,omitempty"`
	// Read is when the one was read that holds, Result what came of the last reading: luaapi.Loaded, Unchanged or Refused.
	Read   time.Time     `json:"read"`
	Result luaapi.Result `json:"result"`
	// Error says why the file was refused.
	Error string `json:"error,omitempty"`
	// Waiting are the places in the file that take effect after a restart.
	Waiting []string `json:"waiting,omitempty"`
}

// Refused says for people that the file was refused.
func (c *Configuration) Refused() string {
	return fmt.Sprintf("configuration refused, still serving the one of %s: %s", c.Read.Format(time.TimeOnly), c.Error)
}

// Canary is a generation on trial.
type Canary struct {
	Generation uint64 `json:"generation"`
	Hash       string `json:"sha256"`
	// Share is its part of new calls, above 0 and below 1.
	Share float64 `json:"share"`
	// Until is when it is decided at the latest; one that Waits has had no call by then, and is decided by the first.
	Until time.Time `json:"until"`
	Waits bool      `json:"waits,omitempty"`
	// Calls are those that were judged so far, in the new and in the old generation; Failed are those of them in which a
	// handler failed or the script answered 5xx.
	Calls     uint64 `json:"calls"`
	Failed    uint64 `json:"failed"`
	OldCalls  uint64 `json:"old_calls"`
	OldFailed uint64 `json:"old_failed"`
}

// String says of which calls it gets how many, and until when.
func (c *Canary) String() string {
	until := c.Until.Format(time.DateTime)
	if c.Waits {
		until = "the first is over: it has had none by " + until
	}
	return fmt.Sprintf("generation %d, sha256 %s, gets %.4g %% of new calls until %s", c.Generation, c.Hash, c.Share*100, until)
}

// Engine is what a Server speaks for.
type Engine interface {
	// Status returns what `tandem status` shows, as something that can be written as JSON.
	Status(ctx context.Context) (any, error)
	// Reload reads the configuration and loads the scripts from disk again.
	Reload(ctx context.Context) Reloaded
	// Rollback goes back to the generation before.
	Rollback(ctx context.Context) Reloaded
	// Calls returns the calls that there are, the oldest first.
	Calls(ctx context.Context) ([]Call, error)
	// Registrations returns the contacts that are registered, by user and in the order in which they are called.
	Registrations(ctx context.Context) ([]Contact, error)
	// End ends the calls with a Call-ID and returns how many there were.
	End(ctx context.Context, id string) (int, error)
	// Follow begins to tell of calls that begin from now on.
	Follow(ctx context.Context) (*follow.Listener, error)
}

// Server answers on a unix socket.
type Server struct {
	http http.Server
	done chan error
}

// ErrInUse says that a running engine answers on the socket.
var ErrInUse = errors.New("another engine answers there")

// Serve listens on path; a socket that nobody answers on any more is replaced.
func Serve(path string, e Engine) (*Server, error) {
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", path, err)
	}
	s := &Server{done: make(chan error, 1)}
	s.http = http.Server{Handler: handler(e), ReadHeaderTimeout: timeout}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// handler answers for an engine.
func handler(e Engine) http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, ask func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := ask(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			reply(w, v)
		})
	}
	answer("GET /status", func(r *http.Request) (any, error) { return e.Status(r.Context()) })
	answer("POST /reload", func(r *http.Request) (any, error) { return e.Reload(r.Context()), nil })
	answer("POST /rollback", func(r *http.Request) (any, error) { return e.Rollback(r.Context()), nil })
	answer("GET /calls", func(r *http.Request) (any, error) { return e.Calls(r.Context()) })
	answer("GET /registrations", func(r *http.Request) (any, error) { return e.Registrations(r.Context()) })
	answer("POST /end", func(r *http.Request) (any, error) {
		n, err := e.End(r.Context(), r.FormValue("id"))
		return Ended{n}, err
	})
	mux.HandleFunc("GET /trace", func(w http.ResponseWriter, r *http.Request) { stream(w, r, e) })
	return mux
}

// listen listens on a socket, one engine at a time: of two that find an abandoned one, the later must not take away that of the
// first.
func listen(path string) (_ net.Listener, err error) {
	unlock, err := lock(path + ".lock")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, errors.New("there is a file that is no socket")
		}
		c, err := net.DialTimeout("unix", path, timeout)
		if err == nil {
			return nil, errors.Join(ErrInUse, c.Close())
		}
		if !errors.Is(err, syscall.ECONNREFUSED) { // somebody listens, but is busy or not ours to ask
			return nil, fmt.Errorf("there is a socket, and nobody can say that it is abandoned: %w", err)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// lock takes a file for this process alone, and waits for it. What it returns removes the file.
func lock(path string) (unlock func() error, err error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", path, err), f.Close())
		}
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(mine, there) {
			return func() error { return errors.Join(os.Remove(path), f.Close()) }, nil
		}
		if err := f.Close(); err != nil { // its owner has removed it meanwhile
			return nil, err
		}
	}
}

func reply(w http.ResponseWriter, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n')) // the client has gone: nobody to tell
}

// lastWords is how long answers that are being written may take when the server stops.
const lastWords = time.Second

// Close stops the server, after what it is about to say, and removes its socket.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Status asks the engine on path for its status.
func Status(ctx context.Context, path string, into any) error {
	return call(ctx, path, http.MethodGet, "/status", timeout, into)
}

// Reload asks the engine on path to read its configuration and load its scripts again.
func Reload(ctx context.Context, path string) (Reloaded, error) {
	var r Reloaded
	err := call(ctx, path, http.MethodPost, "/reload", reloadTimeout, &r)
	return r, err
}

// Rollback asks the engine on path to go back to the generation before.
func Rollback(ctx context.Context, path string) (Reloaded, error) {
	var r Reloaded
	err := call(ctx, path, http.MethodPost, "/rollback", reloadTimeout, &r)
	return r, err
}

func call(ctx context.Context, path, method, what string, patience time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	resp, err := request(ctx, path, method, what)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("admin socket %s: %w", path, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the engine on %s answers what this version does not know: %w", path, err)
	}
	return nil
}

// request asks the engine on path for something and returns its answer, whose body is to be closed.
func request(ctx context.Context, path, method, what string) (*http.Response, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://tandem"+what, nil)
	if err != nil {
		return nil, fmt.Errorf("admin socket %s: %w", path, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no engine answers on %s: %w; is `tandem run` up, with the same --admin?", path, errors.Unwrap(err))
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	return nil, errors.Join(fmt.Errorf("the engine on %s refused: %s", path, bytes.TrimSpace(body)), err, resp.Body.Close())
}
