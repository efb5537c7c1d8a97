// Package config reads tandem.toml: strictly, so that a misspelt key is an error with its line.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
	"go.uber.org/zap/zapcore"

	"tandem/engine/transport"
)

// DefaultListen is listened on if nothing else is said.
const DefaultListen = "udp:127.0.0.1:5060"

// MaxBudget is the largest instruction budget that may be configured.
const MaxBudget = 100_000_000

// Config is the configuration of a running engine.
type Config struct {
	// Scripts is the script root: a folder with main.lua, or one file. Relative paths start at the configuration file.
	Scripts string `toml:"scripts"`
	// Admin is the path of the unix socket that `tandem status` and `tandem reload` talk to.
	Admin string `toml:"admin"`
	// Log is the least level logged: debug, info, warn or error.
	Log string `toml:"log"`
	// Budget is how many instructions a handler may take, 1000 to MaxBudget.
	Budget int `toml:"budget"`
	// Listeners are the sockets; the first is the one for targets of its family.
	Listeners []Listener `toml:"listener"`
}

// Listener is a socket to receive and send on.
type Listener struct {
	// Address is PROTOCOL:IP:PORT: "udp:127.0.0.1:5060".
	Address string `toml:"address"`
	// Advertise is the HOST:PORT that peers are told; empty = the address itself.
	Advertise string `toml:"advertise"`
}

// Default returns the configuration of an engine that is told nothing.
func Default() Config {
	return Config{Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000}
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
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	c := Default()
	meta, err := toml.Decode(string(text), &c)
	var perr toml.ParseError
	switch {
	case errors.As(err, &perr):
		return Config{}, fmt.Errorf("%s:%d: %s", path, perr.Position.Line, perr.Message)
	case err != nil:
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	for _, key := range meta.Undecoded() {
		return Config{}, fmt.Errorf("%s:%d: unknown key %q; known keys are scripts, admin, log, budget and, in [[listener]], address and advertise",
			path, lineOf(text, key), key.String())
	}
	if !filepath.IsAbs(c.Scripts) {
		c.Scripts = filepath.Join(filepath.Dir(path), c.Scripts)
	}
	if err := c.Check(); err != nil {
		return Config{}, fmt.Errorf("%s:%d: %w", path, lineOf(text, toml.Key{err.key}), err)
	}
	return c, nil
}

// lineOf returns the first line that sets the last part of a key.
func lineOf(text []byte, key toml.Key) int {
	name := key[len(key)-1]
	for i, l := range bytes.Split(text, []byte("\n")) {
		l = bytes.TrimLeft(l, " \t[\"")
		if rest, ok := bytes.CutPrefix(l, []byte(name)); ok && len(rest) > 0 && strings.ContainsRune(" \t=\"]", rune(rest[0])) {
			return i + 1
		}
	}
	return 1
}

// keyError is a value that cannot be used.
type keyError struct{ key, what string }

// Error names the key and says what is wrong with its value.
func (e *keyError) Error() string { return e.key + ": " + e.what }

// Check returns an error for values that cannot be used, nil if all can.
func (c *Config) Check() *keyError {
	if _, err := zapcore.ParseLevel(c.Log); err != nil {
		return &keyError{"log", fmt.Sprintf("%q is no level; use debug, info, warn or error", c.Log)}
	}
	if c.Budget < 1000 || c.Budget > MaxBudget {
		return &keyError{"budget", fmt.Sprintf("%d is out of range; use 1000 to %d instructions", c.Budget, MaxBudget)}
	}
	if c.Scripts == "" {
		return &keyError{"scripts", "is empty; name a folder with main.lua, or a file"}
	}
	for _, l := range c.Listeners {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

func (l *Listener) check() *keyError {
	listen, err := transport.ParseListen(l.Address)
	if err != nil {
		return &keyError{"address", err.Error()}
	}
	if l.Advertise == "" {
		if listen.Addr.Addr().IsUnspecified() {
			return &keyError{"address", fmt.Sprintf("%s is every address of the machine, which peers cannot answer to: say which with advertise = \"IP:PORT\"", l.Address)}
		}
		return nil
	}
	if _, err := netip.ParseAddrPort(l.Advertise); err != nil {
		return &keyError{"advertise", fmt.Sprintf("%q is not IP:PORT", l.Advertise)}
	}
	return nil
}
