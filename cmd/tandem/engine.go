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

// socket is the admin socket that the flags name, else that of the configuration as `tandem run` finds it.
func (e *engineFlags) socket(cmd *cobra.Command) (string, error) {
	if cmd.Flags().Changed("admin") {
		return e.admin, nil
	}
	c, err := configure(e.file, nil)
	if err != nil {
		return "", exit.With(exit.Usage, fmt.Errorf("%w\nname the socket with --admin to go without the configuration", err))
	}
	if c.Admin == "" {
		return "", exit.Errorf(exit.Usage, "the configuration says that there is no admin socket: admin is empty")
	}
	return c.Admin, nil
}

func adminFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "admin", config.DefaultAdmin(), "the admin `socket` of the engine")
}

func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "config", "c", "", "the configuration `file`; without it, tandem.toml if it is there")
}
