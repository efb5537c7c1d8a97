package engine_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

func ptr(s string) *string { return &s }

var tagParam = regexp.MustCompile(`;tag=[^;>]+`)

// who returns what a message says of who calls whom, without tags.
func who(t *testing.T, l *sim.Logged) (from, to string) {
	t.Helper()
	return tagParam.ReplaceAllString(header(t, l, "From")[0], ""), tagParam.ReplaceAllString(header(t, l, "To")[0], "")
}

// What a target says of who calls whom is in its INVITE, and nothing else is changed (RFC 3261 §20.20, §20.39).
func TestAddressesOfAnInvite(t *testing.T) {
	const callee = "<sip:a@192.0.2.11>"
	for _, c := range []struct {
		name     string
		caller   string // "" = "Alice" <sip:alice@192.0.2.100>
		change   func(t *plan.Target)
		from, to string
	}{
		{"nothing", "", func(*plan.Target) {}, `"Alice" <sip:alice@192.0.2.100>`, callee},
		{"to as received", "", func(t *plan.Target) { t.To = plan.ToKeep }, `"Alice" <sip:alice@192.0.2.100>`, `"Reception" <sip:100@pbx.example>`},
		{"to another", "", func(t *plan.Target) { t.To = "sip:4930@carrier.example" }, `"Alice" <sip:alice@192.0.2.100>`, "<sip:4930@carrier.example>"},
		{"user", "", func(t *plan.Target) { t.From = &plan.From{User: "+4930123"} }, `"Alice" <sip:+4930123@192.0.2.100>`, callee},
		{"host", "", func(t *plan.Target) { t.From = &plan.From{Host: "pbx.example:5070"} }, `"Alice" <sip:alice@pbx.example:5070>`, callee},
		{"port goes with the host", "<sip:alice@192.0.2.100:5062;x=1>", func(t *plan.Target) { t.From = &plan.From{Host: "h.example"} }, `<sip:alice@h.example;x=1>`, callee},
		{"parameters go with the user", "<sip:alice@192.0.2.100:5062;x=1>", func(t *plan.Target) { t.From = &plan.From{User: "bob"} }, `<sip:bob@192.0.2.100:5062>`, callee},
		{"display", "", func(t *plan.Target) { t.Display = ptr(`The "desk"`) }, `"The \"desk\"" <sip:alice@192.0.2.100>`, callee},
		{"no display", "", func(t *plan.Target) { t.Display = ptr("") }, `<sip:alice@192.0.2.100>`, callee},
		{"display of from first", "", func(t *plan.Target) { t.Display, t.From = ptr("a"), &plan.From{Display: ptr("b")} }, `"b" <sip:alice@192.0.2.100>`, callee},
		{"host of a number", "<tel:+4930123>", func(t *plan.Target) { t.From = &plan.From{Host: "pbx.example"} }, `<sip:+4930123@pbx.example;user=phone>`, callee},
		{"user of a number", "<tel:+4930123>", func(t *plan.Target) { t.From = &plan.From{User: "42"} }, `<sip:42@anonymous.invalid>`, callee},
		{"all of it", "", func(t *plan.Target) { t.From = &plan.From{User: "x", Host: "h", Display: ptr("")} }, `<sip:x@h>`, callee},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, always(target("sip:a@192.0.2.11", c.change)), 1)
			a := r.phone("sip:a@192.0.2.11", sim.After(0))
			if c.caller == "" {
				c.caller = `"Alice" <sip:alice@192.0.2.100>`
			}
			r.call(sim.CallSpec{From: c.caller, To: `"Reception" <sip:100@pbx.example>`, HangupAfter: seconds(1)})
			if from, to := who(t, a.Received("INVITE")[0]); from != c.from || to != c.to {
				t.Errorf("From %s, To %s; want %s, %s", from, to, c.from, c.to)
			}
		})
	}
}

