package engine

import (
	"bytes"
	"maps"
	"slices"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// part ends this dialog with the BYE of the other side, if there is one, and changes; reasons are values of Reason. As long as our 2xx has
// no ACK it goes on being repeated, and the BYE waits for that or for the end of the wait: who has not heard of an answer would take
// its end for nothing (RFC 3261 §15).
func (s *side) part(from *message.Message, changes []message.Change, reasons ...string) {
	s.follow()
	sh := s.c.sh
	b := sh.byeFor(s.dialog, from, changes, reasons)
	if !s.answer.Pending() || sh.ending {
		s.answer.Stop()
		sh.inDialogRequest(sh.now, s.dialog, message.BYE, b, unheard{})
		return
	}
	s.parting = bytes.Clone(b)
	sh.parting[string(dialogKey(sh.key, s.dialog.LocalTag, s.dialog.RemoteTag))] = s
}

// partingFor returns the dialog that a request belongs to if it is over but for our BYE.
func (sh *Shard) partingFor(m *message.Message) *side {
	sh.key = dialogKey(sh.key, m.ToTag(), m.FromTag())
	s := sh.parting[string(sh.key)]
	if s == nil || !bytes.Equal(s.dialog.CallID, m.CallID()) {
		return nil
	}
	return s
}

// inParting takes a request in a dialog that is over but for our BYE, and reports whether there is one.
func (sh *Shard) inParting(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) bool {
	s := sh.partingFor(m)
	switch {
	case s == nil:
		return false
	case m.Method() == message.BYE:
		sh.finish(now, tx, m, f, 200)
		s.parted()
	default:
		sh.finish(now, tx, m, f, 481) // RFC 3261 §12.2.2: there is nobody to pass it to
	}
	return true
}

// farewell sends the BYE that has waited.
func (s *side) farewell() {
	s.c.sh.inDialogRequest(s.c.sh.now, s.dialog, message.BYE, s.parting, unheard{})
	s.parted()
}

// parted forgets the dialog.
func (s *side) parted() {
	sh := s.c.sh
	s.answer.Stop()
	s.parting = nil
	delete(sh.parting, string(dialogKey(sh.key, s.dialog.LocalTag, s.dialog.RemoteTag)))
	sh.drained()
}

// partAll sends what BYEs still wait, because the engine stops.
func (sh *Shard) partAll() {
	for _, k := range slices.Sorted(maps.Keys(sh.parting)) {
		sh.parting[k].farewell()
	}
}

// byeFor builds the BYE that ends a dialog; its arguments are those of part.
func (sh *Shard) byeFor(d *leg.Dialog, from *message.Message, changes []message.Change, reasons []string) []byte {
	b := d.AppendRequest(sh.buf[:0], "BYE", d.NextSeq(), sh.via(d), 70)
	if from != nil {
		b = from.AppendPassed(b, changes)
	}
	for _, r := range reasons {
		b = message.AppendField(b, "Reason", r)
	}
	var body []byte
	if from != nil {
		body = from.Body()
	}
	sh.buf = message.AppendBody(sh.appendProduct(b, "User-Agent"), body)
	return sh.buf
}
