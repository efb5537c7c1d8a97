package engine

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// watch is a SUBSCRIBE or a REFER outside a call, on its way to a target, and the subscriptions that come of it: one for each
// notifier, for the target may fork it (RFC 6665 §4.4.1).
type watch struct {
	o           *outside
	uri         string // of the target
	login       *leg.Login
	flow        flow.Flow
	tag, callID []byte // of the request that goes there
	subs        []*subscription
	live        int         // how many of them are not over
	timer       clock.Timer // Timer N; it is over when another notifier comes too late
}

// subscription is a dialog with the subscriber and one with a notifier.
type subscription struct {
	w     *watch
	ends  [2]end // subscriber, notifier
	timer clock.Timer
	lasts time.Duration // as granted last
	heard bool          // a NOTIFY has come
	over  bool
}

// end is the dialog with one of them.
type end struct {
	sub    *subscription
	peer   *end
	dialog *leg.Dialog
}

const (
	maxNotifiers = 16        // of one request
	lastsUnsaid  = time.Hour // of a subscription whose notifier does not say for how long it is
	watchSize    = 4 << 10   // what a watch holds in memory beside the message, in bytes
)

// goneCodes are the responses that end the subscription that a SUBSCRIBE or a NOTIFY belongs to (RFC 6665 §4.1.2.2, §4.2.2).
var goneCodes = []int{404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604}

// watched makes a request that may come to subscriptions known to the shard, so that a NOTIFY finds it. Timer N bounds how long the
// first one may take (RFC 6665 §4.1.2.4).
func (o *outside) watched(now clock.Time, uri string, f flow.Flow, tag, callID []byte) {
	o.unwatch()
	if m := o.req.Method(); m != message.SUBSCRIBE && m != message.REFER || !o.req.Has(message.Contact) {
		return
	}
	w := &watch{o: o, uri: uri, login: o.login, flow: f, tag: bytes.Clone(tag), callID: bytes.Clone(callID)}
	w.timer.Owner = w
	o.watch = w
	o.sh.watches[string(w.tag)] = w
	o.sh.held += w.size()
	o.sh.heap.Arm(&w.timer, now.Add(o.sh.timerN()))
}

// unwatch forgets the request to a target that has not taken it.
func (o *outside) unwatch() {
	if o.watch == nil {
		return
	}
	for _, s := range o.watch.subs {
		s.end("refused")
	}
	if o.watch.timer.Armed() {
		o.sh.heap.Stop(&o.watch.timer)
		o.watch.forget()
	}
	o.watch = nil
}

// timerN is Timer N of RFC 6665, and how long after its end a subscription is kept.
func (sh *Shard) timerN() time.Duration { return 64 * sh.cfg.Timers.T1 }

func (w *watch) size() int { return watchSize + 2*len(w.o.req.Bytes()) }

// Fire is the end of Timer N.
func (w *watch) Fire(clock.Time, uint8) { w.forget() }

// forget takes the watch out of the shard once nothing needs it: no notifier may come any more and all subscriptions are over.
func (w *watch) forget() {
	if w.timer.Armed() || w.live > 0 {
		return
	}
	if w.o.sh.watches[string(w.tag)] == w {
		delete(w.o.sh.watches, string(w.tag))
		w.o.sh.held -= w.size()
	}
}

// of returns the subscription of a notifier, made anew by d if there is none. What ended may be asked for again: its NOTIFY was
// faster than the response.
func (w *watch) of(now clock.Time, d *leg.Dialog) *subscription {
	for _, s := range w.subs {
		if bytes.Equal(s.ends[1].dialog.RemoteTag, d.RemoteTag) {
			return s
		}
	}
	o := w.o
	there, err := leg.NewUAS(o.req, o.sh.ids.AppendTag(nil, 0), o.source, o.sh.ways)
	if err != nil {
		return nil // its Contact is none
	}
	d.Login = w.login
	s := &subscription{w: w, lasts: lastsUnsaid}
	s.ends[0] = end{s, &s.ends[1], there}
	s.ends[1] = end{s, &s.ends[0], d}
	s.timer.Owner = s
	w.subs, w.live = append(w.subs, s), w.live+1
	for i := range s.ends {
		o.sh.subscribed[string(s.ends[i].key())] = &s.ends[i]
	}
	s.wait(now, 0)
	return s
}

