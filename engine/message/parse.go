package message

import (
	"bytes"
	"fmt"
)

// Error is why bytes are not a message that can be used.
type Error struct {
	// Status is what a request so broken is answered with, if it can be answered: 400, 505, 513 …
	Status int
	// What is wrong, in a few words that need no bytes of the message: a label for counters too.
	What string
}

// Error returns what is wrong.
func (e *Error) Error() string { return fmt.Sprintf("bad SIP message: %s", e.What) }

func bad(what string) *Error { return &Error{Status: 400, What: what} }

// The errors of Parse. After the first two there is nothing that could be answered.
var (
	errNotSIP      = bad("not SIP")
	errSize        = &Error{Status: 513, What: "too large"}
	errHeaders     = &Error{Status: 513, What: "too many header fields"}
	errVersion     = &Error{Status: 505, What: "SIP version"}
	errFieldLine   = bad("header line")
	errControl     = bad("control character in header")
	errNoEnd       = bad("no end of header")
	errRequestLine = bad("request line")
)

// Parse indexes a datagram. It refers to buf afterwards and unfolds continued lines in it in place.
//
// An error does not mean that nothing was found: after one, Answerable says whether a response can be
// built. Parse looks at form only; Validate checks what a request must have.
func (m *Message) Parse(buf []byte) error {
	*m = Message{fields: m.fields[:0]}
	if len(buf) > MaxSize {
		return errSize
	}
	for len(buf) > 1 && buf[0] == '\r' && buf[1] == '\n' { // RFC 3261 §7.5: CRLF before the start line is ignored
		buf = buf[2:]
	}
	m.raw = buf
	pos, err := m.parseStart()
	if pos == 0 {
		return err
	}
	end, ferr := m.parseFields(pos)
	m.body = span{uint32(end), uint32(len(buf))}
	m.readViews()
	if err != nil {
		return err
	}
	return ferr
}

// line returns the end of the line that starts at pos (without its CRLF) and the start of the next one; next is 0
// if no line ends there.
func line(b []byte, pos int) (end, next int) {
	i := bytes.IndexByte(b[pos:], '\n')
	if i < 0 {
		return len(b), 0
	}
	end, next = pos+i, pos+i+1
	if end > pos && b[end-1] == '\r' {
		end--
	}
	return end, next
}

// parseStart reads the start line and returns where the header starts, 0 if the bytes are not SIP.
func (m *Message) parseStart() (int, error) {
	end, next := line(m.raw, 0)
	if next == 0 {
		return 0, errNotSIP
	}
	l := m.raw[:end]
	if len(l) > 12 && equalFold(l[:4], "SIP/") && bytes.IndexByte(l, ' ') == 7 {
		return next, m.parseStatusLine(l)
	}
	v := bytes.LastIndexByte(l, ' ')
	if v < 0 || len(l)-v < 5 || !equalFold(l[v+1:v+5], "SIP/") {
		return 0, errNotSIP
	}
	return next, m.parseRequestLine(l, v)
}

func (m *Message) parseStatusLine(l []byte) error {
	n, ok := parseUint(l[8:min(11, len(l))])
	if !ok || n < 100 || n > 699 || len(l) > 11 && l[11] != ' ' {
		return errNotSIP
	}
	m.status = int(n)
	m.token = span{uint32(min(12, len(l))), uint32(len(l))}
	if !equalFold(l[:7], "SIP/2.0") {
		return errVersion
	}
	return nil
}

func (m *Message) parseRequestLine(l []byte, version int) error {
	m.request = true
	sp := bytes.IndexByte(l, ' ')
	m.token = span{0, uint32(sp)}
	m.method = methodOf(l[:sp])
	if !isToken(l[:sp]) {
		return errRequestLine
	}
	if sp < version {
		m.uri = span{uint32(sp + 1), uint32(version)}
	}
	u := m.uri.of(m.raw)
	if len(u) == 0 || bytes.ContainsAny(u, " \t<>\"") { // RFC 3261 §7.1: no white space, no brackets
		return errRequestLine
	}
	if !equalFold(l[version+1:], "SIP/2.0") {
		return errVersion
	}
	return nil
}

// parseFields indexes the header from pos and returns where the body starts. It goes on after an error, so that a
// response can be built.
func (m *Message) parseFields(pos int) (int, error) {
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	for {
		end, next := line(m.raw, pos)
		if next == 0 {
			note(errNoEnd)
			return len(m.raw), first
		}
		if end == pos {
			return next, first
		}
		for next < len(m.raw) && (m.raw[next] == ' ' || m.raw[next] == '\t') { // RFC 3261 §7.3.1: folded
			for i := end; i < next; i++ {
				m.raw[i] = ' '
			}
			if end, next = line(m.raw, next); next == 0 {
				note(errNoEnd)
				return len(m.raw), first
			}
		}
		if err := m.addField(pos, end); err != nil {
			note(err)
			if err == error(errHeaders) {
				return len(m.raw), first
			}
		}
		pos = next
	}
}

