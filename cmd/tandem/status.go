package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/server"
)

func newStatusCommand() *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running engine does",
		Args:  noMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var st server.Status
			if err := admin.Status(cmd.Context(), path, &st); err != nil {
				return exit.With(exit.Refused, err)
			}
			if !asJSON {
				cmd.Print(st.String())
				return nil
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetIndent("", "  ")
			return enc.Encode(st)
		},
	}
	adminFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