func (e *end) key() []byte {
	return dialogKey(e.sub.w.o.sh.key, e.dialog.LocalTag, e.dialog.RemoteTag)
}

// wait arms the timer: the subscription is over if nothing is heard of it for so long, and Timer N more.
func (s *subscription) wait(now clock.Time, d time.Duration) {
	s.w.o.sh.heap.Arm(&s.timer, now.Add(d+s.w.o.sh.timerN()))
}

// Fire ends a subscription that was not refreshed.
func (s *subscription) Fire(clock.Time, uint8) { s.end("not refreshed in time") }

// end forgets the subscription. What is on its way still gets its answer.
func (s *subscription) end(why string) {
	if s.over {
		return
	}
	s.over = true
	w, sh := s.w, s.w.o.sh
	sh.heap.Stop(&s.timer)
	for i := range s.ends {
		delete(sh.subscribed, string(s.ends[i].key()))
	}
	if sh.cfg.Trace != nil {
		sh.cfg.Trace.Trace(trace.Event{At: sh.now, Kind: trace.Note, Call: w.o.id, Text: "subscription over: " + why})
	}
	w.live--
	w.forget()
}

// accepted takes the 2xx of a target and returns our To tag towards the subscriber.
func (w *watch) accepted(now clock.Time, m *message.Message) []byte {
	d, err := leg.NewUAC(m, w.flow, []byte(w.uri), w.o.sh.ways)
	if err != nil || len(d.RemoteTag) == 0 || !w.timer.Armed() {
		return nil
	}
	s := w.of(now, d)
	if s == nil {
		return nil
	}
	s.granted(m)
	switch {
	case s.over:
	case s.heard: // it was faster
		s.wait(now, s.lasts)
	default:
		s.wait(now, 0) // RFC 6665 §4.1.2.4: without a NOTIFY it is none
	}
	return s.ends[0].dialog.LocalTag
}

// granted takes for how long a 2xx to SUBSCRIBE grants the subscription.
func (s *subscription) granted(m *message.Message) {
	if n, ok := m.Uint(message.Expires); ok && m.Method() == message.SUBSCRIBE {
		s.lasts = time.Duration(n) * time.Second
	}
}

// endFor returns the subscription's end that a request belongs to, nil if there is none. A NOTIFY may be what makes it
// (RFC 6665 §4.4.1).
func (sh *Shard) endFor(now clock.Time, m *message.Message, f flow.Flow) *end {
	sh.key = dialogKey(sh.key, m.ToTag(), m.FromTag())
	if e := sh.subscribed[string(sh.key)]; e != nil {
		if !bytes.Equal(e.dialog.CallID, m.CallID()) {
			return nil
		}
		return e
	}
	w := sh.watches[string(m.ToTag())]
	if w == nil || m.Method() != message.NOTIFY || !w.timer.Armed() || !bytes.Equal(w.callID, m.CallID()) || len(w.subs) == maxNotifiers {
		return nil
	}
	d, err := leg.NewUAS(m, w.tag, f, sh.ways)
	if err != nil {
		return nil
	}
	d.Local, d.LocalSeq = bytes.Clone(m.Get(message.To)), w.o.seq // it has our tag
	if s := w.of(now, d); s != nil && !s.over {
		return &s.ends[1]
	}
	return nil
}

// inSubscription takes a request with a To tag that is in no call.
func (sh *Shard) inSubscription(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	e := sh.endFor(now, m, f)
	if e == nil {
		sh.finish(now, tx, m, f, 481) // RFC 3261 §12.2.2
		return
	}
	if !sh.inOrder(now, e.dialog, tx, m, f) {
		return
	}
	switch m.Method() {
	case message.BYE, message.UPDATE, message.PRACK, message.INFO:
		sh.finish(now, tx, m, f, 481) // they belong to calls
	case message.INVITE, message.REFER:
		sh.finish(now, tx, m, f, 403) // RFC 6665 §4.5.2: nothing else grows in the dialog of a subscription
	case message.OPTIONS:
		sh.finish(now, tx, m, f, 200, "Allow", allowed)
	case message.REGISTER, message.PUBLISH:
		sh.finish(now, tx, m, f, 405, "Allow", allowed)
	default:
		e.pass(now, tx, m, f)
	}
}

