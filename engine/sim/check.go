package sim

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"tandem/engine/message"
	"tandem/engine/transaction"
)

// Leaker says what it still holds although everything is over: client and server transactions, timers, calls; "" for
// nothing. The engine's shards are Leakers.
type Leaker interface{ Leaks() string }

// Rules is what Check needs to know of the network that the phones were on.
type Rules struct {
	// RoundTrip returns the shortest time in which a phone gets an answer (nil = 0).
	RoundTrip func(phone netip.AddrPort) time.Duration
	// Overlap is how long two callees may be in one call until the one too many is released: some round trips, and
	// where datagrams are lost the time for their copies.
	Overlap time.Duration
	// Lossy says that datagrams may be lost: an ACK is not missed then where a BYE shows that the 2xx arrived.
	Lossy bool
	// Gone says that a phone was taken off the network: of it only the form of what it received is checked (nil = none).
	Gone func(phone netip.AddrPort) bool
}

// Check tests, once the network is quiet, what has to hold after every call, and returns what does not:
//
//   - the caller of each call got exactly one final response (RFC 3261 §8.2.6, §13.3.1);
//   - every INVITE that a callee rang for ended: answered, refused or cancelled;
//   - at most one callee is in a call, and none without the caller;
//   - every final response of a callee was acknowledged, and what came too late released with BYE (§13.2.2.4);
//   - no caller got a BYE before it could acknowledge the answer (§15);
//   - CANCEL came after a provisional response of its branch only (§9.1);
//   - requests of phones were answered;
//   - everything that a phone received is well-formed, with nothing injected;
//   - nodes that are Leakers hold nothing.
func (n *Network) Check() []string {
	var leaks []string
	for i, s := range n.stations {
		if node, ok := s.node.(Leaker); ok && node.Leaks() != "" {
			leaks = append(leaks, fmt.Sprintf("node %d still holds %s", i, node.Leaks()))
		}
	}
	return append(Check(n.Phones(), n.rules()), leaks...)
}

func (n *Network) rules() Rules {
	r := Rules{RoundTrip: n.roundTrip, Gone: n.cut, Lossy: n.all.Loss > 0 || n.lose != nil || len(n.reach) > 0}
	base := n.latency + n.all.Delay + n.all.Jitter
	longest := base
	for _, p := range n.Phones() {
		r.Lossy = r.Lossy || p.gone
	}
	for _, f := range n.links { // the order does not matter
		r.Lossy = r.Lossy || f.Loss > 0
		longest = max(longest, base+f.Delay+f.Jitter)
	}
	r.Overlap = 8 * longest
	if r.Lossy {
		r.Overlap = 64 * transaction.DefaultTimers.T1 // RFC 3261 §17.1.1.1: after that nothing is sent again
	}
	return r
}

// Check tests the rules of Network.Check, leaks excepted, over phones wherever they are.
func Check(phones []*Phone, r Rules) []string {
	k := &checker{rules: r, phones: phones, calls: make(map[string]*group)}
	for _, p := range phones {
		k.log(p)
		if !p.gone && (r.Gone == nil || !r.Gone(p.cfg.Addr)) {
			k.phone(p)
		}
	}
	for _, g := range k.order {
		k.winners(g)
	}
	return k.found
}

func (k *checker) phone(p *Phone) {
	for _, f := range p.faults {
		k.bad(p, "", "%s", f)
	}
	for _, c := range p.calls {
		k.caller(c)
	}
	for _, c := range p.incoming {
		k.callee(c)
	}
	for _, x := range p.exchanges {
		if x.code == 0 {
			k.bad(p, "", "%s got no answer %s", x.method, x.why)
		}
	}
}

// group is one call as its caller and its callees have it, tied together by the origin of the caller's SDP.
type group struct {
	caller  *Call
	callees []*Incoming
	refers  bool
}

type checker struct {
	rules  Rules
	phones []*Phone
	calls  map[string]*group
	order  []*group
	found  []string
}

func (k *checker) bad(p *Phone, callID, format string, args ...any) {
	s := p.name + ": " + fmt.Sprintf(format, args...)
	if callID != "" {
		s += " (Call-ID " + callID + ")"
	}
	k.found = append(k.found, s)
}

func (k *checker) group(s *session) *group {
	g := k.calls[s.media]
	if g == nil {
		g = &group{}
		k.calls[s.media] = g
		k.order = append(k.order, g)
	}
	g.refers = g.refers || s.refers
	return g
}

// caller checks a call as its caller saw it.
func (k *checker) caller(c *Call) {
	k.group(&c.session).caller = c
	switch {
	case c.tx == nil: // not placed yet
	case len(c.finals) == 0 && c.why != "":
		k.bad(c.phone, c.callID, "no final response: %s", c.why)
	case len(c.finals) == 0:
		k.bad(c.phone, c.callID, "no final response")
	case len(c.finals) > 1:
		k.bad(c.phone, c.callID, "%d final responses: %v", len(c.finals), c.finals)
	}
	k.hungUp(c)
}

// hungUp checks that a call was not ended from the other side before its answer was acknowledged, nor waited for in vain (RFC 3261
// §15).
func (k *checker) hungUp(c *Call) {
	for _, l := range c.phone.diary.of(c.callID) {
		switch {
		case l.code > 0:
		case l.method == "ACK" && l.Sent:
			return
		case l.method == "BYE" && !l.Sent && l.At.Sub(c.at) < 64*c.phone.cfg.Timers.T1:
			k.bad(c.phone, c.callID, "BYE at %s, before the ACK", time.Duration(l.At))
			return
		}
	}
}

