package main

import (
	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
	"tandem/luaapi/inspect"
)

func newStubsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stubs [DIR]",
		Short: "Write what editors need to know of the Lua API",
		Long: "Write stubs with LuaCATS annotations into DIR/.tandem/stubs, the present folder if not given, and a .luarc.json that leads\n" +
			"the Lua language server to them. A .luarc.json that is there is left alone.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			if err := inspect.WriteStubs(dir, cmd.OutOrStdout()); err != nil {
				return exit.With(exit.Usage, err)
			}
			return nil
		},
	}
}
