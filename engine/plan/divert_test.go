package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func divert(by, reason string, n *Node) *Node {
	return &Node{Kind: KindSerial, Members: []*Node{n}, Divert: &Divert{By: by, Reason: reason, Announce: true}}
}

// told returns the diversions of each INVITE: "200 by 100 user-busy from 1, …", with an exclamation mark if they are announced.
func (r *rig) told() string {
	var all []string
	for _, a := range r.every {
		if a.Kind != ActInvite {
			continue
		}
		text := a.Target.User
		for _, d := range a.Diverted {
			by := d.Divert.By
			if by == "" {
				by = strings.TrimPrefix(strings.TrimSuffix(d.By, "@192.0.2.1"), "sip:")
			}
			text += fmt.Sprintf(" (%s %s %d)", by, d.Reason, d.From)
		}
		if a.Announce != nil {
			text += "!"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestDivert(t *testing.T) {
	busy := func(b BranchID) Event { return Event{Kind: EventFinal, Branch: b, Code: 486} }
	for name, c := range map[string]struct {
		plan   *Node
		events []Event
		want   string
	}{
		"at once":            {divert("", "", to("1")), nil, "1 ( unconditional 0)!"},
		"said":               {divert("100", "deflection", to("1")), nil, "1 (100 deflection 0)!"},
		"after one":          {serial(to("1"), divert("", "", to("2"))), []Event{busy(1)}, "1, 2 ( user-busy 0)!"},
		"after the last":     {serial(to("1"), to("2"), divert("", "", to("3"))), []Event{busy(1), {Kind: EventFinal, Branch: 2, Code: 480}}, "1, 2, 3 ( unavailable 0)!"},
		"after an error":     {serial(to("1"), divert("", "", to("2"))), []Event{{Kind: EventFinal, Branch: 1, Code: 500}}, "1, 2 ( unavailable 0)!"},
		"a group, told once": {divert("", "", parallel(to("1"), to("2"))), nil, "1 ( unconditional 0)!, 2 ( unconditional 0)"},
		"in another serial":  {serial(to("1"), serial(divert("", "", to("2")))), []Event{busy(1)}, "1, 2 ( user-busy 0)!"},
		"a second one, in its place": {
			divert("", "", to("1")).with(on(Busy, divert("", "", to("2")))),
			[]Event{busy(1)},
			"1 ( unconditional 0)!, 2 ( unconditional 0) (1 user-busy 1)!",
		},
		"a second one, within": {
			divert("", "", serial(to("1"), divert("", "", to("2")))),
			[]Event{busy(1)},
			"1 ( unconditional 0)!, 2 ( unconditional 0) (1 user-busy 1)!",
		},
		"what takes the place is diverted": {divert("", "", to("1").with(on(Busy, to("2")))), []Event{busy(1)}, "1 ( unconditional 0)!, 2 ( unconditional 0)"},
		"what comes after is not":          {serial(divert("", "", to("1")), to("2")), []Event{busy(1)}, "1 ( unconditional 0)!, 2"},
		"an edge":                          {to("1").with(on(Busy, divert("", "", to("2")))), []Event{busy(1)}, "1, 2 ( user-busy 0)!"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, c.plan)
			for _, ev := range c.events {
				r.take(r.e.Step(r.now, ev))
			}
			if got := r.told(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Ring-out is no-answer if it rang or not, a 3xx deflects.
func TestDivertReasons(t *testing.T) {
	r := start(t, serial(&Node{Kind: KindTarget, Ring: 5 * time.Second, Target: to("1").Target}, divert("", "", to("2"))))
	r.at(5)
	if got, want := r.told(), "1, 2 ( no-answer 0)!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r = newRig(t, Limits{})
	r.redirect = func(*Step) *Node { return divert("", "", to("2")) }
	r.start(to("1"))
	r.take(r.e.Step(r.now, Event{Kind: EventFinal, Branch: 1, Code: 302}))
	if got, want := r.told(), "1, 2 ( deflection 0)!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r = newRig(t, Limits{})
	r.onExhaust = func(*Step, int) *Node { return divert("", "", to("2")) }
	r.start(to("1"))
	r.take(r.e.Step(r.now, Event{Kind: EventFinal, Branch: 1, Code: 480}))
	if got, want := r.told(), "1, 2 ( unavailable 0)!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An INVITE that must not be sent fails its branch with a code of ours.
func TestRefused(t *testing.T) {
	r := start(t, serial(to("1"), to("2")))
	r.take(r.e.Step(r.now, Event{Kind: EventRefused, Branch: 1, Code: 488, Phrase: "no codec"}))
	if r.last.Code != 488 || !r.last.Synthetic || r.last.Outcome != Failed || r.last.Phrase != "no codec" {
		t.Errorf("%+v", r.last)
	}
	if got := r.told(); got != "1, 2" {
		t.Error(got)
	}
}
