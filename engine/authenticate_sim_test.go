package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tandem/engine"
	"tandem/engine/guard"
	"tandem/engine/leg"
	"tandem/engine/sim"
)

// identified is a call of a caller who says something about himself, and what comes of it.
type identified struct {
	from, user, password string // user "" = no credentials
	final                int
	challenges, failures int // at least; that many, copies counted once
}

var identifications = []identified{
	{from: "sip:100@pbx.example", user: "100", password: "secret", final: 200, challenges: 1},
	{from: "sip:101@pbx.example", user: "101", password: "other", final: 200, challenges: 1},
	{from: "sip:alice@example.net", final: 200},
	{from: "sip:100@pbx.example", final: 407, challenges: 1},
	{from: "sip:100@pbx.example", user: "100", password: "guess", final: 407, challenges: 2, failures: 1},
	{from: "sip:100@pbx.example", user: "999", password: "guess", final: 407, challenges: 2, failures: 1},
	{from: "sip:100@pbx.example", user: "101", password: "other", final: 403, challenges: 1},
}

// Whatever the network does to their datagrams, each of many callers gets what his credentials are worth, a failure counts once, and nothing is left over; with one shard
// and with three it is the same.
func TestCredentialsInBadWeather(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		weather := sim.Faults{
			Loss: float64(rapid.IntRange(0, 15).Draw(rt, "loss")) / 100, Duplicate: float64(rapid.IntRange(0, 30).Draw(rt, "dup")) / 100,
			Jitter: time.Duration(rapid.IntRange(0, 30).Draw(rt, "jitter")) * time.Millisecond,
		}
		calls := rapid.SliceOfN(rapid.SampledFrom(identifications), 1, 12).Draw(rt, "calls")
		var outcomes [][]int
		for _, shards := range []int{1, 3} {
			outcomes = append(outcomes, identify(t, rt, shards, weather, calls))
		}
		if !slices.Equal(outcomes[0], outcomes[1]) {
			rt.Errorf("one shard: %v, three: %v", outcomes[0], outcomes[1])
		}
	})
}

// identify places the calls and returns their final responses.
func identify(t *testing.T, rt *rapid.T, shards int, weather sim.Faults, calls []identified) (finals []int) {
	var users []string
	r := newRig(t, routed(&users), shards, asking(), guarded(guard.Config{}))
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer()})
	r.net.Impair(weather)
	var placed []*sim.Call
	wantChallenges, wantFailures := 0, 0
	for i, c := range calls {
		var own *leg.Login
		if c.user != "" {
			own = login(c.user, c.password)
		}
		s := sim.CallSpec{From: c.from, Login: own, HangupAfter: seconds(1), CallID: fmt.Sprint("call", i)}
		placed = append(placed, r.place(s))
		wantChallenges, wantFailures = wantChallenges+c.challenges, wantFailures+c.failures
		if rapid.Bool().Draw(rt, "wait") {
			r.until(r.net.Now().Add(time.Second))
		}
	}
	r.run()
	for i, c := range placed {
		finals = append(finals, c.Final())
		if c.Final() != calls[i].final {
			rt.Errorf("call %d: %d, want %d", i, c.Final(), calls[i].final)
		}
	}
	var got engine.Stats
	for _, sh := range r.eng.Shards() {
		st := sh.Stats()
		got.Challenges, got.Failures, got.Bans = got.Challenges+st.Challenges, got.Failures+st.Failures, got.Bans+st.Bans
	}
	if int(got.Challenges) < wantChallenges || int(got.Failures) != wantFailures || got.Bans != 0 {
		rt.Errorf("%d challenges and %d failures, want %d or more and %d; %d bans", got.Challenges, got.Failures, wantChallenges, wantFailures, got.Bans)
	}
	return finals
}
