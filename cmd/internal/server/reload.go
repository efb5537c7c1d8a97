package server

import (
	"context"
	"fmt"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/config"
	"tandem/engine/clock"
	"tandem/luaapi"
	httpmod "tandem/luaapi/mod/http"
)

// scripts loads the first generation of the scripts.
func (s *Server) scripts(o Options, shards int) (*luaapi.Host, error) {
	c := o.Config
	t := tuning(&c, s.http.Load())
	return luaapi.NewHost(luaapi.Dir(c.Scripts), luaapi.Options{
		Shards: shards, Budget: t.Budget, Memory: t.Memory, RaiseBudget: luaapi.RaiseBudget, Logger: o.Log, HTTP: t.HTTP,
		Emergency: t.Emergency, Require: t.Require, Canary: t.Canary, Check: checked,
		Test: func(ctx context.Context, p *luaapi.Program) ([]luaapi.Finding, error) {
			now := s.conf.running()
			return tests(ctx, c.Scripts, now.SettingsOf(), p)
		},
		Post: func(shard int, fn func()) { s.post(shard, func(clock.Time) { fn() }) },
	})
}

// tuning is what of a configuration scripts run by.
func tuning(c *config.Config, client *httpmod.Client) luaapi.Tuning {
	return luaapi.Tuning{
		Budget: c.Budget, Memory: c.ScriptMemory << 20, Emergency: c.Emergency, HTTP: client, Require: c.Reload.Require, Canary: c.Reload.Canary,
	}
}

// Reload reads the configuration again, and then loads the scripts from disk.
func (s *Server) Reload(ctx context.Context) admin.Reloaded {
	defer s.reloading()()
	c := s.reread(ctx)
	st, err := s.host.Reload(ctx)
	if err == nil && st.Last.Result == luaapi.Unchanged {
		s.log.Info(fmt.Sprintf("scripts unchanged, generation %d goes on", st.Generation))
	}
	r := reloaded(st, err)
	r.Configuration = c
	return r
}

// Rollback goes back to the generation before.
func (s *Server) Rollback(context.Context) admin.Reloaded { return reloaded(s.host.Rollback()) }

func reloaded(st luaapi.Status, err error) admin.Reloaded {
	r := admin.Reloaded{Result: st.Last.Result, Generation: st.Generation, Hash: st.Hash, Canary: canary(st.Canary)}
	if err != nil {
		r.Error = err.Error()
		r.Findings = findings(st.Refused)
	}
	return r
}

func findings(r luaapi.Refusal) (lines []string) {
	for _, f := range r.Findings {
		lines = append(lines, f.String())
	}
	return lines
}

func canary(c *luaapi.CanaryStatus) *admin.Canary {
	if c == nil {
		return nil
	}
	return &admin.Canary{
		Generation: c.Generation, Hash: c.Hash, Share: c.Share, Until: c.Until, Waits: c.Waits,
		Calls: c.New.Judged, Failed: c.New.Failed, OldCalls: c.Old.Judged, OldFailed: c.Old.Failed,
	}
}
