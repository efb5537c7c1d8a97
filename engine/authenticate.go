package engine

import (
	"math"
	"time"

	"go.uber.org/zap"

	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/guard"
	"tandem/engine/message"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// authenticate returns the user of ours that the sender of a request outside a dialog has identified himself as, "" if nobody asks him to. ok is false if
// the request was answered: asked for credentials (RFC 3261 §22.2, §22.3) or refused. A REGISTER always needs them where there are users.
func (sh *Shard) authenticate(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) (user string, ok bool) {
	if sh.auth == nil || !sh.asks(m, f) {
		return "", true
	}
	verdict, user, mark := sh.auth.Check(now, m, guard.Source(f.Remote.Addr()))
	switch verdict {
	case auth.Right:
		sh.trust(f)
		if m.Method() != message.REGISTER && sh.pretends(m, user) {
			sh.denied(now, m, f, user, "From names another user")
			sh.finish(now, tx, m, f, 403)
			return "", false
		}
		return user, true
	case auth.Wrong:
		if sh.failed(now, m, f, user, mark) {
			tx.Forget()
			return "", false
		}
	case auth.None, auth.Foreign:
		if !sh.needsUser(m) {
			return "", true
		}
		if user, why := sh.auth.Unusable(m); why != "" {
			sh.denied(now, m, f, user, why)
		}
	}
	sh.challenge(now, tx, m, f, verdict == auth.Stale || verdict == auth.Foreign) // RFC 7616 §3.3: else the phone would think that its password is wrong
	return "", false
}

// asks reports whether the credentials of a request are looked at: it begins something, and nothing else says whose it is. Nobody who calls for help is asked.
func (sh *Shard) asks(m *message.Message, f flow.Flow) bool {
	switch m.Method() {
	case message.REGISTER:
		return !within(sh.cfg.Auth.Exempt, f)
	case message.OPTIONS:
		if u, err := message.ParseURI(m.RequestURI()); err != nil || u.User == nil {
			return false // the engine answers it, whoever asks
		}
	case message.INVITE, message.SUBSCRIBE, message.REFER, message.MESSAGE, message.PUBLISH, message.NOTIFY:
	default:
		return false
	}
	return sh.cfg.Auth.Calls != auth.OfNone && !sh.emergency(m) && !sh.vouched(f)
}

// vouched reports whether the configuration says of a source that it is known.
func (sh *Shard) vouched(f flow.Flow) bool {
	return sh.trusts(f) || within(sh.cfg.Auth.Exempt, f) || sh.cfg.Guard != nil && sh.cfg.Guard.Look(f.Listener, f.Remote.Addr()) == guard.Allowed
}

// needsUser reports whether a request is to be refused without credentials.
func (sh *Shard) needsUser(m *message.Message) bool {
	return m.Method() == message.REGISTER || sh.cfg.Auth.Calls == auth.OfAll || sh.userOf(m) != nil
}

// pretends reports whether a request says that it is of another user of ours than the one whose credentials it bears.
func (sh *Shard) pretends(m *message.Message, user string) bool {
	from := sh.userOf(m)
	return from != nil && string(from) != user
}

// userOf returns the user of ours whom From names, nil if it names none.
func (sh *Shard) userOf(m *message.Message) []byte { return sh.cfg.Auth.UserOf(m.Get(message.From)) }

// failed counts wrong credentials, copies of a request once, and reports whether their source is not heard any more for that. Which shards they come to does not matter.
func (sh *Shard) failed(now clock.Time, m *message.Message, f flow.Flow, user string, mark uint64) bool {
	limit, window := math.MaxInt, 5*time.Minute
	if sh.guard != nil {
		window = sh.cfg.Guard.Ban
		if sh.cfg.Guard.Failures > 0 && !sh.vouched(f) {
			limit = sh.cfg.Guard.Failures
		}
	}
	n, copied := sh.memory.Fail(now, guard.Source(f.Remote.Addr()), mark, window)
	if !copied {
		sh.stats.Failures++
		why := "wrong password"
		if !sh.cfg.Auth.Users.Has([]byte(user)) {
			why = "no such user"
		}
		sh.denied(now, m, f, user, why)
	}
	if n < limit {
		return false
	}
	if !copied && !sh.guard.Banned(now, f.Remote.Addr()) { // past the limit, another shard has banned it, or it was a higher one before
		sh.ban(f, guard.Failed)
	}
	return true
}

// denied logs that credentials were of no use.
func (sh *Shard) denied(now clock.Time, m *message.Message, f flow.Flow, user, why string) {
	sh.denials.warn(sh, "more credentials were refused", "credentials refused", zap.Stringer("source", f), zap.String("user", user), zap.String("why", why),
		zap.Stringer("method", m.Method()), zap.ByteString("from", m.Get(message.From)), zap.ByteString("call", m.CallID()))
	if sh.cfg.Trace != nil {
		sh.cfg.Trace.Trace(trace.Event{At: now, Kind: trace.Note, Call: string(m.CallID()), Text: "credentials of " + message.Quote(user) + " refused: " + why})
	}
}

// challenge asks for credentials. Nothing is kept of the request (RFC 3261 §22.1, §26.3.2.4): a copy of it is asked again.
func (sh *Shard) challenge(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, stale bool) {
	sh.stats.Challenges++
	tx.Forget()
	code, field := 407, message.ProxyAuthenticate
	if m.Method() == message.REGISTER {
		code, field = 401, message.WWWAuthenticate
	}
	if sh.cfg.Trace != nil {
		sh.cfg.Trace.Trace(trace.Event{At: now, Kind: trace.Note, Call: string(m.CallID()), Text: trace.Challenged})
	}
	var room [48]byte
	tag, most := sh.provingTag(room[:0], m, f), math.MaxInt
	doubted := sh.doubts(f)
	if doubted {
		most = len(m.Bytes()) * 3 / 2 // not more than half as much again goes to who may not have asked
	}
	ch := sh.auth.Challenge(now, guard.Source(f.Remote.Addr()), stale)
	for from := range ch.Len() { // what every phone knows stands last: short requests come from simple phones
		b := ch.Append(m.AppendResponse(sh.buf[:0], code, "", tag, f.Remote), field, from)
		if !doubted {
			b = sh.appendProduct(b, "Server")
		}
		if sh.buf = message.AppendBody(b, nil); len(sh.buf) <= most {
			sh.Send(transaction.ReplyFlow(m, f), sh.buf)
			return
		}
	}
	sh.reply(m, f, 400, "Bad Request: too short for a challenge over UDP")
}

// appendCredentials appends the credentials of a request that are not for us (RFC 3261 §22.3).
func (sh *Shard) appendCredentials(dst []byte, m *message.Message) []byte {
	for i := range m.Len() {
		id, _, v := m.Field(i)
		if id != message.Authorization && id != message.ProxyAuthorization || sh.auth != nil && sh.auth.IsOurs(v) {
			continue
		}
		dst = message.AppendField(dst, id.String(), v)
	}
	return dst
}
