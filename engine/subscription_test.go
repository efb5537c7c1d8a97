package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/sim"
)

// events is a subscriber and a notifier with us between them. They write what they say themselves, byte by byte.
type events struct {
	*rig
	notifier *sim.Phone
	method   string
	x        *sim.Exchange
	out, in  *message.Message // the request as it was sent, and as it came
	seq      int
}

// subscribed has the caller send a SUBSCRIBE, or a REFER, which the notifier takes for a time.
func subscribed(t *testing.T, method, expires string, headers ...sim.Header) *events {
	t.Helper()
	e := eventsRig(t, method)
	e.notifier.Reply(method, sim.Reply{Code: 202, Headers: []sim.Header{
		{Name: "Expires", Value: expires}, {Name: "Contact", Value: "<sip:bob@192.0.2.11>"}, {Name: "X-Back", Value: "yes"},
	}})
	e.ask(headers...)
	if e.x.Code() != 202 {
		t.Fatalf("%s got %d", method, e.x.Code())
	}
	return e
}

func eventsRig(t *testing.T, method string) *events {
	r := newRig(t, requests(to("sip:bob@192.0.2.11")), 1)
	r.odd = true // they keep no dialogs
	e := &events{rig: r, method: method, notifier: r.phone("sip:bob@192.0.2.11"), seq: 40}
	e.caller.Reply("NOTIFY", sim.Reply{Code: 200, Headers: []sim.Header{{Name: "X-Back", Value: "yes"}}})
	return e
}

func (e *events) ask(headers ...sim.Header) {
	e.t.Helper()
	headers = append([]sim.Header{{Name: "Event", Value: "dialog"}, {Name: "Record-Route", Value: "<sip:192.0.2.100;lr>"}}, headers...)
	e.x = e.caller.Request(e.net.Now(), sim.RequestSpec{Method: e.method, To: "sip:bob@pbx.example", Dest: dest, Headers: headers})
	e.step(100 * time.Millisecond)
	e.out, e.in = parsed(e.t, e.caller.Sent(e.method)[0]), first(e.t, e.notifier, e.method)
}

func (e *events) step(d time.Duration) { e.until(e.net.Now().Add(d)) }

// notify has the notifier with a tag say something of the state.
func (e *events) notify(tag, state string, more ...string) {
	e.seq++
	w := written{
		method: "NOTIFY", uri: "sip:alice@192.0.2.1", via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKn%s%d", tag, e.seq),
		from: string(e.in.Get(message.To)) + ";tag=" + tag, to: string(e.in.Get(message.From)), callID: string(e.in.CallID()),
		cseq: fmt.Sprintf("%d NOTIFY", e.seq), more: "Subscription-State: " + state + "\r\nX-On: yes\r\n" + strings.Join(more, ""), body: "state",
	}
	e.write(e.notifier, e.net.Now(), strings.Replace(w.String(), "alice@192.0.2.100>\r\nSub", "bob@192.0.2.11>\r\nSub", 1))
	e.step(100 * time.Millisecond)
}

// refresh has the subscriber ask for more time.
func (e *events) refresh(tag, more string) {
	e.seq++
	e.write(e.caller, e.net.Now(), written{
		method: "SUBSCRIBE", uri: "sip:bob@192.0.2.1", via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKs%d", e.seq),
		from: string(e.out.Get(message.From)), to: string(e.out.Get(message.To)) + ";tag=" + tag, callID: string(e.out.CallID()),
		cseq: fmt.Sprintf("%d SUBSCRIBE", e.seq), more: more,
	}.String())
	e.step(100 * time.Millisecond)
}

func (e *events) theirTag() string {
	return string(parsed(e.t, e.notifier.Sent("202 " + e.method)[0]).ToTag())
}
func (e *events) ourTag() string { return string(e.x.Message().ToTag()) }

