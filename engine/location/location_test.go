package location

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

var limits = Limits{Min: 60, Max: 7200, Default: 3600, Contacts: 3}

// register makes a REGISTER of 100; fields are lines, with "Call-ID: " and "CSeq: " if they are not to be usual.
func register(t testing.TB, fields ...string) *message.Message {
	t.Helper()
	text := "REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKx\r\nMax-Forwards: 70\r\n" +
		"From: <sip:100@pbx.example>;tag=a\r\nTo: <sip:100@pbx.example;x=y>\r\n"
	all := strings.Join(fields, "\r\n")
	if !strings.Contains(all, "Call-ID:") {
		text += "Call-ID: a\r\n"
	}
	if !strings.Contains(all, "CSeq:") {
		text += "CSeq: 1 REGISTER\r\n"
	}
	if all != "" {
		text += all + "\r\n"
	}
	m := new(message.Message)
	if err := m.Parse([]byte(text + "Content-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return m
}

// shard is a registrar with what is around it.
type shard struct {
	heap  clock.Heap
	table Table
	*Registrar
	now clock.Time
}

func newShard(l Limits) *shard {
	s := &shard{}
	s.Registrar = NewRegistrar(&s.table, &s.heap)
	s.Limit(l)
	return s
}

// send sends a REGISTER and returns the status code and what is bound then, as "URI;expires=…".
func (s *shard) send(t testing.TB, f flow.Flow, fields ...string) (int, string) {
	t.Helper()
	u, err := Read(register(t, fields...), f, &s.limits)
	if err == nil {
		_, err = s.Register(s.now, "100", u)
	}
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code, s.bound()
	}
	return 200, s.bound()
}

func (s *shard) bound() string {
	var out []string
	if set := s.table.Find("100"); set != nil {
		for _, b := range set.Bindings {
			line := strings.TrimSuffix(strings.TrimPrefix(string(b.Append(nil, s.now)), "Contact: "), "\r\n")
			out = append(out, line)
		}
	}
	return strings.Join(out, " ")
}

func (s *shard) pass(d time.Duration) {
	s.now = s.now.Add(d)
	s.heap.Run(s.now)
}

// RFC 3261 §10.3 steps 6 to 8, RFC 5626 §6: each step is a REGISTER, and what there is after it.
func TestRegister(t *testing.T) {
	type step struct {
		fields string // separated by |
		after  time.Duration
		code   int
		bound  string
	}
	for name, steps := range map[string][]step{
		"a contact": {{"Contact: <sip:100@192.0.2.11>;expires=600", 0, 200, "<sip:100@192.0.2.11>;expires=600"}},
		"an address that was left is removed": {
			{`Contact: <sip:a@h>;+sip.instance="<urn:x:1>"`, 0, 200, `<sip:a@h>;expires=3600;+sip.instance="<urn:x:1>"`},
			{`CSeq: 2 REGISTER|Contact: <sip:b@h>;+sip.instance="<urn:x:1>"`, 0, 200, `<sip:b@h>;expires=3600;+sip.instance="<urn:x:1>"`},
			{`CSeq: 3 REGISTER|Contact: <sip:a@h>;expires=0;+sip.instance="<urn:x:1>"`, 0, 200, `<sip:b@h>;expires=3600;+sip.instance="<urn:x:1>"`},
		},
		"one of two addresses of an instance is removed": {
			{`Contact: <sip:a@h>;+sip.instance="<urn:x:1>", <sip:b@h>;+sip.instance="<urn:x:1>"`, 0, 200, `<sip:a@h>;expires=3600;+sip.instance="<urn:x:1>" <sip:b@h>;expires=3600;+sip.instance="<urn:x:1>"`},
			{`CSeq: 2 REGISTER|Contact: <sip:b@h>;expires=0;+sip.instance="<urn:x:1>"`, 0, 200, `<sip:a@h>;expires=3600;+sip.instance="<urn:x:1>"`},
		},
		"what is left is counted": {
			{"Contact: <sip:100@192.0.2.11>;expires=600", 0, 200, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 2 REGISTER", 100*time.Second + time.Millisecond, 200, "<sip:100@192.0.2.11>;expires=500"},
		},
		"by default":                {{"Contact: <sip:100@192.0.2.11>", 0, 200, "<sip:100@192.0.2.11>;expires=3600"}},
		"Expires":                   {{"Contact: <sip:100@192.0.2.11>|Expires: 90", 0, 200, "<sip:100@192.0.2.11>;expires=90"}},
		"the parameter goes before": {{"Contact: <sip:100@192.0.2.11>;expires=100|Expires: 90", 0, 200, "<sip:100@192.0.2.11>;expires=100"}},
		"at most":                   {{"Contact: <sip:100@192.0.2.11>;expires=99999999999", 0, 200, "<sip:100@192.0.2.11>;expires=7200"}},
		"malformed is the default":  {{"Contact: <sip:100@192.0.2.11>;expires=soon", 0, 200, "<sip:100@192.0.2.11>;expires=3600"}},
		"too brief":                 {{"Contact: <sip:100@192.0.2.11>;expires=1", 0, 423, ""}},
		"it expires": {
			{"Contact: <sip:100@192.0.2.11>;expires=60", 0, 200, "<sip:100@192.0.2.11>;expires=60"},
			{"CSeq: 2 REGISTER", 60 * time.Second, 200, ""},
		},
		"refreshed, with another q": {
			{"Contact: <sip:100@192.0.2.11>;expires=60", 0, 200, "<sip:100@192.0.2.11>;expires=60"},
			{"CSeq: 2 REGISTER|Contact: <sip:100@192.0.2.11>;expires=60;q=0.5", 50 * time.Second, 200, "<sip:100@192.0.2.11>;expires=60;q=0.5"},
			{"CSeq: 3 REGISTER", 50 * time.Second, 200, "<sip:100@192.0.2.11>;expires=10;q=0.5"},
		},
		"removed": {
			{"Contact: <sip:100@192.0.2.11>, <sip:100@192.0.2.12>", 0, 200, "<sip:100@192.0.2.11>;expires=3600 <sip:100@192.0.2.12>;expires=3600"},
			{"CSeq: 2 REGISTER|Contact: <sip:100@192.0.2.11>;expires=0", 0, 200, "<sip:100@192.0.2.12>;expires=3600"},
			{"CSeq: 3 REGISTER|Contact: <sip:100@192.0.2.13>;expires=0", 0, 200, "<sip:100@192.0.2.12>;expires=3600"},
		},
		"all removed": {
			{"Contact: <sip:100@192.0.2.11>, <sip:100@192.0.2.12>", 0, 200, "<sip:100@192.0.2.11>;expires=3600 <sip:100@192.0.2.12>;expires=3600"},
			{"CSeq: 2 REGISTER|Contact: *|Expires: 0", 0, 200, ""},
		},
		"* with another": {
			{"Contact: <sip:100@192.0.2.11>", 0, 200, "<sip:100@192.0.2.11>;expires=3600"},
			{"CSeq: 2 REGISTER|Contact: *, <sip:100@192.0.2.12>|Expires: 0", 0, 400, "<sip:100@192.0.2.11>;expires=3600"},
		},
		"* with an expiration": {
			{"Contact: <sip:100@192.0.2.11>", 0, 200, "<sip:100@192.0.2.11>;expires=3600"},
			{"CSeq: 2 REGISTER|Contact: *|Expires: 60", 0, 400, "<sip:100@192.0.2.11>;expires=3600"},
			{"CSeq: 3 REGISTER|Contact: *", 0, 400, "<sip:100@192.0.2.11>;expires=3600"},
			{"CSeq: 4 REGISTER|Contact: *|Expires: 0x", 0, 400, "<sip:100@192.0.2.11>;expires=3600"},
		},
		"an old CSeq": {
			{"CSeq: 5 REGISTER|Contact: <sip:100@192.0.2.11>;expires=600", 0, 200, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 4 REGISTER|Contact: <sip:100@192.0.2.11>;expires=0", 0, 500, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 5 REGISTER|Contact: <sip:100@192.0.2.11>;expires=0", 0, 500, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 4 REGISTER|Contact: *|Expires: 0", 0, 500, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 4 REGISTER|Call-ID: b|Contact: <sip:100@192.0.2.11>;expires=0", 0, 200, ""},
		},
		"whole or nothing": {
			{"CSeq: 5 REGISTER|Contact: <sip:100@192.0.2.11>;expires=600", 0, 200, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 6 REGISTER|Contact: <sip:100@192.0.2.12>, <mailto:a@b>, <sip:100@192.0.2.13>", 0, 400, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 6 REGISTER|Contact: <sip:100@192.0.2.12>, <sip:100@192.0.2.13>;expires=2", 0, 423, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 4 REGISTER|Contact: <sip:100@192.0.2.12>, <sip:100@192.0.2.11>", 0, 500, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 7 REGISTER|Contact: <sip:1@192.0.2.1>, <sip:2@192.0.2.1>, <sip:3@192.0.2.1>", 0, 403, "<sip:100@192.0.2.11>;expires=600"},
			{"CSeq: 8 REGISTER|Contact: <sip:" + strings.Repeat("x", 5000) + "@192.0.2.1>", 0, 400, "<sip:100@192.0.2.11>;expires=600"},
		},
		"an equal URI": {
			{"Contact: <sip:100@PHONE.example;Transport=tcp>", 0, 200, "<sip:100@PHONE.example;Transport=tcp>;expires=3600"},
			{"CSeq: 2 REGISTER|Contact: <sip:%31%30%30@phone.example;transport=TCP>", 0, 200, "<sip:%31%30%30@phone.example;transport=TCP>;expires=3600"},
		},
		"twice in one": {
			{"Contact: <sip:100@192.0.2.11>;q=0.1, <sip:100@192.0.2.11>;q=0.2", 0, 200, "<sip:100@192.0.2.11>;expires=3600;q=0.2"},
		},
		"an instance that came to another address": {
			{`Contact: <sip:100@192.0.2.11>;+sip.instance="<urn:uuid:AA>"`, 0, 200, `<sip:100@192.0.2.11>;expires=3600;+sip.instance="<urn:uuid:AA>"`},
			{`Call-ID: b|Contact: <sip:100@192.0.2.12>;+sip.instance="<urn:uuid:aa>"`, 0, 200, `<sip:100@192.0.2.12>;expires=3600;+sip.instance="<urn:uuid:aa>"`},
		},
		"two contacts of an instance in one": {
			{
				`Contact: <sip:100@192.0.2.11>;+sip.instance="<urn:uuid:aa>", <sip:100@192.0.2.11;transport=tcp>;+sip.instance="<urn:uuid:aa>"`, 0, 200,
				`<sip:100@192.0.2.11>;expires=3600;+sip.instance="<urn:uuid:aa>" <sip:100@192.0.2.11;transport=tcp>;expires=3600;+sip.instance="<urn:uuid:aa>"`,
			},
		},
		"flows of an instance in one": {
			{`Supported: outbound|Contact: <sip:a@h>;+sip.instance="<urn:x:1>";reg-id=1, <sip:b@h>`, 0, 400, ""},
			{`Contact: <sip:a@h>;+sip.instance="<urn:x:1>";reg-id=1;q=0.5, <sip:b@h>`, 0, 200, `<sip:a@h>;expires=3600;q=0.5;+sip.instance="<urn:x:1>" <sip:b@h>;expires=3600`},
			{`CSeq: 2 REGISTER|Supported: outbound|Contact: <sip:c@h>;+sip.instance="<urn:x:1>";reg-id=1, <sip:b@h>;expires=0`, 0, 200, `<sip:a@h>;expires=3600;q=0.5;+sip.instance="<urn:x:1>" <sip:c@h>;expires=3600;+sip.instance="<urn:x:1>";reg-id=1`},
		},
		"flows of an instance": {
			{`Supported: outbound|Contact: <sip:100@10.0.0.1>;+sip.instance="<urn:uuid:aa>";reg-id=1`, 0, 200, `<sip:100@10.0.0.1>;expires=3600;+sip.instance="<urn:uuid:aa>";reg-id=1`},
			{`Supported: outbound|Call-ID: b|Contact: <sip:100@10.0.0.1>;+sip.instance="<urn:uuid:aa>";reg-id=2`, 0, 200, `<sip:100@10.0.0.1>;expires=3600;+sip.instance="<urn:uuid:aa>";reg-id=1 <sip:100@10.0.0.1>;expires=3600;+sip.instance="<urn:uuid:aa>";reg-id=2`},
			{`Supported: outbound|Call-ID: c|Contact: <sip:100@10.0.0.9>;+sip.instance="<urn:uuid:aa>";reg-id=1`, 0, 200, `<sip:100@10.0.0.9>;expires=3600;+sip.instance="<urn:uuid:aa>";reg-id=1 <sip:100@10.0.0.1>;expires=3600;+sip.instance="<urn:uuid:aa>";reg-id=2`},
		},
		"reg-id without support": {
			{`Contact: <sip:100@10.0.0.1>;+sip.instance="<urn:uuid:aa>";reg-id=1`, 0, 200, `<sip:100@10.0.0.1>;expires=3600;+sip.instance="<urn:uuid:aa>"`},
		},
		"a first hop without outbound": {
			{`Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKy|Supported: outbound|Contact: <sip:100@10.0.0.1>;+sip.instance="<urn:uuid:aa>";reg-id=1`, 0, 439, ""},
			{`Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKy|Path: <sip:p2;lr>, <sip:p1;lr;ob>|Supported: outbound|Contact: <sip:100@10.0.0.1>;+sip.instance="<urn:uuid:aa>";reg-id=1`, 0, 200, `<sip:100@10.0.0.1>;expires=3600;+sip.instance="<urn:uuid:aa>";reg-id=1`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShard(limits)
			for i, st := range steps {
				s.pass(st.after)
				code, bound := s.send(t, flow.Flow{}, strings.Split(st.fields, "|")...)
				if code != st.code || bound != st.bound {
					t.Fatalf("step %d, %s: got %d\n %s\nwant %d\n %s", i+1, st.fields, code, bound, st.code, st.bound)
				}
			}
			s.pass(3 * time.Hour)
			if s.Len() != 0 || s.heap.Len() != 0 || len(s.records) != 0 || len(s.conns) != 0 || s.bound() != "" {
				t.Errorf("left: %d contacts, %d timers, %d records, %d connections", s.Len(), s.heap.Len(), len(s.records), len(s.conns))
			}
		})
	}
}

// What is kept besides: the flow, the path, the address of record.
func TestKept(t *testing.T) {
	s := newShard(limits)
	f := flow.Flow{Remote: netip.MustParseAddrPort("198.51.100.7:40123"), Conn: 9, Transport: flow.TCP}
	s.send(t, f, "Contact: <sip:100@10.0.0.7;transport=tcp>", "Path: <sip:b.example;lr>,<sip:a.example;lr>", "Path: <sip:c.example;lr>")
	b := s.table.Find("100").Bindings[0]
	got := fmt.Sprint(b.Flow, " ", b.Path, " ", b.AOR)
	if want := fmt.Sprint(f, " [<sip:b.example;lr> <sip:a.example;lr> <sip:c.example;lr>] sip:100@pbx.example"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// RFC 5626 §7: when a connection is gone, so are its bindings, of all users that share it.
func TestDisconnected(t *testing.T) {
	s := newShard(limits)
	for i, user := range []string{"100", "101"} {
		for conn := range 3 {
			u, _ := Read(register(t, fmt.Sprintf("Contact: <sip:%s@10.0.0.%d>", user, conn)), flow.Flow{Conn: uint32(conn)}, &limits)
			u.CallID = fmt.Sprint(i, conn)
			if _, err := s.Register(0, user, u); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Disconnected(2)
	s.Disconnected(7)
	for _, user := range []string{"100", "101"} {
		if n := len(s.table.Find(user).Bindings); n != 2 {
			t.Errorf("%s has %d contacts, want 2", user, n)
		}
	}
	s.Disconnected(1)
	s.Disconnected(2)
	if s.Len() != 2 || len(s.conns) != 0 {
		t.Errorf("%d contacts and %d connections are left, want 2 and 0", s.Len(), len(s.conns))
	}
}

// A REGISTER whose connection has closed before it came to the shard of the user leaves nothing there, and what others have stays.
func TestDisconnectedBefore(t *testing.T) {
	s := newShard(limits)
	s.send(t, flow.Flow{Conn: 1}, "Contact: <sip:a@h>")
	s.Disconnected(2)
	for i := range 3 * mostGone {
		if _, got := s.send(t, flow.Flow{Conn: 2}, fmt.Sprintf("CSeq: %d REGISTER", i+2), "Contact: <sip:b@h>"); got != "<sip:a@h>;expires=3600" {
			if i < mostGone {
				t.Fatalf("after %d more: %s", i, got)
			}
			break
		}
		s.Disconnected(uint32(i + 10))
	}
	if len(s.gone) > mostGone {
		t.Errorf("%d connections are remembered", len(s.gone))
	}
}

// RFC 5626 §7: another flow of the instance takes the place of one that has failed, the latest first, each once.
func TestInstead(t *testing.T) {
	s := newShard(Limits{Min: 60, Max: 7200, Default: 3600, Contacts: 9})
	by := func(port uint16) flow.Flow {
		return flow.Flow{Remote: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.7"), port)}
	}
	for i, c := range []string{
		`<sip:a@h>;+sip.instance="<urn:x:1>";reg-id=1`, `<sip:b@h>;+sip.instance="<URN:x:1>";reg-id=2`, `<sip:c@h>;+sip.instance="<urn:x:1>"`,
		`<sip:d@h>;+sip.instance="<urn:x:2>";reg-id=1`, `<sip:e@h>;+sip.instance="<urn:x:1>";reg-id=3`, `<sip:f@h>;+sip.instance="<urn:x:1>";reg-id=4;expires=60`,
	} {
		s.send(t, by(uint16(i+1)), fmt.Sprintf("Call-ID: %d", i), "Supported: outbound", "Contact: "+c)
	}
	now := clock.Time(2 * time.Minute)
	set := s.table.Find("100")
	var tried []*Binding
	var got []string
	for b := set.Bindings[4]; b != nil; b = set.Instead(now, b, tried) {
		got, tried = append(got, b.URI), append(tried, b)
	}
	if d := cmp.Diff([]string{"sip:e@h", "sip:b@h", "sip:a@h"}, got); d != "" {
		t.Error(d)
	}
	s.send(t, by(2), "Call-ID: 1", "CSeq: 2 REGISTER", "Supported: outbound", `Contact: <sip:b@h>;+sip.instance="<urn:x:1>";reg-id=2`)
	if b := s.table.Find("100").Instead(now, tried[0], tried); b != nil {
		t.Errorf("%s was refreshed by the flow that was tried, and is tried again", b.URI)
	}
	s.send(t, by(9), "Call-ID: 1", "CSeq: 3 REGISTER", "Supported: outbound", `Contact: <sip:b@h>;+sip.instance="<urn:x:1>";reg-id=2`)
	if b := s.table.Find("100").Instead(now, tried[0], tried); b == nil || b.URI != "sip:b@h" {
		t.Errorf("%v, want the flow that came since", b)
	}
	if b := set.Instead(now, set.Bindings[2], nil); b != nil {
		t.Errorf("a contact without reg-id is replaced by %s", b.URI)
	}
	var none *Set
	if none.Instead(now, tried[0], nil) != nil {
		t.Error("nobody has a contact")
	}
}

// Who has more contacts than a limit that came later refreshes and removes them, and adds none.
func TestLowerLimit(t *testing.T) {
	s := newShard(limits)
	s.send(t, flow.Flow{}, "Contact: <sip:a@h>, <sip:b@h>, <sip:c@h>")
	l := limits
	l.Contacts = 1
	s.Limit(l)
	for i, c := range []struct {
		contact string
		code    int
		left    int
	}{{"<sip:a@h>", 200, 3}, {"<sip:d@h>", 403, 3}, {"<sip:c@h>;expires=0", 200, 2}} {
		code, _ := s.send(t, flow.Flow{}, fmt.Sprintf("CSeq: %d REGISTER", i+2), "Contact: "+c.contact)
		if code != c.code || s.Len() != c.left {
			t.Errorf("%s: %d, %d contacts", c.contact, code, s.Len())
		}
	}
}

// A contact with a Path does not depend on the connection by which its proxy sent it.
func TestPathOutlivesConnection(t *testing.T) {
	s := newShard(limits)
	s.send(t, flow.Flow{Conn: 7}, "Contact: <sip:a@h>", "Path: <sip:edge@192.0.2.5;lr>")
	s.send(t, flow.Flow{Conn: 7}, "Call-ID: other", "Contact: <sip:b@h>")
	s.Disconnected(7)
	if got := s.bound(); got != "<sip:a@h>;expires=3600" {
		t.Errorf("%s", got)
	}
}

// A REGISTER with more contacts than can come and go at once is refused before they are looked at one by one.
func TestReadTooMany(t *testing.T) {
	for n, want := range map[int]error{6: nil, 7: tooMany, 2000: tooMany} {
		list := strings.TrimSuffix(strings.Repeat("<sip:a@h>,", n), ",")
		if _, err := Read(register(t, "Contact: "+list), flow.Flow{}, &limits); !errors.Is(err, want) {
			t.Errorf("%d contacts: %v, want %v", n, err, want)
		}
	}
}

// RFC 5626 §7: of an instance one binding; by descending q, the latest first.
func TestTargets(t *testing.T) {
	s := newShard(Limits{Min: 60, Max: 7200, Default: 3600, Contacts: 9})
	for i, c := range []string{
		"<sip:a@h>;q=0.5", "<sip:b@h>", `<sip:c@h>;q=0.5;+sip.instance="<urn:x:1>";reg-id=2`, `<sip:d@h>;q=0.5;+sip.instance="<urn:x:1>";reg-id=1`, "<sip:e@h>;q=0.7;expires=60",
	} {
		s.send(t, flow.Flow{}, fmt.Sprintf("Call-ID: %d", i), "Supported: outbound", "Contact: "+c)
	}
	uris := func(now clock.Time) (out []string) {
		for _, b := range s.table.Find("100").Targets(now) {
			out = append(out, b.URI)
		}
		return out
	}
	if d := cmp.Diff([]string{"sip:b@h", "sip:e@h", "sip:d@h", "sip:a@h"}, uris(0)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"sip:b@h", "sip:d@h", "sip:a@h"}, uris(clock.Time(time.Minute))); d != "" {
		t.Error("one has expired, although nobody has removed it yet:", d)
	}
	var none *Set
	if none.Targets(0) != nil {
		t.Error("nobody has a contact")
	}
}

func BenchmarkFind(b *testing.B) {
	s := newShard(limits)
	for i := range 1000 {
		u := &Update{CallID: "a", CSeq: 1, Contacts: []Contact{{URI: "sip:x@h", Key: "sip:x@h", Q: 1000, Expires: 3600}}}
		if _, err := s.Register(0, fmt.Sprint(i), u); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if s.table.Find("500") == nil {
			b.Fatal("not found")
		}
	}
}

// A phone behind a connection that a proxy shares among thousands costs what one with its own costs.
func BenchmarkRefreshOfMany(b *testing.B) {
	for _, users := range []int{1, 5000} {
		b.Run(fmt.Sprint(users), func(b *testing.B) {
			s, u := newShard(limits), &Update{CallID: "a", Flow: flow.Flow{Conn: 7}, Contacts: []Contact{{URI: "sip:x@h", Key: "sip:x@h", Q: 1000, Expires: 3600}}}
			refresh := func(user string) {
				u.CSeq++
				if _, err := s.Register(0, user, u); err != nil {
					b.Fatal(err)
				}
			}
			for i := range users {
				refresh(fmt.Sprint(i))
			}
			b.ReportAllocs()
			for b.Loop() {
				refresh("0")
			}
		})
	}
}

func BenchmarkRefresh(b *testing.B) {
	s := newShard(limits)
	u := &Update{CallID: "a", Contacts: []Contact{{URI: "sip:x@h", Key: "sip:x@h", Q: 1000, Expires: 3600}}}
	b.ReportAllocs()
	for b.Loop() {
		u.CSeq++
		if _, err := s.Register(0, "100", u); err != nil {
			b.Fatal(err)
		}
	}
}

// By a flow that is gone, the phone is where it has registered last; who only adds another way has not moved.
func TestMoved(t *testing.T) {
	s := newShard(Limits{Min: 60, Max: 7200, Default: 3600, Contacts: 9})
	send := func(conn uint32, contact string, more ...string) *Binding {
		s.send(t, flow.Flow{Conn: conn}, append(more, fmt.Sprintf("Call-ID: %d", conn), "Supported: outbound", "Contact: "+contact)...)
		return s.table.Find("100").By(flow.Flow{Conn: conn})
	}
	const instance = `;+sip.instance="<urn:x:1>"`
	first, plain := send(1, "<sip:a@h>"+instance+";reg-id=1"), send(2, "<sip:b@h>")
	moved := func(b *Binding) string {
		if next := s.table.Find("100").Moved(s.now, b); next != nil {
			return fmt.Sprint(next.Flow.Conn)
		}
		return "not"
	}
	want := func(step string, b *Binding, where string) {
		t.Helper()
		if got := moved(b); got != where {
			t.Errorf("%s: %s, want %s", step, got, where)
		}
	}
	want("nothing has changed", first, "not")
	send(3, "<sip:c@h>"+instance+";reg-id=2")
	want("another flow beside it", first, "not")
	s.Disconnected(1)
	want("one of two is gone", first, "3")
	send(4, "<sip:d@h>"+instance+";reg-id=1")
	want("it has come back", first, "4")
	if send(5, "<sip:e@h>"+instance+";reg-id=1", "Path: <sip:p;lr>") != nil {
		t.Error("a way through a proxy is one of the flow")
	}
	want("the latest is behind a proxy", first, "3")
	send(6, "<sip:b@h>"+instance)
	want("anew under its URI", plain, "6")
	s.Disconnected(6)
	want("nothing is left", plain, "not")
	var none *Set
	if none.Moved(0, first) != nil || none.By(flow.Flow{}) != nil {
		t.Error("nobody has a contact")
	}
}
