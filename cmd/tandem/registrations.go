package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/exit"
)

func newRegistrationsCommand() *cobra.Command {
	var at engineFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "registrations [USER]",
		Short: "List who is registered where with a running engine",
		Long: "List the contacts that users have registered, or those of one user, in the order in which they are called: where the phone is, by its Contact\n" +
			"and by where its REGISTER came from, and how long that lasts. The engine is the one whose admin socket tandem.toml in the present folder names, or the\n" +
			"file of --config; without either, the one that was started without.\n\n" +
			"Exit status: 0 it answers, 2 usage or configuration, 6 no engine answers, or the user has no contact.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errors.New("name one user, or none for all; see `tandem registrations --help`")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := at.socket(cmd)
			if err != nil {
				return err
			}
			list, err := admin.Registrations(cmd.Context(), path)
			if err != nil {
				return exit.With(exit.Refused, err)
			}
			if len(args) == 1 {
				list = slices.DeleteFunc(list, func(c admin.Contact) bool { return c.User != args[0] })
				if len(list) == 0 {
					return exit.Errorf(exit.Refused, "%s is not registered; the log of the engine says why a phone was refused", args[0])
				}
			}
			switch {
			case asJSON:
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(list)
			case len(list) == 0:
				cmd.Println("nobody is registered")
				return nil
			}
			return printRegistrations(cmd, list)
		},
	}
	at.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, with all that is known of each contact")
	return cmd
}

// printRegistrations prints a line for each contact.
func printRegistrations(cmd *cobra.Command, list []admin.Contact) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "USER\tCONTACT\tFROM\tEXPIRES IN\tQ") // a tabwriter keeps its errors for Flush
	for _, c := range list {
		left := time.Duration(c.Expires) * time.Second
		line := []string{c.User, c.Contact, c.Source, left.String(), strconv.FormatFloat(c.Q, 'f', -1, 64)}
		for i := range line {
			line[i] = strings.Map(printable, line[i])
		}
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	return w.Flush()
}
