package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// dialogOf returns Call-ID and the tags of the dialog that a phone has with the engine, from the phone's 2xx to an INVITE.
func dialogOf(t *testing.T, ok *sim.Logged) (callID, to, from string) {
	t.Helper()
	m, err := ok.Message()
	if err != nil {
		t.Fatal(err)
	}
	return string(m.CallID()), string(m.ToTag()), string(m.FromTag())
}

// Attended transfer (RFC 3891, RFC 5589): Replaces in Refer-To names the dialog as the far side sees it; the INVITE that follows
// carries it on.
func TestReplacesIsMapped(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			s := &script{invite: func(c engine.Call) *plan.Node {
				if strings.Contains(string(c.Request().RequestURI()), "bob") {
					return to("sip:bob@192.0.2.11")
				}
				return to("sip:carol@192.0.2.12")
			}}
			r := newRig(t, s, shards)
			bob, carol := r.phone("sip:bob@192.0.2.11", sim.After(time.Second)), r.phone("sip:carol@192.0.2.12", sim.After(time.Second))
			toBob := r.place(sim.CallSpec{To: "sip:bob@pbx.example", HangupAfter: seconds(60)})
			r.place(sim.CallSpec{To: "sip:carol@pbx.example", HangupAfter: seconds(60)})
			r.net.Run(at(3 * time.Second))

			id, toTag, fromTag := dialogOf(t, r.caller.Received("200 INVITE")[1])
			refer := fmt.Sprintf("<sip:carol@pbx.example?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", strings.ReplaceAll(id, "@", "%40"), toTag, fromTag)
			x := toBob.Request(at(4*time.Second), "REFER", []sim.Header{{Name: "Refer-To", Value: refer}, {Name: "Referred-By", Value: "<sip:alice@192.0.2.100>"}}, nil)
			r.net.Run(at(5 * time.Second))

			cid, cTo, cFrom := dialogOf(t, carol.Sent("200 INVITE")[0])
			want := fmt.Sprintf("<sip:carol@pbx.example?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", cid, cTo, cFrom)
			got := bob.Received("REFER")
			if x.Code() != 202 || len(got) != 1 || !slices.Equal(header(t, got[0], "Refer-To"), []string{want}) {
				t.Fatalf("REFER %d, bob got %v, want %s", x.Code(), got, want)
			}
			if h := header(t, got[0], "Referred-By"); !slices.Equal(h, []string{"<sip:alice@192.0.2.100>"}) {
				t.Errorf("Referred-By %q", h)
			}

			replaces := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", cid, cTo, cFrom)
			hang := time.Second
			c := bob.Call(at(6*time.Second), sim.CallSpec{
				To: "sip:carol@pbx.example", Dest: flow.Flow{Remote: pbx}, HangupAfter: &hang,
				Headers: []sim.Header{{Name: "Replaces", Value: replaces}, {Name: "Require", Value: "replaces"}},
			})
			r.run()
			in := carol.Received("INVITE")
			if !c.Answered() || !slices.Equal(header(t, in[1], "Replaces"), []string{replaces}) || !slices.Equal(header(t, in[1], "Require"), []string{"replaces"}) {
				t.Errorf("carol's INVITE: Replaces %q", header(t, in[1], "Replaces"))
			}
		})
	}
}

// An INVITE whose Replaces names our own leg of a call is mapped to the far one.
func TestReplacesOfOurLeg(t *testing.T) {
	r := newRig(t, always(to("sip:carol@192.0.2.12")), 1)
	carol := r.phone("sip:carol@192.0.2.12", sim.After(time.Second))
	r.place(sim.CallSpec{HangupAfter: seconds(30)})
	r.net.Run(at(3 * time.Second))
	id, toTag, fromTag := dialogOf(t, r.caller.Received("200 INVITE")[0])
	replaces := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", id, toTag, fromTag)
	r.place(sim.CallSpec{Headers: []sim.Header{{Name: "Replaces", Value: replaces}}, HangupAfter: seconds(1)})
	early := r.place(sim.CallSpec{Headers: []sim.Header{{Name: "Replaces", Value: replaces + ";early-only"}}})
	none := r.place(sim.CallSpec{Headers: []sim.Header{{Name: "Replaces", Value: "nothing;to-tag=1;from-tag=2"}}})
	broken := r.place(sim.CallSpec{Headers: []sim.Header{{Name: "Replaces", Value: "nothing"}}})
	r.run()
	cid, cTo, cFrom := dialogOf(t, carol.Sent("200 INVITE")[0])
	if got := header(t, carol.Received("INVITE")[1], "Replaces"); !slices.Equal(got, []string{fmt.Sprintf("%s;to-tag=%s;from-tag=%s", cid, cTo, cFrom)}) {
		t.Errorf("Replaces %q", got)
	}
	if early.Final() != 486 || none.Final() != 481 || broken.Final() != 400 {
		t.Errorf("early-only %d, unknown %d, broken %d; want 486, 481, 400", early.Final(), none.Final(), broken.Final())
	}
}

