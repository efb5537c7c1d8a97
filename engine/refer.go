package engine

import (
	"bytes"
	"strconv"
	"strings"

	"tandem/engine/message"
)

// referral is a REFER that passed, by its CSeq numbers on the two legs. They name its subscription (RFC 3515 §2.4.6).
type referral struct{ from, to uint32 }

// maxReferrals bounds what is kept for a dialog; the oldest are forgotten.
const maxReferrals = 16

// refer keeps the numbers of a REFER on its way.
func (r *relay) refer() {
	if len(r.to.referrals) == maxReferrals {
		r.to.referrals = r.to.referrals[1:]
	}
	r.to.referrals = append(r.to.referrals, referral{r.req.CSeq(), r.seq})
}

// mapReferID returns the change that makes the Event of a NOTIFY or a SUBSCRIBE name the subscription as the other side knows it:
// the id of a subscription that a REFER made is the CSeq number of the REFER, which other finds there.
func mapReferID(m *message.Message, other func(n uint32) (uint32, bool)) []message.Change {
	value := m.Get(message.Event)
	name, params, _ := bytes.Cut(value, []byte(";"))
	id, ok := message.Param(params, "id")
	n, err := strconv.ParseUint(string(id), 10, 32)
	if !ok || err != nil || !strings.EqualFold(string(bytes.TrimSpace(name)), "refer") {
		return nil
	}
	there, ok := other(uint32(n))
	if !ok {
		return nil
	}
	out := []byte("refer")
	message.EachParam(params, func(k, v []byte) bool {
		if strings.EqualFold(string(k), "id") {
			v = strconv.AppendUint(nil, uint64(there), 10)
		}
		out = append(append(out, ';'), k...)
		if len(v) > 0 {
			out = append(append(out, '='), v...)
		}
		return true
	})
	return []message.Change{{Name: "Event", Value: string(out)}}
}

// referral returns the number that the other peer knows a subscription by, which this one knows as n.
func (s *side) referral(n uint32) (uint32, bool) {
	for _, r := range s.referrals {
		if r.to == n {
			return r.from, true
		}
	}
	for _, r := range s.peer.referrals {
		if r.from == n {
			return r.to, true
		}
	}
	return 0, false
}
