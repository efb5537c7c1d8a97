// Command tandem is a programmable SIP call-routing engine and the tools for its scripts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
)

func main() { os.Exit(run(os.Args[1:])) }

// run is the command without the process round it, for tests.
func run(args []string) (status int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "tandem: this is a bug in Tandem: %v\n%s", r, debug.Stack())
			status = exit.Bug
		}
	}()
	root := newRootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err != nil && err.Error() != "" {
		fmt.Fprintln(root.ErrOrStderr(), "tandem:", err)
	}
	return exit.Status(err)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "tandem",
		Short: "A programmable SIP call-routing engine",
		Long: "Tandem routes SIP calls by a Lua script, and tests the script on the real engine in virtual time.\n\n" +
			"Exit status: 0 ok, 1 tests failed, 2 usage or configuration, 3 a script does not load, 5 cannot listen,\n" +
			"6 no running engine or it refused, 70 a bug in Tandem, 130 interrupted.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("there is no command %q; see `tandem help`", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(os.Stdout)
	root.SetErr(os.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.AddCommand(newRunCommand(), newTestCommand(), newStatusCommand(), newReloadCommand(), newDemoCommand(), newVersionCommand())
	return root
}

// noMore refuses arguments.
func noMore(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// atMostOne refuses a second argument.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes one argument, got %q too", cmd.CommandPath(), args[1])
	}
	return nil
}

var errInterrupted = exit.With(exit.Interrupted, errors.New("interrupted"))
