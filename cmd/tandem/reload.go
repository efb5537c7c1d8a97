package main

import (
	"github.com/spf13/cobra"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
)

func newReloadCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make a running engine load its scripts from disk now",
		Args:  noMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := admin.Reload(cmd.Context(), path)
			switch {
			case err != nil:
				return exit.With(exit.Refused, err)
			case r.Error != "":
				return exit.Errorf(exit.Refused, "refused, still serving generation %d: %s", r.Generation, r.Error)
			case !r.Changed:
				cmd.Printf("unchanged, serving generation %d\n", r.Generation)
			default:
				cmd.Printf("serving generation %d\n", r.Generation)
			}
			return nil
		},
	}
	adminFlag(cmd, &path)
	return cmd
}

func adminFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "admin", config.DefaultAdmin(), "the admin `socket` of the engine")
}
