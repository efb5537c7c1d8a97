package identity

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func texts(entries []Entry) []string {
	var s []string
	for _, e := range entries {
		s = append(s, e.String())
	}
	return s
}

func TestIndexOrder(t *testing.T) {
	// RFC 7044 §9.3: 1.2.1 comes after 1.2 but before 1.2.2 or 1.3
	order := []Index{"1", "1.1", "1.2", "1.2.0", "1.2.0.1", "1.2.1", "1.2.2", "1.3", "1.10", "2"}
	for i, a := range order {
		for j, b := range order {
			if got := a.Compare(b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s to %s is %d", a, b, got)
			}
		}
	}
	for _, bad := range []string{"", "1.", ".1", "a", "1..1", "-1", "+1", "1.99999999999"} {
		if e := ParseEntry("<sip:x>;index=" + bad); e.Index() != "" {
			t.Errorf("%q is the index %q", bad, e.Index())
		}
	}
}

func TestReceived(t *testing.T) {
	tests := map[string]struct {
		history, ruri string
		want          []string
	}{
		"no history":         {"", "sip:100@pbx", []string{"<sip:100@pbx>;index=1"}},
		"complete":           {"<sip:100@pbx>;index=1", "sip:100@pbx;user=phone", []string{"<sip:100@pbx>;index=1"}},
		"a gap":              {"<sip:a@x>;index=1, <sip:b@x>;index=1.1;mp=1", "sip:100@pbx", []string{"<sip:a@x>;index=1", "<sip:b@x>;index=1.1;mp=1", "<sip:100@pbx>;index=1.1.0"}},
		"malformed at end":   {"<sip:100@pbx>;index=1, nonsense", "sip:100@pbx", []string{"<sip:100@pbx>;index=1", "nonsense"}},
		"only without index": {"<sip:100@pbx>", "sip:100@pbx", []string{"<sip:100@pbx>", "<sip:100@pbx>;index=1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Received(Parse(tt.history), tt.ruri)
			if diff := cmp.Diff(tt.want, texts(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The history of RFC 7044 §10.3's rules: a request sent to one, busy, and sent on to another user.
func TestForward(t *testing.T) {
	h := Received(nil, "sip:100@pbx")
	first := Forward(h, 1, SameUser, "sip:100@192.0.2.11").Failed(Reason{"SIP", 486, "Busy Here"})
	second := Forward(h, 2, OtherUser, "sip:200@192.0.2.12")
	third := Forward(h, 3, "", "tel:+4930").Failed(Reason{"SIP", 408, ""})
	want := []string{
		"<sip:100@pbx>;index=1",
		"<sip:100@192.0.2.11?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1.1;rc=1",
		"<sip:200@192.0.2.12>;index=1.2;mp=1",
		"<tel:+4930>;index=1.3",
	}
	got := append(h, first, second, third)
	if diff := cmp.Diff(want, texts(got)); diff != "" {
		t.Error(diff)
	}
	if kind, from := second.Mapping(); kind != OtherUser || from != "1" {
		t.Errorf("mapped by %q from %q", kind, from)
	}
	if r := first.Reasons(); len(r) != 1 || r[0] != (Reason{"SIP", 486, "Busy Here"}) {
		t.Errorf("left for %v", r)
	}
}

func TestAnonymised(t *testing.T) {
	in := Parse(`"A" <sip:a@x?Privacy=history&Reason=SIP%3Bcause%3D302>;index=1, <sip:b@x>;index=1.1, "C" <sip:c@x>;privacy=full, <sip:d@x>;privacy=off, nonsense`)
	hidden := "<sip:anonymous@anonymous.invalid"
	want := []string{hidden + "?Reason=SIP%3Bcause%3D302>;index=1", "<sip:b@x>;index=1.1", hidden + ">;privacy=full", "<sip:d@x>;privacy=off", "nonsense"}
	if diff := cmp.Diff(want, texts(Anonymised(in, false))); diff != "" {
		t.Error(diff)
	}
	want[1], want[3] = hidden+">;index=1.1", hidden+">;privacy=off"
	if diff := cmp.Diff(want, texts(Anonymised(in, true))); diff != "" {
		t.Error(diff)
	}
}

func TestDiversion(t *testing.T) {
	tests := map[string]struct {
		d    Diversion
		want string
	}{
		"least":      {Diversion{By: "sip:100@pbx"}, "<sip:100@pbx>"},
		"whole":      {Diversion{"sip:100@pbx", `Bob "B"`, "user-busy", 1, "off", "yes"}, `"Bob \"B\"" <sip:100@pbx>;reason=user-busy;counter=1;privacy=off;screen=yes`},
		"odd reason": {Diversion{By: "tel:+49", Reason: "gone; for good", Counter: 120}, `<tel:+49>;reason="gone; for good";counter=99`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.d.Entry(); got.String() != tt.want || got.Err() != nil {
				t.Errorf("%s, %v\nwant %s", got, got.Err(), tt.want)
			}
		})
	}
}

func TestCounters(t *testing.T) {
	tests := map[string]struct {
		field    string
		n        int
		exceeded bool
	}{
		"none":          {"", 0, false},
		"one each":      {"<sip:a@x>, <sip:b@x>;counter=1", 2, false},
		"more":          {"<sip:a@x>;counter=3;limit=5, <sip:b@x>;counter=99", 102, true},
		"at the limit":  {"<sip:a@x>;counter=4;limit=5", 4, false},
		"over it":       {"<sip:a@x>;counter=5;limit=5", 5, true},
		"nonsense":      {"<sip:a@x>;counter=many;limit=none, broken;counter=4", 1, false},
		"out of bounds": {"<sip:a@x>;counter=0;limit=100", 1, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if n, x := Diversions(Parse(tt.field)), Exceeded(Parse(tt.field)); n != tt.n || x != tt.exceeded {
				t.Errorf("%d diversions, exceeded %v, want %d, %v", n, x, tt.n, tt.exceeded)
			}
		})
	}
}

func TestConvert(t *testing.T) {
	tests := map[string]struct{ diversion, target, history string }{
		"one": {
			"<sip:b@x>;reason=user-busy;counter=1", "sip:c@x",
			"<sip:b@x>;index=1, <sip:c@x;cause=486>;index=1.1;mp=1",
		},
		"three, the last first": {
			"<sip:3@x>;reason=unconditional;counter=1;privacy=off, <sip:2@x>;reason=user-busy;counter=1;privacy=full, <sip:1@x>;reason=no-answer;counter=1", "sip:4@x",
			"<sip:1@x>;index=1, <sip:2@x;cause=408?Privacy=history>;index=1.1;mp=1, <sip:3@x;cause=486?Privacy=none>;index=1.1.1;mp=1.1, <sip:4@x;cause=302>;index=1.1.1.1;mp=1.1.1",
		},
		"a counter": {
			"<sip:b@x>;reason=deflection;counter=3", "sip:c@x",
			"<sip:unknown@unknown.invalid>;index=1, <sip:unknown@unknown.invalid;cause=404>;index=1.1;mp=1, <sip:b@x;cause=404>;index=1.1.1;mp=1.1, <sip:c@x;cause=480>;index=1.1.1.1;mp=1.1.1",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			history := Parse(tt.history)
			if diff := cmp.Diff(texts(history), texts(ToHistory(Parse(tt.diversion), tt.target))); diff != "" {
				t.Error("to history:", diff)
			}
			if diff := cmp.Diff(texts(Parse(tt.diversion)), texts(ToDiversion(history))); diff != "" {
				t.Error("to diversion:", diff)
			}
		})
	}
	if h := ToHistory(Parse("nonsense"), "sip:c@x"); h != nil {
		t.Errorf("a history from nothing: %v", texts(h))
	}
}

// Systems from before RFC 7044 say why in the entry that the call left.
func TestToDiversionOfOldHistory(t *testing.T) {
	tests := map[string]struct{ history, want string }{
		"reason inside":    {"<sip:a@x?Reason=SIP%3Bcause%3D302>;index=1, <sip:b@x>;index=1.1", "<sip:a@x>;reason=unconditional;counter=1"},
		"retarget reason":  {`<sip:a@x>;index=1;ms-retarget-reason=forwarding, <sip:b@x>;index=1.1`, "<sip:a@x>;reason=unknown;counter=1"},
		"only forwarded":   {"<sip:a@x>;index=1, <sip:a@y>;index=1.1;np=1", ""},
		"same user":        {"<sip:a@x>;index=1, <sip:b@x>;index=1.1;rc=1", ""},
		"mp of nobody":     {"<sip:a@x>;index=1, <sip:b@x>;index=1.1;mp=7", ""},
		"mp of itself":     {"<sip:a@x;cause=302>;index=1;mp=1", ""},
		"malformed before": {"nonsense, <sip:b@x;cause=302>;index=1.1", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(texts(Parse(tt.want)), texts(ToDiversion(Parse(tt.history)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A list of diversions comes back from a history as it went in.
func TestConvertRoundTrip(t *testing.T) {
	reasons := []string{"unconditional", "user-busy", "no-answer", "deflection", "unavailable", "unknown"}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		var in []Entry
		for i := range n {
			in = append(in, Diversion{
				By: fmt.Sprintf("sip:%d@x;user=phone", i), Display: rapid.StringMatching(`[a-z"<,]{0,5}`).Draw(t, "display"), Counter: rapid.IntRange(1, 4).Draw(t, "counter"),
				Reason: rapid.SampledFrom(reasons).Draw(t, "reason"), Privacy: rapid.SampledFrom([]string{"", "full", "off"}).Draw(t, "privacy"),
			}.Entry())
		}
		history := ToHistory(in, "sip:target@x")
		if !slices.IsSortedFunc(history, func(a, b Entry) int { return a.Index().Compare(b.Index()) }) {
			t.Errorf("out of order: %v", texts(history))
		}
		if diff := cmp.Diff(texts(in), texts(ToDiversion(history))); diff != "" {
			t.Error(diff)
		}
	})
}
