package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/peterh/liner"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tandem/luaapi/repl"
	"tandem/luaapi/scenario"
)

func newReplCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "repl [SCRIPTS]",
		Short: "Try Lua and calls at a prompt, at any date",
		Long: "A prompt beside the scripts in SCRIPTS, the present folder if not given: Lua in the sandbox of scripts, and commands that place calls\n" +
			"in virtual time at a date of your own; :help lists them.\n\n" +
			"Exit status: 0 at the end of the input, 2 usage, 3 the script does not load.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := repl.Options{Root: ".", Out: cmd.OutOrStdout()}
			if len(args) > 0 {
				o.Root = args[0]
			}
			if at != "" {
				var err error
				if o.At, err = scenario.ParseDate(at); err != nil {
					return fmt.Errorf("--at: %w", err)
				}
			}
			if out, ok := o.Out.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
				o.Width, _, _ = term.GetSize(int(out.Fd())) // 0 if it has none
				o.ASCII = !utf8Locale()
			}
			s, err := repl.New(o)
			if err != nil {
				return scriptStatus(err)
			}
			return prompt(cmd, s)
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "begin at a `DATE` such as '2026-12-24 18:00 Europe/Amsterdam'; without it, a Monday morning")
	return cmd
}

// prompt reads lines until the session is over: with editing on a terminal, else as they come.
func prompt(cmd *cobra.Command, s *repl.Session) error {
	read, done := plainLines(cmd.InOrStdin())
	if in, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		read, done = editedLines()
	}
	defer done()
	for {
		line, err := read(s.More())
		if err == nil {
			err = s.Do(line)
		}
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			s.Drop()
		case errors.Is(err, repl.ErrQuit):
			return nil
		case errors.Is(err, io.EOF):
			if err := s.End(); err != nil {
				cmd.Println(err)
			}
			return nil
		case err != nil:
			cmd.Println(err)
		}
	}
}

// plainLines reads lines that nobody types.
func plainLines(in io.Reader) (read func(more bool) (string, error), done func()) {
	lines := bufio.NewScanner(in)
	return func(bool) (string, error) {
		if !lines.Scan() {
			return "", errors.Join(io.EOF, lines.Err())
		}
		return lines.Text(), nil
	}, func() {}
}

// editedLines reads lines with history and completion; Ctrl-C drops one.
func editedLines() (read func(more bool) (string, error), done func()) {
	l := liner.NewLiner()
	l.SetCtrlCAborts(true)
	l.SetCompleter(func(line string) (all []string) {
		for _, c := range repl.Commands() {
			if strings.HasPrefix(c, line) {
				all = append(all, c+" ")
			}
		}
		return all
	})
	return func(more bool) (string, error) {
		ask := "tandem> "
		if more {
			ask = "     -> "
		}
		line, err := l.Prompt(ask)
		switch {
		case errors.Is(err, io.EOF): // Ctrl-D leaves the cursor behind the prompt
			fmt.Println()
		case err == nil && strings.TrimSpace(line) != "":
			l.AppendHistory(line)
		}
		return line, err
	}, func() { _ = l.Close() }
}
