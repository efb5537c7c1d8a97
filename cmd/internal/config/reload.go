package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tandem/luaapi"
)

// Reload is the table [reload].
type Reload struct {
	// Require is what a new version must pass before it serves.
	Require luaapi.Requirement
	// Canary is the share of new calls that a new version gets first; zero = it gets all.
	Canary luaapi.Canary
}

// Metrics is the table [metrics].
type Metrics struct {
	// Listen is the IP:PORT that Prometheus reads from over HTTP; empty = none.
	Listen string
	// Public lets Listen be an address that other machines reach.
	Public bool
}

// minCanary is how long a canary lasts at least: in less, hardly a call has rung out.
const minCanary = time.Second

func (r *Reload) check() *Error {
	if !slices.Contains(luaapi.Requirements, r.Require) {
		return (&Error{Key: "require", What: fmt.Sprintf("%q is nothing that scripts can pass; use load, check or test", r.Require)}).in("reload")
	}
	c := r.Canary
	switch {
	case c == luaapi.Canary{}:
		return nil
	case !(c.Share > 0 && c.Share < 1):
		return (&Error{Key: "share", What: fmt.Sprintf("%g is no part of the calls; use a number above 0 and below 1", c.Share)}).in("reload.canary")
	case c.For < minCanary:
		return (&Error{Key: "for", What: fmt.Sprintf("%v is too short; use %v or more, as in \"2m\"", c.For, minCanary)}).in("reload.canary")
	}
	return nil
}

func (m *Metrics) check() *Error {
	if m.Listen == "" {
		return nil
	}
	at, err := netip.ParseAddrPort(m.Listen)
	if err != nil {
		return &Error{Key: "listen", What: fmt.Sprintf("%q is not IP:PORT", m.Listen)}
	}
	if !at.Addr().IsLoopback() && !m.Public {
		return &Error{Key: "listen", What: m.Listen + " can be reached from other machines, and anybody there could read the metrics; use 127.0.0.1, or say public = true"}
	}
	return nil
}

// keys sets the keys of a table; set returns false for a key that is none of those known.
func keys(name string, v any, known []string, set func(key string, v any) (*Error, bool)) (errs []*Error) {
	table, ok := v.(map[string]any)
	if !ok {
		at := strings.LastIndexByte(name, '.')
		return []*Error{(&Error{Key: name[at+1:], What: "want a table, got " + kind(v)}).in(name[:max(at, 0)])}
	}
	for key, v := range table {
		err, ok := set(key, v)
		if !ok {
			err = unknown(key, " of ["+name+"]", known)
		}
		if err != nil {
			if err.Table == "" {
				err.Table = name
			}
			errs = append(errs, err)
		}
	}
	return errs
}

func (r *Reload) decode(v any) (errs []*Error) {
	return append(keys("reload", v, []string{"require", "canary"}, func(key string, v any) (*Error, bool) {
		switch key {
		case "require":
			text := ""
			err := set(&text, key, v)
			r.Require = luaapi.Requirement(text)
			return err, true
		case "canary":
			errs = decodeCanary(&r.Canary, v)
			return nil, true
		}
		return nil, false
	}), errs...)
}

func decodeCanary(c *luaapi.Canary, v any) []*Error {
	return keys("reload.canary", v, []string{"share", "for"}, func(key string, v any) (*Error, bool) {
		switch key {
		case "share":
			return set(&c.Share, key, v), true
		case "for":
			return setDuration(&c.For, key, v), true
		}
		return nil, false
	})
}

func setDuration(to *time.Duration, key string, v any) *Error {
	text := ""
	if err := set(&text, key, v); err != nil {
		return err
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return &Error{Key: key, What: fmt.Sprintf("%q is no duration; write \"90s\" or \"2m\"", text)}
	}
	*to = d
	return nil
}

func (m *Metrics) decode(v any) []*Error {
	return keys("metrics", v, []string{"listen", "public"}, func(key string, v any) (*Error, bool) {
		switch key {
		case "listen":
			return set(&m.Listen, key, v), true
		case "public":
			return set(&m.Public, key, v), true
		}
		return nil, false
	})
}
