package follow

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem/engine/clock"
	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/scenario"
)

const script = `
local plan = require "plan"
return { invite = function(call) return plan.serial { plan.to("sip:100@192.0.2.11", { ring = 20 }), plan.to "sip:101@192.0.2.12" } end }
`

// events are what an engine tells of the calls of a scenario, and how their ladders look.
func events(t *testing.T, text string) (all []trace.Event, ladders []string) {
	t.Helper()
	s, err := scenario.Parse("a.txtar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	prog, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(script)}), nil)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := scenario.Settings{}.WithUsers(map[string]string{"100": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Run(scenario.Options{Program: prog, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Calls {
		all = append(all, c.Events()...)
		ladders = append(ladders, c.Ladder(trace.Options{}))
	}
	slices.SortStableFunc(all, func(a, b trace.Event) int { return int(a.At - b.At) })
	return all, ladders
}

var date = time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC)

// gather gives a book events and returns the calls in the order in which they ended.
func gather(b *book, all []trace.Event) (list []*Call) {
	for _, e := range all {
		b.add(&item{e: e, date: date.Add(time.Duration(e.At))})
		list = append(list, b.ended(e.At)...)
	}
	return append(list, b.ended(all[len(all)-1].At.Add(quiet+1))...)
}

// A call is told of as soon as it has ended and nothing is due any more, with the ladder that its events have.
func TestEnded(t *testing.T) {
	for name, text := range map[string]string{
		"answered":  "call alice -> 100 hangup 9s\nphone 100 180, 200 after 2s",
		"refused":   "call alice -> 100\nphone 100 486 after 2s\nphone 101 603 after 1s",
		"next":      "call alice -> 100 hangup 9s\nphone 100 486 after 2s\nphone 101 183 after 1s, 200 after 3s",
		"no answer": "call alice -> 100 hangup 9s\nphone 100 never\nphone 101 200",
		"cancelled": "call alice -> 100 cancel 5s\nphone 100 never",
	} {
		t.Run(name, func(t *testing.T) {
			all, ladders := events(t, text)
			b := newBook()
			got := gather(b, all)
			if len(got) != 1 || len(b.order)+len(b.calls) > 0 {
				t.Fatalf("%d calls ended, %d left", len(got), len(b.order))
			}
			c := got[0]
			if c.From != "sip:alice@example.net" || c.To != "sip:100@pbx.example" || !c.Began.Equal(date.Add(time.Duration(all[0].At))) || c.Lost+int(c.Missed) > 0 {
				t.Errorf("%+v", c)
			}
			line, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			var read Call
			if err := json.Unmarshal(line, &read); err != nil {
				t.Fatal(err)
			}
			if got := read.Ladder(trace.Options{}); got != ladders[0] {
				t.Errorf("got\n%s\nwant\n%s", got, ladders[0])
			}
		})
	}
}

// A call whose caller is asked for credentials is one call with the one that has them; without them it has ended with the question.
func TestChallenged(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		final int
	}{
		"right": {"call sip:100@pbx.example -> 200 hangup 1s\nphone 100 200", 200},
		"wrong": {"call sip:100@pbx.example -> 200 password guess\nphone 100 200", 407},
	} {
		t.Run(name, func(t *testing.T) {
			all, _ := events(t, c.text)
			b := newBook()
			got := append(gather(b, all), b.ended(all[len(all)-1].At.Add(linger+1))...)
			if len(got) != 1 || len(b.order)+len(b.calls) > 0 {
				t.Fatalf("%d calls ended, %d left", len(got), len(b.order))
			}
			asked := 0
			for _, e := range got[0].Events {
				if e.Text == trace.Challenged {
					asked++
				}
			}
			if got[0].Final != c.final || asked == 0 {
				t.Errorf("%d, asked %d times; want %d", got[0].Final, asked, c.final)
			}
		})
	}
}

// One whose peer is silent about the last request ends all the same, and one that began before is not told of.
func TestUnfinished(t *testing.T) {
	all, _ := events(t, "call alice -> 100 hangup 9s\nphone 100 200")
	bye := slices.IndexFunc(all, func(e trace.Event) bool { return strings.HasPrefix(string(e.Bytes), "BYE") })
	b := newBook()
	if got := gather(b, all[:bye+1]); len(got) != 0 {
		t.Fatalf("%d calls ended before the BYE is answered", len(got))
	}
	if got := b.ended(all[bye].At.Add(linger)); len(got) != 0 {
		t.Errorf("%d calls ended early", len(got))
	}
	if got := b.ended(all[bye].At.Add(linger + 1)); len(got) != 1 {
		t.Errorf("%d calls ended", len(got))
	}
	if got := gather(newBook(), all[1:]); len(got) != 0 {
		t.Errorf("%d calls without a beginning", len(got))
	}
}

