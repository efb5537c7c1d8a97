package admin

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCalls(t *testing.T) {
	const id = "a/b?c=d&e+f%20@192.0.2.1"
	e := &engine{calls: []Call{{
		ID: id, From: "sip:a@example.net", To: "sip:b@example.net", Source: "udp:192.0.2.7:5060", State: "ringing",
		Since:    time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC),
		Branches: []Branch{{Target: "sip:b@192.0.2.11", Remote: "udp:192.0.2.11:5060", State: "ringing"}, {Target: "sip:b@example.org", State: "trying"}},
	}}}
	path := serve(t, e)
	got, err := Calls(t.Context(), path)
	if diff := cmp.Diff(e.calls, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if n, err := End(t.Context(), path, id); n != 1 || err != nil || !slices.Equal(e.ended, []string{id}) {
		t.Errorf("%d, %v: ended %q", n, err, e.ended)
	}
}

func TestCallsFail(t *testing.T) {
	path := serve(t, &engine{err: errors.New("a shard does not answer")})
	_, listed := Calls(t.Context(), path)
	_, ended := End(t.Context(), path, "a")
	for _, err := range []error{listed, ended} {
		if err == nil || !strings.Contains(err.Error(), "refused: a shard does not answer") {
			t.Errorf("got %v", err)
		}
	}
}
