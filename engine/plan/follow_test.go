package plan

import "testing"

// `redirected`, option `redirect` and 3xx recursion.

// "redirected: 3xx of a target; branch.contacts in q order; may return a plan in its place …".
func TestRedirectedGivesAPlan(t *testing.T) {
	r := newRig(t, Limits{})
	r.redirect = gives(to("x"))
	cs := []Contact{contact("l", 100), contact("h", 900), contact("m", 500), contact("h2", 900)}
	r.start(parallel(to("a", passes), to("b"))).at(2).final("a", 302, cs...).
		asked("2 redirected a 302").want("0 invite a", "0 invite b", "2 invite x")
	var got []string
	for _, c := range r.last.Contacts {
		got = append(got, c.User)
	}
	if want := [4]string{"h", "h2", "m", "l"}; len(got) != 4 || [4]string(got) != want {
		t.Errorf("contacts %q", got)
	}
	if cs[0].User != "l" || r.last.Elapsed != sec(2) || r.last.Outcome != NoOutcome {
		t.Errorf("step %+v", r.last)
	}
	// The 3xx was answered with a plan: it does not count, although the policy is pass.
	r.final("b", 500).final("x", 500).want("0 invite a", "0 invite b", "2 invite x", "2 respond 500 of b")
}

// "… or nil = the policy (deny by default)": the branch has failed, its edges are asked, "denied 3xx do not
// count".
func TestRedirectDeny(t *testing.T) {
	c := contact("x", 1000)
	start(t, to("a")).final("a", 300).asked("0 redirected a 300", "0 failed a 300")
	start(t, to("a")).final("a", 400).asked("0 failed a 400")
	start(t, serial(to("a"), to("b"))).final("a", 302, c).final("b", 500).
		asked("0 redirected a 302", "0 failed a 302", "0 failed b 500").
		want("0 invite a", "0 invite b", "0 respond 500 of b")
	start(t, parallel(to("a", on(Failed, to("vm"))))).final("a", 302, c).
		asked("0 redirected a 302").want("0 invite a", "0 invite vm")
	start(t, parallel(to("a"))).final("a", 302, c).asked("0 redirected a 302", "0 failed a 302").
		want("0 invite a", "0 respond 480")
}

// A contact is not challenged for the credentials of the target that named it.
func TestRedirectFollowKeepsCredentials(t *testing.T) {
	a := to("a", follows)
	a.Target.Auth = Auth{Login: &Login{User: "pbx", Password: "secret"}}
	r := start(t, a).final("a", 302, contact("x", 1000))
	if got := r.raw[len(r.raw)-1].Target; got.URI != "sip:x@192.0.2.1" || got.Auth != (Auth{}) {
		t.Errorf("target %+v", got)
	}
	if l := a.Target.Auth.Login; l == nil || l.User != "pbx" {
		t.Error("the target lost its own")
	}
}

// Policy pass: the 3xx counts as the branch's response.
func TestRedirectPass(t *testing.T) {
	r := start(t, serial(to("a", passes), to("b"))).final("a", 302, contact("x", 1000)).
		asked("0 redirected a 302", "0 failed a 302")
	r.final("b", 486).want("0 invite a", "0 invite b", "0 respond 302 of a")
}

// Follow: by descending q one after the other, equal ones together; the 3xx is used up.
func TestRedirectFollow(t *testing.T) {
	cs := []Contact{contact("l", 100), contact("h", 900), contact("k", 900), contact("m", 500)}
	for _, how := range []string{"policy", "handler"} {
		r := newRig(t, Limits{})
		a := to("a", line(5), headers(Header{Name: "X"}), sixBranch, passAuth, follows, registered, ring(20), name("desk"), on(Busy, to("vm")))
		if how == "handler" {
			r.redirect = gives(&Node{Kind: KindFollow})
			a.Target.Redirect = RedirectPass
		}
		r.start(serial(a, to("b"))).at(1).final("a", 302, cs...)
		target := r.raw[0].Target
		if target.URI != "sip:h@192.0.2.1" || target.Key != target.URI || target.On6xx != SixBranch ||
			target.Redirect != a.Target.Redirect || !target.Auth.Pass || target.Registered || target.Headers[0].Name != "X" {
			t.Errorf("target %+v", target)
		}
		if s := r.e.Branch(2); s.Name != "" || s.Attempt != 1 || s.Pos.Line != 5 {
			t.Errorf("step %+v", s)
		}
		r.at(2).final("h", 600).at(3).final("k", 486).at(24)
		r.final("l", 401).final("b", 503).want(
			"0 invite a", "1 invite h", "1 invite k", "3 invite m", "23 cancel m", "23 invite l", // its ring time each
			"24 invite b", "24 respond 600 of h",
		)
	}
}

