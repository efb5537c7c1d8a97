package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tandem/luaapi/spell"
)

// The keys of the file, of a [[listener]] in it and of its [http].
var (
	fileKeys = []string{
		"scripts", "admin", "log", "budget", "script_memory", "max_calls", "max_transactions", "max_memory", "max_connections",
		"max_connections_per_source", "connection_idle", "connection_lifetime", "drain", "roots", "trusted", "emergency", "emergency_reserve", "domains", "auth", "register", "http", "abuse", "reload", "metrics", "record",
	}
	aclKeys      = []string{"action", "networks", "listeners"}
	abuseKeys    = []string{"scanners", "rate", "burst", "ban", "failures"}
	userKeys     = []string{"name", "password", "ha1", "ha1_sha256"}
	registerKeys = []string{"min_expires", "max_expires", "default_expires", "max_contacts"}
	authKeys     = []string{"realm", "calls", "algorithms", "nonce_lifetime", "exempt"}
	httpKeys     = []string{"allow", "proxy", "ca", "max", "per_host"}
	listenerKeys = []string{
		"address", "advertise", "certificate", "key", "client_ca", "require_client", "origins", "networks",
	}
)

// unknown is the error for a key that is none of those where it stands; where is "", " of [[listener]]" or " of [http]".
func unknown(key, where string, keys []string) *Error {
	what := "unknown key" + where + spell.Hint(key, keys) + "; known keys are " + strings.Join(keys[:len(keys)-1], ", ") + " and " + keys[len(keys)-1]
	if where != "" && slices.Contains(fileKeys, key) {
		what = "unknown key" + where + "; it is a key of the file, and stands before the first table: move it to the top"
	}
	return &Error{Key: key, What: what}
}

// decode sets what the file sets. Of several errors it returns the one that stands first in the file.
func (c *Config) decode(doc map[string]any, at lines) *Error {
	var errs []*Error
	note := func(err *Error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for key, v := range doc {
		if n := c.number(key); n != nil {
			note(setInt(n, key, v))
			continue
		}
		switch key {
		case "scripts":
			note(set(&c.Scripts, key, v))
		case "admin":
			note(set(&c.Admin, key, v))
		case "log":
			note(set(&c.Log, key, v))
		case "roots":
			note(set(&c.Roots, key, v))
		case "trusted":
			note(setList(&c.Trusted, key, v))
		case "domains":
			note(setList(&c.Domains, key, v))
		case "auth":
			errs = append(errs, c.Auth.decode(v)...)
		case "register":
			errs = append(errs, c.Register.decode(v)...)
		case "user":
			errs = append(errs, c.users(v)...)
		case "emergency":
			note(setList(&c.Emergency, key, v))
		case "http":
			errs = append(errs, c.HTTP.decode(v)...)
		case "acl":
			errs = append(errs, c.acls(v)...)
		case "abuse":
			errs = append(errs, c.Abuse.decode(v)...)
		case "reload":
			errs = append(errs, c.Reload.decode(v)...)
		case "record":
			errs = append(errs, c.Record.decode(v)...)
		case "metrics":
			errs = append(errs, c.Metrics.decode(v)...)
		case "listener":
			errs = append(errs, c.listeners(v)...)
		default:
			note(unknown(key, "", append(slices.Clone(fileKeys), "listener", "acl", "user")))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return slices.MinFunc(errs, func(a, b *Error) int { return cmp.Or(at.of(a)-at.of(b), cmp.Compare(a.Key, b.Key)) })
}

// number returns where the number of a key is kept; nil = the key has none.
func (c *Config) number(key string) *int {
	switch key {
	case "budget":
		return &c.Budget
	case "script_memory":
		return &c.ScriptMemory
	case "max_calls":
		return &c.MaxCalls
	case "max_transactions":
		return &c.MaxTransactions
	case "max_memory":
		return &c.MaxMemory
	case "max_connections":
		return &c.MaxConnections
	case "max_connections_per_source":
		return &c.MaxConnectionsPerSource
	case "connection_idle":
		return &c.ConnectionIdle
	case "connection_lifetime":
		return &c.ConnectionLifetime
	case "drain":
		return &c.Drain
	case "emergency_reserve":
		return &c.EmergencyReserve
	}
	return nil
}

func setInt(to *int, key string, v any) *Error {
	n := int64(0)
	err := set(&n, key, v)
	*to = int(n)
	return err
}

// tablesOf takes an array of tables, however it is written.
func tablesOf(name string, v any) ([]map[string]any, *Error) {
	switch list := v.(type) {
	case []map[string]any:
		return list, nil
	case []any:
		var tables []map[string]any
		for _, item := range list {
			table, ok := item.(map[string]any)
			if !ok {
				return nil, &Error{Key: name, What: "want tables, got " + kind(item) + "; begin each with [[" + name + "]]"}
			}
			tables = append(tables, table)
		}
		return tables, nil
	}
	return nil, &Error{Key: name, What: "want an array of tables, got " + kind(v) + "; begin each with [[" + name + "]]"}
}

func (c *Config) listeners(v any) (errs []*Error) {
	tables, err := tablesOf("listener", v)
	if err != nil {
		return []*Error{err}
	}
	for i, table := range tables {
		l := Listener{}
		for _, err := range l.decode(table) {
			err.Listener = i + 1
			errs = append(errs, err)
		}
		c.Listeners = append(c.Listeners, l)
	}
	return errs
}

// set stores a value of the type that is wanted.
func set[T string | int64 | float64 | bool](into *T, key string, v any) *Error {
	got, ok := v.(T)
	if !ok {
		return &Error{Key: key, What: fmt.Sprintf("want %s, got %s", kind(*into), kind(v))}
	}
	*into = got
	return nil
}

// kind names the type of a TOML value.
func kind(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case map[string]any:
		return "a table"
	case []any, []map[string]any:
		return "an array"
	}
	return "a date or time"
}
