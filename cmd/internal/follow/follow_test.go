package follow

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tandem/engine/clock"
	"tandem/engine/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait; nothing takes a hundredth of it.
const patience = 2 * time.Minute

// shards stand for those of an engine.
type shards struct {
	sink trace.Sink
	err  error
}

func (s *shards) feed(t *testing.T) *Feed {
	t.Helper()
	f := New(Config{
		Attach: func(_ context.Context, sink trace.Sink) error { s.sink = sink; return s.err },
		Detach: func() { s.sink = nil },
		Now:    func() clock.Time { return clock.Time(time.Hour) }, Date: func() time.Time { return date },
	})
	t.Cleanup(f.Close)
	return f
}

func listen(t *testing.T, f *Feed) *Listener {
	t.Helper()
	l, err := f.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func next(t *testing.T, l *Listener) *Call {
	t.Helper()
	select {
	case c := <-l.Calls():
		return c
	case <-time.After(patience):
		t.Fatal("no call")
		return nil
	}
}

// Shards are listened to as long as somebody follows, and all who follow hear of every call.
func TestFeed(t *testing.T) {
	s := &shards{}
	f := s.feed(t)
	if s.sink != nil {
		t.Fatal("somebody listens to the shards")
	}
	one, two := listen(t, f), listen(t, f)
	for _, e := range []trace.Event{invite("a", "z9hG4bK1"), refusal("a")} {
		s.sink.Trace(e)
	}
	for _, l := range []*Listener{one, two} {
		if c := next(t, l); c.ID != "a" || c.Final != 401 || !c.Began.Equal(date) {
			t.Errorf("%+v", c)
		}
	}
	one.Close()
	if s.sink == nil || f.Len() != 1 {
		t.Errorf("nobody listens although one follows: %d", f.Len())
	}
	two.Close()
	if s.sink != nil || f.Len() != 0 {
		t.Errorf("somebody listens although nobody follows: %d", f.Len())
	}
	three := listen(t, f) // and once more
	if s.sink == nil {
		t.Error("nobody listens")
	}
	three.Close()
}

// The end of the feed ends who listens, after what is over by then.
func TestFeedEnds(t *testing.T) {
	s := &shards{}
	f := s.feed(t)
	l := listen(t, f)
	s.sink.Trace(invite("a", "z9hG4bK1"))
	s.sink.Trace(refusal("a"))
	f.Close()
	<-l.Ended()
	if c := next(t, l); c.ID != "a" {
		t.Errorf("%+v", c)
	}
	l.Close() // does nothing any more
	if _, err := f.Listen(t.Context()); err == nil {
		t.Error("a feed that has ended is listened to")
	}
}

func TestFeedFails(t *testing.T) {
	s := &shards{err: errors.New("a shard does not answer")}
	f := s.feed(t)
	if _, err := f.Listen(t.Context()); !errors.Is(err, s.err) || s.sink != nil || f.Len() != 0 {
		t.Errorf("%v, %d listeners", err, f.Len())
	}
}

// Shards do not wait for who does not read, and who does not read is told what he missed.
func TestFeedFull(t *testing.T) {
	f := New(Config{Date: func() time.Time { return date }})
	for range queueSize + 2 {
		f.Trace(refusal("a"))
	}
	if n := f.lost.Load(); n != 2 {
		t.Errorf("%d events lost", n)
	}
	l := &Listener{feed: f, calls: make(chan *Call, 1)}
	f.set([]*Listener{l})
	f.hand([]*Call{{ID: "a"}, {ID: "b"}, {ID: "c", Missed: 4}})
	if c := <-l.Calls(); c.ID != "a" || c.Missed != 1 {
		t.Errorf("%+v", c)
	}
	f.hand([]*Call{{ID: "d"}})
	if c := <-l.Calls(); c.ID != "d" || c.Missed != 6 {
		t.Errorf("%+v", c)
	}
}
