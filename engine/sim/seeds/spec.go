package seeds

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"tandem/engine/plan"
)

// Spec is all that a run is made of. Zero values are the plainest: shrinking a Spec is making things zero, and
// printing one is leaving out what is.
type Spec struct {
	// Seed decides the identifiers of the engine and what becomes of each datagram.
	Seed uint64
	// Limits bound the plans; zero values are those of plan.DefaultLimits.
	Limits plan.Limits
	// Weather is that of every link.
	Weather weather
	Calls   []callSpec
	Phones  []phoneSpec
	// Requests are those outside calls.
	Requests []requestSpec
	// Users says that callers are asked who they are, if they are users. What they answer a challenge is good for Lifetime, 0 = the default.
	Users    bool
	Lifetime time.Duration
	Reloads  []reload
}

// weather is what a link does to datagrams.
type weather struct {
	Loss, Dup     int // percent
	Delay, Jitter time.Duration
}

// callSpec is a call, its caller and what the script says about it.
type callSpec struct {
	At        time.Duration // when the INVITE is sent
	Caller    int
	Plan      *step         // what the script decides; nil is 404
	Invited   effect        // of the handler that decides
	Answers   []answer      // of the handlers that may return a plan, one after the other; then nil
	Effects   []effect      // of the handlers that observe, one after the other
	Longest   time.Duration // that the call may last
	LateOffer bool          // no session description in the INVITE
	Reliable  reliably      // whether the caller knows of reliable provisionals
	PrackLate time.Duration
	NoPrack   bool
	Proxied   bool // a proxy stands before the caller: a second Via and a Record-Route
	MergedAt  time.Duration
	CancelAt  time.Duration
	Reasons   []string      // of the CANCEL
	Replaces  int           // the number of the earlier call that it replaces, from 1, if that is up (RFC 3891)
	Hasty     bool          // the CANCEL does not wait for a provisional response
	NoAck     bool          // refusals are not acknowledged
	GoneAt    time.Duration // from when on the caller knows of nothing
	RefuseAt  time.Duration // from when on its port is closed
	Talk      talk
	Contacts  []contactSpec // where users are registered that it rings
	Who       who           // what he says of himself when he is asked
	WhoLate   time.Duration // how long that takes him
}

// answer is what a handler returns.
type answer struct {
	Plan   *step
	Follow bool // of `redirected`
	Does   effect
}

// reliably is how a caller speaks of reliable provisionals (RFC 3262).
type reliably uint8

const (
	unaware  reliably = iota
	supports          // Supported: 100rel
	requires          // Require: 100rel
)

// effect is what a handler does beside.
type effect struct {
	Progress int // sends a provisional response with this code
	Hangup   bool
}

type kind uint8

const (
	ring kind = iota // Phone is rung
	serial
	parallel
	function
	reject
	redirect
	await
)

// step is a step of a plan as the reference reads it; node makes a plan.Node of it.
type step struct {
	Kind        kind
	Phone, Line int // of a target: equal ones are one URI
	Name        string
	Ring, Delay time.Duration
	Hold        bool
	On          []edge
	Each        *each
	Members     []*step
	Six         plan.SixPolicy
	Redirect    plan.RedirectPolicy
	Early       plan.EarlyMedia
	Prack       plan.Prack
	Registered  bool
	PassAuth    bool
	Login       bool  // there is a password for its challenges
	Returns     *step // of a function, and of that of an await
	Does        effect
	Code        int // of a rejection
	Contacts    []pointer
	Work        work // of an await
	User        int  // a ring is of where the user with this number is registered
	ByQ         bool // one after the other, by descending q
	Bound       bool // it is such a contact: only the reference makes such steps
	Followed    bool // a contact of a 3xx: only the reference makes such steps
}

// work is the operation of an await.
type work struct {
	Takes, Timeout time.Duration
	Endless        bool
	Fails          bool
	Stubborn       bool // it goes on when it is stopped, and tells of its end
	Follow         bool // what its function returns if nothing else follows a 3xx
}

// edge is what stands in for a step that failed.
type edge struct {
	Outcome plan.Outcome
	Plan    *step
}

// each holds a group's defaults for its members.
type each struct {
	Ring, Delay time.Duration
	On          []edge
	Six         plan.SixPolicy
	Redirect    plan.RedirectPolicy
}

