package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/lookup"
)

func newDNSCommand() *cobra.Command {
	var o lookup.Options
	cmd := &cobra.Command{
		Use:   "dns NAME",
		Short: "Show where a call to a host name or SIP URI would be tried, by NAPTR, SRV and addresses",
		Long: "dns looks up a host name or SIP URI as a running engine does (RFC 3263), writes the records that it finds and then the places\n" +
			"in the order in which they would be tried, as if there were listeners for udp, tcp and tls. With --compare it asks another\n" +
			"name server too and ends with status 1 if the two lead to different places.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes one host name or SIP URI; see `%[1]s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := lookup.Run(cmd.Context(), cmd.OutOrStdout(), args[0], o); err != nil {
				return exit.With(exit.Failed, err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Server, "server", "", "ask the name server at `IP:PORT` rather than those of this machine")
	cmd.Flags().StringVar(&o.Against, "compare", "", "ask the name server at `IP:PORT` too, and compare")
	return cmd
}
