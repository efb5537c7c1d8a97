package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/engine/guard"
	"tandem/engine/transport"
)

// ACL is one [[acl]]: whom some listeners hear, or do not hear. The first one that holds an address decides; who is in none is heard.
type ACL struct {
	// Action is "allow" or "deny".
	Action string
	// Networks are addresses or networks, as IP or IP/BITS.
	Networks []string
	// Listeners are the addresses of those that it is for; none = all.
	Listeners []string
}

// Abuse is the table [abuse].
type Abuse struct {
	// Scanners are parts of the User-Agent of those that search for prey, in letters of any case.
	Scanners []string
	// Rate is how many requests a second a source may send, and Burst how many at once; Rate 0 = as many as it likes. At most maxRate.
	Rate, Burst int
	// Failures is how many wrong credentials of a source get it banned, within the time of a ban; 0 = as many as it likes. At most maxRate.
	Failures int
	// Ban is how long a source is not heard that sends too many, fails too often, or is a scanner; a second to a day.
	Ban time.Duration
}

const maxRate = 1_000_000

func defaultAbuse() Abuse {
	return Abuse{
		Scanners: []string{"friendly-scanner", "sipvicious", "sundayddr", "sip-scan", "sipscan", "sipcli", "iwar", "sivus", "pplsip"},
		Burst:    100, Ban: 5 * time.Minute, Failures: 10,
	}
}

// Guard returns what the engine has to know of whom it hears on its listeners, in their order. The configuration was checked.
func (c *Config) Guard(listens []transport.Listen) guard.Config {
	g := guard.Config{Rate: c.Abuse.Rate, Burst: c.Abuse.Burst, Ban: c.Abuse.Ban, Failures: c.Abuse.Failures}
	for _, s := range c.Abuse.Scanners {
		g.Scanners = append(g.Scanners, strings.ToLower(s))
	}
	if len(c.ACL) == 0 {
		return g
	}
	for _, l := range listens {
		var list []guard.Entry
		for i := range c.ACL {
			if acl := &c.ACL[i]; len(acl.Listeners) == 0 || slices.ContainsFunc(acl.Listeners, func(a string) bool { return same(a, l) }) {
				list = append(list, acl.entries()...)
			}
		}
		g.Access = append(g.Access, list)
	}
	return g
}

func same(address string, l transport.Listen) bool {
	other, err := transport.ParseListen(address)
	return err == nil && other.Addr == l.Addr && other.Transport == l.Transport
}

func (a *ACL) entries() (list []guard.Entry) {
	for _, p := range networks(a.Networks) {
		list = append(list, guard.Entry{Network: p, Allow: a.Action == "allow"})
	}
	return list
}

func (a *ACL) check(listeners []Listener) *Error {
	if a.Action != "allow" && a.Action != "deny" {
		return &Error{Key: "action", What: fmt.Sprintf("%q is nothing that can be done; use allow or deny", a.Action)}
	}
	if len(a.Networks) == 0 {
		return &Error{Key: "networks", What: "is missing; say whom this is for, as IP or IP/BITS"}
	}
	if err := checkNetworks("networks", a.Networks); err != nil {
		return err
	}
	for _, l := range a.Listeners {
		if !slices.ContainsFunc(listeners, func(o Listener) bool { return o.Address == l }) {
			return &Error{Key: "listeners", What: fmt.Sprintf("there is no listener %q; write it as its [[listener]] does", l)}
		}
	}
	return nil
}

func (a *Abuse) check() *Error {
	switch {
	case a.Rate < 0 || a.Rate > maxRate:
		return &Error{Key: "rate", What: fmt.Sprintf("%d is out of range; use 1 to %d requests a second, or 0 for no bound", a.Rate, maxRate)}
	case a.Burst < 1 || a.Burst > maxRate:
		return &Error{Key: "burst", What: fmt.Sprintf("%d is out of range; use 1 to %d requests", a.Burst, maxRate)}
	case a.Failures < 0 || a.Failures > maxRate:
		return &Error{Key: "failures", What: fmt.Sprintf("%d is out of range; use 1 to %d wrong credentials, or 0 for no bound", a.Failures, maxRate)}
	case a.Ban < time.Second || a.Ban > 24*time.Hour:
		return &Error{Key: "ban", What: fmt.Sprintf("%v is out of range; use \"1s\" to \"24h\"", a.Ban)}
	case slices.Contains(a.Scanners, ""):
		return &Error{Key: "scanners", What: "an empty name would be found in every User-Agent; name at least one letter"}
	}
	return nil
}

func (c *Config) acls(v any) (errs []*Error) {
	tables, err := tablesOf("acl", v)
	if err != nil {
		return []*Error{err}
	}
	for i, table := range tables {
		a := ACL{}
		for key, v := range table {
			var err *Error
			switch key {
			case "action":
				err = set(&a.Action, key, v)
			case "networks":
				err = setList(&a.Networks, key, v)
			case "listeners":
				err = setList(&a.Listeners, key, v)
			default:
				err = unknown(key, " of [[acl]]", aclKeys)
			}
			if err != nil {
				err.ACL = i + 1
				errs = append(errs, err)
			}
		}
		c.ACL = append(c.ACL, a)
	}
	return errs
}

func (a *Abuse) decode(v any) []*Error {
	return keys("abuse", v, abuseKeys, func(key string, v any) (*Error, bool) {
		switch key {
		case "scanners":
			a.Scanners = nil
			return setList(&a.Scanners, key, v), true
		case "rate":
			return setInt(&a.Rate, key, v), true
		case "burst":
			return setInt(&a.Burst, key, v), true
		case "failures":
			return setInt(&a.Failures, key, v), true
		case "ban":
			return setDuration(&a.Ban, key, v), true
		}
		return nil, false
	})
}