// callee checks a call as its callee saw it.
func (k *checker) callee(c *Incoming) {
	if c.media != "" {
		g := k.group(&c.session)
		g.callees = append(g.callees, c)
	}
	if c.rang && c.final == 0 {
		k.bad(c.phone, c.callID, "INVITE neither answered nor refused nor cancelled")
	}
	for _, d := range c.dialogs {
		for _, a := range d.answers {
			if excused := k.rules.Lossy && d.left; !a.acked && !excused {
				k.bad(c.phone, c.callID, "2xx with tag %s got no ACK", d.localTag)
			}
		}
	}
	log := c.phone.diary.of(c.callID)
	if c.final >= 300 && len(c.phone.diary.entries) > 0 && !c.acknowledged(log) {
		k.bad(c.phone, c.callID, "%d got no ACK", c.final)
	}
	k.cancels(c, log)
}

// acknowledged reports whether the log of the call holds the ACK to a refusal: it has the branch of the INVITE (RFC 3261
// §17.1.1.3).
func (c *Incoming) acknowledged(log []*Logged) bool {
	return slices.ContainsFunc(log, func(l *Logged) bool {
		return !l.Sent && l.code == 0 && l.method == "ACK" && c.owns(l)
	})
}

// owns reports whether a message belongs to the transaction of the INVITE.
func (c *Incoming) owns(l *Logged) bool { return string(l.branch) == c.branch }

// cancels checks that each CANCEL was sent after a provisional response could have arrived.
func (k *checker) cancels(c *Incoming, log []*Logged) {
	var trip time.Duration
	if k.rules.RoundTrip != nil {
		trip = k.rules.RoundTrip(c.phone.cfg.Addr)
	}
	provisional := false
	for _, l := range log {
		if l.Sent || l.code != 0 || l.method != "CANCEL" || !c.owns(l) || provisional {
			continue
		}
		provisional = slices.ContainsFunc(log, func(e *Logged) bool {
			return e.Sent && e.code > 0 && e.code < 200 && c.owns(e) && l.At.Sub(e.At) >= trip
		})
		if !provisional {
			k.bad(c.phone, c.callID, "CANCEL at %s, before a provisional response", time.Duration(l.At))
		}
	}
}

// winners checks that a call has one callee at most and none without its caller. Transfers make calls of their own
// and are left out.
func (k *checker) winners(g *group) {
	if g.refers {
		return
	}
	var all []*dialog
	for _, c := range g.callees {
		for _, d := range c.dialogs {
			if len(d.answers) > 0 {
				all = append(all, d)
			}
		}
	}
	for i, d := range all {
		if d.state == up && g.caller != nil && !g.caller.Up() {
			k.bad(d.s.phone, d.s.callID, "still in a call that %s is not in", g.caller.phone.name)
		}
		for _, e := range all[:i] {
			if both := overlap(d, e); both > k.rules.Overlap {
				k.bad(d.s.phone, d.s.callID, "two winners: in the same call as %s for %s", e.s.phone.name, both)
			}
		}
	}
}

// overlap returns how long two dialogs were up together; for ever is long.
func overlap(d, e *dialog) time.Duration {
	const forever = time.Duration(1<<63 - 1)
	end := forever
	for _, x := range []*dialog{d, e} {
		if x.state == over {
			end = min(end, time.Duration(x.overAt))
		}
	}
	if end == forever {
		return forever
	}
	return end - time.Duration(max(d.upAt, e.upAt))
}

// log checks the form of everything that a phone received.
func (k *checker) log(p *Phone) {
	for _, l := range p.diary.entries {
		if l.wrong != "" {
			k.bad(p, "", "received at %s from %s: %s\n%s", time.Duration(l.At), l.Peer, l.wrong, l.Raw)
		}
	}
}

// malformed returns what is wrong with a datagram that a phone received, "" for nothing; err is what parsing and validating
// it as m has said.
func malformed(raw []byte, m *message.Message, err error) string {
	if len(bytes.Trim(raw, "\r\n")) == 0 {
		return "" // RFC 5626 §3.5.1: a keep-alive
	}
	if err != nil {
		return err.Error()
	}
	head := raw[:len(raw)-len(m.Body())]
	length, ok := m.Uint(message.ContentLength)
	switch {
	case !endsInCRLF(head):
		return "a line that does not end in CRLF" // RFC 3261 §7
	case !bytes.HasSuffix(head, []byte("\r\n\r\n")):
		return "octets after the body"
	case !ok:
		return "no Content-Length"
	case int(length) != len(m.Body()):
		return "Content-Length is not that of the body"
	case m.IsRequest() && !m.Has(message.MaxForwards):
		return "no Max-Forwards" // RFC 3261 §8.1.1
	case !m.IsRequest() && m.Status() > 100 && len(m.ToTag()) == 0:
		return "no To tag" // RFC 3261 §8.2.6.2
	case m.Method() == message.INVITE && (m.IsRequest() || m.Status()/100 == 2) && len(firstContact(m)) == 0:
		return "no Contact" // RFC 3261 §8.1.1.8, §12.1.1
	}
	return ""
}

// endsInCRLF reports whether there is no CR and no LF but as a pair, in the header of a message that Parse took: it lets no CR stand
// but before an LF.
func endsInCRLF(head []byte) bool {
	return bytes.Count(head, []byte("\r")) == bytes.Count(head, []byte("\n"))
}
