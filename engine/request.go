package engine

import (
	"bytes"
	"cmp"
	"net"
	"strconv"
	"strings"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// allowed are the methods that are answered otherwise than with 405.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, INFO, MESSAGE, REFER, NOTIFY, SUBSCRIBE"

// passedTags are the option tags that mean something end to end and pass from leg to leg (Supported, Require).
var passedTags = []string{"replaces", "norefersub", "histinfo", "privacy", "resource-priority"}

func passes(tag []byte) bool {
	for _, t := range passedTags {
		if string(tag) == t {
			return true
		}
	}
	return false
}

// Request takes a new request from the transaction layer.
func (sh *Shard) Request(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	if m.Has(message.Replaces) && m.Method() != message.INVITE {
		sh.finish(now, tx, m, f, 400) // RFC 3891 §3
		return
	}
	if m.ToTag() != nil {
		sh.inDialog(now, tx, m, f)
		return
	}
	if tx.Merged() {
		sh.finish(now, tx, m, f, 482) // RFC 3261 §8.2.2.2
		return
	}
	if sh.turnsAway(tx, m, f) {
		return
	}
	m = sh.withoutMaddr(m, f)
	if code, field := sh.inspect(m); code != 0 {
		sh.finish(now, tx, m, f, code, field...)
		return
	}
	if sh.noRoom(m, f) {
		sh.stats.Overload++
		sh.shed(tx, m, f)
		return
	}
	user, ok := sh.authenticate(now, tx, m, f)
	if !ok {
		return
	}
	switch m.Method() {
	case message.INVITE:
		if m.Has(message.Replaces) {
			sh.replacing(now, tx, m, f, user)
			return
		}
		sh.newCall(now, tx, m, f, user, "")
	case message.REGISTER:
		sh.register(now, tx, m, f, user)
	case message.BYE, message.PRACK, message.UPDATE:
		sh.finish(now, tx, m, f, 481) // RFC 3261 §15.1.2: they belong into dialogs
	case message.SUBSCRIBE, message.REFER, message.OPTIONS, message.MESSAGE, message.PUBLISH, message.NOTIFY:
		sh.outside(now, tx, m, f, user)
	default:
		sh.finish(now, tx, m, f, 405, "Allow", sh.allow) // RFC 3261 §8.2.1
	}
}

// inspect makes the checks of RFC 3261 §16.3 and §8.2 that come before routing; code 0 means that all passed.
func (sh *Shard) inspect(m *message.Message) (code int, fields []string) {
	u, err := message.ParseURI(m.RequestURI())
	switch {
	case err != nil:
		return 400, nil
	case u.Scheme != "sip" && u.Scheme != "sips" && u.Scheme != "tel" && !sh.emergency(m):
		return 416, nil // §16.3 step 2
	}
	ours := m.Method() == message.OPTIONS || m.Method() == message.REGISTER && sh.cfg.Register != nil
	if n, ok := m.Uint(message.MaxForwards); ok && n == 0 && !ours {
		return 483, nil // §16.3 step 3
	}
	for _, id := range [...]message.ID{message.Require, message.ProxyRequire} {
		if bad := sh.unknownTags(m, id); bad != "" {
			return 420, []string{"Unsupported", bad} // §8.2.2.3, §16.3 step 5
		}
	}
	dialog := m.Method() == message.INVITE || m.Method() == message.SUBSCRIBE || m.Method() == message.REFER
	if dialog && !leg.Reachable(m) || m.Method() == message.REFER && len(m.AppendValues(nil, "Refer-To")) != 1 {
		return 400, nil // §8.1.1.8, RFC 3515 §2.4.1
	}
	if m.Method() != message.INVITE {
		return 0, nil
	}
	if code := tooBrief(m); code != 0 {
		return code, []string{"Min-SE", strconv.Itoa(leg.MinSE)}
	}
	if sh.calls[callKey(m)] != nil {
		return 482, nil // §8.2.2.2, and each call has its own key
	}
	return 0, nil
}

// withoutMaddr returns a request without the maddr of its Request-URI, and the port and transport that go with it, if they name the
// listener that it came to (RFC 3261 §16.4).
func (sh *Shard) withoutMaddr(m *message.Message, f flow.Flow) *message.Message {
	u, err := message.ParseURI(m.RequestURI())
	if err != nil {
		return m
	}
	maddr, ok := message.Param(u.Params, "maddr")
	if !ok || !sh.listensAt(f.Listener, string(maddr), &u) {
		return m
	}
	b := append(append(make([]byte, 0, len(m.Bytes())), m.MethodName()...), ' ')
	b = append(b, m.RequestURI()[:len(m.RequestURI())-len(u.Params)-len(u.Headers)]...)
	if u.Port != 0 && u.Port != 5060 {
		b = b[:bytes.LastIndexByte(b, ':')]
	}
	message.EachParam(u.Params, func(k, v []byte) bool {
		if bytes.EqualFold(k, []byte("maddr")) || bytes.EqualFold(k, []byte("transport")) {
			return true
		}
		b = append(append(b, ';'), k...)
		if len(v) > 0 {
			b = append(append(b, '='), v...)
		}
		return true
	})
	b = append(append(b, u.Headers...), " SIP/2.0\r\n"...)
	own := new(message.Message)
	if own.Parse(append(b, m.Bytes()[bytes.IndexByte(m.Bytes(), '\n')+1:]...)) != nil {
		return m
	}
	return own
}

// listensAt reports whether a host, with the port and the transport of a URI, is a listener.
func (sh *Shard) listensAt(listener uint8, host string, u *message.URI) bool {
	l := &sh.cfg.Locals[listener]
	name, port, err := net.SplitHostPort(l.SentBy)
	if err != nil {
		name, port = l.SentBy, "5060"
	}
	transport, ok := message.Param(u.Params, "transport")
	if !ok {
		transport = []byte("udp")
	}
	asked := strconv.Itoa(int(cmp.Or(u.Port, 5060)))
	return (strings.EqualFold(host, name) || host == l.Addr.String()) && port == asked && strings.EqualFold(string(transport), l.Transport.String())
}

func (sh *Shard) unknownTags(m *message.Message, id message.ID) string {
	bad := ""
	registers := m.Method() == message.REGISTER && sh.cfg.Register != nil
	m.Each(id, func(tag []byte) bool {
		if !passes(tag) && string(tag) != rel100 && string(tag) != timerTag && (!registers || !registrarTag(tag)) {
			if bad != "" {
				bad += ", "
			}
			bad += string(tag)
		}
		return true
	})
	return bad
}

// callKey tells calls apart by what a merged request shares (RFC 3261 §8.2.2.2).
func callKey(m *message.Message) string {
	return string(m.CallID()) + "\x00" + string(m.FromTag())
}

// finish answers a request with a final response of our own; fields are names and values in turn.
func (sh *Shard) finish(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, code int, fields ...string) {
	var tag [48]byte
	b := m.AppendResponse(sh.buf[:0], code, "", sh.tagFor(tag[:0], m, f), f.Remote)
	for i := 0; i+1 < len(fields); i += 2 {
		b = message.AppendField(b, fields[i], fields[i+1])
	}
	sh.buf = message.AppendBody(sh.appendProduct(b, "Server"), nil)
	tx.Respond(now, code, sh.layer.Modest(m, f, sh.buf))
}

// Stray takes a 2xx to an INVITE whose call is over: it is acknowledged and ended at once (RFC 3261 §13.2.2.4), with what the
// response itself says of its dialog; our INVITEs go where their To says. In a call that is up it is a very late copy, whose sender
// has given up already.
func (sh *Shard) Stray(now clock.Time, m *message.Message, f flow.Flow) {
	sh.key = dialogKey(sh.key, m.FromTag(), m.ToTag())
	if s := sh.dialogs[string(sh.key)]; s != nil && (s == s.c.callee || s == s.c.caller) {
		return
	}
	to, _ := message.ParseNameAddr(m.Get(message.To)) // Validate has read it
	d, err := leg.NewUAC(m, f, to.URI, sh.ways)
	if err != nil {
		return
	}
	if !m.Has(message.Contact) && len(d.Routes) == 0 {
		d.Flow.Remote = f.Remote // To may name whatever the script wants
	}
	sh.Send(d.Flow, sh.ack(d, d.LocalSeq, nil, nil))
	sh.bye(now, d)
}

// ack builds an ACK inside a dialog for the 2xx to the INVITE with that CSeq number (RFC 3261 §13.2.2.4); m, if any, gives the
// fields, with changes, else a body is a session description.
func (sh *Shard) ack(d *leg.Dialog, seq uint32, m *message.Message, body []byte, changes ...message.Change) []byte {
	b := d.AppendRequest(sh.buf[:0], "ACK", seq, sh.via(d), 70)
	switch {
	case m != nil:
		b = m.AppendPassed(b, changes)
	case len(body) > 0:
		b = append(b, "Content-Type: application/sdp\r\n"...)
	}
	sh.buf = message.AppendBody(b, body)
	return sh.buf
}

// bye ends a dialog in which no 2xx of ours waits for its ACK; reasons are values of Reason.
func (sh *Shard) bye(now clock.Time, d *leg.Dialog, reasons ...string) {
	sh.inDialogRequest(now, d, message.BYE, sh.byeFor(d, nil, nil, reasons), unheard{})
}

// via returns the Via of a request in a dialog, with a fresh branch.
func (sh *Shard) via(d *leg.Dialog) leg.Via {
	l := &sh.cfg.Locals[d.Flow.Listener]
	return leg.Via{Transport: l.Transport.String(), SentBy: l.SentBy, Branch: sh.ids.AppendBranch(nil, 0)}
}

// unheard is the user of a request whose outcome changes nothing.
type unheard struct{}

func (unheard) Response(clock.Time, *transaction.Client, *message.Message)  {}
func (unheard) Failed(clock.Time, *transaction.Client, transaction.Failure) {}
