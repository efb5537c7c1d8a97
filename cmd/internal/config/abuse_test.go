package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem/engine/guard"
	"tandem/engine/transport"
)

const lists = `
[[listener]]
address = "udp:192.0.2.1:5060"
[[listener]]
address = "tcp:192.0.2.1:5060"
[[acl]]
action = "allow"
networks = ["198.51.100.0/24", "2001:db8::1"]
[[acl]]
action = "deny"
networks = "0.0.0.0/0"
listeners = "udp:192.0.2.1:5060"
[abuse]
scanners = ["Nosy"]
rate = 20
burst = 40
ban = "90s"
`

// What the file says is what the engine is told, for each listener.
func TestGuard(t *testing.T) {
	c, err := Read(file(t, lists))
	if err != nil {
		t.Fatal(err)
	}
	var listens []transport.Listen
	for i := range c.Listeners {
		l, err := c.Listeners[i].Listen()
		if err != nil {
			t.Fatal(err)
		}
		listens = append(listens, l)
	}
	known := []guard.Entry{{Network: netip.MustParsePrefix("198.51.100.0/24"), Allow: true}, {Network: netip.MustParsePrefix("2001:db8::1/128"), Allow: true}}
	want := guard.Config{
		Access:   [][]guard.Entry{append(known[:2:2], guard.Entry{Network: netip.MustParsePrefix("0.0.0.0/0")}), known},
		Scanners: []string{"nosy"}, Rate: 20, Burst: 40, Failures: 10, Ban: 90 * time.Second,
	}
	if diff := cmp.Diff(want, c.Guard(listens), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// Without a word scanners are banned and there is no bound.
func TestGuardDefault(t *testing.T) {
	c := Default()
	g := c.Guard(nil)
	if len(g.Access) != 0 || g.Rate != 0 || g.Ban != 5*time.Minute || !guard.New(&g, 1).Scans([]byte("friendly-scanner")) {
		t.Errorf("%+v", g)
	}
}

func TestBadLists(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"action":        {`"deny"`, `"drop"`, `:9: action: "drop" is nothing that can be done`},
		"network":       {`"0.0.0.0/0"`, `"everybody"`, `:10: networks: "everybody" is no network`},
		"no network":    {`networks = "0.0.0.0/0"`, ``, `:8: networks: is missing`},
		"listener":      {`listeners = "udp:`, `listeners = "tls:`, `:11: listeners: there is no listener "tls:192.0.2.1:5060"`},
		"unknown key":   {`listeners = `, `listener = `, `:11: listener: unknown key of [[acl]]; did you mean "listeners"?`},
		"kind":          {`action = "deny"`, `action = 1`, `:9: action: want a string`},
		"rate":          {`rate = 20`, `rate = -1`, `:14: abuse.rate: -1 is out of range`},
		"burst":         {`burst = 40`, `burst = 0`, `:15: abuse.burst: 0 is out of range`},
		"ban":           {`"90s"`, `"90ms"`, `:16: abuse.ban: 90ms is out of range`},
		"empty scanner": {`"Nosy"`, `""`, `:13: abuse.scanners: an empty name`},
		"unknown abuse": {`burst = 40`, `brust = 40`, `:15: abuse.brust: unknown key of [abuse]; did you mean "burst"?`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(file(t, strings.TrimPrefix(strings.Replace(lists, c.from, c.to, 1), "\n")))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant …%s…", err, c.want)
			}
		})
	}
}
