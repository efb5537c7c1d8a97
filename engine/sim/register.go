package sim

import (
	"strconv"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// RegisterSpec says how a phone registers.
type RegisterSpec struct {
	// AOR is the address of record, a URI; Registrar the Request-URI.
	AOR, Registrar string
	// Dest is where the registrar is.
	Dest flow.Flow
	// Expires is how many seconds the contact is to last, Q its preference in thousandths.
	Expires uint32
	Q       int
	// Once leaves it to expire; else it is refreshed before, when nine tenths of its time are over: a network that is to come to rest does so between.
	Once bool
	// Login answers challenges; nil = nobody does.
	Login *leg.Login
}

// Registration is a contact of a phone that it keeps registered.
type Registration struct {
	phone   *Phone
	spec    RegisterSpec
	callID  string
	tag     string
	cseq    uint32
	code    int
	refresh clock.Timer
}

// Register registers the phone's contact now. Network.AtOnce makes that take no time.
func (p *Phone) Register(now clock.Time, s RegisterSpec) *Registration {
	r := &Registration{phone: p, spec: s, callID: p.newCallID(), tag: p.word()}
	r.refresh.Owner = r
	r.send(now)
	return r
}

// End takes the contact back.
func (r *Registration) End(now clock.Time) {
	r.phone.leases.Stop(&r.refresh)
	r.spec.Expires = 0
	r.send(now)
}

// Code is the last final response, 0 if none came.
func (r *Registration) Code() int { return r.code }

// Fire refreshes it.
func (r *Registration) Fire(now clock.Time, _ uint8) { r.send(now) }

func (r *Registration) send(now clock.Time) {
	p, s := r.phone, &r.spec
	p.now = now
	r.cseq++
	contact := p.contact(s.Dest) + ";expires=" + strconv.FormatUint(uint64(s.Expires), 10)
	if s.Q < 1000 {
		contact = string(message.AppendQ([]byte(contact+";q="), s.Q))
	}
	b := p.request(&request{
		method: "REGISTER", uri: s.Registrar, from: "<" + s.AOR + ">;tag=" + r.tag, to: "<" + s.AOR + ">", callID: r.callID, cseq: r.cseq,
		headers: []Header{{"Contact", contact}}, login: s.Login,
	}, s.Dest)
	p.layer.Request(now, s.Dest, message.REGISTER, b, registering{r})
}

// registering is a registration as its transaction sees it.
type registering struct{ *Registration }

// Response takes what the registrar says: a challenge is met, and what was registered is refreshed in time.
func (r registering) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	code := m.Status()
	if code < 200 {
		return
	}
	tx.Detach()
	if (code == 401 || code == 407) && r.spec.Login != nil && r.spec.Login.Learn(m) {
		r.send(now)
		return
	}
	if r.code = code; code < 300 && r.spec.Expires > 0 && !r.spec.Once {
		r.phone.leases.Arm(&r.refresh, now.Add(r.granted(m)*9/10))
	}
}

// Failed leaves it at that: the contact expires.
func (registering) Failed(clock.Time, *transaction.Client, transaction.Failure) {}

// granted is how long the registrar keeps the contact.
func (r registering) granted(m *message.Message) time.Duration {
	seconds := r.spec.Expires
	own, _ := message.ParseNameAddr([]byte(r.phone.contact(r.spec.Dest)))
	m.Each(message.Contact, func(e []byte) bool {
		na, err := message.ParseNameAddr(e)
		if err != nil || string(na.URI) != string(own.URI) {
			return true
		}
		if v, ok := message.Param(na.Params, "expires"); ok {
			if n, err := strconv.ParseUint(string(v), 10, 32); err == nil {
				seconds = uint32(n)
			}
		}
		return false
	})
	return time.Duration(seconds) * time.Second
}
