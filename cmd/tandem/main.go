// Command tandem is a programmable SIP call-routing engine and the tools for its scripts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
)

func main() { os.Exit(execute(newRootCommand(), os.Args[1:])) }

// execute runs a command line; it says what went wrong and returns the exit status.
func execute(root *cobra.Command, args []string) (status int) {
	defer func() {
		if r := recover(); r != nil {
			root.PrintErrf("tandem: this is a bug in Tandem: %v\n%s", r, debug.Stack())
			status = exit.Bug
		}
	}()
	root.SetArgs(args)
	err := helpAboutNothing(root, args)
	if err == nil {
		err = apart(root.ExecuteContext(context.Background()))
	}
	if err != nil && err.Error() != "" {
		root.PrintErrln("tandem:", err)
	}
	return exit.Status(err)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "tandem",
		Short: "A programmable SIP call-routing engine",
		Long: "Tandem routes SIP calls by a Lua script, and tests the script on the real engine in virtual time.\n\n" +
			"Exit status: 0 ok, 1 tests failed, or a replay differs, 2 usage or configuration, 3 a script does not load or has errors,\n" +
			"4 less is covered than asked for, 5 cannot listen, 6 no running engine or it refused, 70 a bug in Tandem, 130 interrupted.",
		Version:       versionLine(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(os.Stdout)
	root.SetErr(os.Stderr)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%s; see `%s --help`", plainly(err), cmd.CommandPath())
	})
	root.AddCommand(newRunCommand(), newTestCommand(), newCheckCommand(), newStubsCommand(), newDocCommand(), newStatusCommand(), newCallsCommand(), newRegistrationsCommand(), newTraceCommand(), newReloadCommand(), newDemoCommand(), newDNSCommand(), newVersionCommand())
	root.AddCommand(newInitCommand(), newExplainCommand(), newReplayCommand(), newReplCommand(), newImportCommand())
	root.SetHelpFunc(help)
	root.SetUsageFunc(usage)
	strictDefaults(root)
	return root
}

// together is how cobra speaks of flags that exclude each other.
var together = regexp.MustCompile(`^if any flags in the group .*; \[(.*)\] were all set$`)

// apart says which flags do not go together; other errors it returns as they are.
func apart(err error) error {
	if err == nil {
		return nil
	}
	m := together.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	return fmt.Errorf("--%s do not go together", strings.Join(strings.Fields(m[1]), " and --"))
}

// notNumber is how package strconv speaks of what it cannot read.
var notNumber = regexp.MustCompile(`strconv\.Parse(\w+): parsing .*: (.*)$`)

// plainly says what is wrong with a flag.
func plainly(err error) string {
	text := err.Error()
	if before, _, ok := strings.Cut(text, "time: "); ok {
		return before + "write 24h, 90m or 30s"
	}
	m := notNumber.FindStringSubmatchIndex(text)
	if m == nil {
		return text
	}
	kind, why := text[m[2]:m[3]], text[m[4]:]
	switch {
	case kind == "Bool":
		why = "it is true or false"
	case kind == "Float" && strings.HasSuffix(why, "invalid syntax"):
		why = "it is a number"
	case strings.HasSuffix(why, "invalid syntax"):
		why = "it is a whole number"
	case strings.HasSuffix(why, "out of range"):
		why = "the number is out of range"
	}
	return text[:m[0]] + why
}

// strictDefaults makes the commands that cobra brings along refuse what they do not know, as ours do.
func strictDefaults(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err != nil {
					return err
				}
				return noSuchCommand(about, rest)
			}
		case "completion":
			cmd.Args = noSuchCommand
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Args = noMore
			}
		}
	}
}

// helpAboutNothing refuses --help after the name of a command that there is not, before cobra shows the help of tandem for it.
func helpAboutNothing(root *cobra.Command, args []string) error {
	if !slices.Contains(args, "--help") && !slices.Contains(args, "-h") {
		return nil
	}
	about, rest, err := root.Find(args)
	if err != nil || about.HasParent() || strings.HasPrefix(rest[0], "-") {
		return nil //nolint:nilerr // cobra finds the same and says so
	}
	return noSuchCommand(root, rest)
}

// noSuchCommand refuses the name of a command that cmd does not have.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	suggestion := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		suggestion = fmt.Sprintf(", did you mean %q?", near[0])
	}
	return fmt.Errorf("there is no command %q%s; see `%s --help`", cmd.CommandPath()+" "+args[0], suggestion, cmd.CommandPath())
}

// noMore refuses arguments.
func noMore(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, got %q; see `%[1]s --help`", cmd.CommandPath(), args[0])
	}
	return nil
}

// atMostOne refuses a second argument.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes one argument, got %q too; see `%[1]s --help`", cmd.CommandPath(), args[1])
	}
	return nil
}

var errInterrupted = exit.With(exit.Interrupted, errors.New("interrupted"))
