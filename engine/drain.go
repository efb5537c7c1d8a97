package engine

import (
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// Drain turns away from now on what would begin something new: calls, subscriptions and transfers outside dialogs are answered 503
// with Retry-After, and so is OPTIONS, by which peers ask whether there is anybody to send calls to (RFC 3261 §21.5.4). Calls that are up go on, also those
// that an INVITE takes over (RFC 3891), and emergency calls begin. idle is called on the shard's goroutine when there is no call any more.
func (sh *Shard) Drain(idle func()) {
	sh.draining, sh.idle = true, idle
	sh.drained()
}

// drained tells who waits for it that the last call is over.
func (sh *Shard) drained() {
	if idle := sh.idle; idle != nil && len(sh.calls)+len(sh.parting) == 0 {
		sh.idle = nil
		idle()
	}
}

// turnsAway reports whether a request outside a dialog was answered because the engine is about to stop.
func (sh *Shard) turnsAway(tx *transaction.Server, m *message.Message, f flow.Flow) bool {
	if !sh.draining || m.Has(message.Replaces) || sh.letsPass(m, f) {
		return false
	}
	switch m.Method() {
	case message.INVITE, message.OPTIONS, message.SUBSCRIBE, message.REFER:
		sh.stats.TurnedAway++
		sh.shed(tx, m, f)
		return true
	}
	return false
}
