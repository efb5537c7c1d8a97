// Package leg is one leg of a call: a dialog with a peer (RFC 3261 §12), the requests sent inside it, and the
// answer that is repeated until it is acknowledged (§13.3.1.4).
//
// A leg belongs to its call and lives on the shard's goroutine. It sends nothing but through the transaction layer.
package leg

import (
	"bytes"
	"errors"
	"net/netip"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// Dialog is the state of one dialog as our side holds it (RFC 3261 §12).
type Dialog struct {
	// CallID, LocalTag and RemoteTag identify it.
	CallID              []byte
	LocalTag, RemoteTag []byte
	// Local and Remote are the values of From and To in requests of ours, tags included.
	Local, Remote []byte
	// Target is the remote target: the URI of the peer's Contact.
	Target []byte
	// Routes is the route set in the order of use.
	Routes [][]byte
	// LocalSeq and RemoteSeq are the last CSeq numbers of each side.
	LocalSeq, RemoteSeq uint32
	// Flow is where requests go.
	Flow flow.Flow
	// Login, if any, says our credentials in each request.
	Login *Login

	ways   *Ways
	direct bool // the peer's request came through nobody else
}

// Ways are how a dialog learns where its requests can go.
type Ways struct {
	// Reach returns a flow from a listener of ours that speaks its transport and reaches its address, false if there is none.
	Reach func(f flow.Flow) (flow.Flow, bool)
	// Find looks a URI with a name up (RFC 3263 §4) and calls found with the best flow to it, at once or later, or never. The
	// listener is the one that is used if others are no better. Nil = names are not looked up.
	Find func(uri string, listener uint8, found func(f flow.Flow))
}

// ErrNoContact says that a message that makes a dialog has no usable Contact (RFC 3261 §12.1).
var ErrNoContact = errors.New("no usable Contact")

// NewUAS returns the dialog that our answer to an INVITE makes, with our tag (RFC 3261 §12.1.1). Its slices are copies. ways may be
// nil if there is one listener only.
func NewUAS(invite *message.Message, tag []byte, f flow.Flow, ways *Ways) (*Dialog, error) {
	target, err := callerURI(invite)
	if err != nil {
		return nil, err
	}
	d := &Dialog{
		CallID:    invite.CallID(),
		LocalTag:  tag,
		RemoteTag: invite.FromTag(),
		Remote:    invite.Get(message.From),
		Target:    target,
		RemoteSeq: invite.CSeq(),
		ways:      ways,
	}
	own(&d.CallID, &d.LocalTag, &d.RemoteTag, &d.Remote, &d.Target)
	vias := 0
	invite.EachVia(func(message.ViaValue) bool { vias++; return true })
	d.direct = vias == 1
	to := invite.Get(message.To)
	d.Local = append(append(append(make([]byte, 0, len(to)+len(tag)+5), to...), ";tag="...), tag...)
	invite.Each(message.RecordRoute, func(r []byte) bool {
		d.Routes = append(d.Routes, bytes.Clone(r))
		return true
	})
	d.aim(f)
	return d, nil
}

// Reachable reports whether a request that makes a dialog says where requests to its sender go (RFC 3261 §8.1.1.8, §12.1.1).
func Reachable(m *message.Message) bool {
	uri, err := callerURI(m)
	if err == nil {
		_, err = message.ParseURI(uri)
	}
	return err == nil
}

// callerURI returns the remote target that a request gives, which refers to the message. An INVITE of an element of RFC 2543 may have no
// Contact: such a caller is talked to under its From (RFC 4475 §3.4.1).
func callerURI(m *message.Message) ([]byte, error) {
	if m.Method() == message.INVITE && !m.Has(message.Contact) && !m.TopVia().Unique() {
		return fromURI(m)
	}
	return contactURI(m)
}

// NewUAC returns the dialog that a peer's 2xx to an INVITE of ours makes (RFC 3261 §12.1.2). Its slices are copies. A peer
// that gives no usable Contact is talked to under the Request-URI of the INVITE, if that is known.
func NewUAC(response *message.Message, f flow.Flow, requestURI []byte, ways *Ways) (*Dialog, error) {
	d, err := newUAC(response, requestURI, ways)
	if err != nil {
		return nil, err
	}
	d.aim(f)
	return &d, nil
}

func newUAC(response *message.Message, requestURI []byte, ways *Ways) (Dialog, error) {
	target, err := contactURI(response)
	if err != nil {
		if target = requestURI; target == nil {
			return Dialog{}, err
		}
	}
	d := Dialog{
		CallID:    response.CallID(),
		LocalTag:  response.FromTag(),
		RemoteTag: response.ToTag(),
		Local:     response.Get(message.From),
		Remote:    response.Get(message.To),
		Target:    target,
		LocalSeq:  response.CSeq(),
		ways:      ways,
	}
	own(&d.CallID, &d.LocalTag, &d.RemoteTag, &d.Local, &d.Remote, &d.Target)
	response.Each(message.RecordRoute, func(r []byte) bool {
		d.Routes = append(d.Routes, nil)
		copy(d.Routes[1:], d.Routes) // RFC 3261 §12.1.2: in reverse order
		d.Routes[0] = bytes.Clone(r)
		return true
	})
	return d, nil
}

// Confirm takes the 2xx that confirms an early dialog of our own INVITE: its Contact and Record-Route replace those of the
// provisional that made the dialog (RFC 3261 §13.2.2.4).
func (d *Dialog) Confirm(response *message.Message) {
	fresh, err := newUAC(response, d.Target, d.ways)
	if err != nil {
		return // a dialog has a target
	}
	heard := d.Flow
	fresh.LocalSeq, fresh.RemoteSeq, fresh.Login = d.LocalSeq, d.RemoteSeq, d.Login
	*d = fresh
	d.aim(heard)
}

// own copies what a dialog keeps of a message, all of it into one piece of memory; nil stays nil.
func own(parts ...*[]byte) {
	n := 0
	for _, p := range parts {
		n += len(*p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		if *p == nil {
			continue
		}
		lo := len(b)
		b = append(b, *p...)
		*p = b[lo:len(b):len(b)]
	}
}

// contactURI returns the URI of the first Contact, which refers to the message.
func contactURI(m *message.Message) ([]byte, error) {
	var uri []byte
	m.Each(message.Contact, func(e []byte) bool {
		if na, err := message.ParseNameAddr(e); err == nil {
			uri = na.URI
		}
		return false
	})
	if uri == nil {
		return nil, ErrNoContact
	}
	return uri, nil
}

// fromURI returns the URI in From, which refers to the message.
func fromURI(m *message.Message) ([]byte, error) {
	na, err := message.ParseNameAddr(m.Get(message.From))
	if err != nil {
		return nil, ErrNoContact
	}
	return na.URI, nil
}

// Refresh takes the remote target from a target refresh request or its 2xx (RFC 3261 §12.2). A message without
// Contact changes nothing.
func (d *Dialog) Refresh(m *message.Message) {
	if uri, err := contactURI(m); err == nil {
		d.Target = bytes.Clone(uri)
		d.aim(d.Flow)
	}
}

// aim finds where requests go, given where the peer was last heard from. What cannot be reached changes nothing, nor does a name
// until it is found.
func (d *Dialog) aim(heard flow.Flow) {
	d.Flow = heard
	if heard.Fixed {
		return
	}
	uri := d.nextHop()
	u, err := message.ParseURI(uri)
	if err != nil {
		return
	}
	a, ok := u.Addr()
	if !ok {
		d.find(heard, &u, uri)
		return
	}
	next := d.towards(heard, &u, a)
	if d.ways != nil {
		if next, ok = d.ways.Reach(next); !ok {
			return
		}
	}
	d.Flow = next
}

// nextHop returns the URI that requests are sent to: the topmost route, else the remote target (RFC 3261 §8.1.2, §12.2.1.1). It is nil
// if the route cannot be read.
func (d *Dialog) nextHop() []byte {
	if len(d.Routes) == 0 {
		return d.Target
	}
	na, err := message.ParseNameAddr(d.Routes[0])
	if err != nil {
		return nil
	}
	return na.URI
}

// find looks a name up, unless the peer is at the end of a connection with nobody behind it: it may have a name that nobody knows
// (RFC 7118 §5), and the connection leads to it.
func (d *Dialog) find(heard flow.Flow, u *message.URI, uri []byte) {
	if d.ways == nil || d.ways.Find == nil || heard.Conn != 0 && (d.direct || heard.Transport.Web()) || len(u.Host) == 0 {
		return
	}
	d.ways.Find(string(uri), heard.Listener, func(f flow.Flow) {
		if bytes.Equal(uri, d.nextHop()) {
			d.Flow = f
		}
	})
}

// towards returns the flow to what a URI names by number. A connection goes on being used if its peer is meant: one that has
// nobody behind it, whose own address may be none that we can reach, or the same host.
func (d *Dialog) towards(heard flow.Flow, u *message.URI, a netip.AddrPort) flow.Flow {
	next := heard
	next.Remote = a
	same := a.Addr() == heard.Remote.Addr()
	name, given := message.Param(u.Params, "transport")
	t, known := flow.Of(u.Secure(), string(name))
	switch {
	case (given || u.Secure()) && known && t != heard.Transport && (!t.Web() || !heard.Transport.Web()):
		next.Transport, next.Conn = t, 0
	case same && heard.Transport.Reliable() && heard.Conn == 0:
		next.Remote = heard.Remote // a URI that names no transport means the port for UDP (RFC 3263 §4.1)
	case !same && !d.direct && !heard.Transport.Web():
		next.Conn = 0
	}
	if !same {
		next.Name, next.Local = "", 0
	}
	return next
}

// Sequence takes the CSeq number of a request of the peer; false means that it is lower than the last one and the
// request is to be answered 500 (RFC 3261 §12.2.2).
func (d *Dialog) Sequence(seq uint32) bool {
	if seq < d.RemoteSeq {
		return false
	}
	d.RemoteSeq = seq
	return true
}

// NextSeq returns the next CSeq number of our side.
func (d *Dialog) NextSeq() uint32 {
	d.LocalSeq++
	return d.LocalSeq
}

// AppendRequest appends the start of a request inside the dialog (RFC 3261 §12.2.1.1): request line, Via, Route, From, To,
// Call-ID, CSeq, Max-Forwards, credentials. More fields and message.AppendBody follow. An ACK carries the seq of its INVITE.
func (d *Dialog) AppendRequest(dst []byte, method string, seq uint32, via Via, maxForwards uint32) []byte {
	target, routes, strict := d.Target, d.Routes, []byte(nil)
	if len(routes) > 0 {
		if na, err := message.ParseNameAddr(routes[0]); err == nil && !loose(na.URI) {
			// A strict router wants its own URI in the request line and the target as the last route.
			strict, target, routes = target, na.URI, routes[1:]
		}
	}
	dst = message.AppendRequestLine(dst, method, target)
	dst = message.AppendVia(dst, via.Transport, via.SentBy, via.Branch)
	for _, r := range routes {
		dst = message.AppendField(dst, "Route", r)
	}
	if strict != nil {
		dst = append(append(append(dst, "Route: <"...), strict...), ">\r\n"...)
	}
	dst = message.AppendField(dst, "From", d.Local)
	dst = message.AppendField(dst, "To", d.Remote)
	dst = message.AppendField(dst, "Call-ID", d.CallID)
	dst = message.AppendUint(append(dst, "CSeq: "...), seq)
	dst = append(append(append(dst, ' '), method...), "\r\nMax-Forwards: "...)
	dst = append(message.AppendUint(dst, maxForwards), "\r\n"...)
	if d.Login != nil {
		dst = d.Login.Append(dst, method, target)
	}
	return dst
}

func loose(uri []byte) bool {
	u, err := message.ParseURI(uri)
	if err != nil {
		return true
	}
	_, lr := message.Param(u.Params, "lr")
	return lr
}

// Via is what a request's own Via holds.
type Via struct {
	Transport, SentBy string
	Branch            []byte
}
