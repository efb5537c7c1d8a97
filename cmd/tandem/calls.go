package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/exit"
)

func newCallsCommand() *cobra.Command {
	var at engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "calls",
		Short: "List the calls of a running engine, or end one",
		Long: "List the calls of a running engine, the oldest first: the engine whose admin socket tandem.toml in the present folder names, or the\n" +
			"file of --config; without either, the one that was started without.\n\n" +
			"Exit status: 0 it answers, 2 usage or configuration, 6 no engine answers.",
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := at.socket(cmd)
			if err != nil {
				return err
			}
			list, err := admin.Calls(cmd.Context(), path)
			switch {
			case err != nil:
				return exit.With(exit.Refused, err)
			case asJSON:
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(list)
			case len(list) == 0:
				cmd.Println("no calls")
				return nil
			}
			return printCalls(cmd, list)
		},
	}
	at.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(newEndCommand())
	return cmd
}

// printCalls prints a line for each call.
func printCalls(cmd *cobra.Command, list []admin.Call) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tFROM\tTO\tSTATE\tSINCE\tBRANCHES") // a tabwriter keeps its errors for Flush
	for _, c := range list {
		branches := make([]string, 0, len(c.Branches))
		for _, b := range c.Branches {
			branches = append(branches, b.Target+" "+b.State)
		}
		line := []string{c.ID, c.From, c.To, c.State, c.Since.Local().Format(time.DateTime), strings.Join(branches, ", ")}
		for i := range line {
			line[i] = strings.Map(printable, line[i])
		}
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	return w.Flush()
}

// printable puts question marks for what would disturb a terminal: peers choose what stands in their calls.
func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

func newEndCommand() *cobra.Command {
	var at engineFlags
	cmd := &cobra.Command{
		Use:   "end ID",
		Short: "End a call of a running engine",
		Long: "End the call with the Call-ID: BYE to both sides of one that is answered, CANCEL and 480 to one that is not.\n\n" +
			"Exit status: 0 it is ended, 2 usage or configuration, 6 no engine answers or it has no such call.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return errors.New("name one call, by its ID as `tandem calls` shows it; see `tandem calls end --help`")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := at.socket(cmd)
			if err != nil {
				return err
			}
			n, err := admin.End(cmd.Context(), path, args[0])
			switch {
			case err != nil:
				return exit.With(exit.Refused, err)
			case n == 0:
				return exit.Errorf(exit.Refused, "there is no call %q; `tandem calls` lists those there are", args[0])
			case n == 1:
				cmd.Println("ended", args[0])
			default:
				cmd.Printf("ended %d calls %s\n", n, args[0])
			}
			return nil
		},
	}
	at.add(cmd)
	return cmd
}