// Both sides see the addresses that they know, in every request and response and in both directions, under the tags of their own
// dialog (RFC 3261 §12.2.1.1).
func TestAddressesHoldForTheDialog(t *testing.T) {
	n := target("sip:a@192.0.2.11", func(t *plan.Target) {
		t.To, t.From = "sip:hotline@carrier.example", &plan.From{User: "4930", Host: "pbx.example", Display: ptr("Tandem")}
	})
	r := newRig(t, always(n), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(time.Second)})
	c := r.place(sim.CallSpec{From: `"Alice" <sip:alice@192.0.2.100>`, Headers: supports100rel})
	c.Request(at(5*time.Second), "INVITE", nil, nil)
	c.Request(at(6*time.Second), "INFO", nil, nil)
	if err := r.net.Run(at(7 * time.Second)); err != nil {
		t.Fatal(err)
	}
	a.Incoming()[0].Request(at(8*time.Second), "INVITE", nil, nil)
	a.Incoming()[0].Request(at(9*time.Second), "INFO", nil, nil)
	c.Bye(at(20 * time.Second))
	r.run()
	sides := []struct {
		phone      *sim.Phone
		us, them   string // as our requests to it say
		ourTag     string
		theirTag   string
		wantCounts int
	}{
		{phone: a, us: `"Tandem" <sip:4930@pbx.example>`, them: "<sip:hotline@carrier.example>", wantCounts: 7},
		{phone: r.caller, us: "<sip:100@pbx.example>", them: `"Alice" <sip:alice@192.0.2.100>`, wantCounts: 3},
	}
	for i, s := range sides {
		n := 0
		for _, l := range s.phone.Log() {
			m, err := l.Message()
			if err != nil || l.Sent || !m.IsRequest() {
				continue
			}
			n++
			if from, to := who(t, l); from != s.us || to != s.them {
				t.Errorf("side %d, %s: From %s, To %s", i, m.MethodName(), from, to)
			}
			if m.Get(message.To) == nil || m.ToTag() == nil {
				continue
			}
			if s.ourTag == "" {
				s.ourTag, s.theirTag = string(m.FromTag()), string(m.ToTag())
			}
			if string(m.FromTag()) != s.ourTag || string(m.ToTag()) != s.theirTag {
				t.Errorf("side %d, %s: tags change", i, m.MethodName())
			}
		}
		if n < s.wantCounts {
			t.Errorf("side %d received %d requests", i, n)
		}
	}
	for _, l := range r.caller.Received("200") {
		if _, to := who(t, l); !strings.Contains(to, "100@pbx.example") && !strings.Contains(to, "alice") {
			t.Errorf("the caller is told of %s", to)
		}
	}
}

// A CANCEL is for the INVITE as it was sent (RFC 3261 §9.1), a peer that answers under another From tag changes nothing.
func TestAddressesOfACancel(t *testing.T) {
	n := target("sip:a@192.0.2.11", func(t *plan.Target) { t.To, t.From = plan.ToKeep, &plan.From{User: "4930"} })
	r := newRig(t, always(ring(2*time.Second, n)), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Never())
	r.call(sim.CallSpec{})
	for _, what := range []string{"CANCEL", "ACK"} {
		if from, to := who(t, a.Received(what)[0]); from != "<sip:4930@192.0.2.100>" || to != "<sip:100@pbx.example>" {
			t.Errorf("%s: From %s, To %s", what, from, to)
		}
	}
}

// Parameters of the Request-URI are added to those of the target, which they take the place of.
func TestParamsOfTheRequestURI(t *testing.T) {
	for uri, want := range map[string]string{
		"sip:4930@192.0.2.11":                        "INVITE sip:4930@192.0.2.11;user=phone SIP/2.0",
		"sip:4930@192.0.2.11;x=1;USER=ip;y?subject=": "INVITE sip:4930@192.0.2.11;x=1;y;user=phone SIP/2.0",
	} {
		r := newRig(t, always(target(uri, func(t *plan.Target) { t.Params = ";user=phone" })), 1)
		a := r.phone("sip:4930@192.0.2.11", sim.After(0))
		r.call(sim.CallSpec{HangupAfter: seconds(1)})
		invite := a.Received("INVITE")[0]
		if got, _, _ := strings.Cut(string(invite.Raw), "\r\n"); got != want {
			t.Errorf("%s: got %s, want %s", uri, got, want)
		}
		if _, to := who(t, invite); !strings.Contains(to, ";user=phone>") {
			t.Errorf("To %s is not the Request-URI", to)
		}
	}
}

// A contact that is followed has its own parameters.
func TestParamsAreNotForContacts(t *testing.T) {
	n := target("sip:a@192.0.2.11", func(t *plan.Target) { t.Params, t.Redirect = ";user=phone", plan.RedirectFollow })
	r := newRig(t, always(n), 1)
	r.phone("sip:a@192.0.2.11", sim.Status(302, nil, sim.Header{Name: "Contact", Value: "<sip:b@192.0.2.12>"}))
	b := r.phone("sip:b@192.0.2.12", sim.After(0))
	r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if got, _, _ := strings.Cut(string(b.Received("INVITE")[0].Raw), "\r\n"); got != "INVITE sip:b@192.0.2.12 SIP/2.0" {
		t.Error(got)
	}
}

