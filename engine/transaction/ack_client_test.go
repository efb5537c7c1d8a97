package transaction

import (
	"strings"
	"testing"

	"tandem/engine/flow"
)

// RFC 3261 §17.1.1.3.
func TestAckOfRejection(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.do([]string{"request", "INVITE", "via=, SIP/2.0/UDP far.example.com;branch=z9hG4bKfar"})
	m := r.response(486, []string{"tag=late"})
	r.layer.Receive(r.now, m, flow.Flow{Remote: other})
	want := strings.ReplaceAll(`ACK sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx
Max-Forwards: 70
Route: <sip:p1.example.com;lr>
Route: <sip:p2.example.com;lr>
From: "A" <sip:alice@example.org>;tag=f
To: <sip:bob@example.com>;tag=late
Call-ID: c1
CSeq: 1 ACK
Content-Length: 0

`, "\n", "\r\n")
	r.layer.Receive(r.now, m, r.flow)
	acks := r.sent[1:]
	if len(acks) != 2 {
		t.Fatalf("%d ACKs to 2 copies", len(acks))
	}
	for _, p := range acks {
		if p.raw != want {
			t.Errorf("sent\n%s\nwant\n%s", p.raw, want)
		}
		if p.flow != r.flow {
			t.Errorf("sent on %v, the INVITE on %v", p.flow, r.flow)
		}
	}
}

func TestAckGoesItsOwnWay(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.do([]string{"request", "INVITE"})
	r.do([]string{"<", "200"})
	route := flow.Flow{Remote: other, Transport: flow.TCP}
	b := []byte(request("ACK", "branch=z9hG4bKack"))
	r.client.Ack(r.now, b, route, []byte("a"))
	clear(b)
	r.do([]string{"<", "200"})
	if n := len(r.sent); n != 3 || r.sent[2].flow != route || r.sent[1].raw != r.sent[2].raw {
		t.Errorf("%d sent, want the ACK twice on %v: %v", n, route, r.sent)
	}
}

// The latest ACK of a dialog is the one that answers copies.
func TestAckAgain(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.do([]string{"request", "INVITE"})
	r.do([]string{"<", "200"})
	for _, branch := range []string{"branch=z9hG4bK1", "branch=z9hG4bK2"} {
		r.client.Ack(r.now, []byte(request("ACK", branch)), r.flow, []byte("a"))
	}
	r.do([]string{"<", "200"})
	if got := r.sent[3].raw; got != request("ACK", "branch=z9hG4bK2") {
		t.Errorf("answered with\n%s", got)
	}
}
