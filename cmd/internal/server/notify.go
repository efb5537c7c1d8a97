package server

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"
)

// What the service manager is told (sd_notify(3)). Without one, nobody is.
const (
	ready    = daemon.SdNotifyReady
	stopping = daemon.SdNotifyStopping
	alive    = daemon.SdNotifyWatchdog
)

func (s *Server) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("the service manager cannot be told", zap.Error(err))
	}
}

// reloading tells that a reload has begun; what is returned tells that it has ended.
func (s *Server) reloading() (done func()) {
	s.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	return func() { s.notify(ready) }
}

// watchdog tells the service manager that every shard answers, twice in the time in which it wants to hear so.
func (s *Server) watchdog(ctx context.Context) {
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the service manager's watchdog is not served", zap.Error(err))
	}
	if within == 0 {
		return
	}
	tick := time.NewTicker(within / 2)
	defer tick.Stop()
	for {
		turn, cancel := context.WithTimeout(ctx, within/2)
		_, err := s.stats(turn)
		cancel()
		switch {
		case err == nil:
			s.notify(alive)
		case ctx.Err() == nil:
			s.log.Error("the service manager's watchdog is not fed", zap.Error(err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
