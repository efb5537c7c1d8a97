package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"tandem/engine"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// Callers are at 192.0.2.100, targets at 192.0.2.11.
const (
	callerInside = "192.0.2.100/32"
	targetInside = "192.0.2.11/32"
)

// personal is what a caller says of itself.
var personal = []sim.Header{
	{Name: "P-Asserted-Identity", Value: "<sip:+4930555@example.net>, <tel:+4930555>"},
	{Name: "Remote-Party-ID", Value: "<sip:+4930555@example.net>;party=calling"},
	{Name: "P-Preferred-Identity", Value: "<sip:boss@example.net>"},
	{Name: "Subject", Value: "lunch"},
	{Name: "Call-Info", Value: "<http://example.net/alice.png>;purpose=icon"},
	{Name: "Organization", Value: "Example"},
	{Name: "Reply-To", Value: "<sip:alice@example.net>"},
	{Name: "In-Reply-To", Value: "before@example.net"},
	{Name: "Identity", Value: "eyJ;info=<https://example.net/c.cer>;alg=ES256"},
	{Name: "History-Info", Value: "<sip:100@example.net?Reason=SIP%3Bcause%3D302>;index=1, <sip:200@example.net?Privacy=history>;index=1.1;mp=1"},
	{Name: "Diversion", Value: "<sip:100@example.net>;reason=no-answer, \"Bob\" <sip:101@example.net>;reason=away;privacy=full"},
}

