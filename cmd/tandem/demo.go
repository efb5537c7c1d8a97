package main

import (
	"errors"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/demo"
	"tandem/cmd/internal/exit"
)

func newDemoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Call through a script on real sockets, reload it, call again",
		Args:  noMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			err := demo.Run(ctx, cmd.OutOrStdout())
			var known *exit.Error
			switch {
			case ctx.Err() != nil:
				return errInterrupted
			case err == nil, errors.As(err, &known):
				return err
			}
			return exit.With(exit.Failed, err)
		},
	}
}
