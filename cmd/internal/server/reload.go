package server

import (
	"context"
	"fmt"

	"tandem/cmd/internal/admin"
	"tandem/engine/clock"
	"tandem/luaapi"
)

// scripts loads the first generation of the scripts.
func (s *Server) scripts(o Options, shards int) (*luaapi.Host, error) {
	c := o.Config
	return luaapi.NewHost(luaapi.Dir(c.Scripts), luaapi.Options{
		Shards: shards, Budget: c.Budget, Memory: c.ScriptMemory << 20, RaiseBudget: luaapi.RaiseBudget, Logger: o.Log, HTTP: s.http,
		Emergency: c.Emergency,
		Require:   c.Reload.Require, Canary: c.Reload.Canary, Check: checked,
		Test: func(ctx context.Context, p *luaapi.Program) ([]luaapi.Finding, error) {
			return tests(ctx, c.Scripts, c.SettingsOf(), p)
		},
		Post: func(shard int, fn func()) { s.post(shard, func(clock.Time) { fn() }) },
	})
}

// Reload loads the scripts from disk again.
func (s *Server) Reload(ctx context.Context) admin.Reloaded {
	defer s.reloading()()
	st, err := s.host.Reload(ctx)
	if err == nil && st.Last.Result == luaapi.Unchanged {
		s.log.Info(fmt.Sprintf("scripts unchanged, generation %d goes on", st.Generation))
	}
	return reloaded(st, err)
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