// answers returns what a phone was answered to its requests with a method, in order, copies left out.
func answers(t *testing.T, p *sim.Phone, method string) []int {
	t.Helper()
	var codes []int
	for _, l := range p.Received("") {
		if m := parsed(t, l); !m.IsRequest() && string(m.MethodName()) == method && m.Status() >= 200 {
			codes = append(codes, m.Status())
		}
	}
	return codes
}

var dest = flow.Flow{Remote: pbx}

// A SUBSCRIBE or a REFER outside a call makes two dialogs: what is said in one is said in the other, under its names.
func TestRFC_106_SubscriptionPasses(t *testing.T) {
	e := subscribed(t, "SUBSCRIBE", "600")
	if got := e.x.Message().Get(message.RecordRoute); string(got) != "<sip:192.0.2.100;lr>" || len(e.x.Message().Get(message.Contact)) == 0 {
		t.Errorf("the 202 makes a dialog; Record-Route %q", got)
	}
	e.notify(e.theirTag(), "active;expires=600")
	e.refresh(e.ourTag(), "Expires: 900\r\nEvent: dialog\r\n")
	e.notify(e.theirTag(), "active;expires=900")
	if got := answers(t, e.notifier, "NOTIFY"); !slices.Equal(got, []int{200, 200}) {
		t.Errorf("NOTIFY answered %v", got)
	}
	if got := answers(t, e.caller, "SUBSCRIBE"); !slices.Equal(got, []int{202, 202}) {
		t.Errorf("SUBSCRIBE answered %v", got)
	}
	for i, l := range e.caller.Received("NOTIFY") {
		want(t, l, "Call-ID", string(e.out.CallID()))
		want(t, l, "From", string(e.out.Get(message.To))+";tag="+e.ourTag())
		want(t, l, "To", string(e.out.Get(message.From)))
		want(t, l, "CSeq", fmt.Sprintf("%d NOTIFY", i+1))
		want(t, l, "Contact", "<sip:bob@192.0.2.1:5060>")
		want(t, l, "Route", "<sip:192.0.2.100;lr>")
		want(t, l, "X-On", "yes")
		want(t, l, "Max-Forwards", "69")
		if body(t, l) != "state" {
			t.Error("the body is lost")
		}
	}
	count(t, e.caller, "NOTIFY", 2)
	want(t, e.notifier.Received("200 NOTIFY")[0], "X-Back", "yes")
	if len(e.notifier.Received("SUBSCRIBE")) != 2 {
		t.Fatal("the refresh did not pass")
	}
	again := e.notifier.Received("SUBSCRIBE")[1]
	want(t, again, "Call-ID", string(e.in.CallID()))
	want(t, again, "To", string(e.in.Get(message.To))+";tag="+e.theirTag())
	want(t, again, "From", string(e.in.Get(message.From)))
	want(t, again, "CSeq", "2 SUBSCRIBE")
	want(t, again, "Expires", "900")
	e.notify(e.theirTag(), "terminated;reason=timeout")
	e.notify(e.theirTag(), "active") // what comes after the end is in no dialog
	if got := answers(t, e.notifier, "NOTIFY"); !slices.Equal(got, []int{200, 200, 200, 481}) {
		t.Errorf("NOTIFY answered %v", got)
	}
	e.run()
}

