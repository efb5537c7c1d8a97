package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/exit"
	"tandem/luaapi"
)

// What a reload says of the configuration; on real files the watcher may be quicker than the command.
func TestConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		configuration *admin.Configuration
		want          string
		status        int
	}{
		"none":      {nil, "", 0},
		"unchanged": {&admin.Configuration{Result: luaapi.Unchanged}, "", 0},
		"read":      {&admin.Configuration{Result: luaapi.Loaded}, "configuration read again\n", 0},
		"read, and some waits": {
			&admin.Configuration{Result: luaapi.Loaded, Waiting: []string{"a.toml:1 (roots)"}},
			"configuration read again\nconfiguration changed at a.toml:1 (roots): takes effect after a restart\n", 0,
		},
		"refused": {&admin.Configuration{Result: luaapi.Refused, Error: "a.toml:2: no"}, "", exit.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			cmd := &cobra.Command{}
			cmd.SetOut(&out)
			if err := configured(cmd, c.configuration); exit.Status(err) != c.status || out.String() != c.want {
				t.Errorf("exit status %d, %q, want %d, %q", exit.Status(err), &out, c.status, c.want)
			}
		})
	}
}
