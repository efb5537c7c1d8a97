package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"tandem/engine/clock"
)

// Drain turns new calls away and returns when the last call is over, at the latest after limit or when ctx is done; Close ends those that
// are left.
func (s *Server) Drain(ctx context.Context, limit time.Duration) {
	s.notify(stopping)
	idle := make(chan struct{}, len(s.sockets))
	for i, sock := range s.sockets {
		sock.Post(func(clock.Time) { s.engine.Shards()[i].Drain(func() { idle <- struct{}{} }) })
	}
	s.log.Info("stopping: new calls are turned away", zap.Duration("calls may go on for", limit))
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for range s.sockets {
		select {
		case <-idle:
		case <-timeout.C:
			s.log.Info("calls are ended: they were given " + limit.String())
			return
		case <-ctx.Done():
			return
		}
	}
}