// "ringing, redirected, answered are per target wherever it stands." Inside a parallel group the contacts ring
// together with the rest, and under the clocks of its groups.
func TestRedirectFollowInParallel(t *testing.T) {
	start(t, parallel(to("a", follows), to("b")).with(ring(20))).at(5).final("a", 302, contact("x", 1000)).asked("5 redirected a 302").at(20).
		want("0 invite a", "0 invite b", "5 invite x", "20 cancel x", "20 cancel b", "20 respond 480")
}

// A contact stands in the redirecting target's place: alone in a serial group it asks the route handler.
func TestRedirectFollowAsks(t *testing.T) {
	r := start(t, to("a", follows)).final("a", 302, contact("x", 1000)).final("x", 486).
		asked("0 redirected a 302", "0 busy x 486").want("0 invite a", "0 invite x", "0 respond 486 of x")
	if r.last.Attempt != 2 {
		t.Errorf("attempt %d", r.last.Attempt)
	}
	start(t, to("a", follows)).final("a", 302, contact("x", 1000), contact("y", 1000)).final("x", 486).final("y", 404).
		asked("0 redirected a 302", "0 busy x 486")
}

// "In 3xx recursion each URI once per call." RFC 3261 §8.1.3.4, §16.5.
func TestRedirectFollowTriesEachURIOnce(t *testing.T) {
	a, b, x := contact("a", 1000), contact("b", 1000), contact("x", 1000)
	start(t, to("a", follows)).final("a", 302, a).asked("0 redirected a 302", "0 failed a 302").
		want("0 invite a", "0 respond 480") // itself
	start(t, serial(to("b"), to("a", follows))).final("b", 486).final("a", 302, b).
		want("0 invite b", "0 invite a", "0 respond 486 of b") // tried by the plan
	start(t, parallel(to("b"), to("a", follows))).final("a", 302, b).want("0 invite b", "0 invite a") // rings now
	start(t, to("a", follows)).final("a", 302, x, x).want("0 invite a", "0 invite x")
	start(t, to("a", follows)).final("a", 302, b).final("b", 302, a, x).final("x", 302, b).
		want("0 invite a", "0 invite b", "0 invite x", "0 respond 480") // a loop
	// One that another 3xx has taken up, and not yet come to.
	low := contact("x", 10)
	start(t, parallel(to("a", follows), to("b", follows))).final("a", 302, contact("y", 1000), low).final("b", 302, low).
		at(1).final("y", 404).want("0 invite a", "0 invite b", "0 invite y", "1 invite x")
	// One that the plan itself has tried before its turn comes.
	start(t, parallel(to("a", follows), serial(to("b"), to("x")))).final("a", 302, contact("y", 1000), low).
		final("b", 404).final("x", 486).final("y", 404).
		want("0 invite a", "0 invite b", "0 invite y", "0 invite x", "0 respond 486 of x")
}

// A sips target does not become sip; what is no SIP URI cannot be rung.
func TestRedirectFollowSchemes(t *testing.T) {
	secure := func(n *Node) { n.Target.URI = "SIPS:a@192.0.2.1"; n.Target.Key = "" }
	as := func(uri string) Contact { return Contact{URI: uri, User: uri, Q: 1000} }
	start(t, to("a", follows, secure)).final("a", 302, as("sip:x@h"), as("tel:1"), as("sips:x@h")).
		want("0 invite a", "0 invite sips:x@h")
	start(t, to("a", follows)).final("a", 302, as("mailto:x@h"), as("SIP:x@h"), as("sips:x@h")).
		want("0 invite a", "0 invite SIP:x@h", "0 invite sips:x@h")
}

// A follow counts as a replacement.
func TestRedirectFollowIsBounded(t *testing.T) {
	r := newRig(t, Limits{Replacements: 2})
	r.start(to("a", follows)).final("a", 302, contact("b", 1000)).final("b", 302, contact("c", 1000)).
		final("c", 302, contact("d", 1000)).want("0 invite a", "0 invite b", "0 invite c", "0 respond 480")
	if got := r.asks[len(r.asks)-1]; got != "0 bound 2 replacements in one place" {
		t.Errorf("asked %q", got)
	}
}
