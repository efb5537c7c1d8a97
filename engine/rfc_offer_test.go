package engine_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/engine/sim"
)

// sdp is a session description of the caller in a version of it.
func sdp(version int, direction string) *sim.Body {
	return &sim.Body{Type: "application/sdp", Content: fmt.Appendf(nil, "v=0\r\no=alice 7 %d IN IP4 192.0.2.100\r\ns=-\r\nc=IN IP4 192.0.2.100\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=%s\r\n", version, direction)}
}

// A second INVITE while one is pending: 500 with Retry-After 0 to 10 from the same side, 491 from the other.
func TestRFC_057_PendingInvite(t *testing.T) {
	r, c, a := answered(t)
	a.Reply("INVITE", sim.Reply{Code: 200, After: 4 * time.Second})
	pending := c.Request(at(5*time.Second), "INVITE", nil, nil)
	var same, other []*sim.Exchange
	r.until(at(5500 * time.Millisecond))
	for i := range 5 {
		when := at(6*time.Second + time.Duration(i)*100*time.Millisecond)
		same, other = append(same, c.Request(when, "INVITE", nil, nil)), append(other, a.Incoming()[0].Request(when, "INVITE", nil, nil))
	}
	r.run()
	if pending.Code() != 200 {
		t.Errorf("the pending one got %d", pending.Code())
	}
	for i := range same {
		if same[i].Code() != 500 || other[i].Code() != 491 {
			t.Errorf("same side %d, other side %d", same[i].Code(), other[i].Code())
		}
	}
	for _, l := range r.caller.Received("500") {
		if n, err := strconv.Atoi(header(t, l, "Retry-After")[0]); err != nil || n < 0 || n > 10 {
			t.Errorf("Retry-After %q", header(t, l, "Retry-After"))
		}
	}
	count(t, a, "INVITE", 2)
}

// A re-INVITE that fails leaves the call as it is, unless the other side knows nothing of its dialog or says nothing.
func TestRFC_058_FailedReinvite(t *testing.T) {
	for _, code := range []int{488, 491, 603, 500, 481, 408} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			r, c, a := answered(t)
			r.odd = code == 481 || code == 408 // who says so has lost the dialog, and its BYE is refused
			a.Reply("INVITE", sim.Reply{Code: code})
			x := c.Request(at(5*time.Second), "INVITE", nil, sdp(2, "sendonly"))
			info := c.Request(at(10*time.Second), "INFO", nil, nil)
			r.run()
			if x.Code() != code {
				t.Errorf("re-INVITE got %d", x.Code())
			}
			want := map[bool]int{true: 200, false: 0}[code != 481 && code != 408]
			if info.Code() != want || len(a.Received("INFO")) != want/200 {
				t.Errorf("INFO after it got %d, want %d", info.Code(), want)
			}
		})
	}
}

