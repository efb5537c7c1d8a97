package message

// ID names a header field that the engine knows. Unknown fields are Other.
type ID uint8

// The header fields that the engine looks at or never copies from leg to leg.
const (
	Other ID = iota
	Via
	From
	To
	CallID
	CSeq
	Contact
	MaxForwards
	ContentLength
	ContentType
	Route
	RecordRoute
	Path
	ServiceRoute
	MaxBreadth
	Require
	ProxyRequire
	Supported
	Unsupported
	Allow
	RSeq
	RAck
	SessionExpires
	MinSE
	Authorization
	ProxyAuthorization
	WWWAuthenticate
	ProxyAuthenticate
	Replaces
	Join
	TargetDialog
	UserAgent
	Server
	Reason
	Diversion
	HistoryInfo
	RetryAfter
	Expires
	Event
	Date
	Timestamp
	PAssertedIdentity
	PPreferredIdentity
	RemotePartyID
	Privacy
	numIDs
)

// names are the canonical names; names of Other are kept as received.
var names = [numIDs]string{
	"", "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Length", "Content-Type",
	"Route", "Record-Route", "Path", "Service-Route", "Max-Breadth", "Require", "Proxy-Require", "Supported",
	"Unsupported", "Allow", "RSeq", "RAck", "Session-Expires", "Min-SE", "Authorization", "Proxy-Authorization",
	"WWW-Authenticate", "Proxy-Authenticate", "Replaces", "Join", "Target-Dialog", "User-Agent", "Server", "Reason",
	"Diversion", "History-Info", "Retry-After", "Expires", "Event", "Date", "Timestamp",
	"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Privacy",
}

// String returns the canonical name, "" for Other.
func (id ID) String() string { return names[id] }

// compact maps the one letter forms to full names (RFC 3261 §7.3.3, IANA registry).
var compact = [26]string{
	0: "accept-contact", 'b' - 'a': "referred-by", 'c' - 'a': "content-type", 'd' - 'a': "request-disposition",
	'e' - 'a': "content-encoding", 'f' - 'a': "from", 'i' - 'a': "call-id", 'j' - 'a': "reject-contact",
	'k' - 'a': "supported", 'l' - 'a': "content-length", 'm' - 'a': "contact", 'n' - 'a': "identity-info",
	'o' - 'a': "event", 'r' - 'a': "refer-to", 's' - 'a': "subject", 't' - 'a': "to", 'u' - 'a': "allow-events",
	'v' - 'a': "via", 'x' - 'a': "session-expires", 'y' - 'a': "identity",
}

// byHash holds every known name in a place of its own: a test says if a new name needs other factors in nameHash.
var byHash = func() (t [256]ID) {
	for id := Via; id < numIDs; id++ {
		t[nameHash(names[id])] = id
	}
	return t
}()

// nameHash maps a name, which is not empty, to its place in byHash.
func nameHash[T ~string | ~[]byte](name T) uint8 {
	return lowerByte(name[0])*10 + lowerByte(name[len(name)-1])*4 + uint8(len(name))
}

var byLetter = func() (t [26]ID) {
	for i, name := range compact {
		t[i] = lookupLong([]byte(name))
	}
	return t
}()

// Lookup returns the ID of a header name in any case or compact form.
func Lookup(name []byte) ID {
	if len(name) != 1 {
		return lookupLong(name)
	}
	if c := lowerByte(name[0]); c >= 'a' && c <= 'z' {
		return byLetter[c-'a']
	}
	return Other
}

func lookupLong(name []byte) ID {
	if len(name) == 0 {
		return Other
	}
	if id := byHash[nameHash(name)]; equalFold(name, names[id]) {
		return id
	}
	return Other
}

// sameName reports whether two header names are equal: without case, a compact form equal to its long one.
func sameName(a []byte, b string) bool {
	if len(a) == len(b) && equalFold(a, b) {
		return true
	}
	return len(a) != len(b) && (len(a) == 1 || len(b) == 1) && longName(string(a)) == longName(b)
}

func longName(name string) string {
	name = lower(name)
	if len(name) == 1 && name[0] >= 'a' && name[0] <= 'z' && compact[name[0]-'a'] != "" {
		return compact[name[0]-'a']
	}
	return name
}

// set is a set of header IDs.
type set uint64

func newSet(ids ...ID) set {
	var s set
	for _, id := range ids {
		s |= 1 << id
	}
	return s
}

func (s set) has(id ID) bool { return s&(1<<id) != 0 }

// perLeg are the fields that belong to one leg: a back-to-back user agent writes its own. Timestamp would answer for
// somebody else's clock (RFC 3261 §20.38).
var perLeg = newSet(Via, From, To, CallID, CSeq, Contact, MaxForwards, ContentLength, Route, RecordRoute, Path,
	ServiceRoute, MaxBreadth, Require, ProxyRequire, Supported, Unsupported, Allow, RSeq, RAck, SessionExpires, MinSE,
	Authorization, ProxyAuthorization, WWWAuthenticate, ProxyAuthenticate, Replaces, Join, TargetDialog, UserAgent,
	Server, Timestamp)

// PerLeg reports whether the field is never copied from leg to leg.
func (id ID) PerLeg() bool { return perLeg.has(id) }

// single are the fields that may stand once only (RFC 3261 §7.3.1: their grammar is no list).
var single = newSet(From, To, CallID, CSeq, MaxForwards, ContentLength, ContentType, MaxBreadth, RSeq, RAck,
	SessionExpires, MinSE, Replaces, Join, TargetDialog, Expires, Event, RetryAfter)

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func lower(s string) string {
	for i := range len(s) {
		if lowerByte(s[i]) != s[i] {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return string(b)
		}
	}
	return s
}

// equalFold compares without case. Nearly all that comes is spelled as the RFC spells it.
func equalFold(a []byte, b string) bool {
	if string(a) == b {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	return true
}
