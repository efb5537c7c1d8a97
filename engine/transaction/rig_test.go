package transaction

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
)

var (
	peer  = netip.MustParseAddrPort("192.0.2.7:5060")
	other = netip.MustParseAddrPort("192.0.2.9:5060")
)

// rig drives one layer by a transcript and writes down what happens. Each line is a time in seconds and:
//
//	request INVITE     the user sends a request
//	< 180              a response comes; tag=x sets its To tag
//	< INVITE           a request comes; k=v changes a field: branch, host, uri, from, to, callid, cseq
//	respond 180        the user answers; to=x sets the To tag
//	resend             the user sends its 2xx again
//	ack x              the user acknowledges the 2xx with tag x
//	cancel r           the user cancels, with a reason
//	detach, forget     the user goes, the user drops the request
//	attend             the user hears of 2xx after the failure
//	error              the flow fails
//	lost               the connection is gone
//	> …                something was sent
//	! …                the user was told something
//	= …                the state changed
//
// Those above are done, the last three are found out; both together must be the transcript.
type rig struct {
	t     testing.TB
	heap  clock.Heap
	layer *Layer
	now   clock.Time
	flow  flow.Flow

	client *Client
	server *Server
	state  string

	sent   []packet
	lines  []string
	inUser func(string) // called after the user was told something
}

type packet struct {
	flow flow.Flow
	raw  string
	m    *message.Message
}

func newRig(t testing.TB, transport flow.Transport) *rig {
	r := &rig{t: t, flow: flow.Flow{Remote: peer, Transport: transport}, inUser: func(string) {}}
	r.layer = New(&r.heap, r, ident.NewSource([32]byte{1}, 0), r, DefaultTimers)
	return r
}

func (r *rig) Send(f flow.Flow, b []byte) {
	p := packet{flow: f, raw: string(b), m: parse(r.t, string(b))}
	r.sent = append(r.sent, p)
	r.log("> " + title(p.m))
}

// title names a message: its method or its status, with the CSeq method if that is CANCEL.
func title(m *message.Message) string {
	switch {
	case m.IsRequest():
		return string(m.MethodName())
	case m.Method() == message.CANCEL:
		return fmt.Sprintf("%d CANCEL", m.Status())
	}
	return strconv.Itoa(m.Status())
}

func (r *rig) log(what string) {
	r.lines = append(r.lines, fmt.Sprintf("%g %s", time.Duration(r.now).Seconds(), what))
}

func (r *rig) told(what string) {
	r.log("! " + what)
	r.inUser(what)
}

func (r *rig) Request(_ clock.Time, tx *Server, m *message.Message, _ flow.Flow) {
	r.server = tx
	r.noteState()
	r.told("request " + title(m))
}

func (r *rig) Cancel(_ clock.Time, tx *Server, _ *message.Message) {
	if tx != r.server {
		r.t.Error("CANCEL of another transaction")
	}
	r.told("cancel")
}
func (r *rig) Ack(clock.Time, *message.Message, flow.Flow) { r.told("ack") }
func (r *rig) Stray(_ clock.Time, m *message.Message, _ flow.Flow) {
	r.told("stray " + title(m))
}

func (r *rig) Unacknowledged(_ clock.Time, m *message.Message, _ flow.Flow) {
	r.told("unacknowledged " + title(m))
}
func (r *rig) Response(_ clock.Time, _ *Client, m *message.Message) { r.told(title(m)) }
func (r *rig) Failed(_ clock.Time, _ *Client, why Failure)          { r.told("failed: " + why.String()) }

// noteState writes down the state of the transaction that the transcript is about, if it changed.
func (r *rig) noteState() {
	s := r.state
	switch {
	case r.client != nil:
		s = r.client.State().String()
	case r.server != nil:
		s = r.server.State().String()
	}
	if s != r.state {
		r.state = s
		r.log("= " + s)
	}
}

// until lets time pass.
func (r *rig) until(at clock.Time) {
	for {
		next, ok := r.heap.Next()
		if !ok || next > at {
			break
		}
		r.now = next
		r.heap.Run(next)
		r.noteState()
	}
	r.now = at
}

// play runs a transcript, then lets everything end, and compares.
func (r *rig) play(script string) {
	r.t.Helper()
	var want []string
	for line := range strings.Lines(script) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" {
			continue
		}
		want = append(want, line)
		at, what, _ := strings.Cut(line, " ")
		if strings.ContainsAny(what[:1], ">!=") {
			continue
		}
		r.until(seconds(at))
		r.log(what)
		r.do(strings.Fields(what))
		r.noteState()
	}
	r.until(clock.Time(1000 * time.Hour))
	if got, want := strings.Join(r.lines, "\n"), strings.Join(want, "\n"); got != want {
		r.t.Errorf("transcript is\n%s\n\nwant\n%s", got, want)
	}
	r.empty()
}

