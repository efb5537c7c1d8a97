// Package message is a SIP message as an index over its bytes.
//
// Parse finds the start line, the header fields and the body of a datagram and keeps offsets; views
// (URI, NameAddr, ViaValue …) are read from the bytes when asked for. Messages to send are written by
// appending: spans of a received message are copied untouched and only what changes is made anew.
// Bad input ends here: what Parse and Validate let through is safe to read, answer and splice.
//
// A Message belongs to who parsed it and refers to the buffer that it was parsed from; Clone makes one
// that outlives the buffer. RFC 3261 §7 (messages), §8.1.1 and §20 (fields), §18.3 (framing), §19.1 (URIs),
// §25 (grammar), RFC 3581 (rport).
package message

import (
	"bytes"
	"strconv"
)

// MaxSize is the largest message that Parse takes, in bytes: what a UDP datagram can hold.
const MaxSize = 65535

// MaxHeaders is the largest number of header fields that Parse takes.
const MaxHeaders = 256

type span struct{ lo, hi uint32 }

// of returns the bytes of a span, nil for the zero span. What is appended to them does not overwrite the message.
func (s span) of(b []byte) []byte {
	if s.hi == 0 {
		return nil
	}
	return b[s.lo:s.hi:s.hi]
}

type field struct {
	name, value span
	id          ID
	plain       bool // the line reads "name: value" CRLF, nothing more
}

// Message is a parsed SIP message. The zero value is empty; Parse may be called again and again.
type Message struct {
	raw      []byte
	fields   []field
	request  bool
	method   Method
	token    span // method of a request, reason phrase of a response
	uri      span // Request-URI
	status   int
	body     span
	via      ViaValue
	viaSpan  span // the topmost Via element
	cseq     uint32
	cseqName span
	cseqM    Method
	fromTag  span
	toTag    span
	parties  set // From and To if readViews found an address there and at most a tag: Validate need not look again
}

// IsRequest reports whether it is a request.
func (m *Message) IsRequest() bool { return m.request }

// Method returns the request's method, or for a response the method of its CSeq.
func (m *Message) Method() Method {
	if m.request {
		return m.method
	}
	return m.cseqM
}

// MethodName returns the method as it stands in the start line, or for a response in the CSeq.
func (m *Message) MethodName() []byte {
	if m.request {
		return m.token.of(m.raw)
	}
	return m.cseqName.of(m.raw)
}

// Status returns the status code of a response, 0 for a request.
func (m *Message) Status() int { return m.status }

// Phrase returns the reason phrase of a response.
func (m *Message) Phrase() []byte {
	if m.request {
		return nil
	}
	return m.token.of(m.raw)
}

// RequestURI returns the Request-URI of a request.
func (m *Message) RequestURI() []byte { return m.uri.of(m.raw) }

// Body returns the body, without what a datagram held beyond Content-Length (RFC 3261 §18.3).
func (m *Message) Body() []byte { return m.body.of(m.raw) }

// Bytes returns the whole message.
func (m *Message) Bytes() []byte { return m.raw }

// CSeq returns the sequence number.
func (m *Message) CSeq() uint32 { return m.cseq }

// CallID returns the Call-ID. It is compared octet by octet (RFC 3261 §20.8).
func (m *Message) CallID() []byte { return m.Get(CallID) }

// FromTag returns the tag of From, nil if it has none.
func (m *Message) FromTag() []byte { return m.fromTag.of(m.raw) }

// ToTag returns the tag of To, nil if it has none.
func (m *Message) ToTag() []byte { return m.toTag.of(m.raw) }

// TopVia returns the topmost Via element.
func (m *Message) TopVia() *ViaValue { return &m.via }

// Get returns the value of the first field of that name, nil if there is none.
func (m *Message) Get(id ID) []byte {
	for i := range m.fields {
		if m.fields[i].id == id {
			return m.fields[i].value.of(m.raw)
		}
	}
	return nil
}

// Has reports whether there is a field of that name.
func (m *Message) Has(id ID) bool {
	for i := range m.fields {
		if m.fields[i].id == id {
			return true
		}
	}
	return false
}

// Len returns how many header fields there are.
func (m *Message) Len() int { return len(m.fields) }

// Field returns header field i as it was received: its ID, name and value.
func (m *Message) Field(i int) (id ID, name, value []byte) {
	f := &m.fields[i]
	return f.id, f.name.of(m.raw), f.value.of(m.raw)
}

// AppendValues appends to dst the raw values of the fields with a name, in order; any case and compact forms
// are found. Comma lists are not split.
func (m *Message) AppendValues(dst [][]byte, name string) [][]byte {
	for i := range m.fields {
		if f := &m.fields[i]; sameName(f.name.of(m.raw), name) {
			dst = append(dst, f.value.of(m.raw))
		}
	}
	return dst
}

// Each calls yield with every element of the fields named id, comma lists split (RFC 3261 §7.3.1), until it
// returns false.
func (m *Message) Each(id ID, yield func(element []byte) bool) {
	for i := range m.fields {
		if m.fields[i].id != id {
			continue
		}
		for e := range Elements(m.fields[i].value.of(m.raw)) {
			if !yield(e) {
				return
			}
		}
	}
}

// HasToken reports whether a list field holds a token, compared without case: Require: 100rel.
func (m *Message) HasToken(id ID, token string) bool {
	found := false
	m.Each(id, func(e []byte) bool {
		found = equalFold(e, token)
		return !found
	})
	return found
}

// Uint returns the field's value as a decimal number; ok is false if there is none or it is no number below 2^32.
func (m *Message) Uint(id ID) (n uint32, ok bool) { return parseUint(m.Get(id)) }

// Clone returns a message with bytes of its own.
func (m *Message) Clone() *Message {
	c := *m
	c.raw = bytes.Clone(m.raw)
	c.fields = append([]field(nil), m.fields...)
	c.via = ViaValue{}
	if m.via.Host != nil {
		c.via, _ = parseVia(m.viaSpan.of(c.raw))
	}
	return &c
}

// Share returns a message that refers to the same bytes, which must not change any more.
func (m *Message) Share() *Message {
	c := *m
	c.fields = append([]field(nil), m.fields...)
	return &c
}

func parseUint(b []byte) (uint32, bool) {
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + uint64(c-'0'); n >= 1<<32 {
			return 0, false
		}
	}
	return uint32(n), len(b) > 0
}

// AppendUint appends a decimal number, which is not negative.
func AppendUint[T ~int | ~uint16 | ~uint32](dst []byte, n T) []byte {
	return strconv.AppendUint(dst, uint64(n), 10)
}
