package engine

import (
	"errors"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/leg"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// outside is a request outside a dialog on its way to a target (OPTIONS, MESSAGE, SUBSCRIBE, REFER, …). It is the Call that
// the script's request handler sees.
type outside struct {
	sh      *Shard
	id      string
	slot    uint16
	date    time.Time
	data    any
	req     *message.Message
	source  flow.Flow
	user    string // of ours, whose credentials the sender has
	bounds  bounds
	server  *transaction.Server
	targets []*plan.Target      // still to be tried
	target  *plan.Target        // the one at hand
	hops    []flow.Hop          // where it is tried next
	tried   []*location.Binding // the flows of the registered phone at hand that have failed
	offline bool                // its targets are users that are registered nowhere
	flow    flow.Flow           // where it was tried last
	wait    waiting
	last    *message.Message
	client  *transaction.Client
	seq     uint32           // of the request to the last target
	login   *leg.Login       // for it
	watch   *watch           // what may come of the request to the last target
	tag     []byte           // our To tag, if one is known already
	changes []message.Change // of the request on its way
	edge    edge             // the way to the target at hand
}

// outside asks the script about a request outside a dialog. OPTIONS without a user, or that may go no further, is for the engine
// itself (RFC 3261 §11).
func (sh *Shard) outside(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, user string) {
	forwards, limited := m.Uint(message.MaxForwards)
	if u, err := message.ParseURI(m.RequestURI()); m.Method() == message.OPTIONS && (err != nil || u.User == nil || limited && forwards == 0) {
		sh.finish(now, tx, m, f, 200, "Allow", sh.allow, "Accept", "application/sdp")
		return
	}
	script := sh.scripts.Acquire(sh.index, m.CallID())
	bounds, code := sh.bound(m, f, script.Generation())
	if code != 0 {
		script.Release(nil)
		sh.refuseBound(now, tx, m, f, code)
		return
	}
	o := &outside{
		sh: sh, id: string(m.CallID()), slot: ident.Slot(m.CallID()), date: sh.cfg.Clock.Date(), req: m.Clone(), source: f, user: user, server: tx,
		bounds: bounds,
	}
	n := script.Request(o)
	script.Release(o)
	if sh.cfg.Trace != nil {
		e := trace.Event{At: now, Kind: trace.Note, Call: o.id, Text: "request → " + n.String()}
		if n != nil {
			e.Pos = n.Pos
		}
		sh.cfg.Trace.Trace(e)
	}
	switch {
	case n != nil && n.Kind != plan.KindTarget && n.Kind != plan.KindSerial:
		sh.answerReply(now, tx, m, f, n)
	case n != nil && m.Method() == message.REFER:
		sh.referTo(o.req, func(now clock.Time, changes []message.Change) {
			o.changes = changes
			o.start(now, n)
		})
	case n != nil:
		o.start(now, n)
	case m.Method() == message.OPTIONS:
		sh.finish(now, tx, m, f, 200, "Allow", sh.allow, "Accept", "application/sdp")
	case m.Method() == message.SUBSCRIBE || m.Method() == message.PUBLISH:
		sh.finish(now, tx, m, f, 489) // RFC 6665 §4.2.1.1
	default:
		sh.finish(now, tx, m, f, 405, "Allow", sh.allow)
	}
}

// answerReply answers a request with a response of the script; a plan that is none is a mistake of the script, 500.
func (sh *Shard) answerReply(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, n *plan.Node) {
	if n.Reply == nil {
		sh.finish(now, tx, m, f, 500)
		return
	}
	r := n.Reply
	b := m.AppendResponse(sh.buf[:0], r.Code, r.Phrase, sh.ids.AppendTag(nil, 0), f.Remote)
	for _, ct := range r.Contacts {
		b = appendReplyContact(b, ct)
	}
	sh.buf = message.AppendBody(appendHeaders(sh.appendProduct(b, "Server"), r.Headers), nil)
	tx.Respond(now, r.Code, sh.layer.Modest(m, f, sh.buf))
}

// start tries the targets of a plan, one after the other.
func (o *outside) start(now clock.Time, n *plan.Node) {
	members := []*plan.Node{n}
	if n.Kind == plan.KindSerial {
		members = n.Members
	}
	for _, m := range members {
		if m.Kind == plan.KindTarget {
			o.targets = append(o.targets, o.sh.contactsOf(m.Target)...)
		}
	}
	o.offline = len(o.targets) == 0
	o.wait.start(now, o.sh, o.server, o.req, o.source)
	o.next(now)
}

// next tries the next place where the target at hand may be, then the next target; without one the last response goes back.
func (o *outside) next(now clock.Time) {
	for len(o.hops) > 0 {
		f, ok := o.sh.flowTo(o.source.Listener, o.hops[0])
		o.hops = o.hops[1:]
		if ok {
			o.try(now, f)
			return
		}
	}
	if len(o.targets) == 0 {
		o.finish(now)
		return
	}
	o.target, o.targets = o.targets[0], o.targets[1:]
	o.tried = nil
	if b := o.target.Binding; b != nil {
		o.try(now, b.Flow)
		return
	}
	o.sh.seek(o.target.URI, func(now clock.Time, hops []flow.Hop, why string) {
		if why != "" {
			o.sh.unreachable(o.id, o.target.URI, why)
		}
		o.hops = hops
		o.next(now)
	})
}

// otherFlow tries another flow of the phone that has registered several, and reports whether there is one (RFC 5626 §7).
func (o *outside) otherFlow(now clock.Time) bool {
	old := o.target.Binding
	if old == nil || now >= o.wait.end {
		return false
	}
	o.tried = append(o.tried, old)
	next := o.sh.instead(old, o.tried)
	if next == nil {
		return false
	}
	o.target = o.target.At(next)
	o.try(now, next.Flow)
	return true
}

// try sends the request by a flow, unless it would tell what its sender wants to keep private.
func (o *outside) try(now clock.Time, f flow.Flow) {
	o.edge = o.sh.edgeTo(o.req, o.Trusted(), o.target, f)
	if o.edge.impossible(o.req) != "" {
		o.reply(now, 500) // RFC 3323 §5
		return
	}
	o.send(now, o.target, f)
}

// send sends the request to a target under identifiers of our own.
func (o *outside) send(now clock.Time, t *plan.Target, f flow.Flow) {
	sh, m := o.sh, o.req
	local := &sh.cfg.Locals[f.Listener]
	forwards := uint32(70)
	if n, ok := m.Uint(message.MaxForwards); ok {
		forwards = n - 1 // inspect has let no 0 through
	}
	uri, tag, callID := requestURI(t), sh.ids.AppendTag(nil, 0), sh.ids.AppendCallID(nil, o.slot)
	o.seq, o.login = 1, sh.login(t)
	o.watched(now, uri, f, tag, callID)
	b := message.AppendRequestLine(sh.buf[:0], string(m.MethodName()), uri)
	b = message.AppendVia(b, local.Transport.String(), local.SentBy, o.bounds.appendMarks(sh.ids.AppendBranch(nil, 0)))
	b = appendPath(b, t)
	b = appendFrom(b, m, t, tag, o.edge.anonymous(m))
	b = appendTo(b, m, t, uri)
	b = message.AppendField(b, "Call-ID", callID)
	b = append(append(append(b, "CSeq: 1 "...), m.MethodName()...), "\r\nMax-Forwards: "...)
	b = appendBreadth(append(message.AppendUint(b, forwards), "\r\n"...), o.bounds.breadth) // one after the other
	if m.Has(message.Contact) {
		b = sh.appendContact(b, f, isSIPS(uri), o.edge.contactOf(m))
	}
	b = m.AppendPassed(sh.appendProduct(b, "User-Agent"), o.edge.changes(m, append(changes(t), o.changes...)))
	sh.buf = message.AppendBody(b, m.Body())
	o.client = sh.request(now, f, m.Method(), sh.buf, o.login, o, o)
	o.flow = f
}

// Response takes what a target says: a failure is followed by the next target.
func (o *outside) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	if m.Status() < 200 {
		return // RFC 4320 §4.1: provisionals do not pass
	}
	tx.Detach()
	if m.Status() != 408 { // RFC 4320 §4.2: as good as silence
		o.last = m.Clone()
	}
	switch {
	case m.Status() >= 300:
		o.unwatch()
	case o.watch != nil:
		o.tag = o.watch.accepted(now, m)
	}
	if m.Status() == 503 {
		o.sh.unanswered(o.flow)
	} else {
		o.hops = nil // RFC 3263 §4.3: it was reached
	}
	if (m.Status() == 430 || m.Status() == 408) && o.otherFlow(now) {
		return
	}
	if m.Status() >= 300 && len(o.hops)+len(o.targets) > 0 && now < o.wait.end {
		o.next(now)
		return
	}
	o.finish(now) // which a sender that has given up does not hear
}

