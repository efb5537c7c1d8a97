package engine_test

import (
	"strings"
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
)

// A call that is diverted says whom it was for, before the diversions that it came with, which stay as they are.
func TestRFC_097_Diversion(t *testing.T) {
	const came = `"B, ob" <sip:9@gw>;reason=no-answer;counter=2;odd="<,>"`
	r := newRig(t, always(onBusy(to("sip:a@192.0.2.11"), divert(plan.Divert{}, to("sip:b@192.0.2.12")))), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Status(486, nil))
	b := r.phone("sip:b@192.0.2.12", sim.After(0))
	r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Diversion", Value: came}}, HangupAfter: seconds(1)})
	want(t, a.Received("INVITE")[0], "Diversion", came)
	want(t, b.Received("INVITE")[0], "Diversion", "<sip:100@pbx.example>;reason=user-busy;counter=1", came)
}

// Behind two forks the history has whoever was called, in the order of the index, with why it failed and by whom the call was retargeted.
func TestRFC_098_HistoryInfo(t *testing.T) {
	const came = "<sip:9@gw>;index=1, <sip:100@pbx.example>;index=1.1;mp=1"
	first := parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))
	second := parallel(to("sip:c@192.0.2.13"), ring(3*time.Second, to("sip:d@192.0.2.14")))
	r := newRig(t, always(serial(ring(2*time.Second, first), divert(plan.Divert{}, second), divert(plan.Divert{}, to("sip:e@192.0.2.15")))), 1)
	r.phone("sip:a@192.0.2.11", sim.Status(486, nil))
	r.phone("sip:b@192.0.2.12", sim.Never())
	c, d := r.phone("sip:c@192.0.2.13", sim.Status(404, nil)), r.phone("sip:d@192.0.2.14", sim.Never())
	e := r.phone("sip:e@192.0.2.15", sim.After(0))
	r.call(sim.CallSpec{Headers: []sim.Header{{Name: "History-Info", Value: came}}, HangupAfter: seconds(1)})
	failed := func(uri, code, text, index, how string) string {
		return "<" + uri + "?Reason=SIP%3Bcause%3D" + code + "%3Btext%3D%22" + text + "%22>;index=" + index + ";" + how
	}
	start := failed("sip:a@192.0.2.11", "486", "Busy%20Here", "1.1.1", "rc=1.1") + ", " + failed("sip:b@192.0.2.12", "408", "Request%20Timeout", "1.1.2", "rc=1.1") + ", "
	want(t, c.Received("INVITE")[0], "History-Info", came, start+"<sip:c@192.0.2.13;cause=408>;index=1.1.3;mp=1.1")
	want(t, d.Received("INVITE")[0], "History-Info", came, start+"<sip:d@192.0.2.14;cause=408>;index=1.1.4;mp=1.1")
	want(t, e.Received("INVITE")[0], "History-Info", came, start+failed("sip:c@192.0.2.13;cause=408", "404", "Not%20Found", "1.1.3", "mp=1.1")+", "+
		failed("sip:d@192.0.2.14;cause=408", "408", "Request%20Timeout", "1.1.4", "mp=1.1")+", <sip:e@192.0.2.15;cause=408>;index=1.1.5;mp=1.1")
}

