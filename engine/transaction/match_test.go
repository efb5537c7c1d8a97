package transaction

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
)

// RFC 3261 §17.2.3: which requests are copies of INVITE z9hG4bKx from 192.0.2.7:5060.
func TestRequestMatching(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string // fields of the requests, separated by spaces
		method        string
		copy          bool
	}{
		"the same":                     {copy: true},
		"other branch":                 {second: "branch=z9hG4bKy"},
		"branch in upper case":         {second: "branch=z9hG4bKX"},
		"other host":                   {second: "host=192.0.2.8:5060"},
		"other port":                   {second: "host=192.0.2.7:5061"},
		"default port":                 {second: "host=192.0.2.7", copy: true},
		"default port first":           {first: "host=h.example.com", second: "host=h.example.com:5060", copy: true},
		"host in upper case":           {first: "host=h.example.com", second: "host=H.Example.COM", copy: true},
		"other method":                 {method: "SUBSCRIBE"},
		"another unknown method":       {first: "branch=z9hG4bKz", second: "branch=z9hG4bKz", method: "FOO"},
		"all else differs":             {second: "uri=sip:x@y from=g to=t callid=c2 cseq=9", copy: true},
		"2543: the same":               {first: "branch=1", second: "branch=1", copy: true},
		"2543: none":                   {first: "branch=", second: "branch=", copy: true},
		"2543: the bare cookie":        {first: "branch=z9hG4bK", second: "branch=z9hG4bK callid=c2"},
		"2543: other branch":           {first: "branch=1", second: "branch=2"},
		"2543: other host":             {first: "branch=1", second: "branch=1 host=192.0.2.8:5060"},
		"2543: other port":             {first: "branch=1", second: "branch=1 host=192.0.2.7:5070"},
		"2543: other transport in Via": {first: "branch=1", second: "branch=1 transport=TCP"},
		"2543: other Request-URI":      {first: "branch=1", second: "branch=1 uri=sip:x@y"},
		"2543: other From tag":         {first: "branch=1", second: "branch=1 from=g"},
		"2543: no From tag":            {first: "branch=1 from=", second: "branch=1 from=", copy: true},
		"2543: other To tag":           {first: "branch=1", second: "branch=1 to=t"},
		"2543: other Call-ID":          {first: "branch=1", second: "branch=1 callid=c2"},
		"2543: other CSeq":             {first: "branch=1", second: "branch=1 cseq=2"},
		"2543: other method":           {first: "branch=1", second: "branch=1", method: "INFO"},
		"2543 and 3261":                {second: "branch=1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, flow.UDP)
			told := 0
			r.inUser = func(string) { told++ }
			if c.method == "" {
				c.method = "INVITE"
			}
			r.layer.Receive(0, parse(t, request("INVITE", strings.Fields(c.first)...)), r.flow)
			r.layer.Receive(0, parse(t, request(c.method, strings.Fields(c.second)...)), flow.Flow{Remote: other})
			if got := told == 1; got != c.copy {
				t.Errorf("taken for a copy: %v, want %v", got, c.copy)
			}
		})
	}
}

func TestDefaultPortOfTLS(t *testing.T) {
	r := newRig(t, flow.TLS)
	for _, c := range []struct {
		host string
		new  bool
	}{{"h.example.com", true}, {"h.example.com:5061", false}, {"h.example.com:5060", true}} {
		r.server = nil
		r.do([]string{"<", "INVITE", "host=" + c.host})
		if got := r.server != nil; got != c.new {
			t.Errorf("%s is new: %v", c.host, got)
		}
	}
}

