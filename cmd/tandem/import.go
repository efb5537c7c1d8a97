package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
	"tandem/luaapi"
	"tandem/luaapi/convert"
)

func newImportCommand() *cobra.Command {
	var opt convert.Options
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make a script of a call flow of another system",
		Long: "import reads IVR-XML of miniSIPServer (callto and monitor-events), TwiML (<Dial>, <Reject>,\n" +
			"<Hangup>) or a list of sipXecs contacts, one a line, and writes a script that does the same.\n" +
			"What needs media is left out, and said. - is the standard input.\n\n" +
			"  tandem import ivr.xml --host 192.0.2.11 > main.lua",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes one file; see `%[1]s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.Host != "" && !convert.ValidHost(opt.Host) {
				return exit.Errorf(exit.Usage, "--host %q is no host, and no host with a port", opt.Host)
			}
			return importFlow(cmd, args[0], opt)
		},
	}
	cmd.Flags().StringVar(&opt.Host, "host", "", "`HOST` or HOST:PORT at which users and numbers are called")
	return cmd
}

// importFlow writes the script of a file, and says what is not in it.
func importFlow(cmd *cobra.Command, file string, opt convert.Options) error {
	opt.Name = file
	text, err := os.ReadFile(file)
	if file == "-" {
		opt.Name = "standard input"
		text, err = io.ReadAll(cmd.InOrStdin())
	}
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	script, notes, err := convert.Script(string(text), opt)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	for _, n := range notes {
		cmd.PrintErrf("%s:%d: %s\n", opt.Name, n.Line, n.What)
	}
	p, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(script)}), nil)
	if err == nil {
		err = p.DryLoad(luaapi.Options{})
	}
	if err != nil {
		return exit.Errorf(exit.Usage, "%s: its script does not load: %w", opt.Name, err)
	}
	_, err = io.WriteString(cmd.OutOrStdout(), script)
	return err
}
