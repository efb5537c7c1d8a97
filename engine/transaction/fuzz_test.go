package transaction

import (
	"bytes"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// FuzzReceive feeds a layer with whatever passes validation, a message for each blank-line-separated piece, while its
// own requests wait. Nothing may panic and everything must end.
func FuzzReceive(f *testing.F) {
	for _, s := range []string{
		request("INVITE") + "\x00" + request("CANCEL") + "\x00" + request("ACK"),
		request("INVITE", "branch=1") + "\x00" + request("CANCEL", "branch=1") + "\x00" + request("ACK", "branch=1", "to=b"),
		string(answer(180)) + "\x00" + string(answer(200)) + "\x00" + string(answer(486)),
		request("OPTIONS", "via=;rport;received=x") + "\x00" + request("OPTIONS"),
	} {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, transport uint8) {
		l, q, heap := newQuiet()
		fl := flow.Flow{Remote: peer, Transport: flow.Transport(transport % 5)}
		l.Request(0, fl, message.INVITE, []byte(request("INVITE")), q).Cancel(0)
		l.Request(0, fl, message.BYE, []byte(request("BYE")), q)
		var now clock.Time
		for _, piece := range bytes.Split(b, []byte{0}) {
			var m message.Message
			if m.Parse(bytes.Clone(piece)) != nil || m.Validate() != nil {
				continue
			}
			l.Receive(now, &m, fl)
			now = now.Add(time.Duration(len(piece)) * time.Millisecond)
			heap.Run(now)
			if s := q.server; s != nil {
				s.Respond(now, 100+len(piece)%600, m.Bytes())
			}
		}
		if q.server != nil {
			q.server.Forget()
		}
		for i := 0; heap.Len() > 0; i++ {
			if i > 10000 {
				t.Fatal("it does not end")
			}
			now, _ = heap.Next()
			heap.Run(now)
		}
		if clients, _ := l.Len(); clients > 0 && !ringing(l) {
			t.Errorf("%d clients left", clients)
		}
	})
}

// ringing reports whether what is left are INVITEs that got a provisional: how long those may ring is the user's matter.
func ringing(l *Layer) bool {
	for _, c := range l.clients {
		if c.state != Proceeding || c.method != message.INVITE {
			return false
		}
	}
	return true
}
