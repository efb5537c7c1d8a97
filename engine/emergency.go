package engine

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/guard"
	"tandem/engine/message"
)

// DefaultReserve is how many emergency calls pass lists and limits at a time unless the configuration says otherwise.
const DefaultReserve = 100

// perSource is how many of them one source may have, unless a list allows it, those included that were over a moment ago: who calls for help tries again.
const perSource = 8

// emergencies are the emergency calls of a shard. What they may do that others may not is bounded, for anybody can write such a number: there is room for a
// share of the reserve, for a few calls of one source, and for a quarter of that share for sources that have not shown yet that they get what we send.
type emergencies struct {
	numbers map[string]bool // none = no call is one
	room    int
	calls   map[string]*urgent // by the caller's Call-ID; those that were let through are kept until their last message may have come
	ended   []*urgent          // the first to be forgotten first
	sources map[netip.Addr]tally
	others  map[netip.Addr]int // calls that other shards own, since what belongs to them may come to this one
	all     tally              // doubted counts those of sources in doubt
}

// tally counts calls, and of them those that were let through past a list or a limit.
type tally struct{ calls, let, doubted int }

func (t tally) plus(u *urgent, n int) tally {
	t.calls += n
	if u.let {
		t.let += n
	}
	if u.let && u.doubted {
		t.doubted += n
	}
	return t
}

// urgent is an emergency call.
type urgent struct {
	callID  string
	source  netip.Addr
	let     bool // past a list or a limit
	doubted bool
	until   clock.Time // when it is forgotten, 0 as long as it is up
}

func newEmergencies() *emergencies {
	return &emergencies{calls: map[string]*urgent{}, sources: map[netip.Addr]tally{}, others: map[netip.Addr]int{}}
}

// adopt has other numbers be those of emergency calls from now on. Calls that have begun go on being heard.
func (e *emergencies) adopt(numbers []string, reserve, shards int) {
	e.room = (cmp.Or(reserve, DefaultReserve) + shards - 1) / shards
	e.numbers = make(map[string]bool, len(numbers))
	for _, n := range numbers {
		e.numbers[n] = true
	}
}

// isSOS reports whether a URI names an emergency service (RFC 5031 §4.2).
func isSOS(u *message.URI) bool {
	const service = "service:sos"
	o := string(u.Opaque)
	return u.Scheme == "urn" && len(o) >= len(service) && strings.EqualFold(o[:len(service)], service) && (len(o) == len(service) || o[len(service)] == '.')
}

// holds reports whether a Request-URI asks for help.
func (e *emergencies) holds(uri []byte) bool {
	if len(e.numbers) == 0 {
		return false
	}
	u, err := message.ParseURI(uri)
	if err != nil {
		return false
	}
	if u.User == nil {
		return isSOS(&u)
	}
	user, _, _ := bytes.Cut(u.User, []byte(";")) // RFC 3261 §19.1.6: parameters of a telephone number
	return e.numbers[string(unseparated(message.AppendUnescaped(nil, user)))]
}

// unseparated takes the visual separators out of a telephone number (RFC 3966 §3).
func unseparated(number []byte) []byte {
	out := number[:0]
	for _, c := range number {
		if strings.IndexByte("-.()", c) < 0 {
			out = append(out, c)
		}
	}
	return out
}

// peeked reports whether bytes are an INVITE that asks for help, before anything else of them is read. Empty lines may stand before it (RFC 3261 §7.5).
func (e *emergencies) peeked(b []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(b, "\r\n"), []byte("INVITE "))
	uri, _, more := bytes.Cut(rest, []byte(" "))
	return ok && more && e.holds(uri)
}

// count adds a call to the tallies, or takes it out.
func (e *emergencies) count(u *urgent, n int) {
	e.all = e.all.plus(u, n)
	if t := e.sources[u.source].plus(u, n); t.calls > 0 {
		e.sources[u.source] = t
	} else {
		delete(e.sources, u.source)
	}
}

