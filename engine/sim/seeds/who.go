package seeds

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/icholy/digest"

	"tandem/engine"
	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/message"
)

// who is what a caller says when he is asked who he is.
type who uint8

const (
	nobody   who = iota // he is no user, so that nobody asks
	silent              // nothing: he gives up
	knows               // the password of when he began
	guesses             // a wrong password, again and again
	mistypes            // a wrong password, then the right one
	lies                // that he is somebody else, with that one's password
)

// reload is a change of the configuration in the midst of everything. The plain one changes nothing.
type reload struct {
	At        time.Duration
	Passwords bool // all users have other passwords from now on
	Off       bool // nobody is asked until the next reload; not while a question is open
}

// whoRealm is the realm of the engine's users, otherUser one of them who never calls.
const whoRealm, otherUser = "seeds", "other"

// identities makes callers of every eighth Spec users, and has the configuration reloaded in every sixth. Like awaits they come from a source of
// their own.
func (s *Spec) identities(seed uint64) {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x7768_6f61))}
	if d.one(8) {
		s.Users = true
		if d.one(2) {
			s.Lifetime = d.span(time.Second, 10*time.Second)
		}
		for i := range s.Calls {
			c := &s.Calls[i]
			c.Who = pick(d, nobody, silent, knows, knows, knows, guesses, mistypes, lies)
			if d.one(3) {
				c.WhoLate = d.span(0, pick(d, time.Second, 20*time.Second))
			}
		}
	}
	for d.one(6) || s.Users && len(s.Reloads) < 3 && d.one(2) {
		s.Reloads = append(s.Reloads, reload{At: d.span(0, pick(d, time.Second, 40*time.Second)), Passwords: d.one(3), Off: d.one(4)})
	}
}

// users is what the engine knows of users now, as its configuration says, and what it gave them to prove who they are with.
type users struct {
	off       bool
	passwords int // how often they were changed
	nonces    map[string]*nonce
}

// nonce is a nonce of the engine's.
type nonce struct {
	at   clock.Time
	used int
}

func (u *users) password(name string) string { return name + strconv.Itoa(u.passwords) }

// isUser reports whether there is a user of that name.
func (s *Spec) isUser(name string) bool {
	if name == otherUser {
		return true
	}
	for i := range s.Calls {
		if s.Calls[i].Who != nobody && name == "f"+strconv.Itoa(i) {
			return true
		}
	}
	return false
}

// rules are those that the engine goes by now.
func (w *world) rules() engine.Rules {
	if !w.spec.Users || w.users.off {
		return engine.Rules{}
	}
	list := []auth.User{{Name: otherUser, Password: w.users.password(otherUser)}}
	for i := range w.spec.Calls {
		if name := "f" + strconv.Itoa(i); w.spec.isUser(name) {
			list = append(list, auth.User{Name: name, Password: w.users.password(name)})
		}
	}
	all, err := auth.NewUsers(whoRealm, list)
	if err != nil {
		panic(err) // each has a password
	}
	return engine.Rules{Auth: &auth.Config{Users: all, Lifetime: w.spec.Lifetime}}
}

// reload has all shards go by other rules.
func (w *world) reload(r *reload) {
	w.users.off = r.Off && !w.book.asking()
	if r.Passwords {
		w.users.passwords++
	}
	rules := w.rules()
	for _, sh := range w.eng.Shards() {
		if sh.Stats().Active > 0 {
			w.book.seen[sawReload]++
		}
		sh.Adopt(w.net.Now(), rules)
	}
	w.book.settled()
}

// asking reports whether a copy of a request that was challenged may be on its way still: if it was let through, its caller, who has had his answer, would
// begin a second call under its names with what he says to the challenge.
func (k *book) asking() bool {
	return slices.ContainsFunc(k.list, func(t *txn) bool { return t.challenged && t.at.Add(10*time.Second) > k.w.net.Now() })
}

// asked notes what an INVITE that begins a call comes to if its sender has to say who he is (RFC 3261 §22), and reports whether that is all.
func (k *book) asked(t *txn) bool {
	code, stale := k.judge(t)
	if code == 0 {
		return false
	}
	t.challenged, t.stale = code == 407, stale
	k.owe(t, code)
	return true
}