// Failed tries the next target, unless the sender of the request has given up by now.
func (o *outside) Failed(now clock.Time, _ *transaction.Client, why transaction.Failure) {
	o.unwatch()
	o.sh.unanswered(o.flow) // RFC 4321 §1.4: for this request it is too late, the next one goes elsewhere
	if o.otherFlow(now) {
		return
	}
	if why == transaction.TransportError && o.last == nil && len(o.hops)+len(o.targets) == 0 {
		o.reply(now, 503)
		return
	}
	if now < o.wait.end {
		o.next(now)
	}
}

// finish passes the last response, if there was one.
func (o *outside) finish(now clock.Time) {
	m := o.last
	switch {
	case m == nil && o.client == nil && o.offline:
		o.reply(now, 480) // RFC 3261 §21.4.18
	case m == nil && o.client == nil:
		o.reply(now, 503)
	case m == nil: // none came in time: RFC 4320 §4.2
	case m.Status() == 401 || m.Status() == 407:
		o.reply(now, 403)
	case m.Status() == 503:
		o.reply(now, 500) // RFC 3261 §16.7 step 6
	default:
		o.wait.stop()
		tag, dialog := o.tag, o.tag != nil
		if !dialog {
			tag = o.sh.ids.AppendTag(nil, 0)
		}
		o.sh.passBack(o.server, o.req, o.source, tag, m, o.back(), func(b []byte) []byte {
			if dialog {
				b = o.req.AppendRecordRoutes(b) // RFC 3261 §12.1.1
			}
			return b
		})
	}
}