// What is over is handed over at the end of the listening; what is not over is not.
func TestAll(t *testing.T) {
	all, _ := events(t, "call alice -> 100\nphone 100 486 after 2s\nphone 101 200 after 99s")
	b := newBook()
	gather(b, all[:len(all)/2])
	if got := b.all(0); len(got) != 0 || len(b.order) != 1 {
		t.Errorf("%d calls ended, %d left", len(got), len(b.order))
	}
	if got := b.ended(all[0].At.Add(longest + 1)); len(got) != 0 || len(b.order)+len(b.calls) != 0 {
		t.Errorf("%d calls ended, %d left after a day", len(got), len(b.order))
	}
}

// invite is an INVITE as it came in.
func invite(id, branch string) trace.Event {
	return trace.Event{Kind: trace.Received, Bytes: []byte("INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=" + branch +
		"\r\nFrom: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\nCall-ID: " + id + "\r\nCSeq: 1 INVITE\r\n\r\n")}
}

// refusal is the response to it.
func refusal(id string) trace.Event {
	return trace.Event{Kind: trace.Sent, Bytes: []byte("SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP a;branch=1" +
		"\r\nFrom: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>;tag=2\r\nCall-ID: " + id + "\r\nCSeq: 1 INVITE\r\n\r\n")}
}

// An address that is called for two users has no name.
func TestNames(t *testing.T) {
	at := netip.MustParseAddrPort("192.0.2.11:5060")
	first := invite("a", "z9hG4bK1")
	first.Remote = netip.MustParseAddrPort("192.0.2.7:5060")
	b := newBook()
	gather(b, []trace.Event{
		first, {Kind: trace.Leg, Call: "a", Text: "b", User: "100", Remote: at}, {Kind: trace.Leg, Call: "a", Text: "c", User: "100", Remote: at},
	})
	want := map[string]string{"192.0.2.7:5060": "caller", "192.0.2.11:5060": "100"}
	if diff := cmp.Diff(want, b.order[0].c.Names); diff != "" {
		t.Error(diff)
	}
	gather(b, []trace.Event{{Kind: trace.Leg, Call: "a", Text: "d", User: "101", Remote: at}})
	want["192.0.2.11:5060"] = ""
	if diff := cmp.Diff(want, b.order[0].c.Names); diff != "" {
		t.Error(diff)
	}
}

// A call that is tried again under the same Call-ID is another one; a copy of an INVITE is none.
func TestTriedAgain(t *testing.T) {
	got := gather(newBook(), []trace.Event{invite("a", "z9hG4bK1"), invite("a", "z9hG4bK1"), refusal("a"), invite("a", "z9hG4bK2"), refusal("a")})
	if len(got) != 0 {
		t.Fatalf("%d calls ended without ACK", len(got))
	}
	b := newBook()
	gather(b, []trace.Event{invite("a", "z9hG4bK1"), invite("a", "z9hG4bK1"), refusal("a"), invite("a", "z9hG4bK2"), refusal("a")})
	got = b.all(0)
	if len(got) != 2 || len(got[0].Events) != 3 || len(got[1].Events) != 2 || got[0].Final != 401 {
		t.Errorf("%d calls: %+v", len(got), got)
	}
}

// What a book holds is bounded, and what does not fit is counted.
func TestBounds(t *testing.T) {
	b := newBook()
	for i := range maxCalls + 3 {
		id := strconv.Itoa(i)
		gather(b, []trace.Event{invite(id, "z9hG4bK1")})
	}
	for range 3 {
		gather(b, []trace.Event{{Kind: trace.Note, Call: "7", Text: strings.Repeat("x", maxBytes/2)}})
	}
	gather(b, []trace.Event{refusal("7")})
	got := b.all(clock.Time(0))
	if len(got) != 1 || got[0].Missed != 3 || got[0].Lost != 3 || len(got[0].Events) != 2 {
		t.Fatalf("%d calls: %+v", len(got), got)
	}
	if len(b.order) != maxCalls-1 || len(b.calls) != maxCalls-1 {
		t.Errorf("%d calls left, %d names", len(b.order), len(b.calls))
	}
}