// RFC 3261 §17.2.3 and RFC 6026 §6, elements of RFC 2543: the ACK is known by the To tag of the response.
func TestOldAck(t *testing.T) {
	playAll(t, []transcript{
		{name: "rejected", transport: flow.TCP, script: `
			0    < INVITE branch=1
			0    = Proceeding
			0    ! request INVITE
			0    < INVITE branch=1
			0    respond 486
			0    > 486
			0    = Completed
			0.1  < ACK branch=1
			0.1  ! ack
			0.1  < ACK branch=1 to=c
			0.1  ! ack
			0.1  < ACK branch=1 to=b from=g
			0.1  ! ack
			0.2  < ACK branch=1 to=b
			0.2  = Terminated`},
		{name: "copies of the ACK", script: `
			0    < INVITE branch=1
			0    = Proceeding
			0    ! request INVITE
			0    respond 486
			0    > 486
			0    = Completed
			0.2  < ACK branch=1 to=b
			0.2  = Confirmed
			0.2  < ACK branch=1 to=b
			5.2  = Terminated`},
		{name: "rejected inside a dialog", transport: flow.TCP, script: `
			0    < INVITE branch=1 to=b
			0    = Proceeding
			0    ! request INVITE
			0    respond 488
			0    > 488
			0    = Completed
			0.2  < ACK branch=1 to=b
			0.2  = Terminated`},
		{name: "accepted", script: `
			0    < INVITE branch=1
			0    = Proceeding
			0    ! request INVITE
			0    respond 200
			0    > 200
			0    = Accepted
			0.2  < ACK branch=1 to=b
			0.2  ! ack
			0.3  < INVITE branch=1
			32   = Terminated`},
		{name: "cancelled", script: `
			0    < INVITE branch=1
			0    = Proceeding
			0    ! request INVITE
			0    < CANCEL branch=1
			0    > 200 CANCEL
			0    ! cancel
			0    respond 487
			0    > 487
			0    = Completed
			0.2  < ACK branch=1 to=b
			0.2  = Confirmed
			5.2  = Terminated`},
	})
}

