package location

import (
	"fmt"
	"math"
	"strconv"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// The bounds unless something else is said: seconds, and contacts of one user.
const (
	DefaultMin      = 60
	DefaultMax      = 7200
	DefaultExpires  = 3600
	DefaultContacts = 10
)

// MostMin is the highest minimum that a registrar may have: an hour (RFC 3261 §10.3 step 7).
const MostMin = 3600

// maxBytes is how long what is kept of a contact may be.
const maxBytes = 4096

// Limits bound registrations.
type Limits struct {
	// Min and Max bound how many seconds a binding lasts, Default is how long one does that does not say. Min is at most MostMin. A request for
	// less than Min is refused, one for more than Max gets Max.
	Min, Max, Default uint32
	// Contacts is how many contacts a user may have.
	Contacts int
}

// DefaultLimits are those that the constants say.
var DefaultLimits = Limits{Min: DefaultMin, Max: DefaultMax, Default: DefaultExpires, Contacts: DefaultContacts}

// Refusal is why a registration is refused. It is an error.
type Refusal struct {
	// Code is the status code of the response.
	Code int
	// MinExpires goes with 423 (RFC 3261 §21.4.17).
	MinExpires uint32
	// Why says it for the log.
	Why string
}

// Error says why.
func (r *Refusal) Error() string { return fmt.Sprintf("registration refused (%d): %s", r.Code, r.Why) }

func refuse(code int, why string) *Refusal { return &Refusal{Code: code, Why: why} }

// Contact is one contact of a request.
type Contact struct {
	URI, Key string
	Q        int
	// Expires is how many seconds it asks for, 0 to be removed.
	Expires  uint32
	Instance string
	RegID    uint32
}

// Update is what a REGISTER asks for.
type Update struct {
	CallID string
	CSeq   uint32
	// AOR is the address of record, without parameters.
	AOR string
	// All asks for all bindings to be removed: Contact: *.
	All bool
	// Contacts are those to be added, refreshed or removed; none to be told what there is.
	Contacts []Contact
	Path     []string
	Flow     flow.Flow
	// Outbound says that a contact is registered by RFC 5626.
	Outbound bool
}

// Read reads a REGISTER, which was validated, and copies what is kept of it. The error is a *Refusal.
func Read(m *message.Message, f flow.Flow, l *Limits) (*Update, error) {
	u := &Update{CallID: string(m.CallID()), CSeq: m.CSeq(), Flow: f, AOR: aorOf(m)}
	m.Each(message.Path, func(p []byte) bool {
		u.Path = append(u.Path, string(p))
		return true
	})
	var err error
	count := 0
	m.Each(message.Contact, func(e []byte) bool {
		count++
		if string(e) == "*" {
			u.All = true
			return true
		}
		var c Contact
		if len(u.Contacts) == 2*l.Contacts { // as many as can go, and as many as can come in their place
			err = tooMany
		} else if c, err = u.contact(m, e, l); err == nil {
			u.Contacts = append(u.Contacts, c)
		}
		return err == nil
	})
	switch {
	case err != nil:
		return nil, err
	case u.All && (count > 1 || !m.Has(message.Expires) || seconds(m.Get(message.Expires), 1) != 0): // RFC 3261 §10.3 step 6
		return nil, refuse(400, "Contact: * stands alone and with Expires: 0")
	case u.Outbound && u.added() > 1: // RFC 5626 §6
		return nil, refuse(400, "a contact with a reg-id is registered alone")
	}
	return u, u.tooBrief(l)
}

var tooMany = refuse(403, "a user has no more contacts than max_contacts")

// aorOf is the URI of the To without parameters (RFC 3261 §10.3 step 5).
func aorOf(m *message.Message) string {
	na, _ := message.ParseNameAddr(m.Get(message.To)) // Validate has read it
	u, err := message.ParseURI(na.URI)
	if err != nil {
		return string(na.URI)
	}
	return string(na.URI[:len(na.URI)-len(u.Params)-len(u.Headers)])
}

// contact reads one contact.
func (u *Update) contact(m *message.Message, e []byte, l *Limits) (Contact, error) {
	na, err := message.ParseNameAddr(e)
	if err != nil {
		return Contact{}, refuse(400, "a Contact cannot be read")
	}
	uri, err := message.ParseURI(na.URI)
	if err != nil || uri.Scheme != "sip" && uri.Scheme != "sips" {
		return Contact{}, refuse(400, "a Contact is no SIP URI")
	}
	c := Contact{URI: string(na.URI), Key: string(uri.AppendKey(nil)), Q: 1000, Expires: l.Default}
	if v, ok := message.Param(na.Params, "q"); ok {
		c.Q = message.ParseQ(v)
	}
	if m.Has(message.Expires) {
		c.Expires = seconds(m.Get(message.Expires), l.Default)
	}
	if v, ok := message.Param(na.Params, "expires"); ok {
		c.Expires = seconds(v, l.Default)
	}
	if v, ok := message.Param(na.Params, "+sip.instance"); ok {
		c.Instance = string(v)
	}
	return c, u.outbound(m, &na, &c)
}

// seconds reads an expiration; what is none counts as said otherwise (RFC 3261 §20.10, §20.19).
func seconds(v []byte, otherwise uint32) uint32 {
	n, err := strconv.ParseUint(string(v), 10, 64)
	switch {
	case err != nil && !allDigits(v):
		return otherwise
	case err != nil || n > math.MaxUint32:
		return math.MaxUint32
	}
	return uint32(n)
}

func allDigits(v []byte) bool {
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(v) > 0
}

// outbound reads a reg-id (RFC 5626 §6), which counts only with an instance, from a phone that supports outbound. A first hop that does not is refused.
func (u *Update) outbound(m *message.Message, na *message.NameAddr, c *Contact) error {
	v, given := message.Param(na.Params, "reg-id")
	id := seconds(v, 0)
	if !given || id == 0 || id > math.MaxInt32 || c.Instance == "" || !m.HasToken(message.Supported, "outbound") {
		return nil
	}
	vias := 0
	m.EachVia(func(message.ViaValue) bool { vias++; return true })
	if vias > 1 && !u.flowToken() {
		return refuse(439, "the first hop does not support outbound")
	}
	c.RegID, u.Outbound = id, true
	return nil
}

// added is how many contacts are not to be removed.
func (u *Update) added() (n int) {
	for i := range u.Contacts {
		if u.Contacts[i].Expires > 0 {
			n++
		}
	}
	return n
}

// flowToken reports whether the proxy next to the phone has said that it keeps the flow to it: "ob" (RFC 5626 §5.1). That proxy's is the last of several
// Paths (RFC 3327 §5.2), though §6 speaks of the first.
func (u *Update) flowToken() bool {
	n := len(u.Path)
	return n > 0 && (outbound(u.Path[n-1]) || outbound(u.Path[0]))
}

func outbound(path string) bool {
	na, err := message.ParseNameAddr([]byte(path))
	if err != nil {
		return false
	}
	uri, err := message.ParseURI(na.URI)
	_, ob := message.Param(uri.Params, "ob")
	return err == nil && ob
}

// Refit gives every contact that is not to be removed an expiration that somebody else has chosen, in seconds; Limits.Max bounds it.
func (u *Update) Refit(expires uint32) {
	for i := range u.Contacts {
		if u.Contacts[i].Expires > 0 {
			u.Contacts[i].Expires = expires
		}
	}
}

// tooBrief is RFC 3261 §10.3 step 7.
func (u *Update) tooBrief(l *Limits) error {
	for i := range u.Contacts {
		if e := u.Contacts[i].Expires; e > 0 && e < l.Min && e < MostMin {
			return &Refusal{Code: 423, MinExpires: l.Min, Why: fmt.Sprintf("%d s is less than %d s", e, l.Min)}
		}
	}
	return nil
}
