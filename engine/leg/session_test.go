package leg

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tandem/engine/clock"
)

// party notes what a SessionTimer wants and when.
type party struct{ did []string }

func (p *party) Refresh(now clock.Time) {
	p.did = append(p.did, "refresh "+fmt.Sprint(time.Duration(now)))
}

func (p *party) Expired(now clock.Time) {
	p.did = append(p.did, "expired "+fmt.Sprint(time.Duration(now)))
}

// RFC 4028 §10: the refresher refreshes at half the interval; the other side gives up a third of it, 32 s at most,
// before its end; a refresh that gets no answer leaves the rest of the interval.
func TestSessionTimer(t *testing.T) {
	for name, c := range map[string]struct {
		interval time.Duration
		who      Refresher
		want     []string
	}{
		"theirs":        {1800 * time.Second, Theirs, []string{"expired 29m28s"}},
		"theirs, brief": {90 * time.Second, Theirs, []string{"expired 1m0s"}},
		"ours":          {1800 * time.Second, Ours, []string{"refresh 15m0s", "expired 29m28s"}},
		"nobody's":      {1800 * time.Second, NoRefresher, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var h clock.Heap
			var s SessionTimer
			p := &party{}
			s.Stop() // at rest
			s.Start(0, &h, p, c.interval, c.who)
			runAll(&h)
			if !slices.Equal(p.did, c.want) {
				t.Errorf("got %v, want %v", p.did, c.want)
			}
		})
	}
}

func TestSessionTimerStops(t *testing.T) {
	var h clock.Heap
	var s SessionTimer
	p := &party{}
	s.Start(0, &h, p, time.Minute, Ours)
	s.Stop()
	runAll(&h)
	if len(p.did) != 0 {
		t.Errorf("went on: %v", p.did)
	}
}

func TestParseSessionExpires(t *testing.T) {
	for value, want := range map[string]SessionExpires{
		"1800":                      {1800, ""},
		"90;refresher=uac":          {90, "uac"},
		"90 ; Refresher=uas ; x=y":  {90, "uas"},
		"4294967295;refresher=both": {4294967295, ""},
	} {
		got, ok := ParseSessionExpires(invite(t, "Session-Expires: "+value))
		if !ok || got != want {
			t.Errorf("%s: got %v %v", value, got, ok)
		}
	}
	for _, value := range []string{"", "x", "4294967296", ";refresher=uac"} {
		if got, ok := ParseSessionExpires(invite(t, "Session-Expires: "+value)); ok {
			t.Errorf("%q: got %v", value, got)
		}
	}
	if _, ok := ParseSessionExpires(invite(t)); ok {
		t.Error("found in a message without")
	}
}
