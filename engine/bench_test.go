package engine_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// wire is what a benchmark's peers see of the engine: the last message of each method and status.
type wire struct{ last map[string][]byte }

func (w *wire) Send(_ flow.Flow, b []byte) {
	i := 0
	for b[i] != ' ' {
		i++
	}
	key := b[:i]
	if string(key) == "SIP/2.0" {
		key = b[8:11]
	}
	w.last[string(key)] = append(w.last[string(key)][:0], b...)
}

// respond writes a callee's response to a request of the engine.
func respond(dst, request []byte, code int, body string) []byte {
	var m message.Message
	if err := m.Parse(request); err != nil {
		panic(err)
	}
	dst = m.AppendResponse(dst[:0], code, "", []byte("callee"), netip.MustParseAddrPort("192.0.2.1:5060"))
	dst = append(dst, "Contact: <sip:bob@192.0.2.11>\r\n"...)
	return message.AppendBody(dst, []byte(body))
}

const benchInvite = "INVITE sip:100@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKi%[1]d;rport\r\n" +
	"From: \"Alice\" <sip:alice@example.net>;tag=a%[1]d\r\nTo: <sip:100@pbx.example>\r\nCall-ID: bench%[1]d@192.0.2.100\r\nCSeq: 1 INVITE\r\n" +
	"Contact: <sip:alice@192.0.2.100>\r\nMax-Forwards: 70\r\nAllow: INVITE, ACK, CANCEL, BYE\r\nSupported: timer, replaces\r\n" +
	"P-Asserted-Identity: <sip:+49301234567@example.net>\r\nDiversion: <sip:+49307654321@example.net>;reason=no-answer;counter=1\r\n" +
	"Content-Type: application/sdp\r\nContent-Length: %[2]d\r\n\r\n%[3]s"

const benchSDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.100\r\ns=-\r\nc=IN IP4 192.0.2.100\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"

// BenchmarkCall is a whole call through a shard, without sockets and without Lua: INVITE, 180, 200, ACK, BYE.
func BenchmarkCall(b *testing.B) {
	n := to("sip:bob@192.0.2.11")
	s := &script{invite: func(engine.Call) *plan.Node { return n }}
	e := engine.New(engine.Config{Clock: clock.NewVirtual(start), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}}}, s, 1)
	sh, w := e.Shards()[0], &wire{last: map[string][]byte{}}
	sh.Connect(w)
	caller, callee := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.100:5060")}, flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.11:5060")}
	var buf []byte
	now := clock.Time(0)
	b.ReportAllocs()
	for i := range b.N {
		now = now.Add(10 * time.Millisecond)
		s.seen = s.seen[:0]
		buf = fmt.Appendf(buf[:0], benchInvite, i, len(benchSDP), benchSDP)
		sh.Receive(now, caller, buf)
		invite := w.last["INVITE"]
		sh.Receive(now, callee, respond(buf, invite, 180, ""))
		sh.Receive(now, callee, respond(buf, invite, 200, benchSDP))
		var ok message.Message
		if err := ok.Parse(w.last["200"]); err != nil {
			b.Fatal(err)
		}
		const inside = "%s sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK%[1]s%[2]d;rport\r\nFrom: \"Alice\" <sip:alice@example.net>;tag=a%[2]d\r\n" +
			"To: %[3]s\r\nCall-ID: bench%[2]d@192.0.2.100\r\nCSeq: %[4]d %[1]s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
		to := string(ok.Get(message.To))
		sh.Receive(now, caller, fmt.Appendf(buf[:0], inside, "ACK", i, to, 1))
		sh.Receive(now, caller, fmt.Appendf(buf[:0], inside, "BYE", i, to, 2))
		sh.Receive(now, callee, respond(buf, w.last["BYE"], 200, ""))
		sh.Tick(now)
	}
	b.StopTimer()
	if got := sh.Stats(); got.Answered != uint64(b.N) || got.Active != 0 {
		b.Fatalf("%d of %d calls answered, %d still up", got.Answered, b.N, got.Active)
	}
}
