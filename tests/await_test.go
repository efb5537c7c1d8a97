package tests

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// awaitScript asks a server where a number rings; without an answer it says why with the response.
const awaitScript = `
local http = require "http"
local json = require "json"
local plan = require "plan"
return {
  invite = function(call)
    local user = call.ruri.user
    local question = http.get("%s/route", { query = { to = user }, timeout = user == "slow" and 0.4 or 30 })
    return plan.await(question, function(_, result)
      call:log("the server has answered", { err = result.err, status = result.status })
      if result.err then return plan.reject(503, result.err) end
      return plan.to(json.decode(result.body).to)
    end)
  end,
  cancelled = function(call) call:log("the caller has given up") end,
}
`

// peer is a socket that speaks SIP by hand.
type peer struct {
	t    *testing.T
	conn net.PacketConn
	from net.Addr // of the last datagram
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &peer{t: t, conn: c}
}

func (p *peer) addr() string { return p.conn.LocalAddr().String() }

func (p *peer) send(to net.Addr, lines ...string) {
	p.t.Helper()
	if _, err := p.conn.WriteTo([]byte(strings.Join(lines, "\r\n")+"\r\nContent-Length: 0\r\n\r\n"), to); err != nil {
		p.t.Fatal(err)
	}
}

// receive returns the first datagram whose start line begins so.
func (p *peer) receive(start string) string {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	for buf := make([]byte, 65536); ; {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			p.t.Fatalf("no %q: %v", start, err)
		}
		if strings.HasPrefix(string(buf[:n]), start) {
			p.from = from
			return string(buf[:n])
		}
	}
}

// request sends a request of call n. Its ACK and CANCEL have the same branch (RFC 3261 §9.1, §17.1.1.3).
func (p *peer) request(method string, n int, user string, to net.Addr, toTag string) {
	p.send(to, method+" sip:"+user+"@"+to.String()+" SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bKawait%d", p.addr(), n),
		"Max-Forwards: 70", fmt.Sprintf("From: <sip:alice@%s>;tag=a%d", p.addr(), n), "To: <sip:"+user+"@"+to.String()+">"+toTag,
		fmt.Sprintf("Call-ID: await%d", n), "CSeq: 1 "+method, "Contact: <sip:alice@"+p.addr()+">")
}

// tagOf returns the To tag of a response, as it stands behind the URI.
func tagOf(response string) string {
	for line := range strings.Lines(response) {
		if v, ok := strings.CutPrefix(line, "To: "); ok {
			if i := strings.Index(v, ";tag="); i >= 0 {
				return strings.TrimSpace(v[i:])
			}
		}
	}
	return ""
}

// copied returns the lines of fields that a response copies from a request.
func copied(request string) (lines []string) {
	for line := range strings.Lines(request) {
		for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
			if strings.HasPrefix(line, name) {
				lines = append(lines, strings.TrimRight(line, "\r\n"))
			}
		}
	}
	return lines
}

// A call waits for the answer of a real server and goes where it says; a server that is slow is a value; a caller that gives up
// meanwhile is rid of it, and the function is never called.
func TestAwaitHTTP(t *testing.T) {
	callee, caller := newPeer(t), newPeer(t)
	asked, gone := make(chan string, 10), make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		asked <- to
		if to == "100" {
			fmt.Fprintf(w, `{"to":"sip:desk@%s"}`, callee.addr())
			return
		}
		<-r.Context().Done()
		gone <- to
	}))
	defer server.Close()
	tandem := runTandem(t, "127.0.0.1", fmt.Sprintf(awaitScript, server.URL))
	to, err := net.ResolveUDPAddr("udp", tandem.addr)
	if err != nil {
		t.Fatal(err)
	}

	caller.request("INVITE", 1, "100", to, "")
	caller.receive("SIP/2.0 100 ")
	invite := callee.receive("INVITE sip:desk@")
	callee.send(callee.from, append([]string{"SIP/2.0 486 Busy Here"}, copied(invite)...)...)
	busy := caller.receive("SIP/2.0 486 ")
	caller.request("ACK", 1, "100", to, tagOf(busy))

	caller.request("INVITE", 2, "slow", to, "")
	late := caller.receive("SIP/2.0 503 ")
	caller.request("ACK", 2, "slow", to, tagOf(late))
	if !strings.HasPrefix(late, "SIP/2.0 503 timeout\r\n") {
		t.Errorf("got %s", late)
	}

	caller.request("INVITE", 3, "silent", to, "")
	caller.receive("SIP/2.0 100 ")
	for range 3 {
		<-asked
	}
	caller.request("CANCEL", 3, "silent", to, "")
	cancelled := caller.receive("SIP/2.0 487 ")
	caller.request("ACK", 3, "silent", to, tagOf(cancelled))
	tandem.waitLine("the caller has given up")
	for range 2 { // the server sees both requests end
		select {
		case <-gone:
		case <-time.After(patience):
			t.Fatal("a request of a call that is over goes on")
		}
	}
	if n := strings.Count(tandem.output(), "the server has answered"); n != 2 {
		t.Errorf("the function was called %d times, want 2:\n%s", n, tandem.output())
	}
}