// forgetUrgent forgets the calls whose last message must have come.
func (sh *Shard) forgetUrgent(now clock.Time) {
	for e := sh.help; len(e.ended) > 0 && e.ended[0].until <= now; e.ended = e.ended[1:] {
		sh.dropUrgent(e.ended[0])
	}
}

func (sh *Shard) dropUrgent(u *urgent) {
	delete(sh.help.calls, u.callID)
	sh.countUrgent(u, -1)
}

// emergency reports whether a request is a call for help.
func (sh *Shard) emergency(m *message.Message) bool {
	return len(sh.help.numbers) > 0 && m.Method() == message.INVITE && m.ToTag() == nil && sh.help.holds(m.RequestURI())
}

// mayBeUrgent reports whether bytes of a source that is not to be heard may be part of an emergency call all the same.
func (sh *Shard) mayBeUrgent(f flow.Flow, b []byte) bool {
	if e := sh.help; len(e.numbers)+len(e.calls)+len(e.others) == 0 {
		return false
	}
	a := guard.Source(f.Remote.Addr())
	return sh.help.sources[a].calls > 0 || sh.help.others[a] > 0 || sh.help.peeked(b)
}

// isUrgent reports whether a message of such a source is part of one: it begins it, and there is room, or it has begun.
func (sh *Shard) isUrgent(m *message.Message, f flow.Flow) bool {
	if u := sh.help.calls[string(m.CallID())]; u != nil {
		return u.source == guard.Source(f.Remote.Addr())
	}
	return sh.letsPass(m, f)
}

// letsPass reports whether a request is a call for help for which a list or a limit is not to count.
func (sh *Shard) letsPass(m *message.Message, f flow.Flow) bool {
	if !sh.emergency(m) {
		return false
	}
	if !sh.let {
		sh.forgetUrgent(sh.now)
		sh.let = sh.help.hasRoom(guard.Source(f.Remote.Addr()), sh.doubts(f), sh.allows(f))
	}
	return sh.let
}

func (e *emergencies) hasRoom(source netip.Addr, doubted, allowed bool) bool {
	return e.all.let < e.room && (allowed || e.sources[source].let < perSource) && (!doubted || e.all.doubted < max(e.room/4, 1))
}

// helping notes a call for help that begins. One that is tried again under its Call-ID, as after a challenge (RFC 3261 §22.2), takes the place of the one before.
func (c *call) helping() {
	sh := c.sh
	if !sh.emergency(c.invite) {
		return
	}
	u := &urgent{callID: c.id, source: guard.Source(c.source.Remote.Addr()), let: sh.let, doubted: sh.doubts(c.source)}
	if old := sh.help.calls[c.id]; old != nil {
		if old.until == 0 { // it is up
			return
		}
		u.let = u.let || old.let && old.source == u.source
		sh.help.ended = slices.DeleteFunc(sh.help.ended, func(o *urgent) bool { return o == old })
		sh.dropUrgent(old)
	}
	c.urgent = u
	sh.help.calls[c.id] = u
	sh.countUrgent(u, 1)
}

// countUrgent counts a call here, and tells the other shards of its source.
func (sh *Shard) countUrgent(u *urgent, n int) {
	sh.help.count(u, n)
	source := u.source
	sh.toSiblings(func(o *Shard) {
		if o.help.others[source] += n; o.help.others[source] == 0 {
			delete(o.help.others, source)
		}
	})
}

// helped notes that it is over. What the source of one that was let through has to say of the end is heard for as long as a transaction may last.
func (c *call) helped() {
	u, e := c.urgent, c.sh.help
	c.urgent = nil
	switch {
	case u == nil:
	case u.let:
		u.until = c.sh.now.Add(64*c.sh.cfg.Timers.T1 + time.Second)
		e.ended = append(e.ended, u)
		c.sh.forgetUrgent(c.sh.now)
	default:
		c.sh.dropUrgent(u)
	}
}
