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

func TestRegistrations(t *testing.T) {
	e := &engine{users: []Contact{
		{User: "100", AOR: "sip:100@pbx.example", Contact: "sip:100@10.0.0.4", Source: "tcp:192.0.2.7:40000", Expires: 600, Q: 0.5, Instance: `"<urn:uuid:a>"`, RegID: 1, Path: []string{"<sip:p;lr>"}},
		{User: "101", Q: 1},
	}}
	got, err := Registrations(t.Context(), serve(t, e))
	if diff := cmp.Diff(e.users, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestCallsFail(t *testing.T) {
	path := serve(t, &engine{err: errors.New("a shard does not answer")})
	_, listed := Calls(t.Context(), path)
	_, ended := End(t.Context(), path, "a")
	_, registered := Registrations(t.Context(), path)
	for _, err := range []error{listed, ended, registered} {
		if err == nil || !strings.Contains(err.Error(), "refused: a shard does not answer") {
			t.Errorf("got %v", err)
		}
	}
}
