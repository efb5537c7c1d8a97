package engine_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// A datagram may be as large as UDP has them.
func TestRFC_061_LargeDatagram(t *testing.T) {
	r := newRig(t, unrouted(t), 1)
	w := written{method: "OPTIONS", uri: "sip:pbx.example"}
	w.body = strings.Repeat("x", 65507-len(w.String())-4) // what IPv4 leaves of 65535
	if got := r.replies(w.String()); len(w.String()) < 65500 || len(got) != 1 || got[0] != "200 OK" {
		t.Errorf("answered %q to %d octets", got, len(w.String()))
	}
}

// A response says where its request came from.
func TestRFC_062_Received(t *testing.T) {
	r := newRig(t, unrouted(t), 1)
	for i, host := range []string{"phone.example.net:5060", "10.0.0.1:5060", "192.0.2.100:5060"} {
		via := fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bKr%d", host, i)
		r.write(r.caller, r.net.Now(), written{method: "OPTIONS", uri: "sip:pbx.example", via: via + ";received=203.0.113.9"}.String())
		r.run()
		got := r.caller.Received("200 OPTIONS")
		want(t, got[len(got)-1], "Via", via+";received=192.0.2.100")
	}
}

// Over UDP what follows the body is no part of it, and a body that is cut short is refused.
func TestRFC_064_Lengths(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Send(486).In(3*time.Second))
	if got := r.replies(torture(t, "dblreq")); len(got) != 1 || len(a.Log()) != 0 {
		t.Errorf("two requests in a datagram: %q, and %d messages went further", got, len(a.Log()))
	}
	if got := newRig(t, unrouted(t), 1).replies(torture(t, "clerr")); len(got) != 1 || !strings.HasPrefix(got[0], "400") {
		t.Errorf("clerr answered %q", got)
	}
	long := written{body: "v=0\r\n", more: "Content-Type: application/sdp\r\n"}.String()
	r.write(r.caller, r.net.Now(), long+"octets of something else")
	r.until(r.net.Now().Add(time.Second))
	if l := a.Received("INVITE")[0]; body(t, l) != "v=0\r\n" {
		t.Errorf("body %q", body(t, l))
	}
	short := altered(a.Sent("180")[0], "180 Ringing", "200 OK", "Content-Length: 0", "Contact: <sip:a@192.0.2.11>\r\nContent-Length: 10")
	r.write(a, r.net.Now(), short)
	r.until(r.net.Now().Add(time.Second))
	count(t, r.caller, "200 INVITE", 0)
	r.run()
}

// However a message spells its fields, it is the same.
func TestRFC_066_Spellings(t *testing.T) {
	plain := "INVITE sip:100@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK2\r\n" +
		"Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@192.0.2.100>;tag=1\r\nTo: <sip:100@pbx.example>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:alice@192.0.2.100>\r\nSupported: replaces, histinfo\r\nRecord-Route: <sip:192.0.2.100;lr>\r\nRecord-Route: <sip:p.example;lr>\r\n" +
		"Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
	for name, change := range map[string][]string{
		"compact": {"Via:", "v:", "From:", "f:", "To:", "t:", "Call-ID:", "i:", "Contact:", "m:", "Supported:", "k:", "Content-Type:", "c:", "Content-Length:", "l:"},
		"folded":  {": ", ":\r\n ", ";tag", "\r\n\t;tag"},
		"space":   {": ", " \t:   ", ";tag=", " ; tag = ", ";branch=", " ;branch = ", "SIP/2.0/UDP ", "SIP / 2.0 / UDP  "},
		"case":    {"Via:", "vIA:", "From:", "FROM:", "To:", "to:", "Call-ID:", "call-id:", "CSeq:", "CSEQ:", "Max-Forwards:", "max-FORWARDS:", "Contact:", "CONTACT:", "tag=", "TAG=", "branch=", "BRANCH="},
		"lists":   {"z9hG4bK1\r\nVia: ", "z9hG4bK1, ", ";lr>\r\nRecord-Route: ", ";lr> , "},
		"lines":   {"replaces, histinfo", "replaces\r\nSupported: histinfo"},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Answer())
			r.odd = true // no ACK
			b := strings.NewReplacer(change...).Replace(plain)
			if b == plain {
				t.Fatal("nothing changed")
			}
			r.write(r.caller, 0, b)
			r.until(at(time.Second))
			out := a.Received("INVITE")[0]
			want(t, out, "Supported", "timer, 100rel, replaces, histinfo")
			want(t, out, "Max-Forwards", "69")
			want(t, out, "Contact", "<sip:alice@192.0.2.1:5060>")
			if from := header(t, out, "From")[0]; !strings.HasPrefix(from, "\"Alice\" <sip:alice@192.0.2.100>;tag=") || body(t, out) != "v=0\r\n" {
				t.Errorf("From %s, body %q", from, body(t, out))
			}
			m := first(t, r.caller, "200")
			vias, routes := 0, 0
			m.Each(message.Via, func([]byte) bool { vias++; return true })
			m.Each(message.RecordRoute, func([]byte) bool { routes++; return true })
			if vias != 2 || routes != 2 || string(m.FromTag()) != "1" || string(m.CallID()) != "c" || m.CSeq() != 1 {
				t.Errorf("%d Vias, %d Record-Routes:\n%s", vias, routes, m.Bytes())
			}
			r.run()
		})
	}
}

