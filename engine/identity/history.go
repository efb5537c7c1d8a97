package identity

import (
	"cmp"
	"strconv"
	"strings"

	"tandem/engine/message"
)

// Kind is how a target was found from the entry before it (RFC 7044 §5).
type Kind string

// The kinds of targets.
const (
	// SameUser is "rc": another address of the same user.
	SameUser Kind = "rc"
	// OtherUser is "mp": the call was retargeted to another user.
	OtherUser Kind = "mp"
	// Unchanged is "np": forwarded with the same Request-URI.
	Unchanged Kind = "np"
)

// Index is the place of a History-Info entry in the tree of requests: "1.1.2" (RFC 7044 §10.3).
type Index string

// Index returns the index of a History-Info entry, "" if it has none or a malformed one.
func (e Entry) Index() Index {
	v, _ := e.Param("index")
	if !validIndex(v) {
		return ""
	}
	return Index(v)
}

func validIndex(v string) bool {
	for n := range strings.SplitSeq(v, ".") {
		if _, err := strconv.ParseUint(n, 10, 32); err != nil || n[0] == '+' {
			return false
		}
	}
	return true
}

// Mapping returns how the entry's target was found and the index of the entry it was found from; "" if it does not say (RFC 7044 §10.4).
func (e Entry) Mapping() (Kind, Index) {
	for _, k := range []Kind{OtherUser, SameUser, Unchanged} {
		if v, ok := e.Param(string(k)); ok && validIndex(v) {
			return k, Index(v)
		}
	}
	return "", ""
}

// Child returns the index of the n-th request, from 1, that was sent on for the one with this index.
func (i Index) Child(n int) Index { return Index(string(i) + "." + strconv.Itoa(n)) }

// Compare orders indexes as entries stand in a history: the preorder of the tree (RFC 7044 §9.3 step 1).
func (i Index) Compare(j Index) int {
	a, b := string(i), string(j)
	for a != "" && b != "" {
		var m, n string
		m, a, _ = strings.Cut(a, ".")
		n, b, _ = strings.Cut(b, ".")
		x, _ := strconv.ParseUint(m, 10, 32)
		y, _ := strconv.ParseUint(n, 10, 32)
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	return len(a) - len(b)
}

// Received returns the history of a received request, with an entry for its Request-URI if it has none yet (RFC 7044 §9.1). Malformed entries stay where they are.
func Received(entries []Entry, requestURI string) []Entry {
	last := lastIndex(entries)
	switch {
	case last == nil:
		return append(entries[:len(entries):len(entries)], made(requestURI, "1", "", ""))
	case sameTarget(last.URI(), requestURI):
		return entries
	}
	// RFC 7044 §10.3 rule 6: a gap is a zero
	return append(entries[:len(entries):len(entries)], made(requestURI, last.Index()+".0", "", ""))
}

func lastIndex(entries []Entry) *Entry {
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Err() == nil && entries[i].Index() != "" {
			return &entries[i]
		}
	}
	return nil
}

// sameTarget compares a targeted-to URI with a Request-URI: the URI parameters of the entry may be fewer, since systems drop them.
func sameTarget(entry, requestURI string) bool {
	bare := func(s string) string { u, _, _ := strings.Cut(s, ";"); return u }
	return entry == requestURI || strings.EqualFold(bare(entry), bare(requestURI))
}

// Forward returns the entry for the n-th request, from 1, that is sent for a received one, whose history ends in an entry with an index (Received makes
// one): kind says how its Request-URI was found (RFC 7044 §9.2, §10.3 rules 1 to 5). A kind of "" is left out, as for the contact of a 3xx that gave none.
func Forward(history []Entry, n int, kind Kind, requestURI string) Entry {
	parent := Index("1")
	if last := lastIndex(history); last != nil {
		parent = last.Index()
	}
	return made(requestURI, parent.Child(n), kind, parent)
}

func made(uri string, index Index, kind Kind, from Index) Entry {
	text := "<" + uri + ">;index=" + string(index)
	if kind != "" {
		text += ";" + string(kind) + "=" + string(from)
	}
	return ParseEntry(text)
}

// Failed returns the entry of a request that failed, with the Reason inside its URI (RFC 7044 §10.2); a tel URI stays as it is. A request that timed
// out failed with 408.
func (e Entry) Failed(r Reason) Entry { return e.WithHeader("Reason", r.String()) }

// String returns the reason as a header value (RFC 3326 §2).
func (r Reason) String() string {
	s := r.Protocol
	if r.Cause != 0 {
		s += ";cause=" + strconv.Itoa(r.Cause)
	}
	if r.Text != "" {
		s += ";text=" + message.Quote(r.Text)
	}
	return s
}

// The address that stands for one that is kept private (RFC 3323 §4.1.1.3, RFC 7044 §10.1.2).
const anonymous = "sip:anonymous@anonymous.invalid"

// Private reports whether the entry asks not to be shown outside (RFC 7044 §10.1.1; RFC 5806 §4, privacy).
func (e Entry) Private() bool {
	for _, v := range e.Header("Privacy") {
		if strings.EqualFold(v, "history") {
			return true
		}
	}
	p, _ := e.Param("privacy")
	return p != "" && !strings.EqualFold(p, "off")
}

// Anonymised returns the entries as they may leave the domain: the private ones, or all of them, without address, display name and Privacy
// (RFC 7044 §10.1.2).
func Anonymised(entries []Entry, all bool) []Entry {
	out := make([]Entry, len(entries))
	for i, e := range entries {
		if out[i] = e; e.Err() == nil && (all || e.Private()) {
			out[i] = e.WithoutHeader("Privacy").anonymise()
		}
	}
	return out
}

func (e Entry) anonymise() Entry {
	headers := e.of(e.headers)
	return ParseEntry("<" + anonymous + headers + ">" + e.of(e.params))
}
