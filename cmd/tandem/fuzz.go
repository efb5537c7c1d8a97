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

// notFuzzed are flags that are about tests.
var notFuzzed = []string{
	"run", "list", "count", "shuffle", "parallel", "fail-fast", "watch", "update", "bench", "cover", "cover-min", "cover-out", "cover-html", "format", "junit",
	"max-virtual",
}

// fuzzScripts is `tandem test --fuzz N`: random networks on the scripts that the paths name.
func fuzzScripts(cmd *cobra.Command, o *luatest.Options, n int) error {
	if n < 1 {
		return fmt.Errorf("--fuzz must be 1 or more, got %d", n)
	}
	for _, name := range notFuzzed {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--fuzz tries networks, not tests: it takes no --%s", name)
		}
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
	cmd.Printf("\n%s, %s, %s of virtual time · seed %d\n", luatest.Plural(sum.Runs, "random network"), luatest.Plural(sum.Calls, "call"), luatest.Span(sum.Virtual), o.Seed)
	if sum.Failed > 0 {
		return exit.With(exit.Failed, nil)
	}
	return nil
}