// Each way in which a subscription ends leaves nothing, at the time at which it has to.
func TestRFC_106_SubscriptionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(e *events)
		alive time.Duration // the subscription is there still
		dead  time.Duration // and then not any more
	}{
		"no NOTIFY comes":       {func(*events) {}, 31 * time.Second, 33 * time.Second},
		"granted, then silence": {func(e *events) { e.notify(e.theirTag(), "active") }, 631 * time.Second, 633 * time.Second},
		"the state says when":   {func(e *events) { e.notify(e.theirTag(), "active;expires=60") }, 91 * time.Second, 93 * time.Second},
		"refreshed": {func(e *events) {
			e.notify(e.theirTag(), "active;expires=60")
			e.refresh(e.ourTag(), "Expires: 900\r\nEvent: dialog\r\n")
		}, 631 * time.Second, 633 * time.Second},
		"refresh refused for now": {func(e *events) {
			e.notify(e.theirTag(), "active")
			e.notifier.Reply("SUBSCRIBE", sim.Reply{Code: 500})
			e.refresh(e.ourTag(), "")
		}, 631 * time.Second, 633 * time.Second},
		"refresh finds nothing": {func(e *events) {
			e.notify(e.theirTag(), "active")
			e.notifier.Reply("SUBSCRIBE", sim.Reply{Code: 481})
			e.refresh(e.ourTag(), "")
		}, 0, time.Second},
		"NOTIFY finds nothing": {func(e *events) {
			e.caller.Reply("NOTIFY", sim.Reply{Code: 481})
			e.notify(e.theirTag(), "active")
		}, 0, time.Second},
		"NOTIFY is not answered": {func(e *events) {
			e.caller.Reply("NOTIFY", sim.Reply{})
			e.notify(e.theirTag(), "active")
		}, 31 * time.Second, 33 * time.Second},
		"terminated": {func(e *events) { e.notify(e.theirTag(), "Terminated ; reason=noresource") }, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			e := subscribed(t, "SUBSCRIBE", "600")
			c.do(e)
			began := e.net.Now()
			probe := func(at time.Duration, want int) {
				t.Helper()
				e.until(began.Add(at))
				e.seq++
				e.write(e.notifier, e.net.Now(), written{
					method: "OPTIONS", via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKp%d", e.seq), from: string(e.in.Get(message.To)) + ";tag=" + e.theirTag(),
					to: string(e.in.Get(message.From)), callID: string(e.in.CallID()), cseq: fmt.Sprintf("%d OPTIONS", e.seq),
				}.String())
				e.step(10 * time.Millisecond)
				if got := answers(t, e.notifier, "OPTIONS"); got[len(got)-1] != want {
					t.Errorf("after %v OPTIONS got %v, want %d", at, got, want)
				}
			}
			if c.alive > 0 {
				probe(c.alive, 200)
			}
			probe(c.dead, 481)
			e.run()
		})
	}
}

// A NOTIFY may be faster than the 2xx, and a forked SUBSCRIBE comes to several subscriptions (RFC 6665 §4.4.1).
func TestSubscriptionOfEarlyNotify(t *testing.T) {
	e := eventsRig(t, "SUBSCRIBE")
	e.notifier.Reply("SUBSCRIBE", sim.Reply{Code: 200, After: time.Second, Headers: []sim.Header{{Name: "Contact", Value: "<sip:bob@192.0.2.11>"}}})
	e.ask()
	e.notify("other", "active;expires=60", "Record-Route: <sip:192.0.2.11;lr>\r\n")
	e.notify("third", "terminated")
	e.step(time.Second)
	if e.x.Code() != 200 {
		t.Fatalf("SUBSCRIBE got %d", e.x.Code())
	}
	e.notify(string(parsed(t, e.notifier.Sent("200 SUBSCRIBE")[0]).ToTag()), "active;expires=60")
	got := e.caller.Received("NOTIFY")
	if len(got) != 3 {
		t.Fatalf("the subscriber got %d NOTIFY", len(got))
	}
	tags := map[string]bool{}
	for _, l := range got {
		tags[string(parsed(t, l).FromTag())] = true
	}
	if len(tags) != 3 || string(parsed(t, got[2]).FromTag()) != e.ourTag() {
		t.Errorf("tags %v, that of the 200 is %s", tags, e.ourTag())
	}
	e.refresh(string(parsed(t, got[0]).FromTag()), "")
	want(t, e.notifier.Received("SUBSCRIBE")[1], "To", string(e.in.Get(message.To))+";tag=other")
	want(t, e.notifier.Received("SUBSCRIBE")[1], "Route", "<sip:192.0.2.11;lr>")
	e.step(33 * time.Second)
	e.notify("late", "active") // RFC 6665 §4.1.2.4: after Timer N
	if got := answers(t, e.notifier, "NOTIFY"); !slices.Equal(got, []int{200, 200, 200, 481}) {
		t.Errorf("NOTIFY answered %v", got)
	}
	e.run()
}

