package engine

import (
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// trying100 is when a request other than INVITE is answered 100 if it has no final response by then: not before Timer E has
// reached T2 (RFC 4320 §4.1).
const trying100 = 3500 * time.Millisecond

// waiting is a request other than INVITE that we have passed on, until it is answered. If that is not in time it never is: its
// sender has given up by then and must not get a 408 (RFC 4320 §4.2). The zero value waits for nothing.
type waiting struct {
	sh     *Shard
	server *transaction.Server
	req    *message.Message
	source flow.Flow
	timer  clock.Timer
	end    clock.Time // when its sender gives up
}

// What the timer of a waiting is armed as.
const (
	waitTrying uint8 = iota // 100 is due
	waitEnd                 // too late for an answer
)

// start begins to wait with a request that has just come; req is kept.
func (w *waiting) start(now clock.Time, sh *Shard, server *transaction.Server, req *message.Message, source flow.Flow) {
	w.sh, w.server, w.req, w.source = sh, server, req, source
	w.timer.Owner, w.timer.Kind = w, waitTrying
	w.end = now.Add(64 * sh.cfg.Timers.T1) // RFC 3261 §17.1.2.2: Timer F
	sh.heap.Arm(&w.timer, now.Add(trying100))
}

// stop ends the waiting: the request has its final response.
func (w *waiting) stop() {
	if w.sh != nil {
		w.sh.heap.Stop(&w.timer)
	}
}

// Fire sends 100 Trying, or lets go of the request. Until then its copies are absorbed.
func (w *waiting) Fire(now clock.Time, kind uint8) {
	if kind == waitEnd {
		w.server.Forget()
		return
	}
	w.timer.Kind = waitEnd
	w.sh.heap.Arm(&w.timer, w.end)
	w.sh.buf = message.AppendBody(w.req.AppendResponse(w.sh.buf[:0], 100, "", nil, w.source.Remote), nil)
	w.server.Respond(now, 100, w.sh.buf)
}
