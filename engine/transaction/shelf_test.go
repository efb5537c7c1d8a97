package transaction

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
)

// What is kept stays as it is, whatever else is kept and dropped.
func TestShelf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type kept struct{ got, want []byte }
		var (
			s   shelf
			all []kept
		)
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(all) > 0 && rapid.Bool().Draw(t, "drop") {
				k := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				s.drop(all[k].got)
				all = append(all[:k], all[k+1:]...)
			} else {
				want := bytes.Repeat([]byte{byte(i)}, rapid.IntRange(0, largestKept+2*shelfStep).Draw(t, "length"))
				all = append(all, kept{s.keep(want), want})
			}
			for _, k := range all {
				if !bytes.Equal(k.got, k.want) {
					t.Fatalf("step %d: %d bytes have changed", i, len(k.want))
				}
			}
		}
	})
}

func TestShelfUsesBuffersAgain(t *testing.T) {
	for _, test := range []struct {
		name         string
		first, again int
		used         bool
	}{
		{"as long", 300, 300, true},
		{"as long as there is room", 300, 384, true},
		{"longer", 300, 385, false},
		{"much shorter: it would waste the room", 300, 256, false},
		{"the largest", largestKept, largestKept, true},
		{"too large", largestKept + 1, largestKept + 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var s shelf
			first := s.keep(make([]byte, test.first))
			s.drop(first)
			if again := s.keep(make([]byte, test.again)); (&again[0] == &first[0]) != test.used {
				t.Errorf("used again: %v, want %v", !test.used, test.used)
			}
		})
	}
	var s shelf
	for range 2 * shelfDepth {
		s.drop(make([]byte, 300))
	}
	if n := len(s[300/shelfStep]); n != shelfDepth {
		t.Errorf("%d buffers wait, want %d", n, shelfDepth)
	}
}

// hasty is a user that sends a request while it is told of a response without an ACK.
type hasty struct {
	quiet
	layer       *Layer
	first, then string // the response before it sends, and after
}

func (h *hasty) Unacknowledged(now clock.Time, m *message.Message, f flow.Flow) {
	h.first = string(m.Bytes())
	odd := strings.Replace(request("OPTIONS", "branch=z9hG4bKodd"), "Max-Forwards:", "Max-Forwards :", 1) // needs a parser, too
	for _, r := range []string{request("OPTIONS", "branch=z9hG4bKhasty"), odd} {
		h.layer.Request(now, f, message.OPTIONS, []byte(r+strings.Repeat("x", max(0, len(h.first)-len(r)))), nil)
	}
	h.then = string(m.Bytes())
}

// A response that its user is told of is not used again meanwhile.
func TestUnacknowledgedStays(t *testing.T) {
	var heap clock.Heap
	h := &hasty{}
	h.layer = New(&heap, h, ident.NewSource([32]byte{1}, 0), h, DefaultTimers)
	m := parse(t, request("INVITE"))
	h.layer.Receive(0, m, benchFlow)
	want := string(message.AppendBody(m.AppendResponse(nil, 486, "", []byte("t"), benchFlow.Remote), []byte(strings.Repeat("y", 100))))
	h.server.Respond(0, 486, []byte(want))
	for now, armed := heap.Next(); armed && h.first == ""; now, armed = heap.Next() {
		heap.Run(now)
	}
	if h.first != want || h.then != want {
		t.Errorf("told of\n%s\nthen\n%s\nwant\n%s", h.first, h.then, want)
	}
}
