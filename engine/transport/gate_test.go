package transport

import (
	"testing"
	"time"
)

func TestGateTellsOfRecentHandshakes(t *testing.T) {
	g := newGate()
	now := time.Unix(1_000, 0)
	g.now = func() time.Time { return now }
	says := func(when string, want bool) {
		t.Helper()
		if got := g.recent(); got != want {
			t.Errorf("%s: recent is %v", when, got)
		}
	}
	says("before the first", false)
	g.enter()
	says("while one computes", true)
	g.leave()
	now = now.Add(lull - 1)
	says("shortly after", true)
	now = now.Add(1)
	says("after the lull", false)
	g.enter()
	says("at the next", true)
}