// held keeps what shards ask each other until it is let go.
type held struct{ posted []func() }

func (h *held) hold(c *engine.Config) {
	c.Post = func(_ int, fn func(now clock.Time)) { h.posted = append(h.posted, func() { fn(at(5 * time.Second)) }) }
}

func (h *held) letGo() {
	for len(h.posted) > 0 {
		next := h.posted[0]
		h.posted = h.posted[1:]
		next()
	}
}

// elsewhereThan returns a Call-ID that another one of two shards owns.
func elsewhereThan(callID string) string {
	for i := 0; ; i++ {
		if id := fmt.Sprint("id", i); ident.Slot([]byte(id))%2 != ident.Slot([]byte(callID))%2 {
			return id
		}
	}
}

// heldCall begins a call to carol on two shards, which hear of each other when h lets them.
func heldCall(t *testing.T) (r *rig, h *held, carol *sim.Phone, up *sim.Call) {
	h = &held{}
	r = newRig(t, always(to("sip:carol@192.0.2.12")), 2, h.hold)
	r.odd = true
	carol = r.phone("sip:carol@192.0.2.12", sim.After(time.Second))
	up = r.place(sim.CallSpec{})
	r.until(at(3 * time.Second))
	return r, h, carol, up
}

// An INVITE that is cancelled while another shard is asked what its Replaces names is answered 487, and nothing comes of it (RFC 3261 §9.2).
func TestReplacesCancelled(t *testing.T) {
	r, h, carol, up := heldCall(t)
	id, toTag, fromTag := dialogOf(t, r.caller.Received("200 INVITE")[0])
	w := written{callID: elsewhereThan(id), more: fmt.Sprintf("Replaces: %s;to-tag=%s;from-tag=%s\r\n", id, toTag, fromTag)}
	r.write(r.caller, r.net.Now(), w.String())
	r.until(at(4 * time.Second))
	w.method, w.more = "CANCEL", ""
	r.write(r.caller, r.net.Now(), w.String())
	r.until(at(5 * time.Second))
	if len(h.posted) == 0 || len(copies(r.caller, "SIP/2.0 487")) == 0 {
		t.Errorf("%d questions, %d times 487", len(h.posted), len(copies(r.caller, "SIP/2.0 487")))
	}
	h.letGo()
	r.until(at(6 * time.Second))
	if n := len(carol.Received("INVITE")); n != 1 {
		t.Errorf("%d INVITEs", n)
	}
	up.Bye(r.net.Now())
	r.run()
}

// A REFER about whose Refer-To another shard is asked while its call ends goes nowhere any more.
func TestReferOfEndedCall(t *testing.T) {
	r, h, carol, up := heldCall(t)
	id, _, _ := dialogOf(t, r.caller.Received("200 INVITE")[0])
	refer := fmt.Sprintf("<sip:dave@pbx.example?Replaces=%s%%3Bto-tag%%3D1%%3Bfrom-tag%%3D2>", elsewhereThan(id))
	x := up.Request(r.net.Now(), "REFER", []sim.Header{{Name: "Refer-To", Value: refer}}, nil)
	r.until(at(4 * time.Second))
	up.Bye(r.net.Now())
	r.until(at(5 * time.Second))
	h.letGo()
	r.run()
	if len(carol.Received("REFER")) != 0 || x.Code() != 481 {
		t.Errorf("%d REFERs, answered %d", len(carol.Received("REFER")), x.Code())
	}
}

// Blind transfer (RFC 3515): REFER and the NOTIFYs of its subscription pass unchanged.
func TestBlindTransfer(t *testing.T) {
	r, c, a := answered(t)
	x := c.Request(at(5*time.Second), "REFER", []sim.Header{{Name: "Refer-To", Value: "<sip:carol@pbx.example>"}}, nil)
	r.net.Run(at(6 * time.Second))
	y := a.Incoming()[0].Request(at(6*time.Second), "NOTIFY", []sim.Header{
		{Name: "Event", Value: "refer"}, {Name: "Subscription-State", Value: "terminated;reason=noresource"},
	}, &sim.Body{Type: "message/sipfrag", Content: []byte("SIP/2.0 200 OK\r\n")})
	bad := c.Request(at(7*time.Second), "REFER", nil, nil)
	r.run()
	if got := a.Received("REFER"); x.Code() != 202 || len(got) != 1 || !slices.Equal(header(t, got[0], "Refer-To"), []string{"<sip:carol@pbx.example>"}) {
		t.Errorf("REFER %d", x.Code())
	}
	got := r.caller.Received("NOTIFY")
	if y.Code() != 200 || len(got) != 1 || body(t, got[0]) != "SIP/2.0 200 OK\r\n" || !slices.Equal(header(t, got[0], "Event"), []string{"refer"}) {
		t.Errorf("NOTIFY %d", y.Code())
	}
	if bad.Code() != 400 {
		t.Errorf("REFER without Refer-To: %d, want 400", bad.Code())
	}
}
