package engine_test

import (
	"fmt"
	"testing"
	"time"

	"tandem/engine/auth"
	"tandem/engine/sim"
)

// Inside a call requests go where the phone has registered since, once the flow that the call began by is gone.
func TestCallFollowsPhone(t *testing.T) {
	const instance = `;+sip.instance="<urn:uuid:a>"`
	for name, c := range map[string]struct {
		first, second string // Contacts
		moves         bool
	}{
		"an instance":           {"<sip:100@10.0.0.4:1>" + instance, "<sip:100@10.0.0.4:2>" + instance, true},
		"the same URI":          {"<sip:100@10.0.0.4:1>", "<sip:100@10.0.0.4:1>", true},
		"another phone":         {"<sip:100@10.0.0.4:1>", "<sip:100@10.0.0.4:2>", false},
		"another URI, one with": {"<sip:100@10.0.0.4:1>", "<sip:100@10.0.0.4:2>" + instance, false},
	} {
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprint(name, " ", shards), func(t *testing.T) {
				r := newRig(t, always(toUser()), shards, registrar)
				r.odd = true // who gets a BYE has never heard of the call
				before, after := r.phone("sip:100@192.0.2.11", sim.Behaviour{sim.Answer(contactField("<sip:100@10.0.0.4:1>"))}), r.phone("sip:100@192.0.2.12")
				r.registers(before, contactField(c.first))
				call := r.place(sim.CallSpec{})
				r.until(r.net.Now().Add(2 * time.Second))
				r.registers(after, contactField(c.second))
				call.Bye(r.net.Now())
				r.run()
				if n := len(after.Logged(false, "BYE", "")); (n == 1) != c.moves || len(before.Logged(false, "BYE", ""))+n != 1 {
					t.Errorf("%d BYEs where the phone was, %d where it is", len(before.Logged(false, "BYE", "")), n)
				}
			})
		}
	}
}

// So do those to a caller who has identified himself from where he was registered.
func TestCallFollowsCaller(t *testing.T) {
	const instance = `<sip:100@10.0.0.4>;+sip.instance="<urn:uuid:a>"`
	for name, registered := range map[string]bool{"registered": true, "not registered": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.20")), 3, registrar, asking(func(c *auth.Config) { c.Domains = nil }))
			r.odd = true
			a := r.phone("sip:a@192.0.2.20", sim.Behaviour{sim.Answer(), sim.Bye().In(5 * time.Second)})
			other := r.phone("sip:100@192.0.2.12")
			if registered {
				(&member{r: r, phone: r.caller, name: "100", password: "secret", contact: instance}).registers()
			}
			r.place(sim.CallSpec{From: "sip:100@pbx.example", Login: login("100", "secret")})
			r.until(r.net.Now().Add(2 * time.Second))
			(&member{r: r, phone: other, name: "100", password: "secret", contact: instance}).registers()
			r.run()
			want := 0
			if registered {
				want = 1
			}
			if n := len(other.Logged(false, "BYE", "")); n != want || len(a.Logged(true, "BYE", "")) == 0 {
				t.Errorf("%d BYEs where the caller is, want %d", n, want)
			}
		})
	}
}