func (m *Message) addField(pos, end int) error {
	l := m.raw[pos:end]
	colon := bytes.IndexByte(l, ':')
	if colon < 1 {
		return errFieldLine
	}
	name := trimRight(l[:colon])
	if !isToken(name) {
		return errFieldLine
	}
	for _, c := range l[colon:] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return errControl
		}
	}
	if len(m.fields) == MaxHeaders {
		return errHeaders
	}
	lo, hi := pos+colon+1, end
	for lo < hi && isSpace(m.raw[lo]) {
		lo++
	}
	for hi > lo && isSpace(m.raw[hi-1]) {
		hi--
	}
	m.fields = append(m.fields, field{
		name:  span{uint32(pos), uint32(pos + len(name))},
		value: span{uint32(lo), uint32(hi)},
		id:    Lookup(name),
	})
	return nil
}

// readViews reads what every message is matched by: Via, CSeq and the tags, and cuts the body to Content-Length.
func (m *Message) readViews() {
	seen := set(0)
	for i := range m.fields {
		f := &m.fields[i]
		if seen.has(f.id) {
			continue
		}
		v := f.value.of(m.raw)
		switch f.id {
		case Via:
			n := uint32(element(v))
			m.viaSpan = span{f.value.lo, f.value.lo + n}
			m.via, _ = parseVia(v[:n])
		case CSeq:
			m.readCSeq(f.value)
		case From:
			m.fromTag = m.tagOf(v)
		case To:
			m.toTag = m.tagOf(v)
		case ContentLength:
			if n, ok := parseUint(v); ok && n < m.body.hi-m.body.lo {
				m.body.hi = m.body.lo + n // RFC 3261 §18.3: octets after the body are discarded
			}
		default:
			continue
		}
		seen |= 1 << f.id
	}
}

func (m *Message) readCSeq(s span) {
	v := s.of(m.raw)
	i := 0
	for i < len(v) && v[i] >= '0' && v[i] <= '9' {
		i++
	}
	n, ok := parseUint(v[:i])
	j := i
	for j < len(v) && isSpace(v[j]) {
		j++
	}
	if !ok || n > 1<<31-1 || j == i || !isToken(v[j:]) { // RFC 3261 §8.1.1.5: less than 2^31
		return
	}
	m.cseq, m.cseqName = n, span{s.lo + uint32(j), s.hi}
	m.cseqM = methodOf(v[j:])
}

func (m *Message) tagOf(v []byte) span {
	na, err := ParseNameAddr(v)
	if err != nil {
		return span{}
	}
	tag, ok := Param(na.Params, "tag")
	if !ok || len(tag) == 0 {
		return span{}
	}
	lo := offset(m.raw, tag)
	return span{lo, lo + uint32(len(tag))}
}

// offset returns where sub, a slice of b, starts in it.
func offset(b, sub []byte) uint32 { return uint32(cap(b) - cap(sub)) }

// Answerable reports whether a response to the request can be built and sent: it is no ACK and has a Via to send
// it by and the fields that a response copies (RFC 3261 §8.2.6.2).
func (m *Message) Answerable() bool {
	return m.request && m.method != ACK && m.via.Host != nil && m.Has(From) && m.Has(To) && m.Has(CallID) && m.Has(CSeq)
}

// Validate checks what RFC 3261 §8.1.1 and §8.2 want of a request, and of a response as far as it is used. What a
// request fails is answered with the error's Status.
func (m *Message) Validate() error {
	if m.via.Host == nil {
		return bad("Via")
	}
	if m.cseqName.hi == 0 {
		return bad("CSeq")
	}
	if m.request && !bytes.Equal(m.MethodName(), m.cseqName.of(m.raw)) {
		return bad("CSeq method") // RFC 3261 §8.1.1.5
	}
	seen := set(0)
	for i := range m.fields {
		f := &m.fields[i]
		if f.id == Other {
			continue
		}
		if single.has(f.id) && seen.has(f.id) {
			return bad("two " + names[f.id])
		}
		seen |= 1 << f.id
		if what := m.checkValue(f); what != "" {
			return bad(what)
		}
	}
	for _, id := range [...]ID{From, To, CallID} {
		if !seen.has(id) {
			return bad("no " + names[id])
		}
	}
	if m.request && m.fromTag.hi == 0 && m.via.magic() {
		return bad("From tag") // RFC 3261 §8.1.1.3; elements of RFC 2543 had none
	}
	if m.request && schemeOf(m.RequestURI()) == "" {
		return bad("Request-URI")
	}
	return nil
}

func (m *Message) checkValue(f *field) string {
	v := f.value.of(m.raw)
	switch f.id {
	case From, To:
		if _, err := ParseNameAddr(v); err != nil {
			return names[f.id]
		}
	case CallID:
		if len(v) == 0 || bytes.ContainsAny(v, " \t") {
			return "Call-ID"
		}
	case MaxForwards:
		if n, ok := parseUint(v); !ok || n > 255 {
			return "Max-Forwards"
		}
	case ContentLength:
		n, ok := parseUint(v)
		if !ok || n > m.body.hi-m.body.lo {
			return "Content-Length" // RFC 3261 §18.3: body shorter than it says
		}
	case Contact:
		return m.checkContact(v)
	}
	return ""
}

func (m *Message) checkContact(v []byte) string {
	for rest := v; len(rest) > 0; {
		n := element(rest)
		if e := trim(rest[:n]); string(e) != "*" {
			if _, err := ParseNameAddr(e); err != nil {
				return "Contact"
			}
		}
		rest = rest[min(n+1, len(rest)):]
	}
	return ""
}
