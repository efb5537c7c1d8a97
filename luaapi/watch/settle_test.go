package watch

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	bounce = 250 * time.Millisecond
	slow   = 5 * time.Second
)

var zero = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }

// event is something that happens to a folder at a time, in ms.
type event struct {
	ms      int
	version string // what the folder holds from then on
	silent  bool   // without an event
}

// play runs a settle on virtual time until nothing is left to do and returns what it loads: "600 b".
func play(events []event, until int) (loads []string) {
	s := newSettle(bounce, slow, "a", zero)
	version := "a"
	for {
		due := int(s.due().Sub(zero) / time.Millisecond)
		if len(events) > 0 && events[0].ms <= due {
			version = events[0].version
			if !events[0].silent {
				s.dirty(at(events[0].ms))
			}
			events = events[1:]
			continue
		}
		if due > until {
			return loads
		}
		if s.look(at(due), version) {
			loads = append(loads, fmt.Sprintf("%d %s", due, version))
		}
	}
}

func TestSettle(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []event
		want   string
	}{
		{"a change", []event{{ms: 100, version: "b"}}, "[600 b]"},
		{"an event without a change", []event{{ms: 100, version: "a"}}, "[]"},
		{"changed and changed back", []event{{ms: 100, version: "b"}, {ms: 200, version: "a"}}, "[]"},
		{"written in two halves", []event{{ms: 100, version: "half"}, {ms: 300, version: "b"}}, "[800 b]"},
		{"the second half after the first read", []event{{ms: 100, version: "half"}, {ms: 400, version: "b"}}, "[900 b]"},
		{"the second half without an event", []event{{ms: 100, version: "half"}, {ms: 400, version: "b", silent: true}}, "[850 b]"},
		{"two changes", []event{{ms: 100, version: "b"}, {ms: 2000, version: "c"}}, "[600 b 2500 c]"},
		{"back to what was served", []event{{ms: 100, version: "b"}, {ms: 2000, version: "a"}}, "[600 b 2500 a]"},
		{"found by the poll", []event{{ms: 100, version: "b", silent: true}}, "[5250 b]"},
		{"the poll goes on after a load", []event{{ms: 100, version: "b"}, {ms: 700, version: "c", silent: true}}, "[600 b 5850 c]"},
		{"changed without an event shortly before the hurry", []event{
			{ms: 1, version: "a"},
			{ms: 2, version: "b", silent: true},
			{ms: 366, version: "c"},
			{ms: 799, version: "a", silent: true},
			{ms: 808, version: "a"},
			{ms: 978, version: "b", silent: true},
			{ms: 1252, version: "c"},
		}, "[1751 c]"},
		{"gone and back", []event{{ms: 100, version: "error"}, {ms: 2000, version: "a"}}, "[600 error 2500 a]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fmt.Sprint(play(c.events, 20_000)); got != c.want {
				t.Errorf("loads %s, want %s", got, c.want)
			}
		})
	}
}

// A folder in which something is written all the time is read all the same.
func TestSettleUnderAStreamOfEvents(t *testing.T) {
	var events []event
	for ms := 100; ms < 6000; ms += 50 {
		events = append(events, event{ms: ms, version: "b"})
	}
	if got, want := fmt.Sprint(play(events, 20_000)), "[1850 b]"; got != want {
		t.Errorf("loads %s, want %s", got, want)
	}
}

// An editor that saves something else every 100 ms cannot put a load off for more than 2 s, time and again.
func TestSettleUnderContinuousSaves(t *testing.T) {
	var events []event
	for i := range 60 {
		events = append(events, event{ms: 100 + 100*i, version: fmt.Sprint("v", i)})
	}
	loads := play(events, 20_000)
	last := 100
	for _, l := range loads {
		var ms int
		fmt.Sscan(l, &ms)
		if ms-last > 2150 {
			t.Errorf("nothing is loaded between %d and %d ms: %v", last, ms, loads)
		}
		last = ms
	}
	if n := len(loads); n < 3 || loads[n-1][len(loads[n-1])-3:] != "v59" {
		t.Errorf("loads %v", loads)
	}
}

// Whatever happens, only what was found twice is loaded, and what stays is loaded in the end.
func TestSettleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var events []event
		ms := 0
		for range rapid.IntRange(0, 12).Draw(t, "events") {
			ms += rapid.IntRange(1, 900).Draw(t, "wait")
			events = append(events, event{
				ms: ms, version: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "version"),
				silent: rapid.IntRange(0, 4).Draw(t, "silent") == 0,
			})
		}
		s := newSettle(bounce, slow, "a", zero)
		version, served, last := "a", "a", ""
		var lastAt, end time.Time
		if len(events) > 0 {
			end = at(events[len(events)-1].ms)
		}
		for s.due().Before(at(60_000)) {
			due := s.due()
			if len(events) > 0 && !at(events[0].ms).After(due) {
				version = events[0].version
				if !events[0].silent {
					s.dirty(at(events[0].ms))
				}
				events = events[1:]
				continue
			}
			hurried := !s.since.IsZero() && !due.Before(s.since.Add(hurry*bounce))
			if s.look(due, version) {
				if !hurried && (last != version || due.Sub(lastAt) < bounce) {
					t.Fatalf("%s is loaded at %v; the read before found %s at %v", version, due, last, lastAt)
				}
				if version == served {
					t.Fatalf("%s is loaded again", version)
				}
				served = version
			}
			last, lastAt = version, due
			if due.After(end.Add(slow+2*maxBurst*bounce)) && served != version {
				t.Fatalf("%s is there since %v and not loaded at %v", version, end, due)
			}
		}
	})
}
