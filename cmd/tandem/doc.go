package main

import (
	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
	"tandem/luaapi/api"
)

func newDocCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doc [NAME]",
		Short: "Say what a function, handler, option or field of the Lua API is",
		Long:  "Say what there is to know about a name: plan.to, ring, call.from, busy. Without a name, list what there is.",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			text, ok := api.Doc(name)
			if !ok {
				return exit.Errorf(exit.Usage, "nothing is called %q%s; see `tandem doc`", name, text)
			}
			folded(cmd, text)
			return nil
		},
	}
}
