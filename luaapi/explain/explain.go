// Package explain is `tandem explain`: what a script does with a call, without dialling: its decisions with the values that they
// were made by, the plan as a tree, and the ladder of the call against phones that do what is assumed.
//
// It holds no state. The call runs on the real engine by package scenario.
package explain

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/probe"
	"tandem/luaapi/scenario"
	"tandem/luaapi/spell"
)

// Options say what is explained, and how.
type Options struct {
	// Root is the script root as users name it.
	Root string
	// Settings returns what the configuration says for them.
	Settings scenario.SettingsOf
	// From and To are users or SIP URIs, Via the address that the call comes from ("" = any), Headers "Name: value".
	From, To, Via string
	Headers       []string
	// At is the date; the zero value = scenario.DefaultDate.
	At time.Time
	// Phones are what phones do: "100=486@2s", "101=180@1s,200@4s", "102=never"; all others answer after two seconds.
	Phones []string
	// HTTP is what servers answer: "http://192.0.2.5/100 body sip:100@192.0.2.11".
	HTTP []string
	// Cancel and Hangup are when the caller gives up, and how long after the answer it ends the call; "" = never.
	Cancel, Hangup string
	// Format is one of Formats, "" = text.
	Format string
	// ASCII and Width are those of trace.Options.
	ASCII bool
	Width int
	Out   io.Writer
}

// Formats are the forms that an explanation may have.
var Formats = []string{"text", "plan", "json", "mermaid", "txtar"}

// Explain explains a call. The error is an *luaapi.Error if the script does not load; others are of usage.
func Explain(o Options) error {
	prog, err := load(o.Root)
	if err != nil {
		return err
	}
	s, err := o.scenario()
	if err != nil {
		return err
	}
	if prog, err = prog.Probed(probe.What{Values: true}); err != nil {
		return err
	}
	settings, err := o.Settings.At(o.Root)
	if err != nil {
		return err
	}
	others := scenario.DefaultAnswers
	r, err := s.Run(scenario.Options{Program: prog, Values: true, Seed: 1, Others: &others, Settings: settings})
	if err != nil {
		return err
	}
	x := &explained{settings: settings, o: &o, prog: prog, s: s, run: r, call: r.Calls[0]}
	x.decide()
	switch o.Format {
	case "", "text":
		return x.text()
	case "plan":
		return x.plan()
	case "json":
		return x.json()
	case "mermaid":
		return x.mermaid()
	case "txtar":
		return x.txtar()
	}
	return fmt.Errorf("there is no format %q%s; there are %s", o.Format, spell.Hint(o.Format, Formats), strings.Join(Formats, ", "))
}

// load compiles a script root and sees whether it loads.
func load(root string) (*luaapi.Program, error) {
	p, err := luaapi.Load(root)
	if err == nil {
		err = p.DryLoad(luaapi.Options{})
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w; name the folder with main.lua", err)
	}
	return p, err
}

// scenario is the call in words.
func (o *Options) scenario() (*scenario.Scenario, error) {
	if o.From == "" || o.To == "" {
		return nil, errors.New("say who calls whom: --from 200 --to 100")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "call %s -> %s", scenario.Quote(o.From), scenario.Quote(o.To))
	for _, opt := range []struct{ name, value string }{{"via", o.Via}, {"cancel", o.Cancel}, {"hangup", o.Hangup}} {
		if opt.value != "" {
			fmt.Fprintf(&b, " %s %s", opt.name, scenario.Quote(opt.value))
		}
	}
	for _, h := range o.Headers {
		b.WriteString(" with " + scenario.Quote(h))
	}
	b.WriteString("\n")
	for _, p := range o.Phones {
		line, err := phoneLine(p)
		if err != nil {
			return nil, err
		}
		b.WriteString(line)
	}
	for _, h := range o.HTTP {
		b.WriteString("http " + h + "\n")
	}
	s, err := scenario.Parse("", []byte(b.String()))
	var e *luaapi.Error
	if errors.As(err, &e) {
		return nil, errors.New(e.Message) // there is no file
	}
	if err == nil {
		s.At = o.At
	}
	return s, err
}

// CheckPhone says what is wrong with "100=486@2s".
func CheckPhone(p string) error {
	o := Options{From: "a", To: "b", Phones: []string{p}}
	_, err := o.scenario()
	return err
}

// phoneLine writes "100=486@2s" as a scenario has it.
func phoneLine(p string) (string, error) {
	name, does, ok := strings.Cut(p, "=")
	if !ok || name == "" || does == "" {
		return "", fmt.Errorf("--phone %q: write '100=486@2s', '100=never' or '100=180@1s,200@4s'", p)
	}
	steps := strings.Split(does, ",")
	for i, s := range steps {
		steps[i] = strings.Replace(s, "@", " after ", 1)
	}
	return "phone " + name + " " + strings.Join(steps, " , ") + "\n", nil
}

// explained is a call that has run.
type explained struct {
	settings  scenario.Settings
	o         *Options
	prog      *luaapi.Program
	s         *scenario.Scenario
	run       *scenario.Run
	call      *scenario.Placed
	decisions []*decision
}

// decision is a note of the script or the plan, with what was seen before it was made.
type decision struct {
	at   time.Duration
	text string
	pos  plan.Pos
	saw  []sight
}

type sight struct {
	text string
	pos  plan.Pos
}

// decide collects the decisions of the call.
func (x *explained) decide() {
	events := x.call.Events()
	var saw []sight
	for _, e := range events {
		switch s := (sight{e.Text, e.Pos}); e.Kind {
		case trace.Saw:
			if len(saw) == 0 || saw[len(saw)-1] != s {
				saw = append(saw, s)
			}
		case trace.Note:
			x.decisions = append(x.decisions, &decision{e.At.Sub(events[0].At), e.Text, e.Pos, saw})
			saw = nil
		}
	}
	// A challenge that the caller has met is in the ladder; it decides nothing.
	if last := len(x.decisions) - 1; last >= 0 && x.decisions[last].text != trace.Challenged {
		x.decisions = slices.DeleteFunc(x.decisions, func(d *decision) bool { return d.text == trace.Challenged })
	}
	if len(saw) > 0 {
		x.decisions = append(x.decisions, &decision{text: "after the call", saw: saw})
	}
}

// at is a place in the script, as users name the file.
func (x *explained) where(p plan.Pos) string {
	if p.File == "" {
		return ""
	}
	if root := filepath.Clean(x.o.Root); root != "." && filepath.Ext(root) != ".lua" {
		p.File = filepath.Join(root, p.File)
	}
	return p.String()
}

// outcome is what came of the call, on a line.
func (x *explained) outcome() string {
	n := len(x.call.Legs())
	legs := fmt.Sprintf("%d legs", n)
	if n == 1 {
		legs = "1 leg"
	}
	return fmt.Sprintf("%s · %s · %s of virtual time", x.call.Result(), legs, x.lasted())
}

// lasted is how long it took until the caller had a final response.
func (x *explained) lasted() time.Duration {
	lasted := x.run.Virtual
	for _, l := range x.call.Received("") {
		if code, method := l.Response(); code >= 200 && method == "INVITE" { // the last one: a challenge that was met is none
			lasted = l.At.Sub(x.call.At())
		}
	}
	return lasted.Round(time.Millisecond)
}
