package engine_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// streamed is a shard whose messages travel on connections, which a test opens and closes.
type streamed struct {
	t     *testing.T
	clock *clock.Virtual
	shard *engine.Shard
	sent  []dispatch
}

// dispatch is a message that the shard sent.
type dispatch struct {
	flow flow.Flow
	msg  *message.Message
}

func newStreamed(t *testing.T, s *script) *streamed {
	r := &streamed{t: t, clock: clock.NewVirtual(start)}
	locals := []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr(), Transport: flow.TCP}}
	r.shard = engine.New(engine.Config{Clock: r.clock, Locals: locals}, s, 1).Shards()[0]
	r.shard.Connect(r)
	return r
}

func (r *streamed) Send(f flow.Flow, b []byte) {
	m := new(message.Message)
	if err := m.Parse(slices.Clone(b)); err != nil {
		r.t.Error(err)
	}
	r.sent = append(r.sent, dispatch{f, m})
}

// got takes the only message that was sent since the last one was taken.
func (r *streamed) got(start string) dispatch {
	r.t.Helper()
	if len(r.sent) != 1 || !strings.HasPrefix(string(r.sent[0].msg.Bytes()), start) {
		for _, d := range r.sent {
			r.t.Logf("%s %s", d.flow, d.msg.Bytes())
		}
		r.t.Fatalf("%d messages were sent, want %s alone", len(r.sent), start)
	}
	d := r.sent[0]
	r.sent = nil
	return d
}

func (r *streamed) receive(f flow.Flow, b string) { r.shard.Receive(r.clock.Now(), f, []byte(b)) }

// answers has the peer on f answer what it was sent.
func (r *streamed) answers(f flow.Flow, d dispatch, code int, more string) {
	b := d.msg.AppendResponse(nil, code, "", []byte("peer"), pbx)
	r.receive(f, string(message.AppendBody(append(b, more...), nil)))
}

// closes tells of a connection that is gone as the transport does: by its number, and by the address of its peer for those who
// use it without a number.
func (r *streamed) closes(f flow.Flow) {
	r.shard.SendFailed(r.clock.Now(), flow.Flow{Conn: f.Conn}, nil)
	f.Conn = 0
	r.shard.SendFailed(r.clock.Now(), f.Key(), nil)
}

// pass lets time go by.
func (r *streamed) pass(d time.Duration) {
	until := r.clock.Now().Add(d)
	for at, ok := r.shard.Next(); ok && at <= until; at, ok = r.shard.Next() {
		r.clock.Set(max(at, r.clock.Now()))
		r.shard.Tick(r.clock.Now())
	}
	r.clock.Set(until)
}

const contactByTCP = "Contact: <sip:a@192.0.2.11;transport=tcp>\r\n"

