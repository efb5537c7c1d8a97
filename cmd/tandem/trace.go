package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/follow"
	"tandem/engine/trace"
)

// errSeen ends the following after the first call.
var errSeen = errors.New("seen")

func newTraceCommand() *cobra.Command {
	var at engineFlags
	var all, asJSON bool
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Show the next call of a running engine as a ladder",
		Long: "Wait for the next call that begins, and print it as a ladder with its decisions when it has ended; with -f, go on with those that\n" +
			"follow until Ctrl-C. The engine is the one whose admin socket tandem.toml in the present folder names, or the file of --config;\n" +
			"without either, the one that was started without. It keeps nothing of calls while nobody follows.\n\n" +
			"Exit status: 0 shown, 2 usage or configuration, 6 no engine answers or it has stopped, 130 interrupted before a call.",
		Args: noMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := at.socket(cmd)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			show := ladders(cmd)
			if asJSON {
				lines := json.NewEncoder(cmd.OutOrStdout())
				lines.SetEscapeHTML(false)
				show = func(c *follow.Call) error { return lines.Encode(c) }
			}
			err = admin.Follow(ctx, path, func() { cmd.PrintErrln(waiting(all)) }, func(c *follow.Call) error {
				if err := show(c); err != nil || all {
					return err
				}
				return errSeen
			})
			switch {
			case errors.Is(err, errSeen), all && ctx.Err() != nil:
				return nil
			case ctx.Err() != nil:
				return errInterrupted
			}
			return exit.With(exit.Refused, err)
		},
	}
	at.add(cmd)
	cmd.Flags().BoolVarP(&all, "follow", "f", false, "go on with the calls that follow")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, a line for each call")
	return cmd
}

func waiting(all bool) string {
	if all {
		return "following calls that begin from now on; Ctrl-C ends it"
	}
	return "waiting for the next call to begin and end; -f follows all"
}

// ladders prints calls for people.
func ladders(cmd *cobra.Command) func(c *follow.Call) error {
	var o trace.Options
	if out, ok := cmd.OutOrStdout().(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		o.Width, _, _ = term.GetSize(int(out.Fd())) // 0 if it has none
		o.ASCII = !utf8Locale()
	}
	return func(c *follow.Call) error {
		if c.Missed > 0 {
			cmd.PrintErrf("%d or more calls are not shown: too many at a time\n", c.Missed)
		}
		began := c.Began.Local().Format(time.DateTime)
		head := fmt.Sprintf("%s  %s calls %s: %d  %s", began, c.From, c.To, c.Final, c.ID)
		cmd.Printf("%s\n%s", strings.Map(printable, head), c.Ladder(o))
		if c.Lost > 0 {
			cmd.Printf("%d more events are not shown: too many in one call\n", c.Lost)
		}
		cmd.Println()
		return nil
	}
}
