// Package config reads tandem.toml: strictly, so that a misspelt key is an error with its line.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"tandem/luaapi"
)

// DefaultListen is listened on if nothing else is said.
const DefaultListen = "udp:127.0.0.1:5060"

// The bounds of the instruction budget of a handler.
const (
	MinBudget = 1000
	MaxBudget = 100_000_000
)

// MaxScriptMemory is the largest memory budget of a handler, in MiB.
const MaxScriptMemory = 1024

// DefaultDrain is how many seconds calls may go on after SIGTERM unless something else is said: less than what Kubernetes (30) and systemd
// (90) wait before they kill, so that what is left then can be ended by BYE. MaxDrain is a day.
const (
	DefaultDrain = 20
	MaxDrain     = 86_400
)

// maxBound is the largest bound of calls, transactions and MiB; as bytes it still fits an int.
const maxBound = 1_000_000_000

// maxSocketPath is how many bytes the path of a unix socket may have: what unix(7) gives it, less the byte that ends it.
const maxSocketPath = 107

// Levels are the levels of the log, the most talkative first.
var Levels = []string{"debug", "info", "warn", "error"}

// Config is the configuration of a running engine. Relative paths in a configuration file start at its folder.
type Config struct {
	// Scripts is the script root: a folder with main.lua, or one file.
	Scripts string
	// Admin is the path of the unix socket that `tandem status` and `tandem reload` talk to; empty = none.
	Admin string
	// Log is the least level logged, one of Levels.
	Log string
	// Budget is how many instructions a handler may take, MinBudget to MaxBudget.
	Budget int
	// ScriptMemory is how many MiB a handler may make, 1 to MaxScriptMemory: strings, tables and functions, also those that it drops.
	ScriptMemory int
	// MaxCalls, MaxTransactions and MaxMemory (in MiB) bound what the engine keeps: past them new calls are answered 503. At most
	// maxBound; 0 = no bound.
	MaxCalls, MaxTransactions, MaxMemory int
	// MaxConnections and MaxConnectionsPerSource bound the connections of TCP, TLS, WS and WSS; ConnectionIdle and
	// ConnectionLifetime, in seconds, how long one lasts. At most maxBound; 0 = the defaults of transport.Limits.
	MaxConnections, MaxConnectionsPerSource, ConnectionIdle, ConnectionLifetime int
	// Drain is how many seconds calls may go on after SIGTERM, while new ones are turned away; 0 = none, at most MaxDrain.
	Drain int
	// Roots is a file with the certificates that those of peers are checked by whom Tandem connects to by TLS; empty = those of the
	// system.
	Roots string
	// Reload says what a new version of the scripts has to pass.
	Reload Reload
	// Metrics says where they can be read.
	Metrics Metrics
	// Record says whether calls are recorded.
	Record Record
	// Listeners are the sockets; of those that a target can be reached by, the first one is taken unless their networks say more.
	Listeners []Listener
	// Trusted are the networks of the trust domain, as IP or IP/BITS (RFC 3325 §5).
	Trusted []string
	// Emergency are the emergency numbers, of digits; none = no call is one. EmergencyReserve is how many calls to them pass lists and bounds at a time, 0 =
	// engine.DefaultReserve, at most maxBound.
	Emergency        []string
	EmergencyReserve int
	// Domains are the hosts whose users are ours; none = any host.
	Domains []string
	// Users are who may identify himself; without any nobody is asked for credentials.
	Users []User
	// Auth says how callers are asked for credentials.
	Auth Auth
	// Register bounds what users register.
	Register Register
	// ACL are the lists of who is heard, in the order in which they are asked.
	ACL []ACL
	// Abuse bounds what sources may do that no list allows.
	Abuse Abuse
	// HTTP bounds what scripts ask by module http.
	HTTP HTTP
}

// Default returns the configuration of an engine that is told nothing.
func Default() Config {
	return Config{Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: Reload{Require: luaapi.RequireCheck}}
}

// DefaultAdmin returns where the admin socket is if nothing else is said.
func DefaultAdmin() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "tandem.sock")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("tandem-%d.sock", os.Getuid()))
}

// Read reads a configuration file over the defaults. Its errors name the file, the line and the key.
func Read(path string) (Config, error) {
	f, err := ReadFile(path)
	return f.Config, err
}

func parse(path string, text []byte) (Config, error) {
	var doc map[string]any
	if _, err := toml.Decode(string(text), &doc); err != nil {
		var bad toml.ParseError
		if errors.As(err, &bad) {
			return Config{}, fmt.Errorf("%s:%d: %s", path, max(bad.Position.Line, 1), bad.Message) // 0 if the first token is bad
		}
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	c := Default()
	if err := c.decode(doc, newLines(text)); err != nil {
		return Config{}, fmt.Errorf("%s:%d: %w", path, newLines(text).of(err), err)
	}
	c.Scripts = beside(path, c.Scripts)
	c.Admin = beside(path, c.Admin)
	c.Roots = beside(path, c.Roots)
	for i := range c.Listeners {
		c.Listeners[i].beside(path)
	}
	if c.Record.File != "" {
		c.Record.File = beside(path, c.Record.File)
	}
	if c.HTTP.CA != "" {
		c.HTTP.CA = beside(path, c.HTTP.CA)
	}
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("%s:%d: %w", path, newLines(text).of(err), err)
	}
	return c, nil
}