// How a target was found is in its entry: by Tandem the one for the same user, or unchanged, or another user; by who redirects what the contact says, from the
// request that was redirected, and nothing if it says nothing (RFC 7044 §10.4).
func TestRFC_098_Mapping(t *testing.T) {
	const root, last = "<sip:100@pbx.example>;index=1", "<sip:voicemail@192.0.2.15;cause=503>;index=1.3;mp=1"
	moved := func(uri, how string) string {
		return "<" + uri + "?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%20Temporarily%22>;index=1.1;" + how
	}
	for contact, how := range map[string]string{
		"<sip:b@192.0.2.12>":               "",
		"<sip:b@192.0.2.12>;rc=7":          ";rc=1.1",
		"<sip:b@192.0.2.12>;q=0.5;MP=1":    ";mp=1.1",
		"<sip:b@192.0.2.12>;np=1":          "",
		"<sip:b@192.0.2.12;mp=1>;x=\"rc\"": "",
	} {
		desk := target("sip:a@192.0.2.11", func(t *plan.Target) { t.Redirect = plan.RedirectFollow })
		r := newRig(t, always(serial(desk, divert(plan.Divert{}, to("sip:voicemail@192.0.2.15")))), 1)
		r.phone("sip:a@192.0.2.11", sim.Status(302, nil, sim.Header{Name: "Contact", Value: contact}))
		r.phone("sip:b@192.0.2.12", sim.Status(404, nil))
		e := r.phone("sip:voicemail@192.0.2.15", sim.After(0))
		r.call(sim.CallSpec{HangupAfter: seconds(1)})
		b, _, _ := strings.Cut(contact[1:], ">")
		want(t, e.Received("INVITE")[0], "History-Info", root+", "+moved("sip:a@192.0.2.11", "rc=1")+
			", <"+b+"?Reason=SIP%3Bcause%3D404%3Btext%3D%22Not%20Found%22>;index=1.2"+how+", "+last)
	}

	n := divert(plan.Divert{}, target("sip:a@192.0.2.11", func(t *plan.Target) { t.Redirect = plan.RedirectFollow }))
	r := newRig(t, always(serial(to("sip:100@192.0.2.14"), n)), 1)
	r.phone("sip:100@192.0.2.14", sim.Status(486, nil))
	r.phone("sip:a@192.0.2.11", sim.Status(302, nil, sim.Header{Name: "Contact", Value: "<sip:b@192.0.2.12>;mp=1"}))
	b := r.phone("sip:b@192.0.2.12", sim.After(0))
	r.call(sim.CallSpec{To: "sip:100@192.0.2.14", HangupAfter: seconds(1)})
	want(t, b.Received("INVITE")[0], "History-Info", "<sip:100@192.0.2.14>;index=1, <sip:100@192.0.2.14?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1.1;np=1, "+
		"<sip:a@192.0.2.11;cause=486?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%20Temporarily%22>;index=1.2;mp=1, <sip:b@192.0.2.12>;index=1.3;mp=1.2")
}

// Session-ID passes with every message that passes, in both directions. What is the engine's own has none: without knowing the
// identifiers of both ends it must not make one up (RFC 7989 §7).
func TestRFC_114_SessionID(t *testing.T) {
	const alice, a, none = "0a", "0b", "00"
	id := func(local, remote string) sim.Header {
		uuid := func(s string) (all string) {
			for range 16 {
				all += s
			}
			return all
		}
		return sim.Header{Name: "Session-ID", Value: uuid(local) + ";remote=" + uuid(remote)}
	}
	first, answer, later := id(alice, none), id(a, alice), id(alice, a)
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))), 1)
	callee := r.phone("sip:a@192.0.2.11", sim.Behaviour{
		sim.Send(180, answer), sim.Answer(answer).In(time.Second), sim.Ask("INVITE", answer).In(time.Second), sim.Bye(answer).In(3 * time.Second),
	})
	loser := r.phone("sip:b@192.0.2.12", sim.Never())
	r.call(sim.CallSpec{Headers: []sim.Header{first}, Answered: sim.Behaviour{sim.Ask("INFO", later).In(2 * time.Second)}})
	for _, c := range []struct {
		phone *sim.Phone
		what  string
		want  []string
	}{
		{callee, "INVITE", []string{first.Value}},
		{loser, "INVITE", []string{first.Value}},
		{r.caller, "180 INVITE", []string{answer.Value}},
		{r.caller, "200 INVITE", []string{answer.Value}},
		{r.caller, "INVITE", []string{answer.Value}},
		{callee, "INFO", []string{later.Value}},
		{r.caller, "BYE", []string{answer.Value}},
		{loser, "CANCEL", nil},
	} {
		got := c.phone.Received(c.what)
		if len(got) == 0 {
			t.Fatalf("%s got no %s", c.phone.Name(), c.what)
		}
		want(t, got[0], "Session-ID", c.want...)
	}
}
