package message

// Outline is what transactions are told apart by, and what a log is searched by. Its slices point into the bytes that it was
// read from.
type Outline struct {
	// Method is that of a request, or for a response that of its CSeq; Name is how it is written.
	Method Method
	Name   []byte
	// Status is the status code of a response, 0 for a request.
	Status int
	// CallID is the Call-ID, Branch that of the topmost Via; nil if there is none.
	CallID, Branch []byte
}

// Outline returns what Parse has found.
func (m *Message) Outline() Outline {
	return Outline{Method: m.Method(), Name: m.MethodName(), Status: m.status, CallID: m.CallID(), Branch: m.via.Branch}
}

// ReadOutline finds the outline of a message that is written as messages mostly are, in half the time of Parse, and says the
// same. ok is false of one that has continued lines or white space before a colon, and of what Parse refuses: Parse tells which.
// It writes nothing.
func ReadOutline(b []byte) (o Outline, ok bool) {
	if len(b) > MaxSize {
		return o, false
	}
	m := Message{raw: b}
	pos, err := m.parseStart()
	if pos == 0 || err != nil {
		return o, false
	}
	seen := set(0)
	for range MaxHeaders + 1 {
		end, next := line(b, pos)
		if next == 0 || end > pos && folded(b, next) {
			return o, false
		}
		if end == pos {
			o.Method, o.Name, o.Status, o.Branch = m.Method(), m.MethodName(), m.status, m.via.Branch
			return o, true
		}
		id, v, plain := outlineField(b[pos:end])
		if !plain {
			return o, false
		}
		if pos = next; seen.has(id) {
			continue // RFC 3261 §18.1.2: the topmost one counts
		}
		seen |= 1 << id
		switch id {
		case Via:
			m.via, _ = parseVia(v[:element(v)])
		case CSeq:
			lo := uint32(cap(b) - cap(v)) // v is a slice of b
			m.readCSeq(span{lo, lo + uint32(len(v))})
		case CallID:
			o.CallID = v[:len(v):len(v)]
		}
	}
	return o, false
}

// outlineField returns the value of a field; its ID only if it may be one that an outline needs.
func outlineField(l []byte) (id ID, value []byte, plain bool) {
	n := 0
	for n < len(l) && tokenByte[l[n]] {
		n++
	}
	if n == 0 || n == len(l) || l[n] != ':' || !clean(l[n:]) {
		return Other, nil, false
	}
	switch n {
	case len("v"), len("Via"), len("CSeq"), len("Call-ID"):
		id = Lookup(l[:n])
	}
	return id, trim(l[n+1:]), true
}