// What a NOTIFY that was faster than the 2xx has said of its subscription still holds after it: Timer N waits for the first NOTIFY, and that
// has come (RFC 6665 §4.1.2.4).
func TestEarlyNotifyOfTheSameNotifier(t *testing.T) {
	e := eventsRig(t, "SUBSCRIBE")
	e.notifier.Reply("SUBSCRIBE", sim.Reply{})
	e.ask()
	e.notify("bob", "active;expires=600")
	ok := message.AppendField(e.in.AppendResponse(nil, 200, "", []byte("bob"), pbx), "Contact", "<sip:bob@192.0.2.11>")
	e.write(e.notifier, e.net.Now(), string(message.AppendBody(message.AppendField(ok, "Expires", "600"), nil)))
	e.step(2 * time.Minute)
	e.notify("bob", "terminated")
	if got := answers(t, e.notifier, "NOTIFY"); e.x.Code() != 200 || !slices.Equal(got, []int{200, 200}) {
		t.Errorf("SUBSCRIBE got %d, NOTIFY %v", e.x.Code(), got)
	}
	e.run()
}

// What is refused makes no subscription, also if a NOTIFY came first.
func TestSubscriptionRefused(t *testing.T) {
	e := eventsRig(t, "SUBSCRIBE")
	e.notifier.Reply("SUBSCRIBE", sim.Reply{Code: 403, After: time.Second})
	e.ask()
	e.notify("early", "pending")
	e.step(time.Second)
	e.notify("early", "active")
	e.notify("later", "active")
	if got := answers(t, e.notifier, "NOTIFY"); e.x.Code() != 403 || !slices.Equal(got, []int{200, 481, 481}) {
		t.Errorf("SUBSCRIBE got %d, NOTIFY %v", e.x.Code(), got)
	}
	e.run()
}

// A Replaces in a REFER outside a call that names our leg of one becomes the dialog as the far side sees it.
func TestReplacesOutsideCalls(t *testing.T) {
	s := always(to("sip:carol@192.0.2.12"))
	s.request = requests(to("sip:bob@192.0.2.11")).request
	r := newRig(t, s, 3)
	r.odd = true
	bob, carol := r.phone("sip:bob@192.0.2.11"), r.phone("sip:carol@192.0.2.12", sim.After(time.Second))
	r.place(sim.CallSpec{HangupAfter: seconds(30)})
	r.until(at(3 * time.Second))
	refer := func(id, toTag, fromTag string) string {
		return "<sip:carol@pbx.example?Replaces=" + id + "%3Bto-tag%3D" + toTag + "%3Bfrom-tag%3D" + fromTag + ">"
	}
	send := func(to string) {
		r.caller.Request(r.net.Now(), sim.RequestSpec{Method: "REFER", To: "sip:bob@pbx.example", Dest: dest, Headers: []sim.Header{{Name: "Refer-To", Value: to}}})
	}
	id, toTag, fromTag := dialogOf(t, r.caller.Received("200 INVITE")[0])
	send(refer(strings.ReplaceAll(id, "@", "%40"), toTag, fromTag))
	send(refer("nobody", "1", "2"))
	r.run()
	var got []string
	for _, l := range bob.Received("REFER") {
		got = append(got, header(t, l, "Refer-To")...)
	}
	slices.Sort(got)
	id, toTag, fromTag = dialogOf(t, carol.Sent("200 INVITE")[0])
	if want := []string{refer("nobody", "1", "2"), refer(id, toTag, fromTag)}; !slices.Equal(got, want) {
		t.Errorf("Refer-To %q, want %q", got, want)
	}
}

