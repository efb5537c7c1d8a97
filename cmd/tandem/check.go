package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
	"tandem/luaapi/check"
	"tandem/luaapi/inspect"
	"tandem/luaapi/spell"
)

func newCheckCommand() *cobra.Command {
	var o inspect.Options
	var strict, list bool
	var explain string
	cmd := &cobra.Command{
		Use:   "check [PATH…]",
		Short: "Find mistakes in scripts and their tests without a call",
		Long: "Look for mistakes in the scripts that the paths name, or in the present folder: syntax, misspelt names, arguments that\n" +
			"are refused, what other Luas have, plans that are not what was meant. Then load them as `tandem run` does.\n" +
			"The tandem.toml beside them is read too.\n" +
			"A line is FILE:LINE RULE MESSAGE. `-- tandem: disable=RULE` at the end of a line is for that line, on a line of its\n" +
			"own for the next one, and before all code for the file.\n\n" +
			"Exit status: 0 no errors, 2 there is nothing to check or tandem.toml is wrong, 3 errors, or with --strict warnings.",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case list:
				inspect.List(cmd.OutOrStdout())
				return nil
			case cmd.Flags().Changed("explain"):
				return explainRule(cmd, explain)
			}
			if err := checkConfigurations(args); err != nil {
				return exit.With(exit.Usage, err)
			}
			o.Paths, o.Out, o.Users = args, cmd.OutOrStdout(), usersBeside
			s, err := inspect.Run(o)
			if err != nil {
				return exit.With(exit.Usage, err)
			}
			cmd.PrintErrf("%s: %s, %s\n", count(s.Files, "file"), count(s.Errors, "error"), count(s.Warnings, "warning"))
			if s.Errors > 0 || strict && s.Warnings > 0 {
				return exit.With(exit.Script, nil)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	f.BoolVar(&strict, "strict", false, "warnings fail too")
	f.StringVar(&explain, "explain", "", "say what a `RULE` is about, with examples")
	f.BoolVar(&list, "rules", false, "list the rules")
	cmd.MarkFlagsMutuallyExclusive("json", "explain", "rules")
	return cmd
}

// checkConfigurations reads the tandem.toml beside the scripts at each path.
func checkConfigurations(paths []string) error {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, p := range paths {
		if _, err := config.Beside(p); err != nil {
			return err
		}
	}
	return nil
}

// usersBeside returns the users that the tandem.toml beside scripts names.
func usersBeside(root string) []string {
	s, err := config.Beside(root)
	if err != nil { // checkConfigurations has said why
		return nil
	}
	return slices.Sorted(maps.Keys(s.Passwords))
}

func explainRule(cmd *cobra.Command, id string) error {
	r := check.RuleNamed(id)
	if r == nil {
		return exit.Errorf(exit.Usage, "there is no rule %q%s; see `tandem check --rules`", id, spell.Hint(id, check.RuleNames()))
	}
	var b strings.Builder
	inspect.Explain(&b, r)
	folded(cmd, b.String())
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