// back is the way of a response, or of what else comes from the target, to the sender.
func (o *outside) back() edge { return edge{from: o.edge.to, to: o.Trusted()} }

func (o *outside) reply(now clock.Time, code int) {
	o.wait.stop()
	o.sh.finish(now, o.server, o.req, o.source, code)
}

// The Call that the script sees.

// ID returns the Call-ID.
func (o *outside) ID() string { return o.id }

// Request returns the request.
func (o *outside) Request() *message.Message { return o.req }

// Source returns where it came from.
func (o *outside) Source() flow.Flow { return o.source }

// User is whose credentials its sender has.
func (o *outside) User() string { return o.user }

// Emergency is false: only calls are for help.
func (o *outside) Emergency() bool { return false }

// Trusted reports whether its source belongs to the trust domain.
func (o *outside) Trusted() bool { return o.sh.trusts(o.source) }

// Date returns when it came.
func (o *outside) Date() time.Time { return o.date }

// Best is nil: there is no fork.
func (o *outside) Best() *plan.Step { return nil }

// Round is 0.
func (o *outside) Round() int { return 0 }

// Pending is 0.
func (o *outside) Pending() int { return 0 }

// Data returns what SetData kept.
func (o *outside) Data() any { return o.data }

// SetData keeps the script host's state.
func (o *outside) SetData(v any) { o.data = v }

// Move does nothing: the script is asked once.
func (o *outside) Move(Script) {}

var errNoCall = errors.New("a request outside a dialog has no provisional responses")

// Progress is an error.
func (o *outside) Progress(int, []plan.Header) error { return errNoCall }

// Hangup does nothing.
func (o *outside) Hangup(string) {}