// What is asserted of a caller, and what the caller wants to keep private, at each edge of the trust domain.
func TestRFC_099_Edges(t *testing.T) {
	const (
		pai, rpid = "<sip:+4930555@example.net>, <tel:+4930555>", "<sip:+4930555@example.net>;party=calling"
		own       = "<sip:4989@pbx.example>"
		anonymous = `"Anonymous" <sip:anonymous@anonymous.invalid>`
		alice     = "<sip:alice@192.0.2.100>"
		hidden    = "<sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D302>;index=1, <sip:anonymous@anonymous.invalid>;index=1.1;mp=1"

		hiddenDivert = "<sip:anonymous@anonymous.invalid>;reason=no-answer, <sip:anonymous@anonymous.invalid>;reason=away;privacy=full"

		hi = "<sip:100@example.net?Reason=SIP%3Bcause%3D302>;index=1, "
	)
	inside := []string{callerInside, targetInside}
	for name, c := range map[string]struct {
		trusted []string
		privacy string
		change  func(t *plan.Target)
		pai     []string
		rpid    []string
		from    string
		left    []string // of Privacy
		gone    string   // fields that are not there
		history string
		divert  string
	}{
		"nobody is trusted":           {from: alice},
		"the caller is":               {trusted: []string{callerInside}, pai: []string{pai}, rpid: []string{rpid}, from: alice},
		"the target is":               {trusted: []string{targetInside}, from: alice, history: personal[9].Value, divert: personal[10].Value},
		"both are":                    {trusted: inside, privacy: "user;id;history", pai: []string{pai}, rpid: []string{rpid}, from: alice, left: []string{"user;id;history"}, history: personal[9].Value, divert: personal[10].Value},
		"the script trusts":           {trusted: []string{callerInside}, privacy: "id", change: func(t *plan.Target) { t.Trust = plan.TrustYes }, pai: []string{pai}, rpid: []string{rpid}, from: alice, left: []string{"id"}, history: personal[9].Value, divert: personal[10].Value},
		"the script does not":         {trusted: inside, privacy: "id", change: func(t *plan.Target) { t.Trust = plan.TrustNo }, from: alice, left: []string{"id"}},
		"id":                          {trusted: []string{callerInside}, privacy: "id", from: alice, left: []string{"id"}},
		"id, and the script asserts":  {trusted: []string{callerInside}, privacy: "ID", change: clip(own), from: alice, left: []string{"ID"}},
		"id, and the script sets it":  {privacy: "id", change: func(t *plan.Target) { t.Headers = []plan.Header{{Name: "p-asserted-identity", Value: own}} }, from: alice, left: []string{"id"}},
		"the script asserts":          {change: clip(own), pai: []string{own}, from: alice},
		"none":                        {trusted: []string{callerInside}, privacy: "none", change: func(t *plan.Target) { t.Privacy = "user;id" }, pai: []string{pai}, rpid: []string{rpid}, from: alice, left: []string{"none"}},
		"none of who is not trusted":  {privacy: "none", from: alice, left: []string{"none"}},
		"user":                        {trusted: []string{callerInside}, privacy: "user", from: anonymous, gone: "Subject Call-Info Organization Reply-To In-Reply-To"},
		"user, and the script's From": {privacy: "user", change: func(t *plan.Target) { t.From = &plan.From{User: "4930555"} }, from: anonymous, gone: "Subject"},
		"header":                      {privacy: "header", from: alice, gone: "Call-Info Organization", history: hidden, divert: hiddenDivert},
		"history":                     {privacy: "history", from: alice, history: hidden, divert: hiddenDivert},
		"the script asks":             {trusted: []string{callerInside}, change: func(t *plan.Target) { t.Privacy = "user;id" }, from: anonymous, left: []string{"id"}, gone: "Subject"},
		"the script asks inside":      {trusted: inside, privacy: "history", change: func(t *plan.Target) { t.Privacy = "history;id" }, pai: []string{pai}, rpid: []string{rpid}, from: alice, left: []string{"history;id"}, history: personal[9].Value, divert: personal[10].Value},
		"the script writes it":        {trusted: []string{targetInside}, privacy: "user", change: writes("id"), from: alice, left: []string{"id"}, history: personal[9].Value, divert: personal[10].Value},
		"and it goes out":             {privacy: "user;session", change: writes("id"), from: anonymous, left: []string{"id"}, gone: "Subject", history: hidden, divert: hiddenDivert},
		"the script takes it away":    {trusted: inside, change: writes(""), pai: []string{pai}, rpid: []string{rpid}, from: alice, history: personal[9].Value, divert: personal[10].Value},
		"session, which is not to be": {trusted: []string{callerInside}, privacy: "session", pai: []string{pai}, rpid: []string{rpid}, from: alice, left: []string{"session"}},
		"critical":                    {privacy: "user;critical", from: anonymous},
		"critical, and more is left":  {privacy: "user;id;critical", from: anonymous, left: []string{"id;critical"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) {
				if c.change != nil {
					c.change(t)
				}
			})), 1, trusting(c.trusted...))
			a := r.phone("sip:a@192.0.2.11", sim.After(0))
			headers := personal
			if c.privacy != "" {
				headers = append(headers[:len(headers):len(headers)], sim.Header{Name: "Privacy", Value: c.privacy})
			}
			r.call(sim.CallSpec{Headers: headers, HangupAfter: seconds(1)})
			l := a.Received("INVITE")[0]
			if c.history == "" {
				c.history = hi + "<sip:anonymous@anonymous.invalid>;index=1.1;mp=1"
			}
			if c.divert == "" {
				c.divert = "<sip:100@example.net>;reason=no-answer, <sip:anonymous@anonymous.invalid>;reason=away;privacy=full"
			}
			want(t, l, "P-Asserted-Identity", c.pai...)
			want(t, l, "Remote-Party-ID", c.rpid...)
			want(t, l, "P-Preferred-Identity")
			want(t, l, "Privacy", c.left...)
			want(t, l, "History-Info", c.history)
			want(t, l, "Diversion", c.divert)
			if from := header(t, l, "From")[0]; !strings.HasPrefix(from, c.from+";tag=") {
				t.Errorf("From: %s", from)
			}
			for _, h := range personal[3:9] { // RFC 8224 §11: Identity stays but for "user"
				var values []string
				if !strings.Contains(c.gone, h.Name) && c.from != anonymous {
					values = []string{h.Value}
				}
				want(t, l, h.Name, values...)
			}
		})
	}
}

// writes has the script ask for privacy, and write Privacy itself; "" = take it away.
func writes(value string) func(t *plan.Target) {
	return func(t *plan.Target) {
		t.Privacy = "history"
		t.Headers = []plan.Header{{Name: "Privacy", Value: value, Remove: value == ""}}
	}
}

func clip(uri string) func(t *plan.Target) {
	return func(t *plan.Target) { t.Clip = &plan.Header{Name: "P-Asserted-Identity", Value: uri} }
}