// RFC 3261 §9.2.
func TestCancelReceived(t *testing.T) {
	playAll(t, []transcript{
		{name: "before the final: answered, told once", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 180
			0    > 180
			1    < CANCEL
			1    > 200 CANCEL
			1    ! cancel
			1.5  < CANCEL
			1.5  > 200 CANCEL
			1.6  respond 487
			1.6  > 487
			1.6  = Completed
			1.7  < ACK
			1.7  = Confirmed
			1.8  < CANCEL
			1.8  > 200 CANCEL
			6.7  = Terminated`},
		{name: "after a rejection", transport: flow.TCP, script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 404
			0    > 404
			0    = Completed
			1    < CANCEL
			1    > 200 CANCEL
			1.1  < ACK
			1.1  = Terminated
			1.2  < CANCEL
			1.2  > 481 CANCEL`},
		{name: "after a 2xx", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0    respond 200
			0    > 200
			0    = Accepted
			1    < CANCEL
			1    > 200 CANCEL
			32   = Terminated`},
		{name: "wrong branch, host, Call-ID of no matter", script: `
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			1    < CANCEL branch=z9hG4bKy
			1    > 481 CANCEL
			1.1  < CANCEL host=192.0.2.8:5060
			1.1  > 481 CANCEL
			1.2  < CANCEL callid=c2
			1.2  > 200 CANCEL
			1.2  ! cancel
			2    forget
			2    = Terminated`},
		{name: "of another method: 200, no effect", script: `
			0    < PUBLISH
			0    = Trying
			0    ! request PUBLISH
			1    respond 100
			1    > 100
			1    = Proceeding
			1    < CANCEL
			1    > 200 CANCEL
			2    respond 200
			2    > 200
			2    = Completed
			34   = Terminated`},
		{name: "it overtakes its INVITE", transport: flow.TCP, script: `
			0    < CANCEL
			0    > 481 CANCEL
			0    < INVITE
			0    = Proceeding
			0    ! request INVITE
			0.5  < CANCEL
			0.5  > 200 CANCEL
			0.5  ! cancel
			0.5  respond 487
			0.5  > 487
			0.5  = Completed
			32.5 ! unacknowledged 487
			32.5 = Terminated`},
	})
}

// RFC 3261 §16.10: a CANCEL of nothing leaves nothing; §8.2.7: its copies get the same answer.
func TestStrayCancelLeavesNothing(t *testing.T) {
	r := newRig(t, flow.UDP)
	for range 3 {
		r.do([]string{"<", "CANCEL"})
		r.empty()
	}
	r.do([]string{"<", "CANCEL", "branch=z9hG4bKy"})
	if n := r.layer.Counters.StrayCancels; n != 4 || len(r.sent) != 4 {
		t.Fatalf("%d counted, %d answered", n, len(r.sent))
	}
	if r.sent[0].raw != r.sent[1].raw || r.sent[1].raw != r.sent[2].raw {
		t.Errorf("copies are answered differently:\n%s\n%s\n%s", r.sent[0].raw, r.sent[1].raw, r.sent[2].raw)
	}
	if a, b := r.sent[2].m.ToTag(), r.sent[3].m.ToTag(); len(a) != 16 || string(a) == string(b) {
		t.Errorf("To tags %q and %q", a, b)
	}
	r2 := &rig{t: t, flow: r.flow, inUser: r.inUser}
	r2.layer = New(&r2.heap, r2, ident.NewSource([32]byte{2}, 0), r2, Timers{})
	r2.do([]string{"<", "CANCEL"})
	if string(r.sent[0].m.ToTag()) == string(r2.sent[0].m.ToTag()) {
		t.Error("two layers make the same tag")
	}
}

func TestToTagOfCancel(t *testing.T) {
	for name, set := range map[string]string{"set": "our-tag", "not set": ""} {
		r := newRig(t, flow.UDP)
		r.do([]string{"<", "INVITE"})
		r.server.SetToTag([]byte(set))
		r.do([]string{"<", "CANCEL"})
		tag := string(r.sent[0].m.ToTag())
		if set != "" && tag != set || len(tag) < 7 {
			t.Errorf("%s: the 200 to CANCEL has To tag %q", name, tag)
		}
	}
}

// RFC 3261 §18.2.2, RFC 3581 §4: a response goes where the Via says over UDP, back on the connection else.
func TestReplyFlow(t *testing.T) {
	for name, c := range map[string]struct {
		transport flow.Transport
		via, want string
	}{
		"sent-by port":       {flow.UDP, "", "192.0.2.9:5070"},
		"rport":              {flow.UDP, ";rport", "192.0.2.9:40000"},
		"back on the stream": {flow.TCP, "", "192.0.2.9:40000"},
	} {
		for _, method := range []string{"INVITE", "OPTIONS", "CANCEL"} {
			r := newRig(t, c.transport)
			f := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.9:40000"), Transport: c.transport, Listener: 3}
			r.layer.Receive(0, parse(t, request(method, "host=192.0.2.7:5070", "via="+c.via)), f)
			if method != "CANCEL" {
				r.server.Respond(0, 100, answer(100))
			}
			want := flow.Flow{Remote: netip.MustParseAddrPort(c.want), Transport: c.transport, Listener: 3}
			if got := r.sent[0].flow; got != want {
				t.Errorf("%s: %s answered on %v, want %v", name, method, got, want)
			}
			if method != "CANCEL" && r.server.Flow() != want {
				t.Errorf("%s: Flow() = %v, want %v", name, r.server.Flow(), want)
			}
		}
	}
}

func TestAccessors(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.do([]string{"request", "BYE"})
	r.do([]string{"<", "FOO"})
	if r.client.Method() != message.BYE || r.server.Method() != message.UnknownMethod || r.client.Flow() != r.flow {
		t.Errorf("%v, %v, %v", r.client.Method(), r.server.Method(), r.client.Flow())
	}
	if c, s := r.layer.Len(); c != 1 || s != 1 {
		t.Errorf("Len() = %d, %d", c, s)
	}
}

// What a user does from inside a callback.
func TestReentrance(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.inUser = func(what string) {
		switch what {
		case "request INVITE":
			r.do([]string{"respond", "100"})
			r.do([]string{"respond", "180"})
		case "cancel":
			r.do([]string{"respond", "487"})
		case "request OPTIONS":
			r.do([]string{"respond", "200"})
		case "request INFO":
			r.do([]string{"forget"})
		}
	}
	r.play(`
		0    < INVITE
		0    = Proceeding
		0    ! request INVITE
		0    > 100
		0    > 180
		1    < CANCEL
		1    > 200 CANCEL
		1    ! cancel
		1    > 487
		1    = Completed
		1    < ACK
		1    = Confirmed
		2    < INFO branch=z9hG4bKi
		2    = Trying
		2    ! request INFO
		2    = Terminated
		3    < OPTIONS branch=z9hG4bKo
		3    = Trying
		3    ! request OPTIONS
		3    > 200
		3    = Completed
		35   = Terminated`)
}

func TestClientReentrance(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.inUser = func(what string) {
		switch what {
		case "180":
			r.do([]string{"cancel"})
			r.do([]string{"cancel"})
		case "200":
			r.do([]string{"ack", "a"})
			r.do([]string{"detach"})
		}
	}
	r.play(`
		0    request INVITE
		0    > INVITE
		0    = Calling
		0.1  < 180
		0.1  ! 180
		0.1  > CANCEL
		0.1  = Proceeding
		0.2  < 200 method=CANCEL
		0.3  < 200
		0.3  ! 200
		0.3  > ACK
		0.3  = Accepted
		0.4  < 200
		0.4  > ACK
		0.5  < 200 tag=b
		0.5  ! stray 200
		32.3 = Terminated`)
}

// A user that tries again from inside Failed, on the same flow.
func TestRetryInFailed(t *testing.T) {
	r := newRig(t, flow.TCP)
	r.inUser = func(what string) {
		if strings.HasPrefix(what, "failed") && r.now < clock.Time(5e9) {
			r.layer.Request(r.now, r.flow, message.BYE, []byte(request("BYE", "branch=z9hG4bKagain")), r)
		}
	}
	r.play(`
		0    request BYE
		0    > BYE
		0    = Trying
		1    error
		1    ! failed: transport error
		1    > BYE
		1    = Terminated
		33   ! failed: timeout`)
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"Calling": Calling.String(), "Trying": Trying.String(), "Proceeding": Proceeding.String(),
		"Accepted": Accepted.String(), "Completed": Completed.String(), "Confirmed": Confirmed.String(),
		"Terminated": Terminated.String(), "timeout": Timeout.String(), "transport error": TransportError.String(),
	} {
		if got != want {
			t.Errorf("%s is called %s", want, got)
		}
	}
}

func TestTimers(t *testing.T) {
	for name, c := range map[string]struct {
		timers Timers
		script string
	}{
		"short T1: Timer D stays 32 s": {Timers{T1: 1e8, T2: 3e8, T4: 1e9}, `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.1  > INVITE
			0.2  < 486
			0.2  > ACK
			0.2  ! 486
			0.2  = Completed
			32.2 = Terminated`},
		"long T1: Timer D is 64*T1": {Timers{T1: 1e9}, `
			0    request INVITE
			0    > INVITE
			0    = Calling
			0.2  < 486
			0.2  > ACK
			0.2  ! 486
			0.2  = Completed
			64.2 = Terminated`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, flow.UDP)
			r.layer = New(&r.heap, r, ident.NewSource([32]byte{1}, 0), r, c.timers)
			r.play(c.script)
		})
	}
}

// The copy that would leave at the very instant of giving up does not.
func TestNoCopyAtTheEnd(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.layer = New(&r.heap, r, ident.NewSource([32]byte{1}, 0), r, Timers{T1: 1e8, T2: 1e8})
	r.do([]string{"request", "BYE"})
	r.until(seconds("100"))
	if n := len(r.sent); n != 64 {
		t.Errorf("%d copies in 64*T1 at intervals of T1, want 64", n)
	}
	if end := r.lines[len(r.lines)-2:]; !slices.Equal(end, []string{"6.4 ! failed: timeout", "6.4 = Terminated"}) {
		t.Errorf("ended with %q", end)
	}
}
