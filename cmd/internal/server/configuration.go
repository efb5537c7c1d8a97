package server

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/config"
	"tandem/cmd/internal/metrics"
	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/guard"
	"tandem/engine/operation"
	"tandem/engine/transport"
	"tandem/luaapi"
	"tandem/luaapi/watch"
)

// configuration is that by which a server goes, and what is known of its file.
type configuration struct {
	file  string
	first string                      // the ID of what the server began with
	read  func() (config.File, error) // nil = it is not read again
	level *zap.AtomicLevel

	applying sync.Mutex // one after the other

	mu      sync.Mutex // of what follows
	now     *config.Config
	state   admin.Configuration
	seen    string // the ID of what was acted upon last
	there   bool   // the file was there when it was read last
	results map[luaapi.Result]uint64
}

func (c *configuration) begin(o *Options) {
	own := o.Config
	c.file, c.first, c.read, c.level, c.now = o.File, o.FileID, o.Reread, o.Level, &own
	c.seen, c.there = o.FileID, o.FileID != ""
	c.state = admin.Configuration{File: o.File, Read: time.Now(), Result: luaapi.Loaded}
	c.results = map[luaapi.Result]uint64{}
}

// running is the configuration that holds. It is not changed.
func (c *configuration) running() *config.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// status is what is known of the file, nil if the configuration is not read again.
func (c *configuration) status() *admin.Configuration {
	if c.read == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.state
	st.Waiting = slices.Clone(st.Waiting)
	return &st
}

// counts is what the metrics show.
func (c *configuration) counts() metrics.Configuration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return metrics.Configuration{
		Loaded: c.results[luaapi.Loaded], Unchanged: c.results[luaapi.Unchanged], Refused: c.results[luaapi.Refused],
		Broken: c.state.Error != "", Waiting: len(c.state.Waiting), Read: c.state.Read,
	}
}

// note keeps what came of a reading; next is what holds from now on, nil = what did.
func (c *configuration) note(id string, next *config.Config, waiting []string, err error) *admin.Configuration {
	c.mu.Lock()
	c.seen = id
	switch {
	case err != nil:
		c.state.Result, c.state.Error = luaapi.Refused, err.Error()
	case next != nil:
		c.now, c.state.Result = next, luaapi.Loaded
	default:
		c.state.Result = luaapi.Unchanged
	}
	if err == nil {
		c.there = id != ""
		c.state.Read, c.state.Error, c.state.Waiting = time.Now(), "", waiting
	}
	c.results[c.state.Result]++
	c.mu.Unlock()
	return c.status()
}

// exists reports whether there was a file when it was read last.
func (c *configuration) exists() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.there
}

// isNew reports whether something is not what was acted upon last.
func (c *configuration) isNew(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen != id
}

// rulesOf is what of a configuration the shards go by.
func rulesOf(c *config.Config, listens []transport.Listen) *engine.Rules {
	heard := c.Guard(listens)
	return &engine.Rules{
		MaxCalls: c.MaxCalls, MaxTransactions: c.MaxTransactions, MaxBytes: c.MaxMemory << 20,
		Guard: &heard, Auth: c.Credentials(), Register: c.Registrations(),
		Trusted: c.TrustDomain(), Emergency: c.Emergency, Reserve: c.EmergencyReserve,
	}
}

// admits reports whether a source may connect to a listener. Where there are emergency numbers the engine sorts out what comes from sources that are denied.
func (s *Server) admits(listener uint8, a netip.Addr) bool {
	r := s.rules.Load()
	return len(r.Emergency) > 0 || r.Guard.Look(listener, a) != guard.Denied
}

// DrainTime is how long calls may go on when the engine stops.
func (s *Server) DrainTime() time.Duration {
	return time.Duration(s.conf.running().Drain) * time.Second
}

// watchFile reads the configuration again when its file has changed, until the context is done.
func (s *Server) watchFile(ctx context.Context) error {
	if s.conf.read == nil || s.conf.file == "" {
		return nil
	}
	return watch.Run(ctx, watch.Config{Root: s.conf.file, Served: s.conf.first, Logger: s.log, Read: func() watch.Version {
		f, err := s.conf.read()
		id := idOf(&f, err)
		version := id
		if s.conf.isNew(id) { // what a reload by hand has refused in between, the watcher may not have seen
			version += " to be read"
		}
		return watch.Version{ID: version, Load: func() {
			s.conf.applying.Lock()
			defer s.conf.applying.Unlock()
			if s.conf.isNew(id) {
				s.configure(ctx, &f, err)
			}
		}}
	}})
}

// idOf tells what was read from what was read before.
func idOf(f *config.File, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return f.ID
}

// reread reads the configuration now; nil if there is none to be read.
func (s *Server) reread(ctx context.Context) *admin.Configuration {
	if s.conf.read == nil {
		return nil
	}
	s.conf.applying.Lock() // before it is read: what is read later is applied later
	defer s.conf.applying.Unlock()
	f, err := s.conf.read()
	return s.configure(ctx, &f, err)
}

// configure goes by a configuration that was read, or says why not. The caller holds conf.applying.
func (s *Server) configure(ctx context.Context, f *config.File, err error) *admin.Configuration {
	id := idOf(f, err)
	var c config.Change
	if err == nil && f.Path == "" && s.conf.exists() {
		err = fmt.Errorf("configuration: %s is gone", s.conf.file) // defaults in its place would let everybody in
	}
	if err == nil {
		c = f.Since(s.conf.running())
		if len(c.Keys) > 0 {
			err = s.apply(ctx, f, &c.Next)
		}
	}
	if err != nil {
		st := s.conf.note(id, nil, nil, err)
		s.log.Error(st.Refused())
		return st
	}
	s.tellWaiting(c.Waiting)
	if len(c.Keys) == 0 {
		return s.conf.note(id, nil, c.Waiting, nil)
	}
	s.log.Info("configuration read: " + strings.Join(c.Keys, ", ") + " changed")
	return s.conf.note(id, &c.Next, c.Waiting, nil)
}

// tellWaiting logs what takes effect later, each once as long as it does not change.
func (s *Server) tellWaiting(places []string) {
	told := s.conf.status().Waiting
	for _, p := range places {
		if !slices.Contains(told, p) {
			s.log.Warn("configuration changed at " + p + ": takes effect after a restart")
		}
	}
}

// apply hands the parts of a configuration to those who go by them. On an error nothing has changed.
func (s *Server) apply(ctx context.Context, f *config.File, next *config.Config) error {
	was, old := s.conf.running(), s.http.Load()
	client := old
	if !reflect.DeepEqual(was.HTTP, next.HTTP) {
		var err error
		if client, err = next.HTTP.Client(s.product); err != nil {
			return f.Wrong(err)
		}
	}
	rules := rulesOf(next, s.listens)
	s.rules.Store(rules)
	wait, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	tune := s.host.Tune(tuning(next, client))
	if _, err := ask(wait, s, func(sh *engine.Shard, now clock.Time) struct{} {
		sh.Adopt(now, *rules)
		tune(slices.Index(s.engine.Shards(), sh))
		return struct{}{}
	}); err != nil && ctx.Err() == nil {
		s.log.Warn("the configuration is not in force everywhere yet: " + err.Error())
	}
	s.work.Limit(operation.Limits{All: next.HTTP.Max, PerHost: next.HTTP.PerHost})
	if client != old {
		s.http.Store(client)
		old.Close()
	}
	if s.conf.level != nil {
		if lvl, err := zapcore.ParseLevel(next.Log); err == nil { // it was checked
			s.conf.level.SetLevel(lvl)
		}
	}
	return nil
}
