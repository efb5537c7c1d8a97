package engine_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/icholy/digest"

	"tandem/engine"
	"tandem/engine/auth"
	"tandem/engine/flow"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// RFC 3261 §10.3 steps 1, 3 and 5: with users of our own, who registers has identified himself, and only for domains of ours.
func TestRFC_049_WhoRegisters(t *testing.T) {
	users, err := auth.NewUsers("pbx.example", []auth.User{{Name: "100", Password: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	s := always(toUser())
	s.register = func(c engine.Call, reg *engine.Registration) *plan.Node {
		if c.User() != "100" || reg.User != "100" {
			t.Errorf("the script is told that %q registers %q", c.User(), reg.User)
		}
		return nil
	}
	r := newRig(t, s, 1, registrar, func(c *engine.Config) {
		c.Auth = &auth.Config{Users: users, Domains: []string{"pbx.example"}}
	})
	desk := r.phone("sip:100@192.0.2.11")
	send := func(uri, to, password string) int {
		s := sim.RequestSpec{Method: "REGISTER", RequestURI: uri, From: to, To: to, Dest: flow.Flow{Remote: pbx}}
		x := desk.Request(r.net.Now(), s)
		r.run()
		if x.Code() != 401 {
			return x.Code()
		}
		ch, err := digest.ParseChallenge(string(x.Message().AppendValues(nil, "WWW-Authenticate")[0]))
		if err != nil {
			t.Fatal(err)
		}
		cr, err := digest.Digest(ch, digest.Options{Method: "REGISTER", URI: uri, Count: 1, Username: "100", Password: password, Cnonce: "salt"})
		if err != nil {
			t.Fatal(err)
		}
		s.Headers = []sim.Header{{Name: "Authorization", Value: cr.String()}}
		x = desk.Request(r.net.Now(), s)
		r.run()
		return x.Code()
	}
	for _, c := range []struct {
		uri, to, password string
		code              int
	}{
		{"sip:pbx.example", "sip:100@pbx.example", "secret", 200},
		{"sip:pbx.example", "sip:100@pbx.example", "guess", 401},
		{"sip:pbx.example", "sip:bob@pbx.example", "secret", 403},
		{"sip:example.net", "sip:100@pbx.example", "secret", 404},
		{"sip:pbx.example", "sip:100@example.net", "secret", 404},
	} {
		if got := send(c.uri, c.to, c.password); got != c.code {
			t.Errorf("REGISTER %s of %s with %q: %d, want %d", c.uri, c.to, c.password, got, c.code)
		}
	}
	if got := r.contacts(); got != 1 {
		t.Errorf("%d contacts, want 1", got)
	}
}

// RFC 3261 §10.3 step 6.
func TestRFC_050_RemoveAll(t *testing.T) {
	never, zero := sim.Header{Name: "Expires", Value: "60"}, sim.Header{Name: "Expires", Value: "0"}
	for name, c := range map[string]struct {
		fields []sim.Header
		code   int
		left   int
	}{
		"alone and at once": {[]sim.Header{contactField("*"), zero}, 200, 0},
		"not at once":       {[]sim.Header{contactField("*"), never}, 400, 2},
		"without Expires":   {[]sim.Header{contactField("*")}, 400, 2},
		"beside another":    {[]sim.Header{contactField("*"), contactField("<sip:100@192.0.2.13>"), zero}, 400, 2},
		"in one with it":    {[]sim.Header{contactField("*, <sip:100@192.0.2.13>"), zero}, 400, 2},
		"twice":             {[]sim.Header{contactField("*"), contactField("*"), zero}, 400, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(toUser()), 1, registrar)
			desk := r.phone("sip:100@192.0.2.11")
			r.registers(desk, contactField("<sip:100@192.0.2.11>, <sip:100@192.0.2.12>"))
			if x := r.registers(desk, c.fields...); x.Code() != c.code || r.contacts() != c.left {
				t.Errorf("%d and %d contacts, want %d and %d", x.Code(), r.contacts(), c.code, c.left)
			}
		})
	}
}

// RFC 3261 §10.3 step 7.
func TestRFC_051_OldAndWhole(t *testing.T) {
	r := newRig(t, always(toUser()), 3, registrar)
	desk := r.phone("sip:100@192.0.2.11")
	send := func(seq int, contacts string) (int, string) {
		x := r.registers(desk, sim.Header{Name: "Call-ID", Value: "one"}, sim.Header{Name: "CSeq", Value: strconv.Itoa(seq) + " REGISTER"}, contactField(contacts))
		return x.Code(), fieldsOf(r.queried(desk), "Contact")
	}
	const first = "<sip:100@192.0.2.11>;expires=7200"
	for _, c := range []struct {
		seq      int
		contacts string
		code     int
		want     string
	}{
		{5, "<sip:100@192.0.2.11>;expires=9999", 200, ""},
		{4, "<sip:100@192.0.2.11>;expires=0", 500, ""},
		{4, "<sip:100@192.0.2.12>, <sip:100@192.0.2.11>", 500, ""},
		{6, "<sip:100@192.0.2.12>, <mailto:100@192.0.2.12>, <sip:100@192.0.2.13>", 400, ""},
		{7, "<sip:100@192.0.2.12>, <sip:100@192.0.2.13>;expires=5", 423, ""},
	} {
		code, got := send(c.seq, c.contacts)
		if left := len(got); code != c.code || left != len(first) || got[:len(first)-4] != first[:len(first)-4] {
			t.Errorf("CSeq %d, %s: %d and then %s, want %d and the first contact alone", c.seq, c.contacts, code, got, c.code)
		}
	}
}

// queried asks what user 100 has.
func (r *rig) queried(p *sim.Phone) *sim.Exchange {
	r.t.Helper()
	return r.registers(p, sim.Header{Name: "Call-ID", Value: "query"}, sim.Header{Name: "Contact", Value: ""})
}

// RFC 3261 §10.3 step 8, §21.4.17; RFC 3327 §5.3; RFC 5626 §6. On three shards: it comes to one, and another owns the user.
func TestRFC_052_Bindings(t *testing.T) {
	for _, shards := range []int{1, 3} {
		r := newRig(t, always(toUser()), shards, registrar)
		desk := r.phone("sip:100@192.0.2.11")
		x := r.registers(desk, contactField("<sip:100@192.0.2.11>;q=0.5;expires=600"))
		if got := fieldsOf(x, "Contact"); x.Code() != 200 || got != "<sip:100@192.0.2.11>;expires=600;q=0.5" {
			t.Errorf("%d shards: %d %s", shards, x.Code(), got)
		}
		if got := fieldsOf(x, "Date"); got != "Mon, 23 Nov 2026 09:15:00 GMT" {
			t.Errorf("Date: %s", got)
		}
		if x = r.registers(desk, contactField("<sip:100@192.0.2.11>;expires=3")); x.Code() != 423 || fieldsOf(x, "Min-Expires") != "60" {
			t.Errorf("too brief: %d, Min-Expires %s", x.Code(), fieldsOf(x, "Min-Expires"))
		}
		x = r.registers(desk, contactField(`<sip:100@10.0.0.1>;+sip.instance="<urn:uuid:a>";reg-id=1`),
			sim.Header{Name: "Path", Value: "<sip:192.0.2.50;lr>"}, sim.Header{Name: "Supported", Value: "path, outbound"}, sim.Header{Name: "Require", Value: "path"})
		if x.Code() != 200 || fieldsOf(x, "Path") != "<sip:192.0.2.50;lr>" || fieldsOf(x, "Require") != "outbound" {
			t.Errorf("outbound: %d, Path %s, Require %s", x.Code(), fieldsOf(x, "Path"), fieldsOf(x, "Require"))
		}
		if got := r.contacts(); got != 2 {
			t.Errorf("%d contacts are counted, want 2", got)
		}
		if err := r.net.Run(r.net.Now().Add(2 * time.Hour)); err != nil || r.contacts() != 0 {
			t.Errorf("%v; %d contacts after two hours", err, r.contacts())
		}
	}
}