// A connection that closes fails the requests on it that nothing was heard of, and those alone: the call goes on by new ones.
func TestRFC_042_ClosedConnection(t *testing.T) {
	caller := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.100:40000"), Conn: 7, Transport: flow.TCP}
	callee := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.11:5060"), Transport: flow.TCP}
	s := always(to("sip:a@192.0.2.11;transport=tcp"))
	begin := func(t *testing.T) (*streamed, dispatch) {
		r := newStreamed(t, s)
		r.receive(caller, written{via: "SIP/2.0/TCP 192.0.2.100;branch=z9hG4bKfirst", body: "v=0\r\n", more: "Content-Type: application/sdp\r\n"}.String())
		if len(r.sent) != 2 || r.sent[0].msg.Status() != 100 || r.sent[1].flow != callee {
			t.Fatalf("sent %+v", r.sent)
		}
		invite := r.sent[1]
		r.sent = nil
		return r, invite
	}
	end := func(t *testing.T, r *streamed) {
		r.pass(time.Hour)
		if left := r.shard.Leaks(); left != "" {
			t.Error(left)
		}
	}
	t.Run("before anything was heard", func(t *testing.T) {
		r, _ := begin(t)
		r.closes(callee)
		if d := r.got("SIP/2.0 500"); d.flow.Conn != caller.Conn {
			t.Errorf("answered by %+v", d.flow)
		}
		end(t, r)
	})
	t.Run("while it rings", func(t *testing.T) {
		r, invite := begin(t)
		r.answers(callee, invite, 180, contactByTCP)
		r.got("SIP/2.0 180")
		r.closes(callee)
		if len(r.sent) != 0 {
			t.Errorf("the callee that rings was given up: %s", r.sent[0].msg.Bytes())
		}
		r.answers(flow.Flow{Remote: callee.Remote, Conn: 9, Transport: flow.TCP}, invite, 486, "")
		r.pass(0)
		if len(r.sent) != 2 || r.sent[0].msg.Method() != message.ACK || r.sent[1].msg.Status() != 486 {
			t.Errorf("after 486: %+v", r.sent)
		}
		end(t, r)
	})
	t.Run("in the call", func(t *testing.T) {
		r, invite := begin(t)
		r.answers(callee, invite, 200, contactByTCP)
		if len(r.sent) != 2 || r.sent[1].msg.Status() != 200 {
			t.Fatalf("answered with %+v", r.sent)
		}
		ok := r.sent[1].msg
		r.sent = nil
		from := written{via: "SIP/2.0/TCP 192.0.2.100;branch=z9hG4bKack", to: string(ok.Get(message.To)), method: "ACK", cseq: "1 ACK"}
		r.receive(caller, from.String())
		from.method, from.cseq, from.via = "INFO", "2 INFO", "SIP/2.0/TCP 192.0.2.100;branch=z9hG4bKinfo"
		r.receive(caller, from.String())
		r.got("INFO")
		r.closes(callee) // nothing was heard of the INFO
		r.got("SIP/2.0 503")
		r.closes(caller)
		if len(r.sent) != 0 {
			t.Errorf("with the caller's connection: %s", r.sent[0].msg.Bytes())
		}
		again := caller
		again.Remote, again.Conn = netip.MustParseAddrPort("192.0.2.100:40001"), 8
		from.method, from.cseq, from.via = "BYE", "3 BYE", "SIP/2.0/TCP 192.0.2.100;branch=z9hG4bKbye"
		r.receive(again, from.String())
		if len(r.sent) != 2 || r.sent[0].flow.Conn != 8 || r.sent[0].msg.Status() != 200 || r.sent[1].msg.Method() != message.BYE || r.sent[1].flow.Remote != callee.Remote {
			t.Fatalf("after BYE: %+v", r.sent)
		}
		r.closes(callee)
		end(t, r)
	})
	if s.acquired != s.released {
		t.Errorf("script acquired %d times, released %d", s.acquired, s.released)
	}
}

// Who claims another address in a Via with alias gets answers on its connection, and nothing that is for that address (RFC 5923 §8).
func TestRFC_089_Alias(t *testing.T) {
	victim := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.11:5060"), Transport: flow.TCP}
	stranger := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.66:40000"), Conn: 3, Transport: flow.TCP}
	caller := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.100:40000"), Conn: 7, Transport: flow.TCP}
	r := newStreamed(t, always(to("sip:a@192.0.2.11;transport=tcp")))
	r.receive(stranger, written{method: "OPTIONS", uri: "sip:192.0.2.1", via: "SIP/2.0/TCP 192.0.2.11;alias;branch=z9hG4bKalias", cseq: "1 OPTIONS"}.String())
	if d := r.got("SIP/2.0 200"); d.flow.Conn != stranger.Conn {
		t.Errorf("answered by %+v", d.flow)
	}
	r.receive(caller, written{via: "SIP/2.0/TCP 192.0.2.100;branch=z9hG4bKfirst"}.String())
	if len(r.sent) != 2 || r.sent[1].flow != victim {
		t.Errorf("the INVITE is not for the address alone: %+v", r.sent)
	}
}

// There is no flow token to forge: we put none into a route or a path, and a Route that has one leads nowhere (RFC 5626 §5.3).
func TestRFC_090_NoFlowTokens(t *testing.T) {
	callee := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.11:5060"), Transport: flow.TCP}
	caller := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.100:40000"), Conn: 7, Transport: flow.TCP}
	r := newStreamed(t, always(to("sip:a@192.0.2.11;transport=tcp")))
	r.receive(caller, written{via: "SIP/2.0/TCP 192.0.2.100;branch=z9hG4bKfirst", more: "Route: <sip:c2f0a1b2%3A7@192.0.2.1;transport=tcp;lr;ob>\r\n"}.String())
	if len(r.sent) != 2 || r.sent[1].flow != callee {
		t.Fatalf("sent %+v", r.sent)
	}
	for _, name := range []message.ID{message.Route, message.RecordRoute} {
		if v := r.sent[1].msg.Get(name); len(v) > 0 {
			t.Errorf("the INVITE has %s: %s", name, v)
		}
	}
}
