// Package server runs an engine on real sockets: scripts, shards, admin socket and reloads wired together.
package server

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/follow"
	"tandem/cmd/internal/metrics"
	"tandem/cmd/internal/record"
	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/operation"
	"tandem/engine/resolve"
	"tandem/engine/trace"
	"tandem/engine/transport"
	"tandem/luaapi"
	httpmod "tandem/luaapi/mod/http"
)

// Options are what a server needs beside its configuration.
type Options struct {
	Config config.Config
	Log    *zap.Logger
	// Shards is the number of shards, 0 = GOMAXPROCS.
	Shards int
	// Trace may be nil. With it there must be one shard.
	Trace trace.Sink
	// Sockets are bound already and handed over by who started the process; Start closes them.
	Sockets []*os.File
	// Product is what User-Agent and Server say.
	Product string
	// File is the file of the configuration, which is read again when it changes; empty = there is none, and there will be none.
	File string
	// Reread reads the configuration as Config was made; nil = it is not read again.
	Reread func() (config.File, error)
	// FileID is the ID of the config.File that Config was made of, "" = there was none.
	FileID string
	// Level is that of Log; nil = it cannot change.
	Level *zap.AtomicLevel
}

// Server is a running engine.
type Server struct {
	log     *zap.Logger
	host    *luaapi.Host
	engine  *engine.Engine
	sockets []*transport.Shard
	listens []transport.Listen // as the configuration says
	addrs   []transport.Listen
	admin   *admin.Server
	metrics *metrics.Server
	record  *record.Recorder // nil = calls are not recorded
	feed    *follow.Feed
	traced  trace.Sink // who is told of everything whether somebody follows or not; nil = nobody
	clock   *clock.Wall
	http    atomic.Pointer[httpmod.Client]
	work    *operation.Pool
	product string
	started time.Time

	rules atomic.Pointer[engine.Rules] // that shards have or are about to take
	conf  configuration

	serving bool // the shards run
	stop    context.CancelFunc
	done    sync.WaitGroup
	failed  chan error
}

// Start loads the scripts, binds the listeners and begins to serve, until Close: ctx has values and is not watched, since shards that it
// ended could not send what ends their calls. Its errors carry an exit status.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	shards := o.Shards
	if shards == 0 {
		shards = runtime.GOMAXPROCS(0)
	}
	s := &Server{log: o.Log, product: o.Product, clock: clock.NewWall(), started: time.Now(), failed: make(chan error, shards+2)}
	s.conf.begin(&o)
	s.feed = follow.New(follow.Config{Attach: s.attach, Detach: s.detach, Now: s.clock.Now, Date: s.clock.Date})
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		for _, f := range o.Sockets {
			_ = f.Close() // what serves are duplicates
		}
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if _, err := os.Stat(o.Config.Scripts); err != nil { // nothing to run, as for the other commands, not a script with a mistake
		return nil, exit.Errorf(exit.Usage, "cannot read the scripts: %w; name the folder with main.lua", err)
	}
	client, err := o.Config.HTTP.Client(o.Product)
	if err != nil {
		return nil, exit.With(exit.Usage, err)
	}
	s.http.Store(client)
	s.work = operation.New(s.post, operation.Limits{All: o.Config.HTTP.Max, PerHost: o.Config.HTTP.PerHost})
	if s.host, err = s.scripts(o, shards); err != nil {
		return nil, exit.With(exit.Script, err)
	}
	if err := s.openRecord(&o); err != nil {
		return nil, exit.With(exit.Usage, err)
	}
	s.traced = o.Trace
	if err := s.listen(o, shards); err != nil {
		return nil, exit.With(exit.Listen, err)
	}
	if at := o.Config.Metrics.Listen; at != "" {
		if s.metrics, err = metrics.Serve(at, s.host.Status, s.heard, s.conf.counts); err != nil {
			return nil, exit.Errorf(exit.Listen, "%w; give this engine another address in [metrics]", err)
		}
		s.log.Info("metrics at " + s.metrics.URL())
	}
	if o.Config.Admin != "" { // last: who asks there is told of all that there is
		if s.admin, err = admin.Serve(o.Config.Admin, s); err != nil {
			return nil, exit.Errorf(exit.Listen, "%w; give this engine another with --admin", err)
		}
	}
	s.serve(ctx)
	s.serving = true
	s.notify(ready)
	return s, nil
}

// openRecord begins to record calls, if they are to be.
func (s *Server) openRecord(o *Options) (err error) {
	c := o.Config.Record
	if c.File == "" {
		return nil
	}
	size := int64(cmp.Or(c.MaxSize, config.DefaultRecordSize)) << 20
	s.record, err = record.Open(record.Config{Path: c.File, MaxSize: size, Privacy: c.Privacy, Clock: s.clock, Log: s.log})
	if err == nil && o.Trace == nil {
		o.Trace = s.record
	}
	return err
}

// endCalls ends the calls of every shard and returns when what ends them was sent.
func (s *Server) endCalls() {
	total, done := 0, make(chan int, len(s.sockets))
	for i, sock := range s.sockets {
		sock.Post(func(now clock.Time) { done <- s.engine.Shards()[i].EndCalls(now) })
	}
	for range s.sockets {
		select {
		case n := <-done:
			total += n
		case <-time.After(closeTimeout):
			s.log.Warn("a shard does not answer; its calls were not ended")
			return
		}
	}
	s.log.Info("stopped", zap.Int("calls ended", total))
}

// deafen ends the reading of datagrams, so that what was read is handled before the end, and what was not is left for who has the sockets
// next.
func (s *Server) deafen() {
	done := make(chan struct{}, len(s.sockets))
	for _, sock := range s.sockets {
		sock.Post(func(clock.Time) { sock.Deafen(); done <- struct{}{} })
	}
	timeout := time.After(closeTimeout)
	for range s.sockets {
		select {
		case <-done:
		case <-timeout:
			return
		}
	}
}

