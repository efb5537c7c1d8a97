package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/server"
)

func newStatusCommand() *cobra.Command {
	var at engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what a running engine does",
		Long: "Show what a running engine does: the one whose admin socket tandem.toml in the present folder names, or the file of --config; without\n" +
			"either, the one that was started without.\n\n" +
			"Exit status: 0 it answers, 2 usage or configuration, 6 no engine answers.",
		Args: noMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := at.socket(cmd)
			if err != nil {
				return err
			}
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
	at.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
