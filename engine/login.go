package engine

import (
	"bytes"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/transaction"
)

// login returns the credentials that a target's leg has, nil for none.
func (sh *Shard) login(t *plan.Target) *leg.Login {
	l := t.Auth.Login
	if l == nil {
		return nil
	}
	return &leg.Login{User: l.User, Password: l.Password, Cnonce: string(sh.ids.AppendTag(nil, 0))}
}

// challenged is a request of a leg that has credentials: a challenge to it is met before the user hears of it (RFC 3261 §22).
type challenged struct {
	sh     *Shard
	login  *leg.Login
	leg    numbered
	flow   flow.Flow
	method message.Method
	sent   []byte
	user   transaction.ClientUser
}

// resender is a user that has to know that its request went out again, with another number, after it was refused with a code.
type resender interface {
	resent(tx *transaction.Client, seq uint32, code int)
}

// numbered gives the next CSeq number of a leg.
type numbered interface{ NextSeq() uint32 }

// request sends a request of a leg; login, if any, meets the challenges to it, under the leg's next numbers.
func (sh *Shard) request(now clock.Time, f flow.Flow, method message.Method, b []byte, login *leg.Login, own numbered, user transaction.ClientUser) *transaction.Client {
	if login != nil {
		user = &challenged{sh, login, own, f, method, bytes.Clone(b), user}
	}
	return sh.layer.Request(now, f, method, b, user)
}

// inDialogRequest sends a request inside a dialog.
func (sh *Shard) inDialogRequest(now clock.Time, d *leg.Dialog, method message.Method, b []byte, user transaction.ClientUser) *transaction.Client {
	return sh.request(now, d.Flow, method, b, d.Login, d, user)
}

// Response meets a challenge, or passes what is none.
func (c *challenged) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	code := m.Status()
	if (code == 401 || code == 407) && !tx.GivenUp() && c.login.Learn(m) {
		tx.Detach()
		c.again(now, code)
		return
	}
	if code/100 == 2 {
		c.login.Accepted()
	}
	c.user.Response(now, tx, m)
}

// Failed passes it on.
func (c *challenged) Failed(now clock.Time, tx *transaction.Client, why transaction.Failure) {
	c.user.Failed(now, tx, why)
}

// again sends the request once more: the same but for its branch, its number and the credentials.
func (c *challenged) again(now clock.Time, code int) {
	var m message.Message
	_ = m.Parse(c.sent) // it was parsed when it was sent
	seq, sh := c.leg.NextSeq(), c.sh
	b := message.AppendRequestLine(sh.buf[:0], string(m.MethodName()), string(m.RequestURI()))
	for i := range m.Len() {
		switch id, name, v := m.Field(i); id {
		case message.Via:
			via := m.TopVia()
			branch := sh.ids.AppendBranch(nil, 0)
			if mark := bytes.IndexByte(via.Branch, '-'); mark >= 0 {
				branch = append(branch, via.Branch[mark:]...)
			}
			l := &sh.cfg.Locals[c.flow.Listener]
			b = message.AppendVia(b, l.Transport.String(), l.SentBy, branch)
		case message.CSeq:
			b = append(append(append(message.AppendUint(append(b, "CSeq: "...), seq), ' '), m.MethodName()...), "\r\n"...)
			b = c.login.Append(b, string(m.MethodName()), m.RequestURI())
		case message.Authorization, message.ProxyAuthorization, message.ContentLength:
		default:
			b = message.AppendField(b, name, v)
		}
	}
	b = message.AppendBody(b, m.Body())
	c.sent = bytes.Clone(b)
	sh.buf = b
	tx := sh.layer.Request(now, c.flow, c.method, c.sent, c)
	if r, ok := c.user.(resender); ok {
		r.resent(tx, seq, code)
	}
}

// resent takes the INVITE that went out again: the early dialogs of the one that was refused are over.
func (b *branch) resent(tx *transaction.Client, seq uint32, code int) {
	b.c.sh.current = b.c
	b.client, b.cseq = tx, seq
	b.c.earlyOver(b, code)
}

// NextSeq returns the next number of the branch's INVITE.
func (b *branch) NextSeq() uint32 { return b.cseq + 1 }

func (r *relay) resent(tx *transaction.Client, seq uint32, _ int) {
	r.client, r.seq = tx, seq
	if r.req.Method() == message.REFER {
		r.refer()
	}
}

func (r *refresh) resent(tx *transaction.Client, seq uint32, _ int) { r.client, r.seq = tx, seq }

func (o *outside) resent(tx *transaction.Client, seq uint32, _ int) { o.client, o.seq = tx, seq }

// NextSeq returns the next number of the request to the target.
func (o *outside) NextSeq() uint32 { return o.seq + 1 }
