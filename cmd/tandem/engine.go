package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
)

// engineFlags say which running engine a command talks to.
type engineFlags struct{ admin, file string }

func (e *engineFlags) add(cmd *cobra.Command) {
	adminFlag(cmd, &e.admin)
	configFlag(cmd, &e.file)
}

// socket is the admin socket that the flags name, else that of the configuration as `tandem run` finds it. A file with faults is told of, and does not keep from an engine
// that has read a better one.
func (e *engineFlags) socket(cmd *cobra.Command) (string, error) {
	if cmd.Flags().Changed("admin") {
		return e.admin, nil
	}
	f, err := configure(e.file, nil)
	switch {
	case err != nil && f.Path == "":
		return "", exit.With(exit.Usage, fmt.Errorf("%w\nname the socket with --admin to go without the configuration", err))
	case f.Config.Admin == "":
		return "", exit.Errorf(exit.Usage, "the configuration says that there is no admin socket: admin is empty")
	case err != nil:
		cmd.PrintErrf("warning: %v\n", err)
	}
	return f.Config.Admin, nil
}

func adminFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "admin", config.DefaultAdmin(), "the admin `socket` of the engine")
}

func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "config", "c", "", "the configuration `file`; without it, tandem.toml if it is there")
}
