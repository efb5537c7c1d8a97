package config

import (
	"reflect"
	"slices"
)

// place is a key, and where its value is kept.
type place struct {
	table, key string
	of         func(c *Config) any // a pointer
}

// fixed are the keys that hold from the start to the end of an engine, beside those of [[listener]].
var fixed = []place{
	{"", "scripts", func(c *Config) any { return &c.Scripts }},
	{"", "admin", func(c *Config) any { return &c.Admin }},
	{"", "roots", func(c *Config) any { return &c.Roots }},
	{"", "max_connections", func(c *Config) any { return &c.MaxConnections }},
	{"", "max_connections_per_source", func(c *Config) any { return &c.MaxConnectionsPerSource }},
	{"", "connection_idle", func(c *Config) any { return &c.ConnectionIdle }},
	{"", "connection_lifetime", func(c *Config) any { return &c.ConnectionLifetime }},
	{"metrics", "listen", func(c *Config) any { return &c.Metrics.Listen }},
	{"metrics", "public", func(c *Config) any { return &c.Metrics.Public }},
	{"record", "file", func(c *Config) any { return &c.Record.File }},
	{"record", "max_size", func(c *Config) any { return &c.Record.MaxSize }},
	{"record", "privacy", func(c *Config) any { return &c.Record.Privacy }},
}

// live are the keys that hold from when they are read on, as they are named in the log.
var live = []place{
	{"", "log", func(c *Config) any { return &c.Log }},
	{"", "budget", func(c *Config) any { return &c.Budget }},
	{"", "script_memory", func(c *Config) any { return &c.ScriptMemory }},
	{"", "max_calls", func(c *Config) any { return &c.MaxCalls }},
	{"", "max_transactions", func(c *Config) any { return &c.MaxTransactions }},
	{"", "max_memory", func(c *Config) any { return &c.MaxMemory }},
	{"", "drain", func(c *Config) any { return &c.Drain }},
	{"", "trusted", func(c *Config) any { return &c.Trusted }},
	{"", "emergency", func(c *Config) any { return &c.Emergency }},
	{"", "emergency_reserve", func(c *Config) any { return &c.EmergencyReserve }},
	{"", "domains", func(c *Config) any { return &c.Domains }},
	{"", "[[user]]", func(c *Config) any { return &c.Users }},
	{"", "[auth]", func(c *Config) any { return &c.Auth }},
	{"", "[register]", func(c *Config) any { return &c.Register }},
	{"", "[[acl]]", func(c *Config) any { return &c.ACL }},
	{"", "[abuse]", func(c *Config) any { return &c.Abuse }},
	{"", "[reload]", func(c *Config) any { return &c.Reload }},
	{"", "[http]", func(c *Config) any { return &c.HTTP }},
}

// ofListener are the keys of a [[listener]] beside its address.
var ofListener = []struct {
	key string
	of  func(l *Listener) any
}{
	{"advertise", func(l *Listener) any { return l.Advertise }},
	{"certificate", func(l *Listener) any { return l.Certificate }},
	{"key", func(l *Listener) any { return l.Key }},
	{"client_ca", func(l *Listener) any { return l.ClientCA }},
	{"require_client", func(l *Listener) any { return l.RequireClient }},
	{"origins", func(l *Listener) any { return l.Origins }},
	{"networks", func(l *Listener) any { return l.Networks }},
}

// Change is what becomes of a running engine by a file that was read.
type Change struct {
	// Next is what it goes by from now on: what the file says, but for the keys that cannot change while it runs.
	Next Config
	// Keys are those that have changed, Waiting where those stand that take effect after a restart: "tandem.toml:12 ([[listener]] address)".
	Keys, Waiting []string
}

// Since says what the file changes for an engine that goes by a configuration.
func (f *File) Since(running *Config) Change {
	c := Change{Next: f.Config}
	wait := func(e *Error) { c.Waiting = append(c.Waiting, f.where(e)) }
	for _, p := range fixed {
		next, was := reflect.ValueOf(p.of(&c.Next)).Elem(), reflect.ValueOf(p.of(running)).Elem()
		if !reflect.DeepEqual(next.Interface(), was.Interface()) {
			wait(&Error{Table: p.table, Key: p.key})
			next.Set(was)
		}
	}
	moved := movedListeners(f.Config.Listeners, running.Listeners, wait)
	c.Next.Listeners = running.Listeners
	if moved && !reflect.DeepEqual(c.Next.ACL, running.ACL) && (aclOfListener(c.Next.ACL) > 0 || aclOfListener(running.ACL) > 0) {
		wait(&Error{ACL: aclOfListener(c.Next.ACL), Key: "acl"})
		c.Next.ACL = running.ACL // what they say is of other listeners than those that there are
	}
	for _, p := range live {
		if !reflect.DeepEqual(reflect.ValueOf(p.of(&c.Next)).Elem().Interface(), reflect.ValueOf(p.of(running)).Elem().Interface()) {
			c.Keys = append(c.Keys, p.key)
		}
	}
	return c
}

// movedListeners tells wait of what differs, and reports whether there are others than before.
func movedListeners(next, running []Listener, wait func(*Error)) (moved bool) {
	for i := range next {
		was := i // two on any free port have the same address
		if was >= len(running) || running[was].Address != next[i].Address {
			was = slices.IndexFunc(running, func(l Listener) bool { return l.Address == next[i].Address })
		}
		if was < 0 {
			moved = true
			wait(&Error{Listener: i + 1, Key: "address"})
			continue
		}
		for _, p := range ofListener {
			if !reflect.DeepEqual(p.of(&next[i]), p.of(&running[was])) {
				wait(&Error{Listener: i + 1, Key: p.key})
			}
		}
	}
	if moved {
		return true
	}
	order := slices.EqualFunc(next, running, func(a, b Listener) bool { return a.Address == b.Address })
	if !order { // one was taken away, or they stand in another order
		wait(&Error{Key: "listener", Listener: min(len(next), 1)})
	}
	return len(next) != len(running)
}

// aclOfListener returns the first [[acl]] that is for some listeners only, counted from 1; 0 = none.
func aclOfListener(list []ACL) int {
	return 1 + slices.IndexFunc(list, func(a ACL) bool { return len(a.Listeners) > 0 })
}