// BYE outside a dialog is refused with 481; one inside ends pending requests with 487.
func TestRFC_059_Bye(t *testing.T) {
	r, c, a := answered(t)
	r.write(r.caller, at(2*time.Second), written{method: "BYE", to: "<sip:100@pbx.example>;tag=none"}.String())
	r.write(r.caller, at(2*time.Second), written{method: "BYE", via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKtagless"}.String())
	a.Reply("INVITE", sim.Reply{Code: 200, After: 10 * time.Second})
	x := c.Request(at(5*time.Second), "INVITE", nil, nil)
	c.Bye(at(6 * time.Second))
	r.run()
	if n := len(copies(r.caller, "SIP/2.0 481")); n != 2 || x.Code() != 487 {
		t.Errorf("%d 481, the re-INVITE got %d", n, x.Code())
	}
	count(t, r.caller, "200 BYE", 1)

	early, b := desk(t, sim.Ring())
	early.odd = true // the caller's phone does not end its INVITE by BYE
	call := early.place(sim.CallSpec{})
	bye := call.Request(at(2*time.Second), "BYE", nil, nil)
	early.run()
	if bye.Code() != 200 || call.Final() != 487 {
		t.Errorf("BYE got %d, INVITE %d", bye.Code(), call.Final())
	}
	count(t, b, "CANCEL", 1)
}

// versions returns the version in the origin of every session description that a phone got, in order.
func versions(t *testing.T, p *sim.Phone, session string) []int {
	var out []int
	for _, l := range p.Received("") {
		for line := range strings.Lines(body(t, l)) {
			if f := strings.Fields(line); strings.HasPrefix(line, "o="+session+" ") {
				n, _ := strconv.Atoi(f[2])
				out = append(out, n)
			}
		}
	}
	return out
}

// One offer at a time in a dialog and direction; a description goes through as it is, so that its version rises by one with each
// change and stays in a refresh of ours.
func TestRFC_103_OffersAndVersions(t *testing.T) {
	t.Run("changes", func(t *testing.T) {
		r, c, a := answered(t)
		c.Request(at(5*time.Second), "INVITE", nil, sdp(2, "sendonly"))
		c.Request(at(10*time.Second), "UPDATE", nil, sdp(3, "sendrecv"))
		c.Request(at(15*time.Second), "INVITE", nil, sim.NoBody) // the answer comes in the ACK
		r.run()
		if got := versions(t, a, "alice"); !slices.Equal(got, []int{1, 2, 3, 2}) { // the phone counts by itself: 2 is its second
			t.Errorf("the callee got versions %v", got)
		}
		if got := versions(t, r.caller, "a"); !slices.Equal(got, []int{1, 2, 3, 4}) {
			t.Errorf("the caller got versions %v", got)
		}
	})
	t.Run("refreshes", func(t *testing.T) {
		agreed := sim.Header{Name: "Session-Expires", Value: "100;refresher=uac"}
		r, a := desk(t, sim.Answer(agreed, sim.Header{Name: "Allow", Value: "INVITE, ACK, BYE, CANCEL"}))
		a.Reply("INVITE", sim.Reply{Code: 200, Headers: []sim.Header{agreed}})
		r.call(sim.CallSpec{HangupAfter: seconds(170)})
		if got := versions(t, a, "alice"); !slices.Equal(got, []int{1, 1, 1, 1}) {
			t.Errorf("the callee got versions %v", got)
		}
	})
	t.Run("open", func(t *testing.T) {
		r, c, a := answered(t)
		a.Reply("INVITE", sim.Reply{Code: 200, After: 4 * time.Second})
		c.Request(at(5*time.Second), "INVITE", nil, sdp(2, "sendonly"))
		update := c.Request(at(6*time.Second), "UPDATE", nil, sdp(3, "sendrecv"))
		r.until(at(7 * time.Second))
		other := a.Incoming()[0].Request(at(7*time.Second), "UPDATE", nil, nil)
		r.run()
		if update.Code() != 500 || other.Code() != 491 || len(a.Received("UPDATE")) != 0 {
			t.Errorf("UPDATE while an offer is open: %d, from the other side %d", update.Code(), other.Code())
		}
	})
}

// UPDATE while an offer is open: 500 with Retry-After 0 to 10 if it is theirs, 491 if it is ours.
func TestRFC_104_UpdateGlare(t *testing.T) {
	r, c, a := answered(t)
	a.Reply("UPDATE", sim.Reply{Code: 200, After: 3 * time.Second})
	open := c.Request(at(5*time.Second), "UPDATE", nil, nil)
	theirs := c.Request(at(6*time.Second), "UPDATE", nil, nil)
	r.until(at(6500 * time.Millisecond))
	ours := a.Incoming()[0].Request(at(7*time.Second), "UPDATE", nil, nil)
	refresh := c.Request(at(7*time.Second), "UPDATE", nil, sim.NoBody) // it carries no offer
	r.run()
	if open.Code() != 200 || theirs.Code() != 500 || ours.Code() != 491 || refresh.Code() != 200 {
		t.Errorf("open %d, theirs %d, ours %d, without an offer %d", open.Code(), theirs.Code(), ours.Code(), refresh.Code())
	}
	if n, err := strconv.Atoi(header(t, r.caller.Received("500")[0], "Retry-After")[0]); err != nil || n < 0 || n > 10 {
		t.Errorf("Retry-After %d", n)
	}
	count(t, a, "UPDATE", 1)
}

// A re-INVITE that fails rolls back what we keep of the session: what a refresh repeats, and the target. Nothing in it can have been
// made reliable before: it offers no 100rel, and an UPDATE meanwhile is refused.
func TestRFC_105_Rollback(t *testing.T) {
	agreed := sim.Header{Name: "Session-Expires", Value: "100;refresher=uac"}
	r, a := desk(t, sim.Answer(agreed, sim.Header{Name: "Allow", Value: "INVITE, ACK, BYE, CANCEL"}))
	a.Reply("INVITE", sim.Reply{Code: 488, After: 3 * time.Second}, sim.Reply{Code: 200, Headers: []sim.Header{agreed}})
	c := r.place(sim.CallSpec{HangupAfter: seconds(70), Headers: supports100rel, Body: sdp(1, "sendrecv")})
	c.Request(at(10*time.Second), "INVITE", append([]sim.Header{{Name: "Contact", Value: "<sip:alice@192.0.2.101>"}}, supports100rel...), sdp(2, "sendonly"))
	update := c.Request(at(11*time.Second), "UPDATE", nil, sdp(3, "sendrecv"))
	r.run()
	got := a.Received("INVITE")
	if len(got) != 3 || update.Code() != 500 {
		t.Fatalf("%d INVITE, UPDATE got %d", len(got), update.Code())
	}
	if strings.Contains(strings.Join(header(t, got[1], "Supported"), ","), "100rel") {
		t.Error("the re-INVITE offers 100rel")
	}
	if body(t, got[2]) != string(sdp(1, "sendrecv").Content) {
		t.Errorf("the refresh carries\n%s", body(t, got[2]))
	}
}

// An INVITE without an offer: every 2xx of the fork carries one, and its ACK waits for the caller's answer.
func TestRFC_111_LateOffer(t *testing.T) {
	t.Run("answered", func(t *testing.T) {
		second := sim.Behaviour{{Act: sim.IgnoreCancel}, sim.Ring(), sim.Answer().In(1500 * time.Millisecond)}
		r, phones := fork(t, sim.After(time.Second), second)
		c := r.call(sim.CallSpec{Body: sim.NoBody, HangupAfter: seconds(5)})
		if c.AnsweredBy() != "a" {
			t.Fatalf("answered by %q", c.AnsweredBy())
		}
		acks := phones[0].Received("ACK")
		if len(acks) != 1 || body(t, acks[0]) != body(t, r.caller.Sent("ACK")[0]) || acks[0].At < r.caller.Sent("ACK")[0].At {
			t.Errorf("the winner got %d ACK", len(acks))
		}
		acks = phones[1].Received("ACK") // RFC 3261 §13.2.2.4: a valid answer, then BYE; it takes none of the media
		if len(acks) != 1 || !strings.Contains(body(t, acks[0]), "\r\nm=audio 0 RTP/AVP ") || len(phones[1].Received("BYE")) != 1 {
			t.Errorf("the other one got %d ACK, %d BYE", len(acks), len(phones[1].Received("BYE")))
		}
		want(t, acks[0], "Content-Type", "application/sdp")
	})
	t.Run("not acknowledged", func(t *testing.T) {
		r, a := desk(t, sim.Answer())
		r.odd = true
		r.call(sim.CallSpec{Body: sim.NoBody, NoAck: true})
		// The callee has waited for its ACK as long as we for ours.
		for _, got := range [][]*sim.Logged{r.caller.Received("BYE"), slices.Concat(a.Received("BYE"), a.Sent("BYE"))} {
			if len(got) != 1 || time.Duration(got[0].At).Round(100*time.Millisecond) != 32*time.Second {
				t.Errorf("BYE %v", got)
			}
		}
		if acks := a.Received("ACK"); len(acks) != 1 || !strings.Contains(body(t, acks[0]), "\r\nm=audio 0 RTP/AVP ") {
			t.Errorf("%d ACK", len(acks))
		}
	})
}
