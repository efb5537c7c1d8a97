package seeds

import (
	"math/rand/v2"
	"time"

	"tandem/engine/message"
)

// replace has calls of every third Spec replace one before them, mostly while that is up. Like awaits they come from a source of
// their own.
func (s *Spec) replace(seed uint64) {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x7265_706c))}
	if !d.one(3) {
		return
	}
	for i := 1; i < len(s.Calls); i++ {
		if d.one(2) {
			c, by := d.IntN(i), &s.Calls[i]
			by.Replaces, by.At = 1+c, s.Calls[c].At+d.span(0, pick(d, 5*time.Second, 60*time.Second))
			by.MergedAt = 0 // its second path could come to another end
		}
	}
}

// replaces is what names the dialog that the caller of another call is in, "" if it is in none (RFC 3891 §6.1).
func (p *party) replaces(n int) string {
	if n < 0 || n >= p.leg.call.n {
		return ""
	}
	c := p.w.book.calls[n]
	ends := c.legs[0].party.ends
	if len(ends) == 0 || ends[0].remote != c.tag {
		return ""
	}
	p.leg.call.replaced = c
	return c.legs[0].callID + ";to-tag=" + ends[0].remote + ";from-tag=" + ends[0].local
}

// replacing works out how callees are to be told of the dialog that an INVITE replaces: as their side of that call knows it.
func (k *book) replacing(c *callBook) {
	if !c.invite.msg.Has(message.Replaces) {
		return
	}
	if c.replaced.over {
		k.bad(c, "the script was asked about an INVITE that replaces a call which is over")
		return
	}
	d := c.replaced.winner
	c.replaces = d.leg.callID + ";to-tag=" + d.tag + ";from-tag=" + d.leg.tag
	k.seen[sawReplaces]++
}
