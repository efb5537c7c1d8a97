package engine

import (
	"strconv"

	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// What a call and a transaction hold in memory beside the messages, in bytes, as measured; rounded up.
const (
	callSize        = 6 << 10
	transactionSize = 1 << 10
)

// size estimates what the call holds: the INVITE is kept, and once more for each branch until it has its final response.
func (c *call) size() int { return callSize + 4*len(c.invite.Bytes()) }

// full reports whether the shard's share of calls, transactions or memory is used up.
func (sh *Shard) full() bool {
	return sh.over(len(sh.calls)+1, sh.cfg.MaxCalls) || sh.tight()
}

// tight reports whether the shard's share of transactions or memory is used up.
func (sh *Shard) tight() bool {
	clients, servers := sh.layer.Len()
	return sh.over(clients+servers, sh.cfg.MaxTransactions) || sh.over(sh.held+(clients+servers)*transactionSize, sh.cfg.MaxBytes)
}

// noRoom reports whether a request would begin what there is no room for.
func (sh *Shard) noRoom(m *message.Message, f flow.Flow) bool {
	switch m.Method() {
	case message.INVITE:
		return sh.full() && !sh.letsPass(m, f)
	case message.SUBSCRIBE, message.REFER:
		return sh.tight()
	}
	return false
}

func (sh *Shard) over(used, bound int) bool { return bound > 0 && used > (bound+sh.shards-1)/sh.shards }

// shed refuses a call, or a subscription, because there is no room for it now (RFC 3261 §21.5.4). It keeps nothing of it: under a flood the refusals would fill the memory that
// the bound is for.
func (sh *Shard) shed(tx *transaction.Server, m *message.Message, f flow.Flow) {
	tx.Forget()
	b := m.AppendResponse(sh.buf[:0], 503, "", statelessTag(m), f.Remote)
	b = append(strconv.AppendUint(append(b, "Retry-After: "...), 1+sh.ids.Uint64()%10, 10), "\r\n"...)
	sh.buf = message.AppendBody(sh.appendProduct(b, "Server"), nil)
	sh.Send(transaction.ReplyFlow(m, f), sh.buf)
}
