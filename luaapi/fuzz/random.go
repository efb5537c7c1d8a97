package fuzz

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"tandem/engine/sim"
	"tandem/luaapi"
	"tandem/luaapi/scenario"
)

// known is what a script speaks of: words that may be users.
type known struct{ users []string }

var (
	literal = regexp.MustCompile(`"([^"\n]*)"|'([^'\n]*)'`)
	sipUser = regexp.MustCompile(`^sips?:([^@;?]+)@`)
	userish = regexp.MustCompile(`^[0-9A-Za-z+*._-]{1,20}$`)
)

// harvest collects the words of a script that may be users: those of its URIs, and its short strings.
func harvest(s *luaapi.Snapshot) known {
	var k known
	for _, file := range s.Files() {
		for _, m := range literal.FindAllStringSubmatch(s.File(file), -1) {
			text := m[1] + m[2]
			if u := sipUser.FindStringSubmatch(text); u != nil {
				text = u[1]
			}
			if userish.MatchString(text) && !slices.Contains(k.users, text) {
				k.users = append(k.users, text)
			}
		}
	}
	slices.Sort(k.users)
	return k
}

// pick returns one of some.
func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

// user is one that the script knows, or one that it does not.
func (k known) user(rng *rand.Rand) string {
	if len(k.users) > 0 && rng.IntN(10) < 8 {
		return pick(rng, k.users...)
	}
	return pick(rng, "0", "112", "+4930123456", "00493012345678", "anonymous", "a%20b", "x-"+fmt.Sprint(rng.IntN(1000)), fmt.Sprint(rng.IntN(100000)))
}

// scenario is a random network.
func (k known) scenario(rng *rand.Rand, seed uint64) *scenario.Scenario {
	s := &scenario.Scenario{Seed: seed, Seeded: true}
	s.At = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rng.Int64N(int64(366 * 24 * time.Hour))).Truncate(time.Minute))
	for i := range 1 + rng.IntN(3) {
		s.Calls = append(s.Calls, k.call(rng, i))
	}
	for _, u := range k.users {
		if rng.IntN(2) == 0 {
			s.Phones = append(s.Phones, &scenario.Phone{Name: u, Answers: answers(rng)})
		}
	}
	s.Phones = slices.DeleteFunc(s.Phones, func(p *scenario.Phone) bool { return !nameable(p.Name) })
	if rng.IntN(4) == 0 { // loss of more than a tenth would lose every copy of an ACK now and then, which is nobody's fault
		s.Links = []scenario.Link{{Faults: sim.Faults{
			Loss: float64(rng.IntN(3)) / 20, Duplicate: float64(rng.IntN(3)) / 10, Jitter: time.Duration(rng.IntN(300)) * time.Millisecond,
		}}}
	}
	return s
}

func (k known) call(rng *rand.Rand, i int) *scenario.Call {
	c := &scenario.Call{From: "sip:" + k.user(rng) + "@" + scenario.FromHost, To: "sip:" + k.user(rng) + "@" + scenario.ToHost}
	if i > 0 {
		c.After = time.Duration(rng.IntN(60)) * time.Second
	}
	if rng.IntN(4) == 0 {
		d := c.After + time.Duration(rng.IntN(60000))*time.Millisecond
		c.Cancel = &d
	}
	if rng.IntN(3) == 0 {
		d := time.Duration(rng.IntN(120)) * time.Second
		c.Hangup = &d
	}
	for range max(0, rng.IntN(9)-3) {
		c.Headers = append(c.Headers, sim.Header{Name: "Diversion", Value: fmt.Sprintf("<sip:%s@%s>;reason=%s", k.user(rng), scenario.ToHost, pick(rng, "user-busy", "no-answer", "unconditional", "odd"))})
	}
	if rng.IntN(5) == 0 {
		c.Headers = append(c.Headers, pick(rng,
			sim.Header{Name: "P-Asserted-Identity", Value: "<sip:" + k.user(rng) + "@" + scenario.FromHost + ">"}, sim.Header{Name: "Privacy", Value: "id"},
			sim.Header{Name: "Subject", Value: strings.Repeat("long ", 40)}, sim.Header{Name: "Max-Breadth", Value: "2"}, sim.Header{Name: "History-Info", Value: "<sip:1@h>;index=1"}))
	}
	return c
}

// answers is what a phone does; nil rng is what is assumed of phones.
func answers(rng *rand.Rand) []scenario.Answer {
	if rng == nil {
		return []scenario.Answer{others}
	}
	var all []scenario.Answer
	for range 1 + rng.IntN(2) {
		text := answer(rng)
		a, err := scenario.ParseAnswers(text)
		if err != nil {
			panic(err) // the words are ours
		}
		all = append(all, a...)
	}
	return all
}

func answer(rng *rand.Rand) string {
	after := time.Duration(rng.IntN(45000)) * time.Millisecond
	code := pick(rng, 400, 403, 404, 408, 410, 480, 484, 486, 487, 488, 500, 503, 600, 603, 604)
	switch rng.IntN(12) {
	case 0, 1, 2:
		return fmt.Sprintf("200 after %s", after)
	case 3:
		return fmt.Sprintf("183 sdp, 200 after %s, bye after %s", after, after+time.Minute)
	case 4, 5:
		return fmt.Sprintf("%d after %s", code, after)
	case 6:
		return fmt.Sprint(code)
	case 7:
		return "never"
	case 8:
		return "silent"
	case 9:
		return "absent"
	case 10:
		return fmt.Sprintf("180, ignore-cancel, 200 after %s", after)
	}
	return "302 to sip:" + fmt.Sprint(100+rng.IntN(900)) + "@192.0.2." + fmt.Sprint(100+rng.IntN(50))
}