// Who is asserted to call stays so towards the callee as long as the call lasts; nothing is added to requests that say nothing.
func TestClip(t *testing.T) {
	const name = "P-Asserted-Identity"
	own := sim.Header{Name: name, Value: "<sip:secret@192.0.2.100>"}
	for _, c := range []struct {
		name string
		clip *plan.Header
		more []plan.Header
		want []string
	}{
		{"as it came in", nil, nil, []string{own.Value}},
		{"another", &plan.Header{Name: name, Value: "<sip:4930@pbx.example>"}, nil, []string{"<sip:4930@pbx.example>"}},
		{"none", &plan.Header{Name: name, Remove: true}, nil, nil},
		{"before headers", &plan.Header{Name: name, Value: "<sip:1@h>"}, []plan.Header{{Name: "p-asserted-identity", Value: "<sip:2@h>"}}, []string{"<sip:1@h>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Clip, t.Headers = c.clip, c.more })), 1, trusting("192.0.2.0/24"))
			a := r.phone("sip:a@192.0.2.11", sim.After(0))
			call := r.place(sim.CallSpec{Headers: []sim.Header{own}})
			call.Request(at(5*time.Second), "INVITE", []sim.Header{own}, nil)
			call.Request(at(6*time.Second), "INFO", []sim.Header{own}, nil)
			call.Request(at(7*time.Second), "INFO", nil, nil)
			r.caller.Reply("INFO", sim.Reply{Code: 200, Headers: []sim.Header{own}})
			r.caller.Reply("INVITE", sim.Reply{Code: 200, Headers: []sim.Header{own}})
			if err := r.net.Run(at(8 * time.Second)); err != nil {
				t.Fatal(err)
			}
			in := a.Incoming()[0]
			info, again := in.Request(at(9*time.Second), "INFO", nil, nil), in.Request(at(10*time.Second), "INVITE", nil, nil)
			call.Bye(at(20 * time.Second))
			r.run()
			if info.Code() != 200 || again.Code() != 200 {
				t.Fatalf("answered %d and %d", info.Code(), again.Code())
			}
			infos := a.Received("INFO")
			said := []*sim.Logged{a.Received("INVITE")[0], a.Received("INVITE")[1], infos[0]}
			said = append(said, a.Received("200")...)
			if len(said) != 5 {
				t.Fatalf("the callee was told %d times", len(said))
			}
			for i, l := range said {
				if got := header(t, l, name); !slices.Equal(got, c.want) {
					t.Errorf("%d: %q, want %q", i, got, c.want)
				}
			}
			if got := header(t, infos[1], name); got != nil {
				t.Errorf("added to a request without: %q", got)
			}
		})
	}
}

// Whom the caller is told it is connected to is in what comes from the target, as long as the call lasts; what says nothing of that later has nothing added, and a
// refusal says nothing.
func TestColp(t *testing.T) {
	const name, line = "P-Asserted-Identity", "<sip:+4989123@pbx.example>"
	own := sim.Header{Name: name, Value: "<sip:mobile@192.0.2.11>"}
	for _, c := range []struct {
		name    string
		colp    *plan.Header
		trusted bool
		want    []string
	}{
		{"as it came", nil, true, []string{own.Value}},
		{"another", &plan.Header{Name: name, Value: line}, false, []string{line}},
		{"another in place of one that is trusted", &plan.Header{Name: name, Value: line}, true, []string{line}},
		{"none", &plan.Header{Name: name, Remove: true}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var change []func(*engine.Config)
			if c.trusted {
				change = append(change, trusting("192.0.2.11/32"))
			}
			r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Colp = c.colp })), 1, change...)
			r.phone("sip:a@192.0.2.11", sim.Behaviour{
				sim.Send(180, own), sim.Answer(own).In(time.Second), sim.Ask("INFO", own).In(time.Second), sim.Ask("INFO").In(time.Second), sim.Bye().In(time.Second),
			}, sim.Status(486, nil))
			r.call(sim.CallSpec{})
			infos := r.caller.Received("INFO")
			for _, l := range []*sim.Logged{r.caller.Received("180")[0], r.caller.Received("200 INVITE")[0], infos[0]} {
				want(t, l, name, c.want...)
			}
			want(t, infos[1], name)
			r.call(sim.CallSpec{})
			want(t, r.caller.Received("486")[0], name)
		})
	}
}
