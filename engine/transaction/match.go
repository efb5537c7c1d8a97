package transaction

import (
	"net/netip"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// The parts of a key end with a line feed, which no part can hold.
const endOfPart = '\n'

// client returns the transaction that a response belongs to: branch and CSeq method (RFC 3261 §17.1.3). The Call-ID has to be
// that of the request, too: it says which shard owns a response, and what becomes of one must not depend on their number.
func (l *Layer) client(m *message.Message) *Client {
	l.key = appendClientKey(l.key[:0], m.TopVia().Branch, m.CallID(), m.MethodName())
	return l.clients[string(l.key)]
}

func appendClientKey(dst, branch, callID, method []byte) []byte {
	dst = append(append(dst, branch...), endOfPart)
	dst = append(append(dst, callID...), endOfPart)
	return append(dst, method...)
}

// server returns the transaction that a request belongs to, taken for one with the given method (RFC 3261 §17.2.3).
func (l *Layer) server(m *message.Message, f flow.Flow, method []byte) *Server {
	l.key = appendServerKey(l.key[:0], m, f, method)
	return l.servers[string(l.key)]
}

func appendServerKey(dst []byte, m *message.Message, f flow.Flow, method []byte) []byte {
	if !m.TopVia().Unique() {
		return appendOldKey(dst, m, m.ToTag(), method)
	}
	dst = append(append(dst, m.TopVia().Branch...), endOfPart)
	dst = append(appendSentBy(dst, m.TopVia(), f), endOfPart)
	return append(dst, method...)
}

// appendSentBy appends the sent-by in a form that is equal for equal ones: host names without case, the default port
// (RFC 3261 §18.1.1) as a number.
func appendSentBy(dst []byte, via *message.ViaValue, f flow.Flow) []byte {
	for _, c := range via.Host {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	port := via.Port
	if port == 0 {
		port = 5060
		if f.Transport == flow.TLS {
			port = 5061
		}
	}
	return append(dst, byte(port>>8), byte(port))
}

// appendOldKey appends the key of a request from an element of RFC 2543, whose branch means nothing: Request-URI, tags,
// Call-ID, CSeq and topmost Via (RFC 3261 §17.2.3). It cannot equal the key of another, which does not start with an
// end of part.
func appendOldKey(dst []byte, m *message.Message, toTag, method []byte) []byte {
	via := m.TopVia()
	dst = append(dst, endOfPart)
	for _, part := range [...][]byte{
		m.RequestURI(), toTag, m.FromTag(), m.CallID(), via.Transport, via.Host, via.Params,
	} {
		dst = append(append(dst, part...), endOfPart)
	}
	dst = message.AppendUint(dst, via.Port)
	dst = message.AppendUint(append(dst, endOfPart), m.CSeq())
	return append(append(dst, endOfPart), method...)
}

var invite = []byte("INVITE")

// acknowledged returns the INVITE transaction that an ACK belongs to.
func (l *Layer) acknowledged(m *message.Message, f flow.Flow) *Server {
	if m.TopVia().Unique() {
		return l.server(m, f, invite)
	}
	// RFC 3261 §17.2.3: the ACK has the To tag of the response; the INVITE had none or the same
	for _, tag := range [...][]byte{nil, m.ToTag()} {
		l.key = appendOldKey(l.key[:0], m, tag, invite)
		if s := l.servers[string(l.key)]; s != nil && s.toTag == string(m.ToTag()) {
			return s
		}
	}
	return nil
}

// cancelled returns the transaction that a CANCEL names: whatever its method, but for CANCEL and ACK (RFC 3261 §9.2).
func (l *Layer) cancelled(m *message.Message, f flow.Flow) *Server {
	if s := l.server(m, f, invite); s != nil {
		return s
	}
	n := len(l.key) - len(invite)
	for method := message.BYE; method <= message.PUBLISH; method++ {
		l.key = append(l.key[:n], method.String()...)
		if s := l.servers[string(l.key)]; s != nil {
			return s
		}
	}
	return nil
}

// ReplyFlow returns where the response to m goes: over UDP by its Via, else back on the connection, and if that is gone to the
// source's address and the port in the Via (RFC 3261 §18.2.2).
func ReplyFlow(m *message.Message, f flow.Flow) flow.Flow {
	if !f.Transport.Reliable() {
		f.Remote = m.ReplyAddr(f.Remote)
		return f
	}
	if f.Conn == 0 {
		return f // nobody else can be meant
	}
	port := m.TopVia().Port
	if port == 0 {
		port = 5060
		if f.Transport.Secure() {
			port = 5061
		}
	}
	f.Remote = netip.AddrPortFrom(f.Remote.Addr(), port)
	return f
}
