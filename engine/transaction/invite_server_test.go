package transaction

import (
	"testing"

	"tandem/engine/flow"
)

// Every transition of RFC 6026 figure 7.
func TestInviteServer(t *testing.T) {
	playAll(t, []transcript{
		{name: "rejected, no ACK: Timers G and H, 11 copies", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 486
			0    > 486
			0    = Completed
			0.5  > 486
			1.5  > 486
			3.5  > 486
			7.5  > 486
			11.5 > 486
			15.5 > 486
			19.5 > 486
			23.5 > 486
			27.5 > 486
			31.5 > 486
			32   ! unacknowledged 486
			32   = Terminated`},
		{name: "rejected, no ACK, reliable", transport: flow.TCP, script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 486
			0    > 486
			0    = Completed
			32   ! unacknowledged 486
			32   = Terminated`},
		{name: "copies get the latest provisional", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0.1  < INVITE
			0.2  respond 100
			0.2  > 100
			0.5  < INVITE
			0.5  > 100
			0.6  respond 180
			0.6  > 180
			0.7  respond 183
			0.7  > 183
			1.5  < INVITE
			1.5  > 183
			2    respond 302
			2    > 302
			2    = Completed
			2.1  < INVITE
			2.1  > 302
			2.2  respond 180
			2.2  respond 200
			2.2  respond 404
			2.3  < ACK
			2.3  = Confirmed
			2.4  < ACK
			2.5  < INVITE
			2.6  respond 200
			2.6  resend
			7.3  = Terminated`},
		{name: "acknowledged, reliable: Timer I is 0", transport: flow.TCP, script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 404
			0    > 404
			0    = Completed
			1    < ACK
			1    = Terminated
			1.1  respond 404
			1.2  < ACK
			1.2  ! ack`},
		{name: "accepted: Timer L, copies absorbed, ACK and 2xx are the user's", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 180
			0    > 180
			1    respond 200
			1    > 200
			1    = Accepted
			1.1  < INVITE
			1.5  resend
			1.5  > 200
			2.5  respond 200
			2.5  > 200
			2.6  respond 486
			2.6  respond 180
			3    < ACK
			3    ! ack
			4    < ACK
			4    ! ack
			5    < ACK branch=z9hG4bKother
			5    ! ack
			32   < INVITE
			33   = Terminated
			33.1 resend
			33.1 respond 200`},
		{name: "accepted, reliable: Timer L all the same", transport: flow.TLS, script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 200
			0    > 200
			0    = Accepted
			32   = Terminated`},
		{name: "a transport error does not end it", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    error
			0.1  respond 486
			0.1  > 486
			0.1  = Completed
			0.1  error
			0.2  < INVITE
			0.2  > 486
			0.3  < ACK
			0.3  = Confirmed
			5.3  = Terminated`},
		{name: "an ACK to nothing yet is absorbed", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    < ACK
			1    respond 500
			1    > 500
			1    = Completed
			1    < ACK
			1    = Confirmed
			6    = Terminated`},
		{name: "forgotten at once", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 404
			0    > 404
			0    = Completed
			0    forget
			0    = Terminated
			0    forget
			0.1  respond 404
			0.2  < ACK
			0.2  ! ack
			0.5  < INVITE
			0.5  = Proceeding
			0.5  ! request INVITE
			1    respond 200
			1    > 200
			1    = Accepted
			1.1  forget
			1.1  = Terminated`},
		{name: "no such status", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 99
			0    respond 700
			0    forget
			0    = Terminated`},
	})
}

func TestRespondReports(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.do([]string{"<", "INVITE"})
	s := r.server
	s.Owner = r
	for _, c := range []struct {
		code int
		want bool
	}{{99, false}, {100, true}, {199, true}, {200, true}, {180, false}, {486, false}, {299, true}} {
		if got := s.Respond(r.now, c.code, answer(c.code)); got != c.want {
			t.Errorf("Respond(%d) = %v in %v", c.code, got, s.State())
		}
	}
	if s.bytes != nil || s.Owner != nil {
		t.Errorf("kept after a 2xx: %q, %v", s.bytes, s.Owner)
	}
	if !s.Resend(answer(200)) {
		t.Error("an accepted INVITE refuses Resend")
	}
	r.do([]string{"<", "INVITE", "branch=z9hG4bKsecond"})
	r.server.Owner = r
	if r.server.Resend(answer(200)) {
		t.Error("Resend before a 2xx")
	}
	r.server.Respond(r.now, 404, answer(404))
	r.do([]string{"<", "ACK", "branch=z9hG4bKsecond"})
	if r.server.State() != Confirmed || r.server.bytes != nil || r.server.Owner != nil {
		t.Errorf("kept in %v: %q, %v", r.server.State(), r.server.bytes, r.server.Owner)
	}
}

// A transaction that was forgotten has no hold on the one that takes its place.
func TestForgetTwice(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.do([]string{"<", "INVITE"})
	first := r.server
	first.Owner = r
	first.Forget()
	r.do([]string{"<", "INVITE"})
	first.Forget()
	if _, n := r.layer.Len(); n != 1 || r.server == first || r.server.State() != Proceeding {
		t.Errorf("%d left, in %v", n, r.server.State())
	}
	if first.Owner != nil || first.Respond(r.now, 200, answer(200)) {
		t.Error("the first lives on")
	}
}

func TestResponsesAreCopied(t *testing.T) {
	for _, code := range []int{180, 486} {
		r := newRig(t, flow.UDP)
		r.do([]string{"<", "INVITE"})
		b := answer(code)
		r.server.Respond(r.now, code, b)
		clear(b)
		r.do([]string{"<", "INVITE"})
		if r.sent[1].raw != string(answer(code)) {
			t.Errorf("resent %q", r.sent[1].raw)
		}
	}
}
