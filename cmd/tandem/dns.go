package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/lookup"
)

func newDNSCommand() *cobra.Command {
	var o lookup.Options
	cmd := &cobra.Command{
		Use:   "dns NAME",
		Short: "Show where a call to a host name or SIP URI would be tried",
		Long: "Look up a host name or SIP URI as a running engine does (RFC 3263): print the records (NAPTR, SRV, addresses) and then the places\n" +
			"in the order in which they would be tried, as if there were listeners for udp, tcp and tls. With --compare ask another\n" +
			"name server too.\n\n" +
			"Exit status: 0 found, 1 not found, or the name servers lead to different places, 2 usage.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes one host name or SIP URI; see `%[1]s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			err := lookup.Run(cmd.Context(), cmd.OutOrStdout(), args[0], o)
			var known *exit.Error
			if err == nil || errors.As(err, &known) {
				return err
			}
			return exit.With(exit.Failed, err)
		},
	}
	cmd.Flags().StringVar(&o.Server, "server", "", "ask the name server at `IP:PORT` rather than those of this machine")
	cmd.Flags().StringVar(&o.Against, "compare", "", "ask the name server at `IP:PORT` too, and compare")
	return cmd
}
