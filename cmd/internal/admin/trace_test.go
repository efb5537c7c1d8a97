package admin

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tandem/cmd/internal/follow"
	"tandem/engine/clock"
	"tandem/engine/trace"
)

const head = "Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"

// feed returns a feed that is told of a call as soon as somebody follows it.
func feed(t *testing.T) *follow.Feed {
	t.Helper()
	f := follow.New(follow.Config{
		Attach: func(_ context.Context, sink trace.Sink) error {
			sink.Trace(trace.Event{Kind: trace.Received, Bytes: []byte("INVITE sip:b@example.net SIP/2.0\r\n" + head)})
			sink.Trace(trace.Event{Kind: trace.Sent, Bytes: []byte("SIP/2.0 486 Busy Here\r\n" + head)})
			return nil
		},
		Detach: func() {},
		Now:    func() clock.Time { return clock.Time(time.Minute) }, Date: time.Now,
	})
	t.Cleanup(f.Close)
	return f
}

var errEnough = errors.New("enough")

func TestFollow(t *testing.T) {
	e := &engine{feed: feed(t)}
	path := serve(t, e)
	followed := false
	err := Follow(t.Context(), path, func() { followed = true }, func(c *follow.Call) error {
		if !followed || c.ID != "c" || c.Final != 486 || len(c.Events) != 2 {
			t.Errorf("%v %+v", followed, c)
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		t.Errorf("got %v", err)
	}
}

// The following ends with the engine, or when nobody wants it any more.
func TestFollowEnds(t *testing.T) {
	e := &engine{feed: feed(t)}
	path := serve(t, e)
	n := 0
	err := Follow(t.Context(), path, e.feed.Close, func(*follow.Call) error { n++; return nil })
	if !errors.Is(err, errStopped) || n != 1 {
		t.Errorf("got %v after %d calls", err, n)
	}
	e.feed = feed(t)
	ctx, cancel := context.WithCancel(t.Context())
	if err := Follow(ctx, path, cancel, func(*follow.Call) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFollowFails(t *testing.T) {
	path := serve(t, &engine{err: errors.New("a shard does not answer")})
	err := Follow(t.Context(), path, func() { t.Error("followed") }, func(*follow.Call) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "refused: a shard does not answer") {
		t.Errorf("got %v", err)
	}
	if err := Follow(t.Context(), path+"x", func() {}, nil); err == nil || !strings.Contains(err.Error(), "no engine answers") {
		t.Errorf("got %v", err)
	}
}
