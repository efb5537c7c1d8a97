package trace

import (
	"strings"
	"testing"
)

func texts(events []Event) string {
	var out []string
	for _, e := range events {
		switch e.Kind {
		case Note, Leg:
			out = append(out, e.Text)
		default:
			line, _, _ := strings.Cut(string(e.Bytes), "\r\n")
			out = append(out, line)
		}
	}
	return strings.Join(out, " | ")
}

func TestRecorder(t *testing.T) {
	var r Recorder
	in := func(raw string) { r.Trace(Event{Kind: Received, Remote: caller, Bytes: []byte(raw)}) }
	in(req("a", "INVITE", "sip:1@h"))
	in(req("b", "INVITE", "sip:2@h")) // before its leg is announced
	r.Trace(Event{Kind: Leg, Call: "a", Text: "b"})
	in(req("x", "INVITE", "sip:3@h"))
	r.Trace(Event{Kind: Leg, Call: "x", Text: "x"})
	r.Trace(Event{Kind: Leg, Call: "a", Text: "c"})
	in(req("c", "BYE/", "sip:4@h"))
	in(resp("y", 200, "OPTIONS"))
	in("garbage")
	r.Trace(Event{Kind: Note, Call: "x", Text: "of x"})

	for _, c := range []struct{ call, want string }{
		{"a", "INVITE sip:1@h SIP/2.0 | INVITE sip:2@h SIP/2.0 | b | c | BYE sip:4@h SIP/2.0"},
		{"x", "INVITE sip:3@h SIP/2.0 | x | of x"},
		{"nobody", ""},
	} {
		if got := texts(r.Call(c.call)); got != c.want {
			t.Errorf("call %s: got %s, want %s", c.call, got, c.want)
		}
	}
	if got := strings.Join(r.Calls(), " "); got != "a x" {
		t.Errorf("calls: %s", got)
	}
	if n := len(r.Events()); n != 10 {
		t.Errorf("%d events", n)
	}
	r.Reset()
	if len(r.Events())+len(r.Calls())+len(r.Call("a")) != 0 {
		t.Error("something is left after Reset")
	}
}

// What is recorded does not change when the sender's buffer does.
func TestRecorderCopies(t *testing.T) {
	var r Recorder
	buf := make([]byte, 100)
	for i := range 2000 { // more than one chunk
		for j := range buf {
			buf[j] = byte(i)
		}
		r.Trace(Event{Kind: Sent, Bytes: buf})
	}
	big := make([]byte, 2*chunk)
	r.Trace(Event{Kind: Sent, Bytes: big})
	for i, e := range r.Events()[:2000] {
		if len(e.Bytes) != 100 || e.Bytes[0] != byte(i) || e.Bytes[99] != byte(i) {
			t.Fatalf("event %d was overwritten: % x", i, e.Bytes[:4])
		}
	}
	if n := len(r.Events()[2000].Bytes); n != len(big) {
		t.Errorf("big message: %d bytes", n)
	}
}
