package message

import "bytes"

// Answerable reports whether a response to the request can be built and sent: it is no ACK, and has a Via to send it by and a
// CSeq that the client finds its transaction by (RFC 3261 §17.1.3). From, To and Call-ID may be missing: that is answered
// with 400 (RFC 4475 §3.3.1).
func (m *Message) Answerable() bool {
	return m.request && m.method != ACK && m.via.Host != nil && m.Has(CSeq)
}

// Validate checks what RFC 3261 §8.1.1 and §8.2 want of a request, and of a response as far as it is used. What a
// request fails is answered with the error's Status; a response that fails is discarded.
func (m *Message) Validate() error {
	if m.via.Host == nil || m.via.foreign {
		return errVia
	}
	if m.cseqName.hi == 0 {
		return errCSeq
	}
	if m.request && !bytes.Equal(m.MethodName(), m.cseqName.of(m.raw)) { // RFC 3261 §8.1.1.5
		if m.method == UnknownMethod {
			return errCSeqUnknown
		}
		return errCSeqMethod
	}
	seen, err := m.checkFields()
	if err != nil {
		return err
	}
	for _, id := range [...]ID{From, To, CallID} {
		if !seen.has(id) {
			return errMissing[id]
		}
	}
	if !m.request {
		return nil
	}
	if m.fromTag.hi == 0 && m.via.magic() {
		return errFromTag // RFC 3261 §8.1.1.3; elements of RFC 2543 had none
	}
	if _, err := ParseURI(m.RequestURI()); err != nil {
		return errRequestURI
	}
	return nil
}

// The errors of Validate, made once: what a flood of bad messages costs is the parsing.
var (
	errCSeq        = bad("CSeq")
	errCSeqMethod  = bad("CSeq method")
	errCSeqUnknown = &Error{Status: 501, What: "CSeq method"} // RFC 4475 §3.1.2.18
	errFromTag     = bad("From tag")
	errToTag       = bad("To tag")
	errRequestURI  = bad("Request-URI")
	errMissing     = perID("no ")
	errTwo         = perID("two ")
	errValue       = perID("")
)

func perID(what string) (errs [numIDs]error) {
	for id := range errs {
		errs[id] = bad(what + names[id])
	}
	return errs
}

// checkFields checks the fields that the engine reads and returns which there are.
func (m *Message) checkFields() (seen set, err error) {
	for i := range m.fields {
		f := &m.fields[i]
		if f.id == Other {
			continue
		}
		if single.has(f.id) && seen.has(f.id) {
			return seen, errTwo[f.id]
		}
		seen |= 1 << f.id
		if m.parties.has(f.id) || f.id == Via && f.value == m.viaSpan && validParams(m.via.Params, "branch") {
			continue // readViews has read it
		}
		if err := m.checkValue(f.id, f.value.of(m.raw)); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

func (m *Message) checkValue(id ID, v []byte) error {
	ok := true
	switch id {
	case From, To:
		return m.checkParty(id, v)
	case CallID:
		ok = len(v) > 0 && bytes.IndexByte(v, ' ') < 0 && bytes.IndexByte(v, '\t') < 0
	case MaxForwards:
		n, isNum := parseUint(v)
		ok = isNum && n <= 255
	case ContentLength: // RFC 3261 §18.3: a body shorter than it says
		n, isNum := parseUint(v)
		ok = isNum && n <= m.body.hi-m.body.lo
	case Via:
		ok = !m.request || eachElement(v, validVia)
	case Contact, Route, RecordRoute:
		ok = len(v) == 0 || eachElement(v, m.validAddr)
	}
	if !ok {
		return errValue[id]
	}
	return nil
}

// checkParty checks From or To. Its parameters are held to the grammar in requests only: a response with a stray semicolon
// is worth more than none.
func (m *Message) checkParty(id ID, v []byte) error {
	na, err := ParseNameAddr(v)
	if err != nil || m.request && !validParams(na.Params, "tag") {
		return errValue[id]
	}
	if tag, ok := Param(na.Params, "tag"); ok && len(tag) == 0 { // a response would add a second one
		if id == From {
			return errFromTag
		}
		return errToTag
	}
	return nil
}

func (m *Message) validAddr(b []byte) bool {
	if string(b) == "*" {
		return true
	}
	na, err := ParseNameAddr(b)
	return err == nil && (!m.request || validParams(na.Params, ""))
}

func validVia(b []byte) bool {
	v, err := parseVia(b)
	return err == nil && validParams(v.Params, "branch")
}

// eachElement reports whether valid holds for every element of a comma list. An empty one is none (RFC 4475 §3.1.2.1).
func eachElement(v []byte, valid func([]byte) bool) bool {
	for {
		n := element(v)
		if !valid(trim(v[:n])) {
			return false
		}
		if n == len(v) {
			return true
		}
		v = v[n+1:]
	}
}

// validParams reports whether b is *( SEMI generic-param ) of RFC 3261 §25.1 in which once, a parameter, stands at most
// once (§7.3.1). Values are taken as they come as long as they cannot end early.
func validParams(b []byte, once string) bool {
	found := false
	for b = trim(b); len(b) > 0; {
		if b[0] != ';' {
			return false
		}
		b = trimLeft(b[1:])
		n := 0
		for n < len(b) && tokenByte[b[n]] {
			n++
		}
		if n == 0 {
			return false
		}
		if once != "" && equalFold(b[:n], once) {
			if found {
				return false
			}
			found = true
		}
		b = trimLeft(b[n:])
		if len(b) > 0 && b[0] == '=' {
			b = trimLeft(b[1:])
			b = trimLeft(b[paramValue(b):])
		}
	}
	return true
}

// paramValue returns the length of the parameter value at the start of b, 0 for a quoted string that does not end.
func paramValue(b []byte) int {
	if len(b) > 0 && b[0] == '"' {
		return max(0, quoted(b))
	}
	n := 0
	for n < len(b) && !paramStop[b[n]] {
		n++
	}
	return n
}

// paramStop are the bytes that end an unquoted parameter value.
var paramStop = byteSet(" \t;,\"<>")