// judge works out whether a request is answered 407 or 403; 0 is neither.
func (k *book) judge(t *txn) (code int, stale bool) {
	w, m := k.w, &t.msg
	if !w.spec.Users || w.users.off {
		return 0, false
	}
	caller := t.leg.party.name
	c, err := digest.ParseCredentials(string(m.Get(message.ProxyAuthorization)))
	if err != nil || c.Realm != whoRealm { // a target that he may answer has asked him
		if !w.spec.isUser(caller) {
			return 0, false
		}
		k.seen[sawAsked]++
		return 407, false
	}
	n := w.users.nonces[c.Nonce]
	want, err := digest.Digest(&digest.Challenge{Realm: whoRealm, Nonce: c.Nonce, Algorithm: c.Algorithm, QOP: []string{"auth"}}, digest.Options{
		Method: "INVITE", URI: string(m.RequestURI()), Count: c.Nc, Username: c.Username, Password: w.users.password(c.Username), Cnonce: c.Cnonce,
	})
	switch {
	case n == nil || err != nil:
		k.bad(t.leg.call, "a caller made up a nonce: %q", m.Get(message.ProxyAuthorization))
		return 0, false
	case want.Response != c.Response:
		k.seen[sawWrongPassword]++
		return 407, false
	case k.w.net.Now() > n.until(w.spec) || c.Nc <= n.used:
		k.seen[sawStale]++
		return 407, true // RFC 7616 §3.3
	}
	n.used = c.Nc
	if c.Username != caller {
		k.seen[sawLie]++
		return 403, false
	}
	k.seen[sawIdentified]++
	return 0, false
}

// until is how long a nonce is good for: its age is in whole seconds.
func (n *nonce) until(s *Spec) clock.Time {
	life := s.Lifetime
	if life == 0 {
		life = auth.DefaultLifetime
	}
	return clock.Time(time.Duration(n.at).Truncate(time.Second)).Add(life)
}

// checkChallenge checks what the engine asks for: a digest with a nonce of its own.
func (k *book) checkChallenge(t *txn, m *message.Message) {
	fields := m.AppendValues(nil, "Proxy-Authenticate")
	if len(fields) == 0 {
		k.bad(t.leg.call, "a 407 asks for nothing: %q", m.Bytes())
		return
	}
	var own string
	for _, v := range fields {
		c, err := digest.ParseChallenge(string(v))
		switch {
		case err != nil || c.Realm != whoRealm || c.Nonce == "" || !c.SupportsQOP("auth") || own != "" && own != c.Nonce:
			k.bad(t.leg.call, "the challenge %q: %v", v, err)
			return
		case c.Stale != t.stale:
			k.bad(t.leg.call, "challenged with stale %v, expected %v", c.Stale, t.stale)
		}
		own = c.Nonce
	}
	if k.w.users.nonces[own] != nil {
		k.bad(t.leg.call, "the nonce %q was used before", own)
	}
	if k.w.users.nonces == nil {
		k.w.users.nonces = map[string]*nonce{}
	}
	k.w.users.nonces[own] = &nonce{at: k.w.net.Now()}
}

// checkOwnCredentials checks that what a caller tells the engine goes no further.
func (k *book) checkOwnCredentials(l *leg, m *message.Message) {
	if k.w.users.off {
		return // they are for somebody else then
	}
	for _, v := range m.AppendValues(nil, "Proxy-Authorization") {
		if bytes.Contains(v, []byte(`realm="`+whoRealm+`"`)) {
			k.bad(l.call, "leg %d: the caller's credentials went on", l.n)
		}
	}
}

// identify has a caller that is asked who he is say what he says.
func (p *party) identify(m *message.Message) {
	s, o := p.leg.call.spec, p.calling
	if m.Status() != 407 || p.gone || o.cancel.sent || o.cancel.wanted || p.told == 3 {
		return
	}
	name, password := p.name, p.password
	switch s.Who {
	case nobody, silent:
		return
	case lies:
		name, password = otherUser, otherUser+p.password[len(p.name):]
	case guesses:
		password = "guess"
	case mistypes:
		if p.told == 0 {
			password = "typo"
		}
	}
	fields := m.AppendValues(nil, "Proxy-Authenticate")
	if len(fields) == 0 {
		return // the book has found it
	}
	c, err := digest.ParseChallenge(string(fields[p.leg.call.n%len(fields)]))
	if err != nil {
		return
	}
	answer, err := digest.Digest(c, digest.Options{Method: "INVITE", URI: "sip:100@pbx.example", Count: 1, Username: name, Password: password, Cnonce: "c" + p.name})
	if err != nil {
		return
	}
	late := s.WhoLate
	if p.told > 0 {
		late = 0
	}
	p.told++
	p.w.after(max(late, time.Nanosecond), func() {
		if p.gone {
			return
		}
		p.cseq++
		p.credentials = answer.String()
		p.calling = p.invite(s)
		p.calling.then = p.identify
	})
}