// The caller stays anonymous for the whole call: in what it sends, in its answers, and in its Contact. It sees itself as it is.
func TestRFC_099_Dialog(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer())
	said := []sim.Header{personal[0], personal[3]}
	call := r.place(sim.CallSpec{Headers: append(said[:2:2], sim.Header{Name: "Privacy", Value: "user;id"})})
	call.Request(at(2e9), "INVITE", said, nil)
	call.Request(at(3e9), "MESSAGE", said, nil)
	r.caller.Reply("INFO", sim.Reply{Code: 200, Headers: said})
	r.until(at(4e9))
	a.Incoming()[0].Request(at(5e9), "INFO", nil, nil)
	call.Bye(at(6e9))
	r.run()
	n := 0
	for _, l := range a.Log() {
		if l.Sent {
			continue
		}
		n++
		head, _, _ := strings.Cut(string(l.Raw), "\r\n\r\n") // what is in the session description is a matter of session privacy
		for _, secret := range []string{"alice", "4930555", "lunch", "192.0.2.100"} {
			if strings.Contains(head, secret) {
				t.Errorf("%s is in\n%s", secret, head)
			}
		}
		if !parsed(t, l).IsRequest() {
			continue
		}
		if from := header(t, l, "From")[0]; !strings.HasPrefix(from, `"Anonymous" <sip:anonymous@anonymous.invalid>;tag=`) && !strings.HasPrefix(from, "<sip:anonymous@anonymous.invalid>;tag=") {
			t.Errorf("From in\n%s", head)
		}
	}
	if n < 7 {
		t.Errorf("the callee got %d messages", n)
	}
	for _, l := range r.caller.Received("INFO") {
		if !strings.Contains(string(l.Raw), "alice@192.0.2.100") {
			t.Errorf("the caller does not know itself in\n%s", l.Raw)
		}
	}
}

// What a callee asserts of itself goes to the caller only if it is trusted, and is private if it wants that.
func TestRFC_099_Responses(t *testing.T) {
	asserted := sim.Header{Name: "P-Asserted-Identity", Value: "<sip:callee@example.net>"}
	for name, c := range map[string]struct {
		trusted []string
		privacy string
		want    []string
		user    string // in Contact
	}{
		"nobody is trusted":   {nil, "", nil, "a@"},
		"the callee is":       {[]string{targetInside}, "", []string{asserted.Value}, "a@"},
		"and wants privacy":   {[]string{targetInside}, "id;user", nil, ""},
		"which is for others": {[]string{targetInside, callerInside}, "id;user", []string{asserted.Value}, "a@"},
	} {
		t.Run(name, func(t *testing.T) {
			headers := []sim.Header{asserted}
			if c.privacy != "" {
				headers = append(headers, sim.Header{Name: "Privacy", Value: c.privacy})
			}
			for _, does := range []sim.Behaviour{
				{sim.Send(180, headers...), sim.Answer(headers...).In(1e9)},
				sim.Status(486, nil, headers...),
			} {
				r := newRig(t, always(to("sip:a@192.0.2.11")), 1, trusting(c.trusted...))
				r.phone("sip:a@192.0.2.11", does)
				call := r.call(sim.CallSpec{HangupAfter: seconds(1)})
				for _, code := range []string{"180", "200 INVITE", "486"} {
					for _, l := range r.caller.Received(code) {
						want(t, l, "P-Asserted-Identity", c.want...)
						if code != "486" {
							want(t, l, "Contact", "<sip:"+c.user+"192.0.2.1:5060>")
						}
					}
				}
				if call.Final() != 200 && call.Final() != 486 {
					t.Errorf("ended with %d", call.Final())
				}
			}
		})
	}
}

// Privacy that is critical and cannot be had is no call: 500, and the reason names what is missing.
func TestRFC_099_Critical(t *testing.T) {
	for name, c := range map[string]struct {
		trusted []string
		privacy string
		final   int
		phrase  string
	}{
		"session": {nil, "session;user;critical", 500, "Privacy Failure: session"},
		"unknown": {nil, "x-veil;id;critical", 500, "Privacy Failure: x-veil"},
		"inside":  {[]string{targetInside}, "session;critical", 200, "OK"},
		"can be":  {nil, "user;header;id;history;critical", 200, "OK"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.11")), 1, trusting(c.trusted...))
			a := r.phone("sip:a@192.0.2.11", sim.After(0))
			call := r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Privacy", Value: c.privacy}}, HangupAfter: seconds(1)})
			got := first(t, r.caller, map[int]string{500: "500", 200: "200 INVITE"}[c.final])
			if call.Final() != c.final || string(got.Phrase()) != c.phrase || c.final == 500 && len(a.Log()) > 0 {
				t.Errorf("%d %s; the target got %d messages", call.Final(), got.Phrase(), len(a.Log()))
			}
		})
	}
}