// closeTimeout bounds how long a stop waits for a shard. One that has much to do, or a machine that has, may take seconds.
const closeTimeout = 10 * time.Second

// listen binds the sockets and connects them to the engine's shards.
func (s *Server) listen(o Options, shards int) error {
	tc, err := transportConfig(o.Config)
	if err != nil {
		return err
	}
	tc.Shards, tc.Log, tc.Inherited = shards, o.Log, o.Sockets
	s.listens = tc.Listens
	s.rules.Store(rulesOf(&o.Config, tc.Listens))
	tc.Admit = s.admits
	tc.Pick = func(b []byte) int { return s.engine.ShardOf(b) }
	var bound []netip.AddrPort
	if s.sockets, bound, err = transport.Open(tc); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%w with --listen TRANSPORT:IP:PORT", err) // transport has said the rest
		}
		return err
	}
	cfg := engine.Config{
		Clock: s.clock, Log: o.Log, Trace: o.Trace, Product: o.Product, Forward: s.forward, Post: s.post,
		Operations: s.work, Rules: *s.rules.Load(),
	}
	names, err := resolve.New(resolve.Config{Post: s.post, Reach: reach(tc.Listens)})
	if err != nil {
		return err
	}
	cfg.Resolver, cfg.Unanswered = names, names.Unanswered
	if _, err := crand.Read(cfg.Seed[:]); err != nil {
		return err
	}
	for i, l := range tc.Listens {
		l.Addr = bound[i]
		s.addrs = append(s.addrs, l)
		local := engine.Local{SentBy: l.Addr.String(), Addr: l.Addr.Addr(), Transport: l.Transport}
		if i < len(o.Config.Listeners) {
			set := &o.Config.Listeners[i]
			local.SentBy, local.Networks = cmp.Or(set.Advertise, local.SentBy), set.Prefixes()
		}
		cfg.Locals = append(cfg.Locals, local)
	}
	s.engine = engine.New(cfg, s.host, shards)
	for i, sh := range s.engine.Shards() {
		sh.Connect(s.sockets[i])
	}
	return nil
}

// transportConfig is what the transport has to know of a configuration.
func transportConfig(c config.Config) (transport.Config, error) {
	list := c.Listeners
	if len(list) == 0 {
		list = []config.Listener{{Address: config.DefaultListen}}
	}
	tc := transport.Config{Limits: transport.Limits{
		Conns: c.MaxConnections, ConnsPerSource: c.MaxConnectionsPerSource,
		Idle: time.Duration(c.ConnectionIdle) * time.Second, Lifetime: time.Duration(c.ConnectionLifetime) * time.Second,
	}}
	for i := range list {
		l, err := list[i].Listen()
		if err != nil {
			return tc, err
		}
		tc.Listens = append(tc.Listens, l)
	}
	if c.Roots == "" {
		return tc, nil
	}
	var err error
	if tc.Roots, err = transport.Roots(c.Roots); err != nil {
		return tc, fmt.Errorf("roots: %w", err)
	}
	return tc, nil
}

// reach says which transports and address families targets can be reached by.
func reach(listens []transport.Listen) func(t flow.Transport, v6 bool) bool {
	return func(t flow.Transport, v6 bool) bool {
		return slices.ContainsFunc(listens, func(l transport.Listen) bool { return l.Transport == t && l.Addr.Addr().Is6() == v6 })
	}
}

func (s *Server) forward(shard int, f flow.Flow, b []byte) { s.sockets[shard].Forward(f, b) }

func (s *Server) post(shard int, fn func(now clock.Time)) { s.sockets[shard].Post(fn) }

// serve starts the goroutines.
func (s *Server) serve(ctx context.Context) {
	for i, sock := range s.sockets {
		s.done.Go(func() {
			if err := sock.Run(ctx, s.clock, s.engine.Shards()[i]); err != nil && ctx.Err() == nil {
				s.failed <- fmt.Errorf("shard %d: %w", i, err)
			}
		})
	}
	s.done.Go(func() { s.host.Run(ctx) })
	s.done.Go(func() { s.watchdog(ctx) })
	s.done.Go(func() {
		if err := s.host.Watch(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("scripts are not watched, use `tandem reload`: " + err.Error())
		}
	})
	s.done.Go(func() {
		if err := s.watchFile(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the configuration is not watched, use `tandem reload`: " + err.Error())
		}
	})
}

// Addrs returns the listeners with the ports that were bound.
func (s *Server) Addrs() []transport.Listen { return s.addrs }

// Failed yields an error if the server cannot go on.
func (s *Server) Failed() <-chan error { return s.failed }

// Host returns the script host.
func (s *Server) Host() *luaapi.Host { return s.host }

// Close ends the calls, stops the server and frees everything. Nobody waits for the answers to BYE and CANCEL: a peer that
// does not hear them ends its side by its own timers.
func (s *Server) Close() error {
	if s.serving {
		s.serving = false // who closes again waits for nobody
		s.notify(stopping)
		s.deafen()
		s.endCalls()
	}
	s.stop()
	if s.work != nil {
		s.work.Close()
	}
	s.done.Wait()
	if client := s.http.Load(); client != nil {
		client.Close()
	}
	s.feed.Close()
	var errs []error
	if s.admin != nil {
		errs = append(errs, s.admin.Close())
	}
	if s.metrics != nil {
		errs = append(errs, s.metrics.Close())
	}
	for _, sock := range s.sockets {
		errs = append(errs, sock.Close())
	}
	if s.record != nil {
		errs = append(errs, s.record.Close())
	}
	return errors.Join(errs...)
}
