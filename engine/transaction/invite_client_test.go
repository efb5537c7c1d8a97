package transaction

import (
	"strings"
	"testing"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// Every transition of RFC 6026 figure 5.
func TestInviteClient(t *testing.T) {
	playAll(t, []transcript{
		{name: "nobody answers: Timers A and B", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.5  > INVITE
			1.5  > INVITE
			3.5  > INVITE
			7.5  > INVITE
			15.5 > INVITE
			31.5 > INVITE
			32   ! failed: timeout
			32   = Accepted
			64   = Terminated`},
		{name: "nobody answers, reliable", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			32   ! failed: timeout
			32   = Accepted
			64   = Terminated`},
		{name: "transport error", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  error
			0.2  ! failed: transport error
			0.2  = Accepted
			32.2 = Terminated`},
		{name: "a connection is lost, and the next", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  lost
			0.2  > INVITE
			0.4  lost
			0.4  ! failed: transport error
			0.4  = Accepted
			32.4 = Terminated`},
		{name: "a connection is lost, on the next one it rings", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  lost
			0.2  > INVITE
			1    < 180
			1    ! 180
			1    = Proceeding
			2    lost
			3    < 486
			3    > ACK
			3    ! 486
			3    = Terminated`},
		{name: "a connection is lost, the next one is refused", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  lost
			0.2  > INVITE
			0.3  error
			0.3  ! failed: transport error
			0.3  = Accepted
			32.3 = Terminated`},
		{name: "a connection is lost, and nobody wants to call any more", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  cancel
			0.2  lost
			0.2  ! failed: transport error
			0.2  = Accepted
			32.2 = Terminated`},
		{name: "what comes on a connection that is lost has no other", transport: flow.WS, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  lost
			0.2  ! failed: transport error
			0.2  = Accepted
			32.2 = Terminated`},
		{name: "rejected at once: Timer D is 32 s, copies get the ACK", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.3  < 486
			0.3  > ACK
			0.3  ! 486
			0.3  = Completed
			0.8  < 486
			0.8  > ACK
			30   < 500
			30   > ACK
			32.3 = Terminated`},
		{name: "the end is rounded up to 100 ms", script: `
			0     request INVITE
			0     > INVITE
			0     = Calling
			0.31  < 486
			0.31  > ACK
			0.31  ! 486
			0.31  = Completed
			32.4  = Terminated`},
		{name: "rejected, reliable: Timer D is 0", transport: flow.TLS, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			1    < 404
			1    > ACK
			1    ! 404
			1    = Terminated`},
		{name: "rings, then rejected", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  < 100
			0.1  ! 100
			0.1  = Proceeding
			1    < 180
			1    ! 180
			2    < 180
			2    ! 180
			100  < 603
			100  > ACK
			100  ! 603
			100  = Completed
			101  < 180
			132  = Terminated`},
		{name: "rings: neither copies nor Timer B", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.5  > INVITE
			0.6  < 180
			0.6  ! 180
			0.6  = Proceeding
			500  < 200
			500  ! 200
			500  = Accepted
			532  = Terminated`},
		{name: "accepted at once: Timer M, copies until an ACK is kept", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.3  < 200
			0.3  ! 200
			0.3  = Accepted
			0.8  < 200
			0.8  ! 200
			1    ack a
			1    > ACK
			1.8  < 200
			1.8  > ACK
			3.8  < 200
			3.8  > ACK
			4    < 486
			5    < 180
			32.3 = Terminated`},
		{name: "accepted, reliable: Timer M all the same", transport: flow.WSS, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			1    < 200
			1    ! 200
			1    = Accepted
			33   = Terminated`},
		{name: "two branches further on accept", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.3  < 200 tag=a
			0.3  ! 200
			0.3  = Accepted
			0.3  ack a
			0.3  > ACK
			0.4  < 200 tag=b
			0.4  ! 200
			0.4  ack b
			0.4  > ACK
			0.5  < 200 tag=a
			0.5  > ACK
			0.6  < 200 tag=b
			0.6  > ACK
			32.3 = Terminated`},
		{name: "another ACK for the same dialog takes the place of the first", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.3  < 200
			0.3  ! 200
			0.3  = Accepted
			0.3  ack a
			0.3  > ACK
			0.4  ack a
			0.4  > ACK
			0.5  < 200
			0.5  > ACK
			32.3 = Terminated`},
		{name: "an ACK before any 2xx is not sent, one after Timer M is", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  ack a
			0.3  < 200
			0.3  ! 200
			0.3  = Accepted
			32.3 = Terminated
			33   ack a
			33   > ACK
			34   < 200`},
		{name: "2xx after a rejection", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.3  < 486
			0.3  > ACK
			0.3  ! 486
			0.3  = Completed
			0.4  < 200 tag=b
			0.4  ! stray 200
			32.3 = Terminated`},
		{name: "a transport error later on changes nothing", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  < 100
			0.1  ! 100
			0.1  = Proceeding
			0.2  error
			0.3  < 486
			0.3  > ACK
			0.3  ! 486
			0.3  = Completed
			0.4  error
			32.3 = Terminated`},
	})
}

// RFC 3261 §9.1.
func TestCancel(t *testing.T) {
	playAll(t, []transcript{
		{name: "it waits for a provisional", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  cancel
			0.5  > INVITE
			1    < 180
			1    > CANCEL
			1    ! 180
			1    = Proceeding
			1.1  < 200 method=CANCEL
			1.2  < 487
			1.2  > ACK
			1.2  ! 487
			1.2  = Completed
			33.2 = Terminated`},
		{name: "at once after a provisional, and once", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  < 180
			0.1  ! 180
			0.1  = Proceeding
			0.2  cancel
			0.2  > CANCEL
			0.2  cancel again
			0.3  < 183
			0.3  ! 183
			0.4  < 487
			0.4  > ACK
			0.4  ! 487
			0.4  = Completed
			0.7  > CANCEL
			1.7  > CANCEL
			3.7  > CANCEL
			7.7  > CANCEL
			11.7 > CANCEL
			15.7 > CANCEL
			19.7 > CANCEL
			23.7 > CANCEL
			27.7 > CANCEL
			31.7 > CANCEL
			32.4 = Terminated`},
		{name: "never after a final", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  < 200
			0.1  ! 200
			0.1  = Accepted
			0.2  cancel
			32.1 = Terminated`},
		{name: "a final comes first", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  cancel
			0.2  < 404
			0.2  > ACK
			0.2  ! 404
			0.2  = Completed
			32.2 = Terminated`},
		{name: "nothing comes at all", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  cancel
			32   ! failed: timeout
			32   = Accepted
			64   = Terminated`},
		{name: "the 2xx was on its way", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  < 180
			0.1  ! 180
			0.1  = Proceeding
			0.2  cancel
			0.2  > CANCEL
			0.3  < 200 method=CANCEL
			0.3  < 200
			0.3  ! 200
			0.3  = Accepted
			32.3 = Terminated`},
		{name: "no 487 in 64*T1", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  < 180
			0.1  ! 180
			0.1  = Proceeding
			100  cancel
			100  > CANCEL
			101  < 200 method=CANCEL
			110  < 180
			110  ! 180
			132  ! failed: timeout
			132  = Accepted
			133  < 200
			133  ! stray 200
			134  < 487
			164  = Terminated`},
		{name: "no 487 in 64*T1 from the first Cancel", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  < 180
			0.1  ! 180
			0.1  = Proceeding
			1    cancel
			1    > CANCEL
			1.1  < 200 method=CANCEL
			9    cancel
			33   ! failed: timeout
			33   = Accepted
			65   = Terminated`},
		{name: "only an INVITE", script: `
			0    request OPTIONS
			0    > OPTIONS
			0    = Trying
			0.1  < 100
			0.1  ! 100
			0.1  = Proceeding
			0.2  cancel
			0.4  < 200
			0.4  ! 200
			0.4  = Completed
			5.4  = Terminated`},
	})
}

func TestCancelReasons(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.do([]string{"request", "INVITE", "to=b2"})
	if r.client.Cancelled() {
		t.Error("cancelled from the start")
	}
	r.client.Cancel(r.now, message.Reasons("SIP;cause=487")...)
	fields := append(message.Reasons("SIP;cause=200", "Q.850;cause=26"), message.Change{Name: "X-Why", Value: "because"})
	r.client.Cancel(r.now, fields...)
	fields[0].Value = "changed"
	if r.client.Cancelled() {
		t.Error("cancelled before a provisional")
	}
	r.do([]string{"<", "180"})
	if !r.client.Cancelled() {
		t.Error("not cancelled by the provisional")
	}
	r.client.Cancel(r.now, message.Reasons("late")...)
	p := r.sent[len(r.sent)-1]
	want := strings.ReplaceAll(`CANCEL sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx
Max-Forwards: 70
Route: <sip:p1.example.com;lr>
Route: <sip:p2.example.com;lr>
From: "A" <sip:alice@example.org>;tag=f
To: <sip:bob@example.com>;tag=b2
Reason: SIP;cause=200
Reason: Q.850;cause=26
X-Why: because
Call-ID: c1
CSeq: 1 CANCEL
Content-Length: 0

`, "\n", "\r\n")
	if p.raw != want {
		t.Errorf("sent\n%s\nwant\n%s", p.raw, want) // RFC 3261 §9.1
	}
	if p.flow != r.flow {
		t.Errorf("sent on %v, the INVITE on %v", p.flow, r.flow)
	}
}

func TestAttend(t *testing.T) {
	playAll(t, []transcript{
		{name: "a 2xx after the failure gets one ACK", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  error
			0.2  ! failed: transport error
			0.2  = Accepted
			0.2  attend
			0.5  < 486
			1    < 200
			1    ! 200
			1    ack a
			1    > ACK
			1.5  < 200
			1.5  > ACK
			32.2 = Terminated`},
		{name: "not when it is forgotten", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  error
			0.2  ! failed: transport error
			0.2  = Accepted
			32.2 = Terminated
			33   attend
			33   < 200`},
	})
}

func TestDetach(t *testing.T) {
	playAll(t, []transcript{
		{name: "accepted: our ACK still answers copies, others are strays", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.3  < 200
			0.3  ! 200
			0.3  = Accepted
			0.3  ack a
			0.3  > ACK
			1    detach
			1.1  < 200
			1.1  > ACK
			1.2  < 200 tag=b
			1.2  ! stray 200
			1.3  < 200 tag=b
			1.3  ! stray 200
			32.3 = Terminated`},
		{name: "before a 2xx", script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  detach
			0.2  < 180
			0.2  = Proceeding
			0.3  < 200
			0.3  ! stray 200
			0.3  = Accepted
			32.3 = Terminated`},
		{name: "before a rejection, cancelled", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  cancel
			0.1  detach
			0.2  < 180
			0.2  > CANCEL
			0.2  = Proceeding
			0.2  < 200 method=CANCEL
			0.3  < 487
			0.3  > ACK
			0.3  = Terminated`},
		{name: "before the end", transport: flow.TCP, script: `
			0    request INVITE
			0    > INVITE
			0    = Calling
			1    detach
			32   = Accepted
			64   = Terminated`},
		{name: "not an INVITE", script: `
			0    request BYE
			0    > BYE
			0    = Trying
			0.1  detach
			0.2  < 200
			0.2  = Completed
			5.2  = Terminated`},
	})
}

func TestClientKeepsLittle(t *testing.T) {
	for _, code := range []string{"200", "486"} {
		r := newRig(t, flow.UDP)
		r.do([]string{"request", "INVITE"})
		r.client.Cancel(r.now, message.Reasons("SIP;cause=200")...)
		r.do([]string{"<", code})
		switch kept := string(r.client.bytes); {
		case code == "200" && kept != "":
			t.Errorf("after a 2xx kept\n%s", kept)
		case code == "486" && !strings.HasPrefix(kept, "ACK"):
			t.Errorf("after a rejection kept\n%s", kept)
		}
		if r.client.why != nil || code == "486" && r.client.user != nil {
			t.Errorf("%s: reasons %v, user %v", code, r.client.why, r.client.user)
		}
	}
}

func TestUnusableRequest(t *testing.T) {
	r := newRig(t, flow.UDP)
	for name, c := range map[string]struct {
		method message.Method
		raw    string
	}{
		"not SIP":        {message.OPTIONS, "hello"},
		"other method":   {message.INVITE, request("OPTIONS")},
		"no branch":      {message.OPTIONS, strings.Replace(request("OPTIONS"), ";branch=z9hG4bKx", "", 1)},
		"too large":      {message.MESSAGE, request("MESSAGE") + strings.Repeat("x", message.MaxSize)},
		"branch in use":  {message.BYE, request("BYE", "branch=z9hG4bKtwice")},
		"invite, in use": {message.INVITE, request("INVITE", "branch=z9hG4bKtwice")},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, flow.UDP)
			r.do([]string{"request", "BYE", "branch=z9hG4bKtwice"})
			r.do([]string{"request", "INVITE", "branch=z9hG4bKtwice"})
			r.lines = nil
			c := r.layer.Request(r.now, r.flow, c.method, []byte(c.raw), r)
			if len(r.lines) > 0 {
				t.Fatalf("already %v", r.lines)
			}
			c.Cancel(r.now)
			r.heap.Run(r.now)
			if len(r.lines) != 1 || r.lines[0] != "0 ! failed: transport error" || c.State() != Terminated {
				t.Errorf("%v, %v", r.lines, c.State())
			}
			if clients, _ := r.layer.Len(); clients != 2 {
				t.Errorf("%d clients, want the two from before", clients)
			}
		})
	}
	r.empty()
}
