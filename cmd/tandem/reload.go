package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/exit"
	"tandem/luaapi"
)

func newReloadCommand() *cobra.Command {
	var at engineFlags
	var rollback bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make a running engine load its scripts now, or go back",
		Long: "Make a running engine read its configuration and load its scripts from disk now, and print what came of it. With --rollback it goes back to the\n" +
			"version before, or ends the trial of a new one; what is on the disk is not loaded then before it changes.\n" +
			"The engine is the one whose admin socket tandem.toml in the present folder names, or the file of --config; without either, the one\n" +
			"that was started without.\n\n" +
			"Exit status: 0 it serves what was asked for, 2 usage or configuration, 6 no engine answers or it refused.",
		Args: noMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask := admin.Reload
			if rollback {
				ask = admin.Rollback
			}
			path, err := at.socket(cmd)
			if err != nil {
				return err
			}
			r, err := ask(cmd.Context(), path)
			if err != nil {
				return exit.With(exit.Refused, err)
			}
			if r.Error != "" {
				return exit.Errorf(exit.Refused, "%s", refusal(&r))
			}
			cmd.Println(outcome(&r))
			return configured(cmd, r.Configuration)
		},
	}
	at.add(cmd)
	cmd.Flags().BoolVar(&rollback, "rollback", false, "go back to the version before")
	return cmd
}

// configured says what came of the configuration, if anything did.
func configured(cmd *cobra.Command, c *admin.Configuration) error {
	switch {
	case c == nil:
		return nil
	case c.Error != "":
		return exit.Errorf(exit.Refused, "%s", c.Refused())
	case c.Result == luaapi.Loaded:
		cmd.Println("configuration read again")
	}
	for _, place := range c.Waiting {
		cmd.Println("configuration changed at " + place + ": takes effect after a restart")
	}
	return nil
}

// outcome says what came of a reload.
func outcome(r *admin.Reloaded) string {
	serving := fmt.Sprintf("serving generation %d, sha256 %s", r.Generation, r.Hash)
	switch {
	case r.Result == luaapi.Unchanged && r.Canary != nil:
		return "unchanged, " + serving + "; " + r.Canary.String()
	case r.Result == luaapi.Unchanged:
		return "unchanged, " + serving
	case r.Result == luaapi.RolledBack:
		return "rolled back, " + serving + "; the scripts on disk are loaded again when they have changed"
	case r.Canary != nil:
		return serving + "; " + r.Canary.String()
	}
	return serving
}

// refusal says why nothing changed, with everything that was found.
func refusal(r *admin.Reloaded) string {
	text := fmt.Sprintf("refused, still serving generation %d: %s", r.Generation, r.Error)
	if len(r.Findings) > 1 {
		text += "\n  " + strings.Join(r.Findings, "\n  ")
	}
	if c := r.Configuration; c != nil && c.Error != "" {
		text += "\n" + c.Refused()
	}
	return text
}
