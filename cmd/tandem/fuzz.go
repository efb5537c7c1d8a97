package main

import (
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
	"tandem/luaapi/fuzz"
	"tandem/luaapi/luatest"
)

// fuzzScripts is `tandem test --fuzz N`: random networks on the scripts that the paths name.
func fuzzScripts(cmd *cobra.Command, o *luatest.Options, n int) error {
	if n < 1 {
		return fmt.Errorf("--fuzz must be 1 or more, got %d", n)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	sum, err := fuzz.Run(ctx, fuzz.Options{Roots: o.Paths, N: n, Seed: o.Seed, Out: o.Out, Settings: o.Settings, ASCII: o.ASCII, Width: o.Width})
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return scriptStatus(err)
	}
	cmd.Printf("\n%d random networks, %d calls, %s of virtual time · seed %d\n", sum.Runs, sum.Calls, sum.Virtual.Round(1e9), o.Seed)
	if sum.Failed > 0 {
		return exit.With(exit.Failed, nil)
	}
	return nil
}
