package leg

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tandem/engine/clock"
)

// peer notes what an Answer does and when.
type peer struct{ did []string }

func (p *peer) Resend(now clock.Time) { p.did = append(p.did, fmt.Sprint(time.Duration(now))) }
func (p *peer) Lapsed(now clock.Time) {
	p.did = append(p.did, "lapsed "+fmt.Sprint(time.Duration(now)))
}

func runAll(h *clock.Heap) {
	for {
		at, ok := h.Next()
		if !ok {
			return
		}
		h.Run(at)
	}
}

// RFC 3261 §13.3.1.4: T1, doubling to T2, for 64*T1.
func TestAnswerSchedule(t *testing.T) {
	var h clock.Heap
	var a Answer
	p := &peer{}
	a.Start(0, &h, p, 3, 500*time.Millisecond, 4*time.Second)
	runAll(&h)
	want := []string{"500ms", "1.5s", "3.5s", "7.5s", "11.5s", "15.5s", "19.5s", "23.5s", "27.5s", "31.5s", "lapsed 32s"}
	if !slices.Equal(p.did, want) {
		t.Errorf("got %v, want %v", p.did, want)
	}
}

func TestAnswerStops(t *testing.T) {
	var h clock.Heap
	var a Answer
	p := &peer{}
	a.Stop() // at rest
	a.Start(0, &h, p, 3, 500*time.Millisecond, 4*time.Second)
	h.Run(clock.Time(500 * time.Millisecond))
	if a.Waiting(2) || !a.Waiting(3) {
		t.Error("waits for the wrong CSeq")
	}
	a.Stop()
	runAll(&h)
	if a.Waiting(3) || !slices.Equal(p.did, []string{"500ms"}) {
		t.Errorf("went on after Stop: %v", p.did)
	}
}
