package engine_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/icholy/digest"

	"tandem/engine"
	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/guard"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// adopt has every shard go by other rules, in which change is changed.
func (r *rig) adopt(was engine.Rules, change func(n *engine.Rules)) engine.Rules {
	change(&was)
	for _, sh := range r.eng.Shards() {
		sh.Adopt(r.net.Now(), was)
	}
	return was
}

// usersOf returns what asks for credentials of users with those passwords.
func usersOf(t *testing.T, passwords map[string]string) *auth.Config {
	t.Helper()
	var list []auth.User
	for name, password := range passwords {
		list = append(list, auth.User{Name: name, Password: password})
	}
	users, err := auth.NewUsers("pbx.example", list)
	if err != nil {
		t.Fatal(err)
	}
	return &auth.Config{Users: users, Domains: []string{"pbx.example"}}
}

// member is a phone of a user, which answers a challenge once and goes on with its nonce.
type member struct {
	r              *rig
	phone          *sim.Phone
	name, password string
	challenge      *digest.Challenge
	count          int
	contact        string // "" = the phone's own
}

// registers sends a REGISTER, with credentials as soon as there is a challenge, and returns the code.
func (m *member) registers() int {
	m.r.t.Helper()
	aor := "sip:" + m.name + "@pbx.example"
	s := sim.RequestSpec{Method: "REGISTER", RequestURI: "sip:pbx.example", From: aor, To: aor, Dest: flow.Flow{Remote: pbx}}
	if m.contact != "" {
		s.Headers = append(s.Headers, contactField(m.contact))
	}
	if m.challenge != nil {
		m.count++
		cr, err := digest.Digest(m.challenge, digest.Options{Method: "REGISTER", URI: "sip:pbx.example", Count: m.count, Username: m.name, Password: m.password, Cnonce: "salt"})
		if err != nil {
			m.r.t.Fatal(err)
		}
		s.Headers = append(s.Headers, sim.Header{Name: "Authorization", Value: cr.String()})
	}
	x := m.phone.Request(m.r.net.Now(), s)
	m.r.until(m.r.net.Now().Add(time.Second))
	if m.challenge == nil && x.Code() == 401 {
		ch, err := digest.ParseChallenge(string(x.Message().AppendValues(nil, "WWW-Authenticate")[0]))
		if err != nil {
			m.r.t.Fatal(err)
		}
		m.challenge = ch
		return m.registers()
	}
	return x.Code()
}

// Users come and go while the engine runs: who stays goes on with the nonce that he has, who is gone loses his contacts and not his call.
func TestAdoptUsers(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			ringAll := func(name string) *plan.Node {
				return &plan.Node{Kind: plan.KindTarget, Target: &plan.Target{URI: "user:" + name, Key: "user:" + name, User: name, Registrant: name}}
			}
			var rules engine.Rules
			r := newRig(t, always(ringAll("101")), shards, registrar, func(c *engine.Config) {
				c.Auth = usersOf(t, map[string]string{"100": "one", "101": "two", "103": "four"})
				rules = c.Rules
			})
			stays := &member{r: r, phone: r.phone("sip:100@192.0.2.11"), name: "100", password: "one"}
			goes := &member{r: r, phone: r.phone("sip:101@192.0.2.12", sim.After(0)), name: "101", password: "two"}
			comes := &member{r: r, phone: r.phone("sip:102@192.0.2.13"), name: "102", password: "three"}
			changes := &member{r: r, phone: r.phone("sip:103@192.0.2.14"), name: "103", password: "four"}
			for m, want := range map[*member]int{stays: 200, goes: 200, comes: 401, changes: 200} {
				if got := m.registers(); got != want {
					t.Fatalf("%s: %d, want %d", m.name, got, want)
				}
			}
			c := r.place(sim.CallSpec{})
			r.until(r.net.Now().Add(2 * time.Second))
			if !c.Up() || r.contacts() != 3 {
				t.Fatalf("up %v, %d contacts", c.Up(), r.contacts())
			}

			r.adopt(rules, func(n *engine.Rules) {
				n.Auth = usersOf(t, map[string]string{"100": "one", "102": "three", "103": "five"})
			})
			if got := r.contacts(); got != 2 {
				t.Errorf("%d contacts are left, want those of 100 and 103", got)
			}
			stays.count = 0
			if got := stays.registers(); got != 401 {
				t.Errorf("100 with a use of the nonce that was seen before: %d", got)
			}
			if got := stays.registers(); got != 200 || stays.count != 2 {
				t.Errorf("100 with the nonce that he had: %d after %d uses", got, stays.count)
			}
			for m, want := range map[*member]int{goes: 401, comes: 200, changes: 401} {
				if got := m.registers(); got != want {
					t.Errorf("%s then: %d, want %d", m.name, got, want)
				}
			}
			changes.password = "five"
			if got := changes.registers(); got != 200 {
				t.Errorf("103 with the new password: %d", got)
			}
			other := r.place(sim.CallSpec{})
			r.until(r.net.Now().Add(2 * time.Second))
			if other.Final() != 480 {
				t.Errorf("a call to who is gone: %d", other.Final())
			}
			c.Bye(r.net.Now())
			r.run()
			if n := len(goes.phone.Received("BYE")); n != 1 {
				t.Errorf("the call of 101 ended with %d BYEs", n)
			}
		})
	}
}

