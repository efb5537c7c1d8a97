// Package repl is `tandem repl`: a prompt at which Lua is tried in the sandbox of scripts, and calls on the script itself, at a date
// of one's own.
//
// A Session owns the date, the phones and the Lua state; it belongs to one goroutine. The prompt is the caller's.
package repl

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tandem/luaapi"
	"tandem/luaapi/explain"
	"tandem/luaapi/scenario"
	"tandem/luaapi/spell"
)

// Options say how a session begins.
type Options struct {
	// Root is the script root.
	Root string
	// At is the date; the zero value = scenario.DefaultDate.
	At time.Time
	// ASCII and Width are those of trace.Options.
	ASCII bool
	Width int
	Out   io.Writer
}

// Session is a session at the prompt.
type Session struct {
	o       Options
	at      time.Time
	phones  []string // "100=486@2s"
	console *luaapi.Console
	logs    *observer.ObservedLogs
	pending string // Lua that is not complete
}

// New loads the script and begins a session. The error is an *luaapi.Error if the script does not load.
func New(o Options) (*Session, error) {
	s := &Session{o: o, at: o.At}
	if s.at.IsZero() {
		s.at = scenario.DefaultDate
	}
	return s, s.load()
}

func (s *Session) load() error {
	p, err := luaapi.Load(s.o.Root)
	if err == nil {
		err = p.DryLoad(luaapi.Options{})
	}
	if err == nil {
		core, logs := observer.New(zapcore.InfoLevel)
		s.console, s.logs = p.Console(luaapi.Options{Logger: zap.New(core)}), logs
	}
	return err
}

// command is what a line does that begins with a colon.
type command struct{ name, args, says string }

var commands = []command{
	{"at", "[DATE]", "show the date, or set it: 2026-12-24 18:00 Europe/Rome"},
	{"wait", "DURATION", "go on in time: 2h"},
	{"phone", "[NAME=WHAT]", "show what phones do, or set it: 100=486@2s"},
	{"call", "FROM TO", "a call: what is decided by which values, and the ladder"},
	{"plan", "FROM TO", "what invite decides"},
	{"table", "FROM TO", "how that changes in a week"},
	{"txtar", "FROM TO", "the call as a test"},
	{"reload", "", "load the script again"},
	{"help", "", "this list"},
	{"quit", "", "end"},
}

// Commands are the commands, for completion.
func Commands() []string {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = ":" + c.name
	}
	return names
}

// ErrQuit says that the session is over.
var ErrQuit = errors.New("quit")

// Do does a line: a command, or Lua, as soon as it is complete. Other errors than ErrQuit are for the user to read.
func (s *Session) Do(line string) error {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), ":")
	if !ok || s.More() {
		return s.lua(line)
	}
	args := strings.Fields(rest)
	if len(args) == 0 {
		return s.help()
	}
	name, args := args[0], args[1:]
	switch name {
	case "at":
		return s.setAt(strings.Join(args, " "))
	case "wait":
		return s.wait(args)
	case "phone":
		return s.phone(args)
	case "call", "plan", "txtar", "table":
		return s.call(name, args)
	case "reload":
		return s.load()
	case "help":
		return s.help()
	case "quit", "q":
		return ErrQuit
	}
	return fmt.Errorf("there is no command :%s%s; see :help", name, spell.Hint(":"+name, Commands()))
}

// More reports whether what was typed is the beginning of Lua that goes on in the next line.
func (s *Session) More() bool { return s.pending != "" }

// Drop forgets the beginning of Lua that was typed.
func (s *Session) Drop() { s.pending = "" }

// End runs what was typed and is not complete, at the end of the input: the error says what is missing.
func (s *Session) End() error {
	text := s.pending
	s.Drop()
	return s.eval(text)
}

// lua takes a line of Lua and runs what is complete.
func (s *Session) lua(line string) error {
	text := s.pending + line
	if luaapi.Incomplete(text) {
		s.pending = text + "\n"
		return nil
	}
	s.Drop()
	err := s.eval(text)
	if word, _, _ := strings.Cut(strings.TrimSpace(text), " "); err != nil && slices.Contains(Commands(), ":"+word) {
		return fmt.Errorf("%w; the command is :%s", err, word)
	}
	return err
}

// eval runs Lua and prints what it logs and comes to.
func (s *Session) eval(text string) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	came, err := s.console.Eval(text)
	for _, e := range s.logs.TakeAll() {
		s.print("%s\n", scenario.LogLine(&e))
	}
	if err == nil && came != "" {
		s.print("%s\n", came)
	}
	return err
}

func (s *Session) print(format string, args ...any) { fmt.Fprintf(s.o.Out, format, args...) }

func (s *Session) help() error {
	for _, c := range commands {
		s.print("  :%-7s %-12s %s\n", c.name, c.args, c.says)
	}
	s.print("Phones answer after two seconds unless :phone says otherwise. Everything else is\n" +
		"Lua: plan.to \"sip:100@192.0.2.11\". What is local is forgotten after its line.\n" +
		"Ctrl-C drops what was typed, Ctrl-D ends.\n")
	return nil
}

func (s *Session) setAt(date string) error {
	if date != "" {
		at, err := scenario.ParseDate(date)
		if err != nil {
			return err
		}
		s.at = at
	}
	s.print("%s %s\n", s.at.Format("Mon"), scenario.FormatDate(s.at))
	return nil
}

func (s *Session) wait(args []string) error {
	d, err := time.ParseDuration(strings.Join(args, ""))
	if err != nil || d < 0 {
		return errors.New("say how long: :wait 2h")
	}
	s.at = s.at.Add(d)
	return s.setAt("")
}

// phone says what a phone does, in place of what was said before.
func (s *Session) phone(args []string) error {
	if len(args) == 0 {
		for _, p := range s.phones {
			s.print("%s\n", p)
		}
		return nil
	}
	said := strings.Join(args, " ")
	name, does, ok := strings.Cut(said, "=")
	if !ok {
		return errors.New("say what it does: :phone 100=486@2s")
	}
	kept := slices.DeleteFunc(slices.Clone(s.phones), func(p string) bool { return strings.HasPrefix(p, name+"=") })
	if does == "" {
		s.phones = kept
		return nil
	}
	if err := explain.CheckPhone(said); err != nil {
		return err
	}
	s.phones = kept
	s.phones = append(s.phones, said)
	return nil
}

// call explains a call, as the command of that name does.
func (s *Session) call(name string, args []string) error {
	if len(args) == 3 && args[1] == "->" {
		args = []string{args[0], args[2]}
	}
	if len(args) != 2 {
		return fmt.Errorf("say who calls whom: :%s alice 100", name)
	}
	format := name
	if name == "call" {
		format = "text"
	}
	o := explain.Options{
		Root: s.o.Root, From: args[0], To: args[1], At: s.at, Phones: s.phones, Format: format, ASCII: s.o.ASCII, Width: s.o.Width, Out: s.o.Out,
	}
	if format == "table" {
		return explain.Table(o)
	}
	return explain.Explain(o)
}
