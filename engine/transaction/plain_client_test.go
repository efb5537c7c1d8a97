package transaction

import (
	"net/netip"
	"slices"
	"testing"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// Every transition of RFC 3261 figure 6.
func TestPlainClient(t *testing.T) {
	playAll(t, []transcript{
		{name: "nobody answers: Timers E and F", script: `
			0    request OPTIONS
			0    > OPTIONS
			0    = Trying
			0.5  > OPTIONS
			1.5  > OPTIONS
			3.5  > OPTIONS
			7.5  > OPTIONS
			11.5 > OPTIONS
			15.5 > OPTIONS
			19.5 > OPTIONS
			23.5 > OPTIONS
			27.5 > OPTIONS
			31.5 > OPTIONS
			32   ! failed: timeout
			32   = Terminated`},
		{name: "nobody answers, reliable", transport: flow.WS, script: `
			0    request OPTIONS
			0    > OPTIONS
			0    = Trying
			32   ! failed: timeout
			32   = Terminated`},
		{name: "transport error", script: `
			0    request OPTIONS
			0    > OPTIONS
			0    = Trying
			0    error
			0    ! failed: transport error
			0    = Terminated`},
		{name: "a provisional: copies every T2, Timer F as before", script: `
			0    request OPTIONS
			0    > OPTIONS
			0    = Trying
			0.1  < 100
			0.1  ! 100
			0.1  = Proceeding
			0.5  > OPTIONS
			1    < 100
			1    ! 100
			1.1  error
			4.5  > OPTIONS
			8.5  > OPTIONS
			12.5 > OPTIONS
			16.5 > OPTIONS
			20.5 > OPTIONS
			24.5 > OPTIONS
			28.5 > OPTIONS
			32   ! failed: timeout
			32   = Terminated`},
		{name: "a final at once: Timer K absorbs copies", script: `
			0    request FOO
			0    > FOO
			0    = Trying
			0.5  > FOO
			0.6  < 200
			0.6  ! 200
			0.6  = Completed
			0.7  < 200
			0.8  < 404
			0.9  < 100
			5.6  = Terminated`},
		{name: "a final after a provisional", script: `
			0    request OPTIONS
			0    > OPTIONS
			0    = Trying
			0.1  < 100
			0.1  ! 100
			0.1  = Proceeding
			0.2  < 486
			0.2  ! 486
			0.2  = Completed
			5.2  = Terminated
			5.3  < 486`},
		{name: "a final, reliable: Timer K is 0", transport: flow.TCP, script: `
			0    request OPTIONS
			0    > OPTIONS
			0    = Trying
			0.2  < 200
			0.2  ! 200
			0.2  = Terminated
			0.3  < 200`},
	})
}

// users tells several client users apart.
type users struct {
	log  *[]string
	name string
	then func()
}

func (u users) Response(_ clock.Time, _ *Client, m *message.Message) {
	*u.log = append(*u.log, u.name+" "+title(m))
}

func (u users) Failed(_ clock.Time, _ *Client, why Failure) {
	*u.log = append(*u.log, u.name+" "+why.String())
	if u.then != nil {
		u.then()
	}
}

func TestSendFailed(t *testing.T) {
	r := newRig(t, flow.UDP)
	var log []string
	start := func(name string, f flow.Flow, then func()) *Client {
		b := []byte(request("OPTIONS", "branch=z9hG4bK"+name))
		return r.layer.Request(r.now, f, message.OPTIONS, b, users{&log, name, then})
	}
	far := flow.Flow{Remote: other}
	start("first", r.flow, func() { start("again", r.flow, nil) })
	start("elsewhere", far, nil)
	start("stream", flow.Flow{Remote: peer, Transport: flow.TCP}, nil)
	heard := start("heard", r.flow, nil)
	start("last", r.flow, nil)
	r.layer.Receive(r.now, parse(t, string(parse(t, request("OPTIONS", "branch=z9hG4bKheard")).
		AppendResponse(nil, 100, "", nil, peer))+"\r\n"), r.flow)
	log = nil

	r.layer.SendFailed(r.now, flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.99:5060")})
	r.layer.SendFailed(r.now, r.flow)
	if want := []string{"first transport error", "last transport error"}; !slices.Equal(log, want) {
		t.Errorf("told %q, want %q", log, want)
	}
	if heard.State() != Proceeding {
		t.Errorf("the one with a provisional is %v", heard.State())
	}
	if n := r.layer.Counters.TransportErrors; n != 2 {
		t.Errorf("counted %d transport errors", n)
	}
	log = nil
	r.layer.SendFailed(r.now, r.flow)
	if want := []string{"again transport error"}; !slices.Equal(log, want) {
		t.Errorf("told %q, want %q", log, want)
	}
	r.until(seconds("100"))
	r.empty()
}

// What was sent on a connection of somebody goes on, without it, to his address, and not at all if nothing else leads there.
func TestLost(t *testing.T) {
	r := newRig(t, flow.TCP)
	var log []string
	for name, f := range map[string]flow.Flow{
		"conn":  {Remote: peer, Transport: flow.TCP, Conn: 7},
		"fixed": {Remote: peer, Transport: flow.TCP, Conn: 7, Fixed: true},
	} {
		r.layer.Request(r.now, f, message.OPTIONS, []byte(request("OPTIONS", "branch=z9hG4bK"+name)), users{&log, name, nil})
	}
	r.sent = nil
	r.layer.Lost(r.now, flow.Flow{Conn: 7})
	if want := []string{"fixed transport error"}; !slices.Equal(log, want) {
		t.Errorf("told %q, want %q", log, want)
	}
	if len(r.sent) != 1 || r.sent[0].flow != (flow.Flow{Remote: peer, Transport: flow.TCP}) {
		t.Errorf("sent %v", r.sent)
	}
	r.layer.SendFailed(r.now, flow.Flow{Remote: peer, Transport: flow.TCP})
	if want := []string{"fixed transport error", "conn transport error"}; !slices.Equal(log, want) {
		t.Errorf("told %q, want %q", log, want)
	}
	r.empty()
}

// RFC 3261 §17.1.3.
func TestResponseMatching(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.do([]string{"request", "INVITE"})
	r.do([]string{"<", "180"})
	r.client.Cancel(r.now)
	for name, c := range map[string]struct {
		method, branch string
		code           int
		want           string
	}{
		"other branch":             {"INVITE", "z9hG4bKy", 486, ""},
		"other branch, 2xx":        {"INVITE", "z9hG4bKy", 202, ""}, // anybody could send it: nothing shows that it was asked for
		"branch in upper case":     {"INVITE", "z9hG4bKX", 486, ""},
		"other CSeq method":        {"BYE", "z9hG4bKx", 200, ""},
		"2xx, not to an INVITE":    {"OPTIONS", "z9hG4bKy", 200, ""},
		"unknown method":           {"FOO", "z9hG4bKx", 200, ""},
		"the CANCEL's own":         {"CANCEL", "z9hG4bKx", 200, ""},
		"the INVITE's own":         {"INVITE", "z9hG4bKx", 183, "0 ! 183"},
		"provisional with no home": {"INVITE", "z9hG4bKy", 183, ""},
	} {
		r.lines = nil
		m := parse(t, request(c.method, "branch="+c.branch))
		b := message.AppendBody(m.AppendResponse(nil, c.code, "", []byte("t"), peer), nil)
		r.layer.Receive(r.now, parse(t, string(b)), r.flow)
		if got := slices.Concat(r.lines, []string{""})[0]; got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	// Found by simulation: another shard would get a response with another Call-ID, and drop it.
	r.lines = nil
	m := parse(t, request("INVITE", "callid=c2"))
	r.layer.Receive(r.now, parse(t, string(message.AppendBody(m.AppendResponse(nil, 486, "", []byte("t"), peer), nil))), r.flow)
	if len(r.lines) != 0 {
		t.Errorf("other Call-ID: got %q", r.lines)
	}
	if r.layer.Counters.Strays != 8 {
		t.Errorf("%d strays dropped, want 8", r.layer.Counters.Strays)
	}
}
