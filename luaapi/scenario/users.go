package scenario

import (
	"math"
	"net/netip"
	"net/url"
	"strings"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/location"
)

// registered says where the users of a scenario are: at the phones that its lines speak of, but those that are absent; at one of his own whom no line speaks of,
// if somebody answers for such targets.
type registered struct{ *Run }

// Find returns the phones of a user.
func (r registered) Find(user string) *location.Set {
	s := &location.Set{User: user}
	known := false
	for _, p := range r.Scenario.Phones {
		at := p.addr
		switch {
		case p.URI != "" && p.user == user:
		case p.URI == "" && p.Name == user:
			at = r.addressOf("user:" + strings.ToLower(user))
		default:
			continue
		}
		known = true
		if !p.Answers[0].Absent {
			s.Bindings = append(s.Bindings, r.binding(user, at))
		}
	}
	if !known && r.opt.Others != nil {
		s.Bindings = append(s.Bindings, r.binding(user, r.addressOf("user:"+strings.ToLower(user))))
	}
	return s
}

// binding is what a user has registered from an address, for ever.
func (r registered) binding(user string, at netip.AddrPort) *location.Binding {
	user = url.PathEscape(user)
	uri := "sip:" + user + "@" + at.String()
	return &location.Binding{
		URI: uri, Key: uri, AOR: "sip:" + user + "@" + r.opt.Settings.Domain(), Q: 1000, Ends: clock.Time(math.MaxInt64), Flow: flow.Flow{Remote: at, Fixed: true},
	}
}
