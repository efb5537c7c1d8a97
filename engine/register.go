package engine

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// Registration is what a script sees of a REGISTER besides the request.
type Registration struct {
	// User is whose contacts they are.
	User string
	// Contacts are those to be added, refreshed or, with Expires 0, removed. All asks for all to be removed.
	Contacts []location.Contact
	All      bool
}

// registrarTag reports whether an option tag means something to a registrar only (RFC 3327, RFC 5626 §11).
func registrarTag(tag []byte) bool { return string(tag) == "path" || string(tag) == "outbound" }

// register handles a REGISTER (RFC 3261 §10.3) of a user who has identified himself, "" if nobody is asked to: then From is believed
// (§10.3 step 3). The bindings are changed on the shard that owns the user.
func (sh *Shard) register(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, user string) {
	if sh.cfg.Register == nil {
		sh.finish(now, tx, m, f, 405, "Allow", sh.allow)
		return
	}
	whose := partyOf(m, message.To)
	asked := user
	if user == "" {
		user = partyOf(m, message.From)
	}
	switch {
	case whose == "":
		sh.refusedRegister(now, m, f, whose, "registration refused (404): To names no user")
		sh.finish(now, tx, m, f, 404)
		return
	case !sh.hasDomains(m): // §10.3 steps 1 and 5
		sh.refusedRegister(now, m, f, whose, "registration refused (404): it is at a host that is none of domains: "+string(m.RequestURI())+", To "+string(m.Get(message.To)))
		sh.finish(now, tx, m, f, 404)
		return
	case whose != user: // §10.3 step 4
		sh.refusedRegister(now, m, f, whose, user+" may not register "+whose)
		sh.finish(now, tx, m, f, 403)
		return
	case !sh.hasUser(whose): // §10.3 step 5: he is only believed to be one
		sh.refusedRegister(now, m, f, whose, "registration refused (404): no user "+whose)
		sh.finish(now, tx, m, f, 404)
		return
	}
	by := f
	by.Fixed = !m.Has(message.Path) // else the first proxy on the path keeps the way
	u, err := location.Read(m, by, sh.cfg.Register)
	if err != nil {
		sh.refuseRegister(now, tx, m, f, whose, err)
		return
	}
	if !sh.lets(now, tx, m, f, asked, &Registration{User: whose, Contacts: u.Contacts, All: u.All}, u) {
		return
	}
	own, answer := m.Clone(), []byte(nil)
	sh.ask(int(location.Slot(whose))%sh.shards, func(o *Shard, now clock.Time) {
		var set *location.Set
		if err = errBug; !o.hasUser(whose) { // that shard goes by other rules already
			err = errGone
		} else if set, err = o.registrar.Register(now, whose, u); err == nil {
			answer = appendBindings(nil, set, now)
		}
	}, func(now clock.Time) {
		if err != nil {
			sh.refuseRegister(now, tx, own, f, whose, err)
			return
		}
		sh.registered(now, tx, own, f, u, answer)
	})
}

// errBug is what a registration fails with that a panic has ended, errGone one of whom nobody knows any more.
var (
	errBug  = errors.New("a bug in Tandem")
	errGone = &location.Refusal{Code: 403, Why: "the user was removed"}
)

// lets asks the script about a registration that is in order, and reports whether it is to be carried out; user is who has identified himself. If not the request was answered.
func (sh *Shard) lets(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, user string, r *Registration, u *location.Update) bool {
	script := sh.scripts.Acquire(sh.index, m.CallID())
	o := &outside{sh: sh, id: string(m.CallID()), slot: ident.Slot(m.CallID()), date: sh.cfg.Clock.Date(), req: m.Clone(), source: f, user: user, server: tx}
	n := script.Register(o, r)
	script.Release(o)
	if sh.cfg.Trace != nil {
		e := trace.Event{At: now, Kind: trace.Note, Call: o.id, Text: "register " + r.User}
		if n != nil {
			e.Text, e.Pos = e.Text+" → "+n.String(), n.Pos
		}
		sh.cfg.Trace.Trace(e)
	}
	switch {
	case n == nil:
		return true
	case n.Kind == plan.KindAccept:
		if n.Reply.Expires > 0 {
			u.Refit(n.Reply.Expires)
		}
		return true
	}
	sh.refusedRegister(now, m, f, r.User, fmt.Sprintf("registration refused (%d) by the script at %v", n.Reply.Code, n.Pos))
	sh.answerReply(now, tx, m, f, n)
	return false
}

// appendBindings appends what a user has as Contacts (RFC 3261 §10.3 step 8).
func appendBindings(dst []byte, set *location.Set, now clock.Time) []byte {
	for _, b := range set.Bindings {
		dst = b.Append(dst, now)
	}
	return dst
}