// pointer is a contact of a 3xx; Less is what its q lacks of 1, in thousandths.
type pointer struct{ Phone, Line, Less int }

// phoneSpec is a callee.
type phoneSpec struct {
	Weather weather
	// Does is what it does with the first, second, … INVITE of a call, the last again and again; without any it is silent.
	Does []behaviour
	// RefuseAt is from when on its port is closed, RestartAt when it forgets everything.
	RefuseAt, RestartAt time.Duration
	// Lookup, if any, is how long its name takes to be found; Unknown says that it is not.
	Lookup  time.Duration
	Unknown bool
}

// cancelled is what a phone does with a CANCEL.
type cancelled uint8

const (
	ends    cancelled = iota // 200, and 487 to the INVITE
	ignores                  // 200, and goes on
	crosses                  // 200, and 200 to the INVITE
	refuses                  // 481, and goes on
	sleeps                   // nothing, and goes on
)

// behaviour is what a phone does with an INVITE.
type behaviour struct {
	Acts      []act
	Cancelled cancelled
	Slow      time.Duration // to end what was cancelled
	Talk      talk
}

// act is a response to the INVITE.
type act struct {
	Wait      time.Duration
	Code      int
	Tag       int // tells the dialogs of a callee that forks apart
	SDP       bool
	Reliable  bool // as a reliable provisional, if the INVITE speaks of them
	Contacts  []pointer
	Challenge bool // of a 401 or 407
	Expires   int  // of a 2xx to SUBSCRIBE, in seconds
	Wrong     wrong
}

// wrong is what is wrong with a response.
type wrong uint8

const (
	nothing   wrong = iota
	fromTag         // is not that of the request
	noToTag         // there is none
	noContact       // there is none
	callID          // is not that of the request
	cseq            // names another method
	torn            // it ends in the middle
	stranger        // its branch is nobody's
)

// talk is what a party does once it is in a dialog.
type talk struct {
	Bye     time.Duration // when it hangs up, counted from the answer; 0 = never
	Reason  string        // of its BYE
	NoAck   bool          // 2xx get no ACK
	AckLate time.Duration // or one that comes late
	Asks    []ask         // requests of its own
	Early   []ask         // and of a callee from its first 101-199 on, answered or not
	Replies []reply       // to INVITE, INFO and MESSAGE, one after the other; then 200
	Deaf    bool          // to BYE
}

// ask is a request inside the dialog.
type ask struct {
	At     time.Duration // counted from the answer
	Method string
	NoSDP  bool
	Cancel time.Duration // when it is cancelled; 0 = never
	NoAck  bool
	OldSeq bool // its CSeq number is too low
	BadTag bool // it names a dialog that there is not

	Insists int // how often it is made again after a 491 (RFC 3261 §14.1)
}

// reply is an answer inside the dialog.
type reply struct {
	Silent bool
	Ring   bool // 180 first
	After  time.Duration
	Code   int // 0 = 200
}

// private reports whether a phone has an address for each call: the news that its port is closed is for all who
// wait for that address, and calls must not tell each other's fortune by the shard that they are on.
func (p *phoneSpec) private() bool { return p.RefuseAt > 0 }

// phoneAddr is where a call reaches a phone.
func (s *Spec) phoneAddr(call, phone int) netip.AddrPort {
	last := byte(11 + phone)
	if phone < len(s.Phones) && s.Phones[phone].private() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(call)*32 + last}), 5060)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 5060)
}

// callerAddr is where a call comes from.
func (s *Spec) callerAddr(call int) netip.AddrPort {
	c := &s.Calls[call]
	port := uint16(5060)
	if c.RefuseAt > 0 {
		port += 1 + uint16(call)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + c.Caller)}), port)
}

// uri is how a call names a target.
func (s *Spec) uri(call, phone, line int) string {
	host := s.phoneAddr(call, phone).String()
	if phone < len(s.Phones) && s.Phones[phone].named() {
		host = fmt.Sprintf("p%d.c%d.example", phone, call)
	}
	u := "sip:p" + strconv.Itoa(phone) + "@" + host
	if line > 0 {
		u += ";line=" + strconv.Itoa(line)
	}
	return u
}

func (p *phoneSpec) named() bool { return p.Lookup > 0 || p.Unknown }