func seconds(s string) clock.Time {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return clock.Time(math.Round(f*1e6) * 1e3)
}

func (r *rig) empty() {
	r.t.Helper()
	clients, servers := r.layer.Len()
	if clients+servers+r.heap.Len()+len(r.layer.waiting) > 0 {
		r.t.Errorf("left: %d client and %d server transactions, %d timers, %d waited for",
			clients, servers, r.heap.Len(), len(r.layer.waiting))
	}
}

func (r *rig) do(w []string) {
	switch w[0] {
	case "request":
		m := parse(r.t, request(w[1], w[2:]...))
		r.client = r.layer.Request(r.now, r.flow, m.Method(), m.Bytes(), r)
	case "<":
		if code, err := strconv.Atoi(w[1]); err == nil {
			r.layer.Receive(r.now, r.response(code, w[2:]), r.flow)
			return
		}
		r.layer.Receive(r.now, parse(r.t, request(w[1], w[2:]...)), r.flow)
	case "respond":
		code, _ := strconv.Atoi(w[1])
		r.server.Respond(r.now, code, answer(code, w[2:]...))
	case "resend":
		r.server.Resend(answer(200))
	case "ack":
		r.client.Ack(r.now, []byte(request("ACK", "branch=z9hG4bKack"+w[1])), r.flow, []byte(w[1]))
	case "cancel":
		r.client.Cancel(r.now, message.Reasons(w[1:]...)...)
	case "detach":
		r.client.Detach()
	case "attend":
		r.client.Attend(r)
	case "forget":
		r.server.Forget()
	case "error":
		r.layer.SendFailed(r.now, r.flow)
	case "lost":
		r.layer.Lost(r.now, r.flow)
	default:
		r.t.Fatalf("bad line %q", w)
	}
}

// response answers the latest request that was sent with the method named by method=, else the first one.
func (r *rig) response(code int, args []string) *message.Message {
	req, tag := r.sent[0].m, "a"
	for _, a := range args {
		switch k, v, _ := strings.Cut(a, "="); k {
		case "tag":
			tag = v
		case "method":
			for _, p := range r.sent {
				if title(p.m) == v {
					req = p.m
				}
			}
		}
	}
	b := req.AppendResponse(nil, code, "", []byte(tag), peer)
	return parse(r.t, string(message.AppendBody(b, nil)))
}

func parse(t testing.TB, s string) *message.Message {
	m := &message.Message{}
	err := m.Parse([]byte(s))
	if err == nil {
		err = m.Validate()
	}
	if err != nil {
		t.Fatalf("%v in\n%s", err, s)
	}
	return m
}

// request builds a request of the peer, or of ours; k=v changes a field.
func request(method string, args ...string) string {
	v := map[string]string{
		"branch": "z9hG4bKx", "host": "192.0.2.7:5060", "uri": "sip:bob@example.com", "from": "f", "to": "",
		"callid": "c1", "cseq": "1", "transport": "UDP", "via": "",
	}
	for _, a := range args {
		k, s, _ := strings.Cut(a, "=")
		v[k] = s
	}
	tag := func(k string) string {
		if v[k] == "" {
			return ""
		}
		return ";tag=" + v[k]
	}
	return strings.ReplaceAll(method+" "+v["uri"]+` SIP/2.0
Via: SIP/2.0/`+v["transport"]+` `+v["host"]+`;branch=`+v["branch"]+v["via"]+`
Route: <sip:p1.example.com;lr>
Route: <sip:p2.example.com;lr>
Max-Forwards: 70
From: "A" <sip:alice@example.org>`+tag("from")+`
To: <sip:bob@example.com>`+tag("to")+`
Call-ID: `+v["callid"]+`
CSeq: `+v["cseq"]+` `+method+`
Content-Length: 0

`, "\n", "\r\n")
}

// answer builds a response to the peer's INVITE.
func answer(code int, args ...string) []byte {
	to := "b"
	for _, a := range args {
		to = strings.TrimPrefix(a, "to=")
	}
	return []byte(strings.ReplaceAll(fmt.Sprintf(`SIP/2.0 %d X
Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx
From: "A" <sip:alice@example.org>;tag=f
To: <sip:bob@example.com>;tag=%s
Call-ID: c1
CSeq: 1 INVITE
Content-Length: 0

`, code, to), "\n", "\r\n"))
}

type transcript struct {
	name      string
	transport flow.Transport
	script    string
}

func playAll(t *testing.T, cases []transcript) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { newRig(t, c.transport).play(c.script) })
	}
}