// registered answers a REGISTER that was carried out; bindings are the Contacts of the 200.
func (sh *Shard) registered(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, u *location.Update, bindings []byte) {
	var tag [48]byte
	b := m.AppendResponse(sh.buf[:0], 200, "", sh.tagFor(tag[:0], m, f), f.Remote)
	b = append(b, bindings...)
	for _, p := range u.Path {
		b = message.AppendField(b, "Path", p) // RFC 3327 §5.3
	}
	b = message.AppendField(b, "Supported", "path, outbound")
	if u.Outbound {
		b = message.AppendField(b, "Require", "outbound") // RFC 5626 §6
	}
	b = message.AppendField(b, "Date", sh.cfg.Clock.Date().In(time.UTC).Format(http.TimeFormat)) // §20.17: the form of RFC 1123
	sh.buf = message.AppendBody(sh.appendProduct(b, "Server"), nil)
	tx.Respond(now, 200, sh.buf)
}

// refuseRegister answers a REGISTER that changes nothing.
func (sh *Shard) refuseRegister(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, user string, err error) {
	sh.refusedRegister(now, m, f, user, err.Error())
	var r *location.Refusal
	switch {
	case !errors.As(err, &r):
		sh.finish(now, tx, m, f, 500)
	case r.MinExpires > 0:
		sh.finish(now, tx, m, f, r.Code, "Min-Expires", string(message.AppendUint(nil, r.MinExpires)))
	default:
		sh.finish(now, tx, m, f, r.Code)
	}
}

// refusedRegister logs why somebody is not registered.
func (sh *Shard) refusedRegister(now clock.Time, m *message.Message, f flow.Flow, user, why string) {
	sh.unregistered.warn(sh, "more registrations were refused", why,
		zap.String("user", user), zap.Stringer("source", f), zap.ByteString("call", m.CallID()))
	if sh.cfg.Trace != nil {
		sh.cfg.Trace.Trace(trace.Event{At: now, Kind: trace.Note, Call: string(m.CallID()), Text: why})
	}
}

// hasDomains reports whether a REGISTER is for a domain of ours, and so is its address of record. Without users of our own every one is.
func (sh *Shard) hasDomains(m *message.Message) bool {
	if sh.cfg.Auth == nil {
		return true
	}
	to, _ := message.ParseNameAddr(m.Get(message.To)) // Validate has read it
	for _, uri := range [...][]byte{m.RequestURI(), to.URI} {
		if u, err := message.ParseURI(uri); err != nil || !sh.cfg.Auth.Ours(u.Host) {
			return false
		}
	}
	return true
}

// partyOf returns the user whom From or To names, unescaped; "" if it names none.
func partyOf(m *message.Message, id message.ID) string {
	na, err := message.ParseNameAddr(m.Get(id))
	if err != nil {
		return ""
	}
	return userOf(string(na.URI))
}

// Contacts returns where a user is registered.
func (c *call) Contacts(user string) []*location.Binding { return c.sh.targetsOf(user) }

// targetsOf returns the contacts that a request to a user goes to, by descending q.
func (sh *Shard) targetsOf(user string) []*location.Binding {
	return sh.contacts.Find(user).Targets(sh.now)
}

// instead returns the flow of a registered phone that is to be tried in the place of one that has failed, nil if there is none.
func (sh *Shard) instead(b *location.Binding, tried []*location.Binding) *location.Binding {
	return sh.contacts.Find(userOf(b.AOR)).Instead(sh.now, b, tried)
}

// phoneOf returns the contact of a user who has identified himself that a request came from, nil if it came from none.
func (sh *Shard) phoneOf(user string, f flow.Flow) *location.Binding {
	if user == "" {
		return nil
	}
	return sh.contacts.Find(user).By(f)
}

// follow has requests inside the dialog go where the phone has registered since, if the flow that the dialog began by is gone: it has connected anew, or its NAT gives it
// another address.
func (s *side) follow() {
	if s.phone == nil {
		return
	}
	next := s.c.sh.contacts.Find(userOf(s.phone.AOR)).Moved(s.c.sh.now, s.phone)
	if next == nil {
		return
	}
	if s.dialog.Flow.Key() == s.phone.Flow.Key() { // else its Contact or its routes lead elsewhere
		s.dialog.Flow = next.Flow
	}
	s.phone = next
}

// appendPath appends the Routes of a request to a registered contact (RFC 3327 §5.4).
func appendPath(dst []byte, t *plan.Target) []byte {
	if t.Binding == nil {
		return dst
	}
	for _, p := range t.Binding.Path {
		dst = message.AppendField(dst, "Route", p)
	}
	return dst
}

// contactsOf returns the targets of a request outside a dialog that stand for a target: a user's contacts are tried one after the other.
func (sh *Shard) contactsOf(t *plan.Target) []*plan.Target {
	if t.Registrant == "" {
		return []*plan.Target{t}
	}
	var all []*plan.Target
	for _, b := range sh.targetsOf(t.Registrant) {
		all = append(all, t.At(b))
	}
	return all
}