// Requests outside dialogs, and their responses, are held to the same.
func TestRFC_099_OutsideDialogs(t *testing.T) {
	for name, c := range map[string]struct {
		trusted  []string
		privacy  string
		from     string
		asserted []string
		code     string
	}{
		"nobody is trusted":  {nil, "", "<sip:alice@192.0.2.100>", nil, "200"},
		"the sender is":      {[]string{callerInside}, "", "<sip:alice@192.0.2.100>", []string{"<sip:alice@example.net>"}, "200"},
		"but wants privacy":  {[]string{callerInside}, "user", `"Anonymous" <sip:anonymous@anonymous.invalid>`, nil, "200"},
		"that cannot be had": {nil, "session;critical", "", nil, "500"},
	} {
		t.Run(name, func(t *testing.T) {
			s := always(nil)
			s.request = func(engine.Call) *plan.Node { return to("sip:a@192.0.2.11") }
			r := newRig(t, s, 1, trusting(c.trusted...))
			a := r.phone("sip:a@192.0.2.11")
			a.Reply("MESSAGE", sim.Reply{Code: 200, Headers: []sim.Header{{Name: "P-Asserted-Identity", Value: "<sip:callee@example.net>"}}})
			more := "P-Asserted-Identity: <sip:alice@example.net>\r\n"
			if c.privacy != "" {
				more += "Privacy: " + c.privacy + "\r\n"
			}
			r.write(r.caller, 0, written{method: "MESSAGE", more: more}.String())
			r.run()
			count(t, r.caller, c.code, 1)
			if c.code == "500" {
				count(t, a, "MESSAGE", 0)
				return
			}
			l := a.Received("MESSAGE")[0]
			want(t, l, "P-Asserted-Identity", c.asserted...)
			want(t, r.caller.Received("200")[0], "P-Asserted-Identity")
			if from := header(t, l, "From")[0]; !strings.HasPrefix(from, c.from+";tag=") {
				t.Errorf("From: %s", from)
			}
		})
	}
}

// What a plan tells of its own diversions is as private as what came in.
func TestRFC_099_OwnDiversions(t *testing.T) {
	for privacy, hidden := range map[string]bool{"": false, "id": false, "history": true} {
		n := &plan.Node{Kind: plan.KindSerial, Divert: &plan.Divert{}, Members: []*plan.Node{to("sip:a@192.0.2.11")}}
		r := newRig(t, always(n), 1)
		a := r.phone("sip:a@192.0.2.11", sim.After(0))
		var headers []sim.Header
		if privacy != "" {
			headers = []sim.Header{{Name: "Privacy", Value: privacy}}
		}
		r.call(sim.CallSpec{Headers: headers, HangupAfter: seconds(1)})
		l := a.Received("INVITE")[0]
		for _, field := range []string{"Diversion", "History-Info"} {
			if v := header(t, l, field)[0]; strings.Contains(v, "pbx.example") == hidden {
				t.Errorf("Privacy %q: %s: %s", privacy, field, v)
			}
		}
	}
}

// Who is redirected to is not trusted because the one who redirects is.
func TestRFC_099_Redirected(t *testing.T) {
	desk := target("sip:a@192.0.2.11", func(t *plan.Target) { t.Redirect, t.Trust = plan.RedirectFollow, plan.TrustYes })
	r := newRig(t, always(desk), 1, trusting(callerInside))
	a := r.phone("sip:a@192.0.2.11", sim.Status(302, nil, sim.Header{Name: "Contact", Value: "<sip:b@192.0.2.12>"}))
	b := r.phone("sip:b@192.0.2.12", sim.After(0))
	r.call(sim.CallSpec{Headers: append(personal[:1:1], sim.Header{Name: "Privacy", Value: "id"}), HangupAfter: seconds(1)})
	want(t, a.Received("INVITE")[0], "P-Asserted-Identity", personal[0].Value)
	want(t, b.Received("INVITE")[0], "P-Asserted-Identity")
}

// A source whose identities are not believed is told of in the log, once.
func TestRFC_099_Disbelief(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 3)
	r.phone("sip:a@192.0.2.11")
	for i := range 12 { // of every shard some
		r.call(sim.CallSpec{CallID: fmt.Sprint("call", i), Headers: personal[:1], HangupAfter: seconds(1)})
	}
	if n := r.logs.FilterMessageSnippet("not trusted").Len(); n != 1 {
		t.Errorf("told %d times", n)
	}
}
