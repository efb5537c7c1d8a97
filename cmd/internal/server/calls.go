package server

import (
	"context"
	"errors"
	"slices"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/follow"
	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/trace"
)

// ask runs a question on the goroutine of every shard and returns the answers in order.
func ask[T any](ctx context.Context, s *Server, question func(sh *engine.Shard, now clock.Time) T) ([]T, error) {
	all := make([]T, len(s.sockets))
	answers := make(chan struct{}, len(s.sockets))
	for i, sock := range s.sockets {
		sock.Post(func(now clock.Time) {
			all[i] = question(s.engine.Shards()[i], now)
			answers <- struct{}{}
		})
	}
	for range s.sockets {
		select {
		case <-answers:
		case <-ctx.Done():
			return nil, errors.New("a shard does not answer")
		}
	}
	return all, nil
}

// stats asks every shard for its counters.
func (s *Server) stats(ctx context.Context) ([]engine.Stats, error) {
	return ask(ctx, s, func(sh *engine.Shard, _ clock.Time) engine.Stats { return sh.Stats() })
}

// Calls returns the calls of all shards, the oldest first.
func (s *Server) Calls(ctx context.Context) ([]admin.Call, error) {
	shards, err := ask(ctx, s, func(sh *engine.Shard, _ clock.Time) []engine.CallInfo { return sh.List() })
	if err != nil {
		return nil, err
	}
	list := []admin.Call{}
	for _, c := range slices.Concat(shards...) {
		branches := []admin.Branch{}
		for _, b := range c.Branches {
			branches = append(branches, admin.Branch(b))
		}
		list = append(list, admin.Call{ID: c.ID, From: c.From, To: c.To, Source: c.Source, State: c.State, Since: c.Since, Branches: branches})
	}
	slices.SortStableFunc(list, func(a, b admin.Call) int { return a.Since.Compare(b.Since) })
	return list, nil
}

// byHand is the reason that peers are told of a call that was ended by `tandem calls end`.
const byHand = "Ended by hand"

// End ends the calls with a Call-ID: BYE to both sides of one that is answered, CANCEL and 480 to one that is not.
func (s *Server) End(ctx context.Context, id string) (n int, err error) {
	shards, err := ask(ctx, s, func(sh *engine.Shard, now clock.Time) int { return sh.Hangup(now, id, byHand) })
	for _, ended := range shards {
		n += ended
	}
	return n, err
}

// Follow begins to tell of calls that begin from now on.
func (s *Server) Follow(ctx context.Context) (*follow.Listener, error) { return s.feed.Listen(ctx) }

// attach makes the shards tell a sink of what happens, beside who is told of it anyway.
func (s *Server) attach(ctx context.Context, sink trace.Sink) error {
	if s.traced != nil {
		sink = both{s.traced, sink}
	}
	_, err := ask(ctx, s, func(sh *engine.Shard, _ clock.Time) struct{} { sh.Follow(sink); return struct{}{} })
	return err
}

// detach undoes attach.
func (s *Server) detach() {
	for i, sock := range s.sockets {
		sock.Post(func(clock.Time) { s.engine.Shards()[i].Follow(nil) })
	}
}

// both tells two sinks.
type both [2]trace.Sink

// Trace tells both.
func (b both) Trace(e trace.Event) {
	b[0].Trace(e)
	b[1].Trace(e)
}
