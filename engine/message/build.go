package message

import (
	"bytes"
	"net/netip"
)

// AppendRequestLine appends "METHOD uri SIP/2.0".
func AppendRequestLine[U ~string | ~[]byte](dst []byte, method string, uri U) []byte {
	dst = append(append(dst, method...), ' ')
	return append(append(dst, uri...), " SIP/2.0\r\n"...)
}

// AppendStatusLine appends "SIP/2.0 code phrase"; an empty phrase becomes the standard one.
func AppendStatusLine(dst []byte, code int, phrase string) []byte {
	if phrase == "" {
		phrase = Phrase(code)
	}
	dst = AppendUint(append(dst, "SIP/2.0 "...), code)
	return append(append(append(dst, ' '), phrase...), "\r\n"...)
}

// AppendField appends one header field. The value must not hold CR or LF; ValidValue says so.
func AppendField[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

// ValidName reports whether a header name may be written.
func ValidName(name string) bool { return isToken([]byte(name)) }

// ValidValue reports whether a header value may be written: no control characters, so nothing can be injected.
func ValidValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// AppendVia appends the Via of a request of ours, asking for rport (RFC 3581 §3).
func AppendVia[B ~string | ~[]byte](dst []byte, transport, sentBy string, branch B) []byte {
	dst = append(append(append(dst, "Via: SIP/2.0/"...), transport...), ' ')
	dst = append(append(append(dst, sentBy...), ";branch="...), branch...)
	return append(dst, ";rport\r\n"...)
}

// AppendVia appends a copy of the message in which the topmost Via names another transport and sent-by.
func (m *Message) AppendVia(dst []byte, transport, sentBy string) []byte {
	dst = append(dst, m.raw[:m.viaSpan.lo]...)
	dst = append(append(append(dst, "SIP/2.0/"...), transport...), ' ')
	dst = append(append(dst, sentBy...), m.via.Params...)
	return append(dst, m.raw[m.viaSpan.hi:]...)
}

// AppendBody ends the header with a Content-Length and appends the body. It is written last.
func AppendBody(dst, body []byte) []byte {
	dst = AppendUint(append(dst, "Content-Length: "...), len(body))
	return append(append(dst, "\r\n\r\n"...), body...)
}

// appendVias appends the Via fields of a request for its response, in order, the topmost element with where
// it came from (RFC 3261 §18.2.1, RFC 3581 §4).
func (m *Message) appendVias(dst []byte, src netip.AddrPort) []byte {
	first := true
	for i := range m.fields {
		f := &m.fields[i]
		if f.id != Via {
			continue
		}
		v := f.value.of(m.raw)
		dst = append(dst, "Via: "...)
		if first {
			first = false
			n := element(v)
			dst = appendReceived(dst, v[:n], src)
			v = v[n:]
		}
		dst = append(append(dst, v...), "\r\n"...)
	}
	return dst
}

func appendReceived(dst, via []byte, src netip.AddrPort) []byte {
	end := bytes.IndexByte(via, ';')
	if end < 0 {
		end = len(via)
	}
	dst = append(dst, trimRight(via[:end])...)
	rport := false
	EachParam(via[end:], func(k, v []byte) bool {
		switch {
		case equalFold(k, "received"):
			return true
		case equalFold(k, "rport"):
			rport = true
			return true
		}
		dst = append(append(dst, ';'), k...)
		if len(v) > 0 {
			dst = append(append(dst, '='), v...)
		}
		return true
	})
	dst = src.Addr().Unmap().WithZone("").AppendTo(append(dst, ";received="...))
	if rport {
		dst = AppendUint(append(dst, ";rport="...), src.Port())
	}
	return dst
}

// ReplyAddr returns where a response to the request goes over UDP: to the source with rport, else to the source's
// address and the sent-by port (RFC 3261 §18.2.2, RFC 3581 §4). maddr is not followed: it is made for multicast, and would let
// anybody aim our responses.
func (m *Message) ReplyAddr(src netip.AddrPort) netip.AddrPort {
	if _, ok := Param(m.via.Params, "rport"); ok {
		return src
	}
	port := m.via.Port
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(src.Addr(), port)
}

// AppendResponse appends the start and the fields that a response copies from its request (RFC 3261 §8.2.6.2): Via, From, To
// with toTag if it has none and toTag is not empty, Call-ID, CSeq, and a 100 the Timestamp (§8.2.6.1). What the request lacks is
// left out. More fields and AppendBody follow.
func (m *Message) AppendResponse(dst []byte, code int, phrase string, toTag []byte, src netip.AddrPort) []byte {
	dst = AppendStatusLine(dst, code, phrase)
	dst = m.appendVias(dst, src)
	seen := set(0)
	for i := range m.fields {
		f := &m.fields[i]
		switch f.id {
		case From, To, CallID, CSeq:
		default:
			continue
		}
		if seen.has(f.id) {
			continue
		}
		seen |= 1 << f.id
		dst = append(append(dst, names[f.id]...), ": "...)
		dst = append(dst, f.value.of(m.raw)...)
		if f.id == To && len(toTag) > 0 && m.toTag.hi == 0 {
			dst = append(append(dst, ";tag="...), toTag...)
		}
		dst = append(dst, "\r\n"...)
	}
	if t := m.Get(Timestamp); code == 100 && t != nil { // RFC 3261 §8.2.6.1
		dst = AppendField(dst, "Timestamp", t)
	}
	return dst
}

// AppendRecordRoutes appends the Record-Route fields, which a response that makes a dialog copies (RFC 3261 §12.1.1).
func (m *Message) AppendRecordRoutes(dst []byte) []byte { return m.AppendFields(dst, RecordRoute) }

// AppendFields appends the fields of one name, in order.
func (m *Message) AppendFields(dst []byte, id ID) []byte {
	for i := range m.fields {
		if m.fields[i].id == id {
			dst = AppendField(dst, names[id], m.fields[i].value.of(m.raw))
		}
	}
	return dst
}

// viaLine appends the topmost Via element as a field.
func (m *Message) viaLine(dst []byte) []byte {
	return AppendField(dst, "Via", m.viaSpan.of(m.raw))
}

// AppendAck appends the ACK to a final response other than 2xx (RFC 3261 §17.1.1.3): m is the INVITE as sent.
func (m *Message) AppendAck(dst []byte, response *Message) []byte {
	dst = AppendRequestLine(dst, "ACK", m.RequestURI())
	dst = m.viaLine(dst)
	dst = append(dst, "Max-Forwards: 70\r\n"...)
	dst = m.AppendFields(dst, Route)
	dst = AppendField(dst, "From", m.Get(From))
	dst = AppendField(dst, "To", response.Get(To))
	return m.endOf(dst, "ACK")
}

// Reasons returns Reason fields with such values (RFC 3326).
func Reasons(values ...string) []Change {
	var fields []Change
	for _, v := range values {
		fields = append(fields, Change{Name: "Reason", Value: v})
	}
	return fields
}

// AppendCancel appends the CANCEL of a request (RFC 3261 §9.1) with fields that say why; m is the INVITE as sent.
func (m *Message) AppendCancel(dst []byte, fields ...Change) []byte {
	dst = AppendRequestLine(dst, "CANCEL", m.RequestURI())
	dst = m.viaLine(dst)
	dst = append(dst, "Max-Forwards: 70\r\n"...)
	dst = m.AppendFields(dst, Route)
	dst = AppendField(dst, "From", m.Get(From))
	dst = AppendField(dst, "To", m.Get(To))
	for _, f := range fields {
		dst = AppendField(dst, f.Name, f.Value)
	}
	return m.endOf(dst, "CANCEL")
}

func (m *Message) endOf(dst []byte, method string) []byte {
	dst = AppendField(dst, "Call-ID", m.CallID())
	dst = AppendUint(append(dst, "CSeq: "...), m.cseq)
	dst = append(append(append(dst, ' '), method...), "\r\n"...)
	return AppendBody(dst, nil)
}

// Change is a header field that is set on, or taken from, a message in passing.
type Change struct {
	Name, Value string
	Remove      bool
}

// AppendPassed appends the fields of m that pass from leg to leg, unchanged and in order, and applies changes: a
// changed field takes the place of the first one with its name, and stands at the end if there was none.
func (m *Message) AppendPassed(dst []byte, changes []Change) []byte {
	var run span // adjacent lines that are copied as they stand
	for i := range m.fields {
		f := &m.fields[i]
		if f.id.PerLeg() {
			continue
		}
		c := -1
		if len(changes) > 0 {
			c = findChange(changes, f.name.of(m.raw))
		}
		if c < 0 && f.plain {
			if f.name.lo != run.hi {
				dst = append(dst, run.of(m.raw)...)
				run.lo = f.name.lo
			}
			run.hi = f.value.hi + uint32(len(crlf))
			continue
		}
		dst = append(dst, run.of(m.raw)...)
		run = span{}
		if c < 0 {
			dst = AppendField(dst, f.name.of(m.raw), f.value.of(m.raw))
		} else if !m.before(i, changes[c].Name) {
			dst = appendChanges(dst, changes, changes[c].Name)
		}
	}
	dst = append(dst, run.of(m.raw)...)
	return m.appendNew(dst, changes)
}

// appendNew appends the changes whose fields m does not have.
func (m *Message) appendNew(dst []byte, changes []Change) []byte {
	for i := range changes {
		name := changes[i].Name
		if !m.before(len(m.fields), name) && findChange(changes[:i], []byte(name)) < 0 {
			dst = appendChanges(dst, changes, name)
		}
	}
	return dst
}

func findChange(changes []Change, name []byte) int {
	for i := range changes {
		if sameName(name, changes[i].Name) {
			return i
		}
	}
	return -1
}

// before reports whether a field of that name that passes stands before field i.
func (m *Message) before(i int, name string) bool {
	for j := range i {
		if f := &m.fields[j]; !f.id.PerLeg() && sameName(f.name.of(m.raw), name) {
			return true
		}
	}
	return false
}

func appendChanges(dst []byte, changes []Change, name string) []byte {
	for i := range changes {
		if c := &changes[i]; !c.Remove && sameName([]byte(c.Name), name) {
			dst = AppendField(dst, c.Name, c.Value)
		}
	}
	return dst
}

// Quote returns text as a quoted-string (RFC 3261 §25.1), without the control characters that one must not hold.
func Quote(text string) string {
	b := []byte{'"'}
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ' && c != 0x7f:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