// Where the first user comes, phones register and are asked for their passwords; where the last one goes, nobody does any more.
func TestAdoptNoUsers(t *testing.T) {
	var rules engine.Rules
	r := newRig(t, always(toUser()), 3, func(c *engine.Config) {
		registrar(c)
		c.Auth = usersOf(t, map[string]string{"100": "one"})
		rules, c.Rules = c.Rules, engine.Rules{}
	})
	if got := (&member{r: r, phone: r.phone("sip:100@192.0.2.12"), name: "100", password: "one"}).registers(); got != 405 {
		t.Errorf("before there is a user: %d", got)
	}
	r.adopt(rules, func(*engine.Rules) {})
	m := &member{r: r, phone: r.phone("sip:100@192.0.2.11"), name: "100", password: "one"}
	for i := range 2 {
		if got := m.registers(); got != 200 || r.contacts() != 1 {
			t.Fatalf("round %d: %d, %d contacts", i, got, r.contacts())
		}
		r.adopt(rules, func(n *engine.Rules) { n.Auth, n.Register = nil, nil })
		if got := m.registers(); got != 405 || r.contacts() != 0 {
			t.Errorf("round %d, without users: %d, %d contacts", i, got, r.contacts())
		}
		r.adopt(rules, func(*engine.Rules) {})
	}
	r.run()
}

// A REGISTER whose user was known where it came to, and is not any more where his contacts are kept, is refused.
func TestAdoptBetween(t *testing.T) {
	var rules engine.Rules
	var posted []func()
	r := newRig(t, always(toUser()), 2, registrar, func(c *engine.Config) {
		c.Auth = usersOf(t, map[string]string{"100": "one"})
		rules = c.Rules
		c.Post = func(_ int, fn func(now clock.Time)) { posted = append(posted, func() { fn(0) }) }
	})
	r.odd = true
	gone := rules
	gone.Auth = usersOf(t, map[string]string{"101": "one"})
	m := &member{r: r, phone: r.phone("sip:100@192.0.2.11"), name: "100", password: "one"}
	m.registers()
	for range 20 { // until its shard has to ask another
		if len(posted) > 0 {
			break
		}
		m.registers()
	}
	if len(posted) == 0 {
		t.Fatal("no shard asks another")
	}
	for _, sh := range r.eng.Shards() {
		sh.Adopt(r.net.Now(), gone)
	}
	for len(posted) > 0 {
		posted[0]()
		posted = posted[1:]
	}
	r.run()
	if r.contacts() != 0 || len(m.phone.Received("403")) == 0 {
		t.Errorf("%d contacts, %d refused", r.contacts(), len(m.phone.Received("403")))
	}
}