// way is the way of a message to this end from the other one.
func (e *end) way() edge {
	if e == &e.sub.ends[1] {
		return e.sub.w.o.edge
	}
	return e.sub.w.o.back()
}

// notice is a request on its way through a subscription.
type notice struct {
	from, to *end
	req      *message.Message
	source   flow.Flow
	server   *transaction.Server
	wait     waiting
}

// pass sends a request on to the other end.
func (e *end) pass(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	sh, to := e.sub.w.o.sh, e.peer.dialog
	forwards, ok := sh.forwards(now, tx, m, f)
	if !ok {
		return
	}
	r := &notice{from: e, to: e.peer, req: m.Clone(), source: f, server: tx}
	way := e.peer.way()
	b := to.AppendRequest(sh.buf[:0], string(m.MethodName()), to.NextSeq(), sh.via(to), forwards)
	if m.Has(message.Contact) {
		b = sh.appendContact(b, to.Flow, isSIPS(to.Target), way.contactOf(m))
	}
	b = m.AppendPassed(sh.appendProduct(b, "User-Agent"), way.changes(m, mapReferID(m, e.referral)))
	sh.buf = message.AppendBody(b, m.Body())
	sh.inDialogRequest(now, to, m.Method(), sh.buf, r)
	r.wait.start(now, sh, tx, r.req, f)
	if m.Method() == message.NOTIFY {
		e.sub.notified(now, m)
	}
}

// referral maps the number of the REFER that made the subscription.
func (e *end) referral(n uint32) (uint32, bool) {
	req := e.sub.w.o.req
	there, here := e.sub.w.o.seq, req.CSeq()
	if e == &e.sub.ends[1] {
		there, here = here, there
	}
	return there, n == here && req.Method() == message.REFER
}

// notified takes what a NOTIFY says of the subscription (RFC 6665 §4.1.3).
func (s *subscription) notified(now clock.Time, m *message.Message) {
	s.heard = true
	var value []byte
	if v := m.AppendValues(nil, "Subscription-State"); len(v) > 0 {
		value = v[0]
	}
	state, params, _ := bytes.Cut(value, []byte(";"))
	if strings.EqualFold(string(bytes.TrimSpace(state)), "terminated") {
		s.end("terminated by the notifier")
		return
	}
	v, ok := message.Param(params, "expires")
	if n, err := strconv.ParseUint(string(v), 10, 32); ok && err == nil {
		s.lasts = time.Duration(n) * time.Second
	}
	s.wait(now, s.lasts)
}

// Response passes what the other end says, and takes from it what it means to the subscription.
func (r *notice) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	code, sh := m.Status(), r.from.sub.w.o.sh
	if code < 200 {
		return
	}
	tx.Detach()
	if code != 408 { // RFC 4320 §4.2
		r.wait.stop()
		sh.passBack(r.server, r.req, r.source, nil, m, r.from.way(), nil)
	}
	s := r.from.sub
	switch {
	case s.over:
	case code < 300:
		r.to.dialog.Refresh(m)
		r.from.dialog.Refresh(r.req) // RFC 6665 §4.4.1: both are target refresh requests
		if r.req.Method() == message.SUBSCRIBE {
			s.granted(m)
			s.wait(now, s.lasts)
		}
	case slices.Contains(goneCodes, code):
		s.end("answered " + strconv.Itoa(code))
	}
}

// Failed ends the subscription if it was a NOTIFY that got no answer: its sender gets none either and gives up (RFC 6665 §4.2.2).
func (r *notice) Failed(now clock.Time, _ *transaction.Client, why transaction.Failure) {
	if why == transaction.TransportError {
		r.wait.stop()
		r.from.sub.w.o.sh.finish(now, r.server, r.req, r.source, 503)
	}
	if r.req.Method() == message.NOTIFY {
		r.from.sub.end("NOTIFY was not answered")
	}
}