// beside returns a path of the configuration file as seen from where the program runs.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// Error is a key that is not known, or whose value cannot be used.
type Error struct {
	Key string
	// Table is the table that it stands in, "" = none, with a dot for one within: "reload.canary".
	Table string
	// Listener, ACL and User say which [[listener]], [[acl]] or [[user]] it stands in, counted from 1; 0 = none.
	Listener, ACL, User int
	What                string
}

// in returns the error with the table that it stands in.
func (e *Error) in(table string) *Error {
	if e != nil {
		e.Table = table
	}
	return e
}

// Error names the key and says what is wrong with its value.
func (e *Error) Error() string {
	if e.Table != "" {
		return e.Table + "." + e.Key + ": " + e.What
	}
	return e.Key + ": " + e.What
}

// Check returns an *Error for the first value that cannot be used, nil if all can.
func (c *Config) Check() error {
	if err := c.check(); err != nil {
		return err
	}
	return nil
}

func (c *Config) check() *Error {
	if !slices.Contains(Levels, c.Log) {
		return &Error{Key: "log", What: fmt.Sprintf("%q is no level; use debug, info, warn or error", c.Log)}
	}
	if c.Budget < MinBudget || c.Budget > MaxBudget {
		return &Error{Key: "budget", What: fmt.Sprintf("%d is out of range; use %d to %d instructions", c.Budget, MinBudget, MaxBudget)}
	}
	if c.ScriptMemory < 1 || c.ScriptMemory > MaxScriptMemory {
		return &Error{Key: "script_memory", What: fmt.Sprintf("%d is out of range; use 1 to %d MiB", c.ScriptMemory, MaxScriptMemory)}
	}
	if c.Drain < 0 || c.Drain > MaxDrain {
		return &Error{Key: "drain", What: fmt.Sprintf("%d is out of range; use 0 to %d seconds", c.Drain, MaxDrain)}
	}
	if err := c.checkBounds(); err != nil {
		return err
	}
	if c.Scripts == "" {
		return &Error{Key: "scripts", What: "is empty; name a folder with main.lua, or a file"}
	}
	if len(c.Admin) > maxSocketPath {
		return &Error{Key: "admin", What: fmt.Sprintf("%s has %d bytes, the path of a socket has at most %d; choose a shorter one", c.Admin, len(c.Admin), maxSocketPath)}
	}
	if err := c.Reload.check(); err != nil {
		return err
	}
	if err := c.Metrics.check(); err != nil {
		return err.in("metrics")
	}
	if err := c.Record.check(); err != nil {
		return err.in("record")
	}
	for i, l := range c.Listeners {
		if err := l.check(); err != nil {
			err.Listener = i + 1
			return err
		}
		for _, other := range c.Listeners[:i] {
			if other.Address == l.Address && !strings.HasSuffix(l.Address, ":0") {
				return &Error{Key: "address", Listener: i + 1, What: l.Address + " is given twice; an address has one listener"}
			}
		}
	}
	if err := checkNetworks("trusted", c.Trusted); err != nil {
		return err
	}
	if err := c.checkEmergency(); err != nil {
		return err
	}
	if err := c.checkUsers(); err != nil {
		return err
	}
	if err := c.Register.check(len(c.Users)); err != nil {
		return err
	}
	for i := range c.ACL {
		if err := c.ACL[i].check(c.Listeners); err != nil {
			err.ACL = i + 1
			return err
		}
	}
	if err := c.Abuse.check(); err != nil {
		return err.in("abuse")
	}
	return c.HTTP.check()
}

func (c *Config) checkBounds() *Error {
	for _, b := range []struct {
		key string
		n   int
	}{
		{"max_calls", c.MaxCalls},
		{"emergency_reserve", c.EmergencyReserve},
		{"max_transactions", c.MaxTransactions},
		{"max_memory", c.MaxMemory},
		{"max_connections", c.MaxConnections},
		{"max_connections_per_source", c.MaxConnectionsPerSource},
		{"connection_idle", c.ConnectionIdle},
		{"connection_lifetime", c.ConnectionLifetime},
	} {
		if b.n < 0 {
			return &Error{Key: b.key, What: fmt.Sprintf("%d is no bound; use a positive number, or 0 for none", b.n)}
		}
		if b.n > maxBound {
			return &Error{Key: b.key, What: fmt.Sprintf("%d is out of range; use up to %d, or 0 for no bound", b.n, maxBound)}
		}
	}
	return nil
}