// Bans last, bounds that become smaller hold for what is new, and calls are left alone by all of it.
func TestAdoptBounds(t *testing.T) {
	var rules engine.Rules
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1, guarded(guard.Config{Scanners: []string{"nosy"}, Ban: time.Hour}), func(c *engine.Config) { rules = c.Rules })
	r.odd = true
	a := r.phone("sip:a@192.0.2.11", sim.After(0), sim.After(0))
	up := r.place(sim.CallSpec{})
	also := r.place(sim.CallSpec{})
	nosy := r.phone("sip:eve@192.0.2.66")
	scan := func(agent string) {
		r.write(nosy, r.net.Now(), written{method: "OPTIONS", uri: "sip:pbx.example", callID: agent, via: "SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK" + agent, more: "User-Agent: " + agent + "\r\n"}.String())
		r.until(r.net.Now().Add(time.Second))
	}
	scan("nosy")
	r.adopt(rules, func(n *engine.Rules) {
		n.MaxCalls = 1
		n.Guard = &guard.Config{Ban: time.Minute, Rate: 10, Burst: 10}
		n.Trusted = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	scan("phone")
	if st := r.eng.Shards()[0].Stats(); len(st.Sources) != 1 || st.Sources[0].Left < 50*time.Minute || len(nosy.Received("200")) != 0 {
		t.Errorf("bans %+v, %d answers", st.Sources, len(nosy.Received("200")))
	}
	more := r.place(sim.CallSpec{})
	info := up.Request(r.net.Now().Add(time.Second), "INFO", nil, nil)
	r.until(r.net.Now().Add(5 * time.Second))
	if more.Final() != 503 || !up.Up() || !also.Up() || info.Code() != 200 {
		t.Errorf("a new call got %d; those that were up: %v and %v, INFO %d", more.Final(), up.Up(), also.Up(), info.Code())
	}
	up.Bye(r.net.Now())
	also.Bye(r.net.Now())
	r.run()
	if n := len(a.Received("BYE")); n != 2 {
		t.Errorf("%d BYEs", n)
	}
}

// A limit on wrong credentials that falls below what a source has had bans it at the next one.
func TestAdoptFailures(t *testing.T) {
	var rules engine.Rules
	r := newRig(t, always(toUser()), 1, registrar, guarded(guard.Config{Failures: 10, Ban: time.Minute}), func(c *engine.Config) {
		c.Auth = usersOf(t, map[string]string{"100": "one"})
		rules = c.Rules
	})
	r.odd = true
	m := &member{r: r, phone: r.phone("sip:100@192.0.2.11"), name: "100", password: "guess"}
	for range 5 {
		m.registers()
	}
	r.adopt(rules, func(n *engine.Rules) { n.Guard = &guard.Config{Failures: 3, Ban: time.Minute} })
	if st := r.eng.Shards()[0].Stats(); st.Bans != 0 {
		t.Errorf("%d bans before", st.Bans)
	}
	m.registers()
	if st := r.eng.Shards()[0].Stats(); st.Bans != 1 || len(st.Sources) != 1 {
		t.Errorf("%d bans, of %v", st.Bans, st.Sources)
	}
	r.run()
}

// A call for help goes on when its number is one no more, from a source that is not heard otherwise; a number that has become one passes.
func TestAdoptEmergency(t *testing.T) {
	var rules engine.Rules
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1, helping(0, guardOf(guard.Config{}, callers)), func(c *engine.Config) { rules = c.Rules })
	r.odd = true
	a := r.phone("sip:a@192.0.2.11", sim.After(0), sim.After(0))
	first := r.place(sim.CallSpec{RequestURI: "sip:112@pbx.example"})
	r.until(r.net.Now().Add(time.Second))
	rules = r.adopt(rules, func(n *engine.Rules) { n.Emergency = []string{"999"} })
	old := r.place(sim.CallSpec{RequestURI: "sip:112@pbx.example"})
	next := r.place(sim.CallSpec{RequestURI: "sip:999@pbx.example"})
	r.until(r.net.Now().Add(time.Second))
	r.adopt(rules, func(n *engine.Rules) { n.Emergency = nil })
	if !first.Up() || !next.Up() || old.Final() != 0 {
		t.Errorf("first up %v, next up %v, 112 then %d", first.Up(), next.Up(), old.Final())
	}
	first.Bye(r.net.Now())
	next.Bye(r.net.Now())
	r.run()
	if n := len(a.Received("BYE")); n != 2 {
		t.Errorf("%d BYEs", n)
	}
}