// URIs are equal by §19.1.4, for the targets of a fork: host without case, escapes resolved, user with case.
func TestRFC_067_EqualURIs(t *testing.T) {
	for name, c := range map[string]struct {
		uris []string
		want int
	}{
		"host without case":     {[]string{"sip:A@H.example", "sip:A@h.EXAMPLE"}, 1},
		"escaped":               {[]string{"sip:A@h.example", "sip:%41@h.example"}, 1},
		"user with case":        {[]string{"sip:A@h.example", "sip:a@h.example"}, 2},
		"port given":            {[]string{"sip:a@h.example", "sip:a@h.example:5060"}, 2},
		"transport":             {[]string{"sip:a@h.example;transport=udp", "sip:a@h.example"}, 2},
		"order of parameters":   {[]string{"sip:a@h.example;x=1;y=2", "sip:a@h.example;Y=2;X=1"}, 1},
		"values of a parameter": {[]string{"sip:a@h.example;x=1", "sip:a@h.example;x=2"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			n := &plan.Node{Kind: plan.KindParallel}
			for _, u := range c.uris {
				n.Members = append(n.Members, to(u))
			}
			addr := netip.MustParseAddrPort("192.0.2.11:5060")
			r := newRig(t, always(n), 1, func(cfg *engine.Config) { cfg.Resolver = one{addr} })
			a := r.phone("sip:any@192.0.2.11", sim.Status(486, nil))
			r.call(sim.CallSpec{})
			count(t, a, "INVITE", c.want)
		})
	}
}

// Call-IDs are compared octet by octet.
func TestRFC_068_CallIDCase(t *testing.T) {
	r, a := desk(t, sim.Send(486))
	r.write(r.caller, 0, written{callID: "CaseMatters", via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK1"}.String())
	r.write(r.caller, 0, written{callID: "casematters", via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK2"}.String())
	r.run()
	count(t, a, "INVITE", 2)
	count(t, r.caller, "482", 0)

	up, b := desk(t, sim.Answer())
	c := up.place(sim.CallSpec{HangupAfter: seconds(5)})
	up.until(at(time.Second))
	bye := up.inside(written{method: "BYE", cseq: "9 BYE"})
	bye.callID = strings.ToUpper(bye.callID)
	up.write(up.caller, at(time.Second), bye.String())
	up.until(at(2 * time.Second))
	if !c.Up() || len(up.caller.Received("481")) != 1 || len(b.Received("BYE")) != 0 {
		t.Error("a BYE with the Call-ID in another case has ended the call")
	}
	up.run()
}

// rport is filled in with the source port, received always, and the response goes to the source from where the request went to.
func TestRFC_088_Rport(t *testing.T) {
	r := newRig(t, unrouted(t), 1)
	nat := r.phone("sip:nat@192.0.2.60:40000")
	sent := r.phone("sip:nat@192.0.2.60")
	for i, c := range []struct {
		rport, want string
		to          *sim.Phone
	}{
		{";rport", ";received=192.0.2.60;rport=40000", nat}, {"", ";received=192.0.2.60", sent},
	} {
		via := fmt.Sprintf("SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKn%d", i)
		nat.SendRaw(r.net.Now(), flow.Flow{Remote: pbx}, []byte(written{method: "OPTIONS", uri: "sip:pbx.example", via: via + c.rport}.String()))
		r.run()
		got := c.to.Received("200 OPTIONS")
		if len(got) != 1 || got[0].Peer != pbx {
			t.Fatalf("rport %q: %v", c.rport, got)
		}
		want(t, got[0], "Via", via+c.want)
	}
}
