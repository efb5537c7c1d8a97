package main

import (
	"github.com/spf13/cobra"

	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
	"tandem/luaapi/replay"
)

func newReplayCommand() *cobra.Command {
	var o replay.Options
	cmd := &cobra.Command{
		Use:   "replay FILE [SCRIPTS]",
		Short: "Run recorded calls through scripts: which would go elsewhere?",
		Long: "Run the calls in FILE, a recording of `tandem run` or a pcap or pcapng file,\n" +
			"through the scripts in SCRIPTS, the present folder if not given, in virtual\n" +
			"time. Phones and servers do what they did; phones that were not called answer\n" +
			"after two seconds. A script that asks a server what was not recorded makes a\n" +
			"call unsure. A capture says who called whom (INVITEs over UDP and TCP), not\n" +
			"what was decided: with --against its calls run through both scripts, without\n" +
			"it they are shown where they go.\n\n" +
			"Exit status: 0 no call differs, 1 some do or are unsure, 2 usage, or nothing\n" +
			"to replay, 3 a script does not load.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return exit.Errorf(exit.Usage, "name a recording or a capture, and the scripts if they are not here; see `%s --help`", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File, o.Root, o.Out, o.Settings = args[0], ".", cmd.OutOrStdout(), config.Beside
			if len(args) > 1 {
				o.Root = args[1]
			}
			o.Warn = func(note string) { cmd.PrintErrln("tandem: " + note) }
			s, err := replay.Run(o)
			if err != nil {
				return scriptStatus(err)
			}
			if s.Differ+s.Unsure > 0 {
				return exit.With(exit.Failed, nil)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Against, "against", "", "run the calls through the scripts in `DIR` instead")
	f.BoolVar(&o.JSON, "json", false, "print a line of JSON for each call that differs")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "print calls that are the same too")
	return cmd
}