// The id of a subscription that a REFER made is its CSeq number on each side.
func TestReferOutsideCalls(t *testing.T) {
	e := subscribed(t, "REFER", "0", sim.Header{Name: "Refer-To", Value: "<sip:carol@192.0.2.13>"})
	e.notify(e.theirTag(), "active;expires=60", "Event: refer;id=1\r\n")
	e.notify(e.theirTag(), "terminated;reason=noresource", "Event: refer\r\n")
	got := e.caller.Received("NOTIFY")
	if len(got) != 2 {
		t.Fatalf("the referrer got %d NOTIFY", len(got))
	}
	want(t, got[0], "Event", "refer;id=1")
	want(t, got[1], "Event", "refer")
	e.run()
}

// In the dialog of a subscription are subscriptions and nothing else.
func TestSubscriptionTakesNothingElse(t *testing.T) {
	for method, code := range map[string]int{"BYE": 481, "INFO": 481, "INVITE": 403, "REFER": 403, "PUBLISH": 405, "OPTIONS": 200, "MESSAGE": 200} {
		t.Run(method, func(t *testing.T) {
			e := subscribed(t, "SUBSCRIBE", "600")
			e.notifier.Reply("MESSAGE", sim.Reply{Code: 200})
			w := written{
				method: method, via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKx", from: string(e.out.Get(message.From)),
				to: string(e.out.Get(message.To)) + ";tag=" + e.ourTag(), callID: string(e.out.CallID()), cseq: "7 " + method,
			}
			e.write(e.caller, e.net.Now(), w.String())
			w.via, w.cseq = w.via+"2", "6 "+method // a number that is too low
			e.write(e.caller, e.net.Now().Add(time.Second), w.String())
			e.run()
			if got := answers(t, e.caller, method); !slices.Equal(got, []int{code, 500}) {
				t.Errorf("%s answered %v, want %d", method, got, code)
			}
		})
	}
}

// A dialog of a subscription is made by a request with one Contact, and a REFER says whereto.
func TestSubscriptionsNeedAContact(t *testing.T) {
	for name, c := range map[string]struct {
		method, remove, add string
		code                int
	}{
		"SUBSCRIBE without Contact": {"SUBSCRIBE", "Contact: <sip:alice@192.0.2.100>\r\n", "", 400},
		"REFER without Contact":     {"REFER", "Contact: <sip:alice@192.0.2.100>\r\n", "Refer-To: <sip:c@192.0.2.13>\r\n", 400},
		"REFER to nowhere":          {"REFER", "", "", 400},
		"REFER to two":              {"REFER", "", "Refer-To: <sip:c@192.0.2.13>\r\nRefer-To: <sip:d@192.0.2.13>\r\n", 400},
		"REFER":                     {"REFER", "", "Refer-To: <sip:c@192.0.2.13>\r\n", 405},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, requests(nil), 1)
			r.write(r.caller, r.net.Now(), strings.Replace(written{method: c.method, more: c.add}.String(), c.remove, "", 1))
			r.run()
			if got := answers(t, r.caller, c.method); !slices.Equal(got, []int{c.code}) {
				t.Errorf("answered %v, want %d", got, c.code)
			}
		})
	}
}

// Subscriptions count towards the bound on memory, and past it no more of them begin.
func TestSubscriptionsAreBounded(t *testing.T) {
	r := newRig(t, requests(to("sip:bob@192.0.2.11")), 1, func(c *engine.Config) { c.MaxBytes = 64 << 10 })
	r.odd = true
	bob := r.phone("sip:bob@192.0.2.11")
	for range 40 {
		r.caller.Request(r.net.Now(), sim.RequestSpec{Method: "SUBSCRIBE", To: "sip:bob@pbx.example", Dest: dest})
	}
	r.run()
	if n, took := len(r.caller.Received("503")), len(bob.Received("SUBSCRIBE")); n+took != 40 || took == 0 || took > 16 {
		t.Errorf("%d answered 503, %d passed", n, took)
	}
}
