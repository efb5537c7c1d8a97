package seeds

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"tandem/engine"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// requestSpec is a request outside calls: what the script says about it, and what comes of it.
type requestSpec struct {
	At       time.Duration
	Method   string     // MESSAGE, SUBSCRIBE, PUBLISH or REFER
	Reject   int        // what the script has it answered with; 0 = it goes to Peers, and without any the script says nothing
	Peers    []peerSpec // its targets, one after the other
	Asks     []ask      // of the subscriber in each subscription, counted from when it knows of that
	Replies  []reply    // of the subscriber to NOTIFY, one after the other; then 200
	RefuseAt time.Duration
}

// peerSpec is a target.
type peerSpec struct {
	Weather  weather
	After    time.Duration
	Code     int // 0 = it never answers
	Expires  int // of its 2xx to SUBSCRIBE, in seconds
	Trying   bool
	Notifies []notice
	Replies  []reply // in the subscription, one after the other; then 200
	RefuseAt time.Duration
}

// notice is a NOTIFY.
type notice struct {
	At      time.Duration // counted from the SUBSCRIBE
	Tag     int           // tells the notifiers of a target that forks apart
	Over    bool          // the state is terminated
	Expires int           // of the state, in seconds; 0 = not said
	OldSeq  bool          // its CSeq number is too low
	BadTag  bool          // it names a subscription that there is not
}

// outsideField is the header field that says which request of the Spec one is. It passes.
const outsideField = "X-Request"

// outsideOf returns the number of a request outside calls, -1 for any other.
func outsideOf(m *message.Message) int {
	for i := range m.Len() {
		if _, name, v := m.Field(i); string(name) == outsideField {
			if n, err := strconv.Atoi(string(v)); err == nil {
				return n
			}
		}
	}
	return -1
}

// outsideAddr is where a request's target is, -1 for its sender. Nobody else is there: the news that a port is closed is for all who
// wait for that address.
func outsideAddr(request, peer int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(request)*16 + byte(1+peer)}), 5060)
}

func outsideURI(request, peer int) string {
	return "sip:o" + strconv.Itoa(request) + "." + strconv.Itoa(peer) + "@" + outsideAddr(request, peer).String()
}

// Register leaves registrations to the policy.
func (s script) Register(engine.Call, *engine.Registration) *plan.Node { return nil }

// Request is what the script says about a request outside calls.
func (s script) Request(c engine.Call) *plan.Node {
	k, n := &s.w.book, outsideOf(c.Request())
	if t := k.current; t == nil || t.leg.errand == nil || t != t.leg.errand.base || t.at != s.w.net.Now() || t.leg.errand.asked {
		k.bad(nil, "the script was asked about a request that did not come")
		return nil
	}
	k.current.leg.errand.asked = true
	r := &s.w.spec.Requests[n]
	if r.Reject > 0 {
		return &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: max(r.Reject, 300)}}
	}
	var list []*plan.Node
	for p := range r.Peers {
		uri := outsideURI(n, p)
		list = append(list, &plan.Node{Target: &plan.Target{URI: uri, Key: uri}})
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return &plan.Node{Kind: plan.KindSerial, Members: list}
}

// outside gives every third Spec requests outside calls. Like awaits they come from a source of their own.
func (s *Spec) outside(seed uint64) {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x6f75_7473))}
	if !d.one(3) {
		return
	}
	for len(s.Requests) < 3 && (len(s.Requests) == 0 || d.one(3)) {
		s.Requests = append(s.Requests, d.request())
	}
}

// outsideToo gives every sixth Spec requests of other methods as well, from a source of their own.
func (s *Spec) outsideToo(seed uint64) {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x7265_6665))}
	for n := len(s.Requests); d.one(6) && len(s.Requests) < n+2; {
		r := d.request()
		r.Method = pick(d, "REFER", "REFER", "PUBLISH")
		s.Requests = append(s.Requests, r)
	}
}

// subscribes reports whether requests with a method make subscriptions: REFER does so too (RFC 3515 §2.4.4).
func subscribes(method string) bool { return method == "SUBSCRIBE" || method == "REFER" }

// referSeq is the CSeq number of a REFER of ours, which is not the engine's.
const referSeq = 7

// event is the Event of what is said in a subscription that a request with a method made, by its subscriber or by a notifier: a REFER is named by its number
// (RFC 3515 §2.4.6).
func event(method string, subscriber bool) string {
	switch {
	case method != "REFER":
		return "presence"
	case subscriber:
		return "refer;id=" + strconv.Itoa(referSeq)
	}
	return "refer;id=1"
}

func (d drawer) request() requestSpec {
	r := requestSpec{At: d.span(0, 20*time.Second), Method: pick(d, "MESSAGE", "SUBSCRIBE", "SUBSCRIBE")}
	if d.one(12) {
		r.Reject = pick(d, 403, 486, 503, 603)
	}
	for !d.one(12) && len(r.Peers) < 4 && (len(r.Peers) == 0 || d.one(2)) {
		r.Peers = append(r.Peers, d.peer())
	}
	for slow := d.one(8); slow && len(r.Peers) < 4; { // than the sender waits
		p := d.peer()
		p.After, p.Code = d.span(6*time.Second, 20*time.Second), pick(d, 480, 503, 200)
		r.Peers = append(r.Peers, p)
	}
	for d.one(2) {
		r.Asks = append(r.Asks, ask{
			At: d.span(0, pick(d, time.Second, 60*time.Second)), Method: pick(d, "SUBSCRIBE", "SUBSCRIBE", "MESSAGE", "INFO", "OPTIONS"),
			OldSeq: d.one(8), BadTag: d.one(12),
		})
	}
	for d.one(3) {
		r.Replies = append(r.Replies, d.noticed())
	}
	if d.one(20) {
		r.RefuseAt = d.span(1, 40*time.Second)
	}
	return r
}

func (d drawer) peer() peerSpec {
	p := peerSpec{Weather: d.weather(), Code: pick(d, 200, 200, 202, 480, 404, 408, 401, 503, 603), Trying: d.one(6)}
	if d.one(2) {
		p.After = d.span(0, pick(d, 100*time.Millisecond, 5*time.Second, 40*time.Second))
	}
	if d.one(8) {
		p.Code = 0
	}
	if !d.one(4) {
		p.Expires = pick(d, 1, 10, 60, 600)
	}
	for !d.one(4) && len(p.Notifies) < 6 {
		p.Notifies = append(p.Notifies, notice{
			At: d.span(0, pick(d, 300*time.Millisecond, 20*time.Second, 100*time.Second)), Tag: max(0, d.IntN(5)-2), Over: d.one(4),
			Expires: pick(d, 0, 1, 20, 300), OldSeq: d.one(15), BadTag: d.one(15),
		})
	}
	for d.one(3) {
		p.Replies = append(p.Replies, d.noticed())
	}
	if d.one(15) {
		p.RefuseAt = d.span(1, 40*time.Second)
	}
	return p
}

// noticed is the answer to what is said in a subscription.
func (d drawer) noticed() reply {
	r := reply{Silent: d.one(10), Code: pick(d, 0, 0, 481, 408, 401, 486, 500, 404)}
	if d.one(3) {
		r.After = d.span(0, 6*time.Second)
	}
	return r
}
