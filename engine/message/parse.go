package message

import (
	"bytes"
	"errors"
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
func (m *Message) Parse(buf []byte) error { return m.parse(buf, false) }

// ParseKept is Parse of bytes that have to stay as they are: it refers to a copy of them where lines are continued.
func (m *Message) ParseKept(buf []byte) error { return m.parse(buf, true) }

func (m *Message) parse(buf []byte, kept bool) error {
	*m = Message{fields: m.fields[:0]}
	if len(buf) > MaxSize {
		return errSize
	}
	buf = skipCRLF(buf)
	m.raw = buf
	pos, err := m.parseStart()
	if pos == 0 {
		return err
	}
	end, ferr := m.parseFields(pos, kept)
	m.body = span{uint32(end), uint32(len(buf))}
	m.readViews()
	if err != nil {
		return err
	}
	return ferr
}

// skipCRLF drops the line ends before the start line (RFC 3261 §7.5).
func skipCRLF(b []byte) []byte {
	for bytes.HasPrefix(b, crlf) {
		b = b[2:]
	}
	return b
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
	if len(l) > 10 && equalFold(l[:4], "SIP/") && bytes.IndexByte(l, ' ') == 7 {
		return next, m.parseStatusLine(l)
	}
	t := trimRight(l)
	v := bytes.LastIndexByte(t, ' ')
	if v < 0 || len(t)-v < 5 || !equalFold(t[v+1:v+5], "SIP/") {
		return 0, errNotSIP
	}
	err := m.parseRequestLine(t, v)
	if err == nil && len(t) < len(l) { // RFC 4475 §3.1.2.10
		err = errRequestLine
	}
	return next, err
}

// parseStatusLine takes a line without the space before an empty phrase too (RFC 4475 §3.1.1.13).
func (m *Message) parseStatusLine(l []byte) error {
	n, ok := parseUint(l[8:11])
	if !ok || n < 100 || n > 699 || len(l) > 11 && l[11] != ' ' || !clean(l) {
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
	if len(u) == 0 || !uriBytes(u) { // RFC 3261 §7.1: no white space, no brackets
		return errRequestLine
	}
	if !equalFold(l[version+1:], "SIP/2.0") {
		return errVersion
	}
	return nil
}

// parseFields indexes the header from pos and returns where the body starts. It goes on after an error, so that a
// response can be built.
func (m *Message) parseFields(pos int, kept bool) (int, error) {
	if m.fields == nil {
		m.fields = make([]field, 0, usualFields)
	}
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
		if folded(m.raw, next) && bytes.IndexByte(m.raw[pos:end], ':') < 0 { // RFC 3261 §25.1, HCOLON
			note(errFieldLine)
		}
		for folded(m.raw, next) {
			if kept {
				m.raw, kept = bytes.Clone(m.raw), false
			}
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
			if errors.Is(err, errHeaders) {
				return len(m.raw), first
			}
		}
		pos = next
	}
}

// usualFields is how many fields most messages have at most.
const usualFields = 16

// folded reports whether the line that starts at pos continues the one before (RFC 3261 §7.3.1).
func folded(b []byte, pos int) bool { return pos < len(b) && isSpace(b[pos]) }

func (m *Message) addField(pos, end int) error {
	l := m.raw[pos:end]
	n := 0
	for n < len(l) && tokenByte[l[n]] {
		n++
	}
	colon := n
	for colon < len(l) && isSpace(l[colon]) {
		colon++
	}
	if n == 0 || colon == len(l) || l[colon] != ':' {
		return errFieldLine
	}
	if !clean(l[colon:]) && !quotedPairs(l[colon:]) {
		return errControl
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
		name:  span{uint32(pos), uint32(pos + n)},
		value: span{uint32(lo), uint32(hi)},
		id:    Lookup(l[:n]),
		plain: lo == pos+n+2 && m.raw[lo-1] == ' ' && bytes.HasPrefix(m.raw[hi:], crlf),
	})
	return nil
}

var crlf = []byte("\r\n")

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
			m.fromTag = m.tagOf(f)
		case To:
			m.toTag = m.tagOf(f)
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

// tagParam is how From and To mostly go on after the address, with the tag and nothing else.
var tagParam = []byte(";tag=")

func (m *Message) tagOf(f *field) span {
	v := f.value.of(m.raw)
	na, err := ParseNameAddr(v)
	if err != nil {
		return span{}
	}
	tag, alone := bytes.CutPrefix(na.Params, tagParam)
	if alone = alone && isToken(tag); alone || len(na.Params) == 0 {
		m.parties |= 1 << f.id
	}
	if !alone {
		if tag, _ = Param(na.Params, "tag"); len(tag) == 0 {
			return span{}
		}
	}
	lo := f.value.lo + uint32(cap(v)-cap(tag)) // tag is a slice of v
	return span{lo, lo + uint32(len(tag))}
}

// PeekCallID finds the Call-ID of a datagram without parsing it, nil if there is none. It writes nothing.
func PeekCallID(b []byte) []byte {
	v, _ := peek(b, CallID)
	return v
}

// PeekLength finds the Content-Length of a message in a stream, whose header b starts with, without parsing it. ok is false if
// there is none that can be used: several that differ are none. It writes nothing.
func PeekLength(b []byte) (n int, ok bool) {
	v, rest := peek(b, ContentLength)
	length, ok := parseUint(v)
	for ok && len(rest) > 0 {
		if v, rest = peekField(rest, ContentLength); v != nil {
			again, isNum := parseUint(v)
			ok = isNum && again == length
		}
	}
	return int(length), ok && length <= MaxSize
}

func peek(b []byte, id ID) (value, rest []byte) {
	b = skipCRLF(b)
	_, pos := line(b, 0)
	if pos == 0 {
		return nil, nil
	}
	return peekField(b[pos:], id)
}

// peekField returns the value of the first field of that name in a header, and what follows it.
func peekField(b []byte, id ID) (value, rest []byte) {
	for pos := 0; pos < len(b); {
		end, next := line(b, pos)
		if end == pos {
			return nil, nil
		}
		start := pos
		for next > 0 && folded(b, next) {
			end, next = line(b, next)
		}
		colon := bytes.IndexByte(b[start:end], ':')
		if colon > 0 && Lookup(trimRight(b[start:start+colon])) == id {
			if next > 0 {
				rest = b[next:]
			}
			return bytes.Trim(b[start+colon+1:end], " \t\r\n"), rest
		}
		if next == 0 {
			return nil, nil
		}
		pos = next
	}
	return nil, nil
}
