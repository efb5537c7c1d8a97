package leg

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"tandem/engine/flow"
	"tandem/engine/message"
)

func parse(t *testing.T, lines ...string) *message.Message {
	t.Helper()
	var m message.Message
	if err := m.Parse([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	return m.Clone()
}

func invite(t *testing.T, more ...string) *message.Message {
	t.Helper()
	return parse(t, append([]string{
		"INVITE sip:100@pbx.example SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK1", "From: \"Alice\" <sip:alice@example.net>;tag=a1",
		"To: <sip:100@pbx.example>", "Call-ID: c1", "CSeq: 7 INVITE",
	}, more...)...)
}

func accepted(t *testing.T, more ...string) *message.Message {
	t.Helper()
	return parse(t, append([]string{
		"SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: \"Alice\" <sip:alice@example.net>;tag=ours",
		"To: <sip:100@192.0.2.11>;tag=theirs", "Call-ID: c2", "CSeq: 1 INVITE",
	}, more...)...)
}

var (
	from  = flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.5:40000")}
	extra = Via{Transport: "UDP", SentBy: "192.0.2.1:5060", Branch: []byte("z9hG4bKx")}
)

// RFC 3261 §12.1.1: the dialog of the side that answers.
func TestUAS(t *testing.T) {
	d, err := NewUAS(invite(t, "Contact: <sip:alice@192.0.2.6:5070>", "Record-Route: <sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>"), []byte("t1"), from, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Flow.Remote.String() != "192.0.2.7:5060" {
		t.Errorf("next hop %s, want the first route", d.Flow.Remote)
	}
	want := strings.Join([]string{
		"BYE sip:alice@192.0.2.6:5070 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport", "Route: <sip:192.0.2.7;lr>",
		"Route: <sip:192.0.2.8;lr>", "From: <sip:100@pbx.example>;tag=t1", "To: \"Alice\" <sip:alice@example.net>;tag=a1", "Call-ID: c1",
		"CSeq: 1 BYE", "Max-Forwards: 70", "",
	}, "\r\n")
	if got := string(d.AppendRequest(nil, "BYE", d.NextSeq(), extra, 70)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// RFC 3261 §12.1.2: the dialog of the side that called has the route set in reverse.
func TestUAC(t *testing.T) {
	d, err := NewUAC(accepted(t, "Contact: <sip:100@192.0.2.11:5080>", "Record-Route: <sip:192.0.2.7;lr>", "Record-Route: <sip:192.0.2.8:5090;lr>"), from, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Flow.Remote.String() != "192.0.2.8:5090" {
		t.Errorf("next hop %s, want the last Record-Route", d.Flow.Remote)
	}
	got := string(d.AppendRequest(nil, "ACK", d.LocalSeq, extra, 70))
	for _, line := range []string{
		"ACK sip:100@192.0.2.11:5080 SIP/2.0\r\n", "Route: <sip:192.0.2.8:5090;lr>\r\nRoute: <sip:192.0.2.7;lr>\r\n",
		"From: \"Alice\" <sip:alice@example.net>;tag=ours\r\n", "To: <sip:100@192.0.2.11>;tag=theirs\r\n", "CSeq: 1 ACK\r\n",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
}

// RFC 3261 §12.2.1.1: a strict router gets its own URI in the request line and the target as the last route.
func TestStrictRoute(t *testing.T) {
	d, err := NewUAS(invite(t, "Contact: <sip:alice@192.0.2.6>", "Record-Route: <sip:192.0.2.7>, <sip:192.0.2.8;lr>"), []byte("t1"), from, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := string(d.AppendRequest(nil, "BYE", 1, extra, 70))
	if !strings.HasPrefix(got, "BYE sip:192.0.2.7 SIP/2.0\r\n") || !strings.Contains(got, "\r\nRoute: <sip:192.0.2.8;lr>\r\nRoute: <sip:alice@192.0.2.6>\r\nFrom") {
		t.Errorf("got\n%s", got)
	}
}

func TestNextHop(t *testing.T) {
	for name, c := range map[string]struct{ contact, want string }{
		"numeric":      {"<sip:alice@192.0.2.6:5070>", "192.0.2.6:5070"},
		"default port": {"<sip:alice@192.0.2.6>", "192.0.2.6:5060"},
		"maddr":        {"<sip:alice@example.net;maddr=192.0.2.9>", "192.0.2.9:5060"},
		"a name":       {"<sip:alice@phone.example.net>", "192.0.2.5:40000"},
		"tel":          {"<tel:+4930123>", "192.0.2.5:40000"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := NewUAS(invite(t, "Contact: "+c.contact), []byte("t1"), from, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Flow.Remote.String(); got != c.want {
				t.Errorf("next hop %s, want %s", got, c.want)
			}
		})
	}
}

func TestNoContact(t *testing.T) {
	if _, err := NewUAS(invite(t), []byte("t"), from, nil); !errors.Is(err, ErrNoContact) {
		t.Errorf("got %v", err)
	}
	if _, err := NewUAC(accepted(t), from, nil, nil); !errors.Is(err, ErrNoContact) {
		t.Errorf("got %v", err)
	}
	d, err := NewUAC(accepted(t), from, []byte("sip:100@192.0.2.11"), nil)
	if err != nil || string(d.Target) != "sip:100@192.0.2.11" {
		t.Errorf("got %v; want the Request-URI as target", err)
	}
}

// RFC 3261 §12.2.2: lower CSeq numbers are refused; equal ones are an INVITE's ACK or CANCEL.
func TestSequence(t *testing.T) {
	d := Dialog{RemoteSeq: 7}
	for _, c := range []struct {
		seq  uint32
		want bool
	}{{7, true}, {9, true}, {8, false}, {10, true}} {
		if got := d.Sequence(c.seq); got != c.want {
			t.Errorf("Sequence(%d) = %v after %d", c.seq, got, d.RemoteSeq)
		}
	}
}

// RFC 3261 §12.2.1.2: Contact in a target refresh replaces the remote target; a message without one leaves it.
func TestRefresh(t *testing.T) {
	d, err := NewUAS(invite(t, "Contact: <sip:alice@192.0.2.6>"), []byte("t1"), from, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Refresh(invite(t, "Contact: <sip:alice@192.0.2.66:5099>"))
	if string(d.Target) != "sip:alice@192.0.2.66:5099" || d.Flow.Remote.String() != "192.0.2.66:5099" {
		t.Errorf("target %s at %s", d.Target, d.Flow.Remote)
	}
	d.Refresh(invite(t))
	if string(d.Target) != "sip:alice@192.0.2.66:5099" {
		t.Errorf("target %s", d.Target)
	}
}

// Where requests of a dialog go, by what the peer's Contact says and where it was heard from.
func TestAim(t *testing.T) {
	tcp := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.5:40000"), Transport: flow.TCP, Listener: 1, Conn: 7}
	made := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.5:5061"), Transport: flow.TLS, Listener: 2, Name: "a.example"}
	web := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.5:40000"), Transport: flow.WSS, Conn: 8}
	with := func(f flow.Flow, remote string, change func(*flow.Flow)) flow.Flow {
		f.Remote = netip.MustParseAddrPort(remote)
		if change != nil {
			change(&f)
		}
		return f
	}
	for name, c := range map[string]struct {
		heard   flow.Flow
		contact string
		proxied bool
		want    flow.Flow
	}{
		"a connection's own peer":           {tcp, "sip:a@10.0.0.5:5070;transport=tcp", false, with(tcp, "10.0.0.5:5070", nil)},
		"one behind a proxy":                {tcp, "sip:a@10.0.0.5:5070", true, with(tcp, "10.0.0.5:5070", func(f *flow.Flow) { f.Conn = 0 })},
		"the proxy itself":                  {tcp, "sip:a@192.0.2.5:5070", true, with(tcp, "192.0.2.5:5070", nil)},
		"another transport":                 {tcp, "sip:a@192.0.2.5:5070;transport=udp", false, with(tcp, "192.0.2.5:5070", func(f *flow.Flow) { f.Conn, f.Transport = 0, flow.UDP })},
		"TLS asked for":                     {tcp, "sips:a@192.0.2.5", false, with(tcp, "192.0.2.5:5061", func(f *flow.Flow) { f.Conn, f.Transport = 0, flow.TLS })},
		"a name":                            {tcp, "sip:a@phone.invalid;transport=ws", false, tcp},
		"a page's number":                   {web, "sip:a@192.0.2.77;transport=ws", false, with(web, "192.0.2.77:80", nil)},
		"our connection, no transport said": {made, "sip:a@192.0.2.5:5060", false, made},
		"our connection, another host":      {made, "sip:a@192.0.2.6:5061;transport=tls", false, with(made, "192.0.2.6:5061", func(f *flow.Flow) { f.Name = "" })},
	} {
		t.Run(name, func(t *testing.T) {
			more := []string{"Contact: <" + c.contact + ">"}
			if c.proxied {
				more = append(more, "Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK0")
			}
			d, err := NewUAS(invite(t, more...), []byte("t"), c.heard, &Ways{Reach: func(f flow.Flow) (flow.Flow, bool) { return f, true }})
			if err != nil {
				t.Fatal(err)
			}
			if d.Flow != c.want {
				t.Errorf("got  %+v\nwant %+v", d.Flow, c.want)
			}
			unreachable, err := NewUAS(invite(t, more...), []byte("t"), c.heard, &Ways{Reach: func(f flow.Flow) (flow.Flow, bool) { return f, false }})
			if err != nil || unreachable.Flow != c.heard {
				t.Errorf("what cannot be reached changes the flow to %+v", unreachable.Flow)
			}
		})
	}
}

// A name in the first route, or in the Contact, leads to where it is found, once it is; what is found for another one counts for nothing.
func TestNamesAreFound(t *testing.T) {
	by := func(f flow.Flow, direct bool, more ...string) (*Dialog, map[string]func(flow.Flow)) {
		asked := map[string]func(flow.Flow){}
		ways := &Ways{
			Reach: func(f flow.Flow) (flow.Flow, bool) { return f, true },
			Find:  func(uri string, _ uint8, found func(flow.Flow)) { asked[uri] = found },
		}
		m := invite(t, more...)
		if !direct {
			m = invite(t, append([]string{"Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKbehind"}, more...)...)
		}
		d, err := NewUAS(m, []byte("t"), f, ways)
		if err != nil {
			t.Fatal(err)
		}
		return d, asked
	}
	found := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.99:5070")}
	d, asked := by(from, true, "Contact: <sip:alice@pc.example>")
	if d.Flow != from || len(asked) != 1 {
		t.Fatalf("before it is found: %+v, asked %d", d.Flow, len(asked))
	}
	asked["sip:alice@pc.example"](found)
	if d.Flow != found {
		t.Errorf("found: %+v", d.Flow)
	}
	_, asked = by(from, true, "Contact: <sip:alice@pc.example>", "Record-Route: <sip:proxy.example;lr>")
	if asked["sip:proxy.example;lr"] == nil {
		t.Fatalf("the route was not asked for: %v", asked)
	}
	d, asked = by(from, true, "Contact: <sip:alice@pc.example>")
	d.Refresh(invite(t, "Contact: <sip:alice@other.example>"))
	asked["sip:alice@pc.example"](found)
	if d.Flow != from {
		t.Errorf("moved to where the Contact before was: %+v", d.Flow)
	}
	asked["sip:alice@other.example"](found)
	if d.Flow != found {
		t.Errorf("not moved to where the new Contact is: %+v", d.Flow)
	}
	stream := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.6:40000"), Conn: 4, Transport: flow.TCP}
	if d, asked = by(stream, true, "Contact: <sip:alice@pc.example>"); len(asked) > 0 || d.Flow != stream {
		t.Errorf("the peer of a connection was looked for: %v", asked)
	}
	web := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.6:40000"), Conn: 4, Transport: flow.WSS}
	if d, asked = by(web, false, "Contact: <sip:x7@df7jal23ls0d.invalid;transport=ws>"); len(asked) > 0 || d.Flow != web {
		t.Errorf("the peer of a WebSocket was looked for: %v", asked)
	}
}
