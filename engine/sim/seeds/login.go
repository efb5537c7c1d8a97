package seeds

import (
	"math/rand/v2"
	"strconv"

	"github.com/icholy/digest"

	"tandem/engine/message"
)

// What targets with a password have.
const loginUser, loginPassword = "tandem", "secret"

// challenges gives phones of every fourth Spec challenges, and most of its targets the password. Like awaits they come from a source of their own.
func (s *Spec) challenges(seed uint64) {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x6368_616c))}
	if !d.one(4) {
		return
	}
	for i := range s.Phones {
		for j := range s.Phones[i].Does {
			if d.one(2) {
				s.Phones[i].Does[j].challenge(d)
			}
		}
	}
	for i := range s.Calls {
		c := &s.Calls[i]
		d.passwords(c.Plan)
		for j := range c.Answers {
			d.passwords(c.Answers[j].Plan)
		}
	}
}

// challenge has a phone challenge the INVITE before it does what it does, or in the midst of it.
func (b *behaviour) challenge(d drawer) {
	at := 0
	for at < len(b.Acts) && b.Acts[at].Code < 200 && d.one(2) {
		at++
	}
	c := act{Wait: d.wait(), Code: pick(d, 401, 407), Challenge: true}
	b.Acts = append(b.Acts[:at:at], append([]act{c}, b.Acts[at:]...)...)
}

// passwords gives the targets of a plan theirs.
func (d drawer) passwords(s *step) {
	s.walk(func(s *step) { s.Login = s.Kind == ring && !d.one(4) })
}

// walk calls fn for a step, and then for those of its plan below it.
func (s *step) walk(fn func(s *step)) {
	if s == nil {
		return
	}
	fn(s)
	s.Returns.walk(fn)
	for _, m := range s.Members {
		m.walk(fn)
	}
	on := s.On
	if s.Each != nil {
		on = append(on[:len(on):len(on)], s.Each.On...)
	}
	for _, e := range on {
		e.Plan.walk(fn)
	}
}

// challenges reports whether a response is a challenge.
func (a *act) challenges() bool { return a.Challenge && (a.Code == 401 || a.Code == 407) }

func challengeField(code int) string {
	if code == 407 {
		return "Proxy-Authenticate"
	}
	return "WWW-Authenticate"
}

// challenge is the challenge of every phone.
func (s *Spec) challenge() string {
	return `Digest realm="phones", nonce="` + strconv.FormatUint(s.Seed, 16) + `x", algorithm=SHA-256, qop="auth"`
}

// checkCredentials checks what an INVITE says to a challenge (RFC 7616 §3.4).
func (k *book) checkCredentials(l *leg, m *message.Message, code int) {
	id := message.Authorization
	if code == 407 {
		id = message.ProxyAuthorization
	}
	got, err := digest.ParseCredentials(string(m.Get(id)))
	if err != nil {
		k.bad(l.call, "leg %d: no credentials for the %d: %v", l.n, code, err)
		return
	}
	challenge, _ := digest.ParseChallenge(k.w.spec.challenge()) // ours
	want, err := digest.Digest(challenge, digest.Options{
		Method: "INVITE", URI: string(m.RequestURI()), Count: got.Nc, Username: loginUser, Password: loginPassword, Cnonce: got.Cnonce,
	})
	if err != nil || *got != *want || got.Nc != 1 || len(got.Cnonce) < 8 {
		k.bad(l.call, "leg %d: the credentials %v are not %v", l.n, got, want)
	}
}
