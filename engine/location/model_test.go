package location

import (
	"errors"
	"fmt"
	"maps"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// model is what RFC 3261 §10.3 says, as plainly as can be: a map, copied for every request.
type model map[string]entry

type entry struct {
	ends   clock.Time
	callID string
	cseq   uint32
	conn   uint32
}

func (m model) copy() model {
	c := model{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

func (m model) register(now clock.Time, u *Update, l Limits) (model, bool) {
	next := m.copy()
	for k, e := range next {
		if e.ends <= now {
			delete(next, k)
		}
	}
	if u.All {
		for _, e := range next {
			if e.callID == u.CallID && u.CSeq <= e.cseq {
				return m, false
			}
		}
		return model{}, true
	}
	for _, c := range u.Contacts {
		if e, ok := next[c.Key]; ok && e.callID == u.CallID && u.CSeq <= e.cseq {
			return m, false
		}
	}
	for _, c := range u.Contacts {
		delete(next, c.Key)
		if c.Expires > 0 {
			next[c.Key] = entry{now.Add(time.Duration(min(c.Expires, l.Max)) * time.Second), u.CallID, u.CSeq, u.Flow.Conn}
		}
	}
	if len(next) > l.Contacts {
		return m, false
	}
	return next, true
}

func (m model) at(now clock.Time) string {
	var out []string
	for k, e := range m {
		if e.ends > now {
			out = append(out, fmt.Sprint(k, e.ends, e.callID, e.cseq))
		}
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

func (s *shard) all() string {
	var out []string
	if set := s.table.Find("100"); set != nil {
		for _, b := range set.Bindings {
			out = append(out, fmt.Sprint(b.Key, b.Ends, b.CallID, b.CSeq))
		}
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}

// Whatever comes in whatever order, the bindings are those of the model, and what was published before has not changed.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, m, gone := newShard(limits), model{}, map[uint32]bool{0: false}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			before := s.table.Find("100")
			was := fmt.Sprint(before)
			s.pass(time.Duration(rapid.IntRange(0, 100).Draw(rt, "seconds")) * time.Second)
			if rapid.IntRange(0, 9).Draw(rt, "what") == 0 {
				conn := uint32(rapid.IntRange(1, 3).Draw(rt, "conn"))
				s.Disconnected(conn)
				gone[conn] = true
			} else {
				u := drawUpdate(rt)
				next, ok := m.register(s.now, u, limits)
				_, err := s.Register(s.now, "100", u)
				var r *Refusal
				if (err == nil) != ok || err != nil && !errors.As(err, &r) {
					rt.Fatalf("%+v: got %v, the model says %v", u, err, ok)
				}
				m = next
			}
			maps.DeleteFunc(m, func(_ string, e entry) bool { return gone[e.conn] })
			if got, want := s.all(), m.at(s.now); got != want {
				rt.Fatalf("got  %s\nwant %s", got, want)
			}
			if fmt.Sprint(before) != was {
				rt.Fatalf("what was published has changed: %s was %s", fmt.Sprint(before), was)
			}
		}
		s.pass(3 * time.Hour)
		if s.Len() != 0 || s.heap.Len() != 0 || len(s.conns) != 0 {
			rt.Fatalf("%d contacts, %d timers, %d connections are left", s.Len(), s.heap.Len(), len(s.conns))
		}
	})
}

func drawUpdate(rt *rapid.T) *Update {
	u := &Update{
		CallID: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "Call-ID"), CSeq: uint32(rapid.IntRange(1, 9).Draw(rt, "CSeq")),
		All: rapid.IntRange(0, 9).Draw(rt, "all") == 0, Flow: flow.Flow{Conn: uint32(rapid.IntRange(0, 3).Draw(rt, "by"))},
	}
	if u.All {
		return u
	}
	for range rapid.IntRange(0, 3).Draw(rt, "contacts") {
		uri := rapid.SampledFrom([]string{"sip:1@h", "sip:2@h", "sip:3@h", "sip:4@h"}).Draw(rt, "URI")
		u.Contacts = append(u.Contacts, Contact{URI: uri, Key: uri, Q: 1000, Expires: uint32(rapid.SampledFrom([]int{0, 60, 100, 9000}).Draw(rt, "expires"))})
	}
	return u
}

// Find sees any number of users.
func TestTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newShard(limits)
		want := map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			user := fmt.Sprint(rapid.IntRange(0, 20000).Draw(rt, "user"))
			u := &Update{CallID: fmt.Sprint(len(want)), CSeq: 1, Contacts: []Contact{{URI: "sip:a@h", Key: "sip:a@h", Expires: 60}}}
			if want[user] = rapid.Bool().Draw(rt, "in"); !want[user] {
				u.Contacts[0].Expires = 0
				u.CallID += "x"
			}
			u.CSeq = uint32(s.order) + 1
			if _, err := s.Register(0, user, u); err != nil {
				rt.Fatal(err)
			}
		}
		for user, in := range want {
			if got := s.table.Find(user) != nil; got != in {
				rt.Fatalf("user %s is found: %v, want %v", user, got, in)
			}
		}
	})
}

// No REGISTER that passes Validate makes Read panic, or leaves something that cannot be told in a response.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"Contact: *\r\nExpires: 0\r\n", "Contact: <sip:a@h>;expires=1;q=0.5\r\n", "m: \"x\" <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\nk: outbound\r\n",
		"Path: <sip:p;lr;ob>\r\nContact: <sip:a@h>,sip:b@h;q=x\r\n", "Contact: <sips:h?x=y>\r\n", "Contact: <tel:1>\r\n", "Contact: <sip:a@h>;+sip.instance=x;expires=\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, fields string) {
		m := new(message.Message)
		if m.Parse([]byte("REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:1@h>;tag=a\r\nTo: <sip:1@h>\r\nCall-ID: a\r\n"+
			"CSeq: 1 REGISTER\r\n"+fields+"\r\n")) != nil || m.Validate() != nil {
			return
		}
		u, err := Read(m, flow.Flow{}, &limits)
		var r *Refusal
		if err != nil {
			if !errors.As(err, &r) || r.Code < 400 {
				t.Fatalf("no refusal: %v", err)
			}
			return
		}
		s := newShard(limits)
		set, err := s.Register(0, "1", u)
		if err != nil {
			return
		}
		answer := []byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:1@h>;tag=a\r\nTo: <sip:1@h>;tag=b\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n")
		for _, b := range set.Bindings {
			answer = b.Append(answer, 0)
		}
		if err := m.Parse(append(answer, "\r\n"...)); err != nil {
			t.Fatalf("%v in %q", err, answer)
		}
		n := 0
		m.Each(message.Contact, func(e []byte) bool {
			n++
			if _, err := message.ParseNameAddr(e); err != nil {
				t.Fatalf("%v in %q", err, answer)
			}
			return true
		})
		if n != len(set.Bindings) {
			t.Fatalf("%d contacts of %d in %q", n, len(set.Bindings), answer)
		}
	})
}
