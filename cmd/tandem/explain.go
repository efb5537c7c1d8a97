package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
	"tandem/luaapi"
	"tandem/luaapi/explain"
	"tandem/luaapi/scenario"
)

func newExplainCommand() *cobra.Command {
	var o explain.Options
	var at string
	var table, asJSON, mermaid, txtar bool
	cmd := &cobra.Command{
		Use:   "explain --from A --to B [SCRIPTS]",
		Short: "Say what a script does with a call, and why, without dialling",
		Long: "Run a call through the scripts in SCRIPTS, the present folder if not given, on the real engine in virtual time, and print what was\n" +
			"decided by which values, the plan, and the ladder. Phones answer after two seconds unless --phone says otherwise.\n\n" +
			"Exit status: 0 explained, 2 usage, 3 the script does not load.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Root, o.Out, o.Settings = ".", cmd.OutOrStdout(), config.Beside
			if len(args) > 0 {
				o.Root = args[0]
			}
			switch {
			case asJSON:
				o.Format = "json"
			case mermaid:
				o.Format = "mermaid"
			case txtar:
				o.Format = "txtar"
			}
			if at != "" {
				var err error
				if o.At, err = scenario.ParseDate(at); err != nil {
					return fmt.Errorf("--at: %w", err)
				}
			} else {
				o.At = time.Now().UTC().Truncate(time.Minute)
			}
			if out, ok := o.Out.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
				o.Width, _, _ = term.GetSize(int(out.Fd())) // 0 if it has none
				o.ASCII = !utf8Locale()
			}
			if table {
				return scriptStatus(explain.Table(o))
			}
			return scriptStatus(explain.Explain(o))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "who calls: a `USER` or a SIP URI")
	f.StringVar(&o.To, "to", "", "who is called: a `USER` or a SIP URI")
	f.StringVar(&at, "at", "", "when: a `DATE` such as '2026-12-24 18:00 Europe/Amsterdam'; without it, now in UTC")
	f.StringVar(&o.Via, "via", "", "the `ADDRESS` that the call comes from")
	f.StringArrayVar(&o.Headers, "header", nil, "a header `FIELD` of the INVITE, 'Subject: lunch'; may be repeated")
	f.StringArrayVar(&o.Phones, "phone", nil, "what a phone `DOES`: '100=486@2s', '100=180@1s,200@4s', '100=never'; may be repeated")
	f.StringArrayVar(&o.HTTP, "http", nil, "what a server `ANSWERS`: 'http://192.0.2.5/100 200 body sip:100@192.0.2.11'; may be repeated")
	f.StringVar(&o.Cancel, "cancel", "", "the caller gives up after `T`: 12s")
	f.StringVar(&o.Hangup, "hangup", "", "the caller hangs up `T` after the answer: 30s")
	f.BoolVar(&table, "table", false, "print every change of the decision in the week from --at on")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.BoolVar(&mermaid, "mermaid", false, "print a Mermaid sequence diagram")
	f.BoolVar(&txtar, "txtar", false, "print the call as a test")
	cmd.MarkFlagsMutuallyExclusive("table", "json", "mermaid", "txtar")
	return cmd
}

// scriptStatus gives an error of a script its exit status, and any other that of usage.
func scriptStatus(err error) error {
	var e *luaapi.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return exit.With(exit.Script, err)
	}
	return exit.With(exit.Usage, err)
}
