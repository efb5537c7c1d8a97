package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// helpWidth is how long the lines of help may be.
const helpWidth = 80

// help prints what a command is for, and how it is called.
func help(cmd *cobra.Command, _ []string) {
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	fmt.Fprintln(cmd.OutOrStdout(), reflow(about, helpWidth)+"\n")
	writeUsage(cmd.OutOrStdout(), cmd)
}

// usage prints how a command is called.
func usage(cmd *cobra.Command) error {
	writeUsage(cmd.OutOrStderr(), cmd)
	return nil
}

func writeUsage(w io.Writer, cmd *cobra.Command) {
	fmt.Fprintf(w, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s [command]\n\nAvailable Commands:\n", cmd.CommandPath())
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(w, "  %-*s %s\n", c.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	if cmd.HasAvailableLocalFlags() {
		fmt.Fprint(w, "\nFlags:\n"+cmd.LocalFlags().FlagUsagesWrapped(helpWidth))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nUse \"%s [command] --help\" for more information about a command.\n", cmd.CommandPath())
	}
}

// reflow breaks paragraphs anew so that no line is longer than width. Lines that begin with white space stay as they are.
func reflow(text string, width int) string {
	var out []string
	var line string
	flush := func() {
		if line != "" {
			out = append(out, line)
		}
		line = ""
	}
	for l := range strings.SplitSeq(text, "\n") {
		if l == "" || l[0] == ' ' || l[0] == '\t' {
			flush()
			out = append(out, l)
			continue
		}
		for word := range strings.FieldsSeq(l) {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
				flush()
			}
			if line != "" {
				line += " "
			}
			line += word
		}
	}
	flush()
	return strings.Join(out, "\n")
}

// folded writes text for people to read: on a terminal no line is longer than that is wide, but for code.
func folded(cmd *cobra.Command, text string) {
	width := 0
	if out, ok := cmd.OutOrStdout().(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		width, _, _ = term.GetSize(int(out.Fd())) // 0 if it has none
	}
	fmt.Fprint(cmd.OutOrStdout(), fold(text, width))
}

// code is how lines of code begin in what is shown.
const code = "    "

// fold breaks lines at spaces that are longer than width; what is left of one hangs. Width 0 leaves all as it is.
func fold(text string, width int) string {
	if width < 2*len(code) {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, code) {
			indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
			for utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > width {
				head := string([]rune(line)[:width+1])
				at := strings.LastIndexByte(head, ' ')
				if at <= len(indent)+len(code) {
					break
				}
				b.WriteString(line[:at] + "\n")
				line = indent + code + line[at+1:]
			}
		}
		b.WriteString(line)
	}
	return b.String()
}
