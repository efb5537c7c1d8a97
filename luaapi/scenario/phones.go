package scenario

import (
	"net/netip"
	"slices"

	"tandem/engine/message"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

// leg takes note of an INVITE that goes out, and puts a phone where it goes.
func (r *Run) leg(e *trace.Event) {
	l := &Leg{Name: e.User, User: e.User, Host: r.host(e.Remote), At: e.At, To: e.Remote, callID: e.Text, call: e.Call, said: r.said(e.User, e.Remote)}
	switch {
	case l.said != nil:
		l.Name = l.said.Name
	case l.Name == "":
		l.Name = l.Host
	}
	r.legs = append(r.legs, l)
	st := r.stations[e.Remote]
	if st == nil {
		st = r.attach(e.Remote, l)
	}
	if !slices.Contains(st.users, l.Name) {
		st.users = append(st.users, l.Name)
	}
}

// said returns the phone that a line speaks of: by its URI, by its user, by its address; nil if none does.
func (r *Run) said(user string, at netip.AddrPort) *Phone {
	for _, p := range r.Scenario.Phones {
		if p.URI != "" && p.addr == at && (p.user == "" || p.user == user) {
			return p
		}
	}
	for _, name := range []string{user, user + "@" + r.host(at), r.host(at)} {
		for _, p := range r.Scenario.Phones {
			if p.URI == "" && p.Name == name {
				return p
			}
		}
	}
	return nil
}

// host is how an address is named: by its host if it has a name.
func (r *Run) host(at netip.AddrPort) string {
	for name, a := range r.byName { // no two have one address
		if a == at {
			return name
		}
	}
	if at.Port() == 5060 {
		return at.Addr().String()
	}
	return at.String()
}

// attach puts a phone at an address, for every user that is called there.
func (r *Run) attach(at netip.AddrPort, l *Leg) *station {
	st := &station{}
	r.stations[at] = st
	if l.said == nil && r.opt.Others == nil {
		r.Missing = append(r.Missing, l.Name+" at "+r.host(at))
		return st
	}
	if l.said != nil && l.said.Answers[0].Absent {
		return st
	}
	if st.phone = r.callers[at]; st.phone == nil { // else it calls and is called
		st.phone = r.net.AttachPhone(sim.PhoneConfig{Name: l.Name, URI: "sip:" + at.String(), Addr: at})
	}
	st.phone.BehaveBy(func(invite *message.Message) sim.Behaviour { return r.behaviour(string(invite.CallID())) })
	for _, f := range r.Scenario.Links {
		if f.Phone != "" && f.Phone == l.Name {
			r.net.ImpairAddr(at, f.Faults)
		}
	}
	return st
}

// behaviour is what a phone does with the call of a leg.
func (r *Run) behaviour(callID string) sim.Behaviour {
	i := slices.IndexFunc(r.legs, func(l *Leg) bool { return l.callID == callID })
	answer := r.opt.Others
	if i >= 0 && r.legs[i].said != nil {
		p := r.legs[i].said
		answer = &p.Answers[min(r.turns[p], len(p.Answers)-1)]
		r.turns[p]++
	}
	if answer == nil { // another user at an address where a phone is
		return sim.Status(404, nil)
	}
	return answer.Steps
}

// Names are the titles of the columns of ladders.
func (r *Run) names() map[netip.AddrPort]string {
	names := r.net.Names()
	for at, st := range r.stations { // no two have one address
		names[at] = r.host(at)
		if len(st.users) == 1 {
			names[at] = st.users[0]
		}
	}
	return names
}
