package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/engine/auth"
	"tandem/engine/message"
	"tandem/engine/sim"
	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/scenario"
)

// Options say what is replayed.
type Options struct {
	// File is a recording or a capture.
	File string
	// Root is the script root that the calls run through. Against, if it is given, takes its place; calls of a capture, of which no
	// decision is known, run through both.
	Root, Against string
	// Settings returns what the configuration says for the scripts at a root.
	Settings scenario.SettingsOf
	// JSON writes a line of JSON for each call that differs.
	JSON bool
	// Verbose writes the calls that are the same too.
	Verbose bool
	Out     io.Writer
	// Warn is told what is to be known of the file; nil = nobody is.
	Warn func(string)
}

// Summary counts calls. Unsure are those of which nobody can tell: a script asked what was not recorded.
// Alone are those of a capture that have run through one script only: there is nothing to compare them with.
type Summary struct{ Calls, Same, Differ, Unsure, Alone int }

// String is the summary on a line.
func (s Summary) String() string {
	text := fmt.Sprintf("%d calls", s.Calls)
	if s.Calls == 1 {
		text = "1 call"
	}
	if s.Alone < s.Calls {
		text += fmt.Sprintf(", %d same, %d differ", s.Same, s.Differ)
	}
	if s.Alone > 0 {
		text += "; a capture does not say where they went: --against DIR compares two scripts"
	}
	if s.Unsure > 0 {
		text += fmt.Sprintf(", %d unsure: they await what was not recorded", s.Unsure)
	}
	return text
}

// Course is where a call went: whom it was offered to, in order, and what came of it.
type Course struct {
	Order  []string `json:"order"`
	Result string   `json:"result"`
	// Why is the first decision.
	Why string `json:"why,omitempty"`
	// Unknown are the operations that it awaited and of which the record does not say what they came to, and why.
	Unknown []string `json:"not_recorded,omitempty"`
}

func (c *Course) equal(d *Course) bool { return slices.Equal(c.Order, d.Order) && c.Result == d.Result }

// String is the course on a line.
func (c *Course) String() string {
	order := strings.Join(c.Order, " ")
	if order == "" {
		order = "nobody"
	}
	s := order + " · " + c.Result
	if c.Why != "" {
		s += " · " + c.Why
	}
	return s
}

// Run replays the calls of a file and writes which would go elsewhere. The error is an *luaapi.Error if a script does not load.
func Run(o Options) (Summary, error) {
	records, note, err := Read(o.File)
	if err != nil {
		return Summary{}, err
	}
	if note != "" && o.Warn != nil {
		o.Warn(note)
	}
	if len(records) == 0 {
		return Summary{}, fmt.Errorf("%s holds no call", o.File)
	}
	x := &replaying{o: &o, is: o.Root}
	if o.Against != "" {
		x.is = o.Against
	}
	if x.program, err = o.load(x.is); err != nil {
		return Summary{}, err
	}
	if o.Against != "" && slices.ContainsFunc(records, unknown) {
		if x.base, err = o.load(o.Root); err != nil {
			return Summary{}, err
		}
	}
	for _, r := range records {
		if err := x.call(r); err != nil {
			return x.sum, fmt.Errorf("%s: call %s: %w", o.File, r.ID, err)
		}
	}
	if !o.JSON {
		fmt.Fprintln(o.Out, x.sum)
	}
	return x.sum, nil
}

// script is what calls run through.
type script struct {
	program  *luaapi.Program
	settings scenario.Settings
}

func (o *Options) load(root string) (*script, error) {
	p, err := luaapi.Load(root)
	if err == nil {
		err = p.DryLoad(luaapi.Options{})
	}
	if err != nil {
		return nil, err
	}
	b, err := o.Settings.At(root)
	return &script{p, b}, err
}

// unknown reports whether nothing is known of where a call went: it is from a capture.
func unknown(r *Record) bool { return r.Final == 0 && len(r.Legs) == 0 && len(r.Decisions) == 0 }

type replaying struct {
	o       *Options
	is      string // the root that the calls run through
	program *script
	base    *script // for calls of which nothing is known; nil = there is nothing to compare them with
	sum     Summary
}

// call replays a call and writes what is to be told of it.
func (x *replaying) call(r *Record) error {
	now, err := r.run(x.program)
	if err != nil {
		return err
	}
	x.sum.Calls++
	was, label := r.course(), "recorded"
	switch {
	case unknown(r) && x.base == nil:
		was = nil
	case unknown(r):
		label = x.o.Root
		if was, err = r.run(x.base); err != nil {
			return err
		}
	}
	v := x.verdict(was, now)
	if v == same && !x.o.Verbose {
		return nil
	}
	return x.tell(r, v, label, was, now)
}

// verdict is what a replay says of a call.
type verdict string

const (
	same    verdict = "same"
	differs verdict = "differs"
	unsure  verdict = "unsure"
	alone   verdict = "goes"
)

// verdict compares two courses and counts.
func (x *replaying) verdict(was, now *Course) verdict {
	switch {
	case was == nil:
		x.sum.Alone++
		return alone
	case len(was.Unknown) > 0 || len(now.Unknown) > 0:
		x.sum.Unsure++
		return unsure
	case was.equal(now):
		x.sum.Same++
		return same
	}
	x.sum.Differ++
	return differs
}

// told is a call as a line of JSON.
type told struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Differ bool      `json:"differ"`
	Unsure bool      `json:"unsure,omitempty"`
	Was    *Course   `json:"was,omitempty"`
	Is     *Course   `json:"is"`
}

func (x *replaying) tell(r *Record, v verdict, label string, was, now *Course) error {
	if x.o.JSON {
		enc := json.NewEncoder(x.o.Out)
		enc.SetEscapeHTML(false)
		return enc.Encode(told{r.ID, r.At, r.From, r.RequestURI, v == differs, v == unsure, was, now})
	}
	fmt.Fprintf(x.o.Out, "%-7s  %s  %s → %s  (%s)\n", v, r.At.Format("2006-01-02 15:04:05"), r.From, r.RequestURI, r.ID)
	if v == same || v == alone {
		fmt.Fprintf(x.o.Out, "         %s\n\n", now)
		return nil
	}
	width := max(len(label), len(x.is))
	fmt.Fprintf(x.o.Out, "         %-*s  %s\n", width, label, was)
	fmt.Fprintf(x.o.Out, "         %-*s  %s\n", width, x.is, now)
	for _, what := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(was.Unknown, now.Unknown)))) {
		fmt.Fprintf(x.o.Out, "         %-*s  %s\n", width, "", what)
	}
	fmt.Fprintln(x.o.Out)
	return nil
}

// course is where the call went when it was recorded.
func (r *Record) course() *Course {
	c := &Course{Order: []string{}}
	for _, l := range r.Legs {
		c.Order = append(c.Order, target(l.URI))
	}
	for _, d := range r.Decisions {
		if strings.HasPrefix(d.Text, "invite") {
			c.Why = strings.TrimSpace(d.Where + " " + d.Text)
			break
		}
	}
	switch {
	case r.Answered != "":
		c.Result = "answered by " + target(r.Answered)
	case r.Final/100 == 2:
		c.Result = "answered"
	case r.Final == 0:
		c.Result = "no final response"
	default:
		c.Result = strconv.Itoa(r.Final)
	}
	return c
}

// target names a target by user and host, so that recorded and replayed ones compare.
func target(uri string) string {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		return uri
	}
	host := strings.ToLower(string(u.Host))
	if u.Port != 0 && u.Port != 5060 {
		host += ":" + strconv.Itoa(int(u.Port))
	}
	if len(u.User) == 0 {
		return host
	}
	return string(message.AppendUnescaped(nil, u.User)) + "@" + host
}

// others is what phones do that have not been called when the call was recorded.
var others = scenario.DefaultAnswers

// run runs the call through a script, with phones that do what they did.
func (r *Record) run(s *script) (*Course, error) {
	came := newAnswers(r.Awaited)
	run, err := r.scenario().Run(scenario.Options{Program: s.program, Settings: r.identified(s.settings), Seed: 1, Others: &others, Work: came.work})
	if err != nil {
		return nil, err
	}
	call := run.Calls[0]
	c := &Course{Order: []string{}, Unknown: came.unknown}
	name := func(l *scenario.Leg) string {
		if l.User == "" {
			return l.Host
		}
		return l.User + "@" + l.Host
	}
	for _, l := range call.Legs() {
		c.Order = append(c.Order, name(l))
	}
	switch w := call.Winner(); {
	case w != nil:
		c.Result = "answered by " + name(w)
	default:
		c.Result = call.Result()
	}
	for _, e := range call.Events() {
		if e.Kind == trace.Note && strings.HasPrefix(e.Text, "invite") {
			c.Why = strings.TrimSpace(e.Pos.String() + " " + e.Text)
			break
		}
	}
	return c, nil
}

// identified returns settings under which the caller is let in as it was: as the user whose credentials it had, or without any.
func (r *Record) identified(s scenario.Settings) scenario.Settings {
	if r.User == "" {
		s.Auth = nil
		return s
	}
	own, err := s.WithUsers(map[string]string{r.User: "replayed"})
	if err != nil {
		return s
	}
	own.Auth.Calls = auth.OfAll // own is ours alone
	return own
}

// scenario is the call in words.
func (r *Record) scenario() *scenario.Scenario {
	s := &scenario.Scenario{At: r.At.Add(-sim.Latency)} // so that the date is the same when the INVITE is there
	c := &scenario.Call{From: r.From, To: r.To, RequestURI: r.RequestURI, User: r.User}
	if r.User != "" {
		s.At = s.At.Add(-2 * sim.Latency) // it is asked who it is first
	}
	if message.ValidValue(r.ID) && !strings.ContainsAny(r.ID, " \t") {
		c.CallID = r.ID
	}
	if at, err := netip.ParseAddrPort(r.Source); err == nil {
		c.Via = at
	}
	if r.Cancelled != nil {
		d := seconds(*r.Cancelled)
		c.Cancel = &d
	}
	for _, h := range r.Headers {
		c.Headers = append(c.Headers, sim.Header{Name: h[0], Value: h[1]})
	}
	s.Calls = []*scenario.Call{c}
	for _, l := range r.Legs {
		name := target(l.URI)
		i := slices.IndexFunc(s.Phones, func(p *scenario.Phone) bool { return p.Name == name })
		if i < 0 {
			s.Phones = append(s.Phones, &scenario.Phone{Name: name})
			i = len(s.Phones) - 1
		}
		s.Phones[i].Answers = append(s.Phones[i].Answers, scenario.Answer{Steps: l.did()})
	}
	return s
}

func seconds(f float64) time.Duration { return time.Duration(math.Round(f * float64(time.Second))) }

// did is what the phone of a leg did. One that was cancelled would have rung on.
func (l *Leg) did() sim.Behaviour {
	var steps sim.Behaviour
	last := l.At
	for i, r := range l.Responses {
		challenge := (r.Code == 401 || r.Code == 407) && i+1 < len(l.Responses)
		if r.Code < 101 || r.Code > 699 || r.Code == 487 || challenge {
			continue
		}
		s := sim.Send(r.Code)
		if r.Code == 183 {
			s.SDP = true
		}
		if r.Contact != "" {
			s.Headers = []sim.Header{{Name: "Contact", Value: r.Contact}}
		}
		steps = append(steps, s.In(max(0, seconds(r.At-last))))
		last = max(last, r.At)
		if r.Code >= 200 {
			return steps
		}
	}
	if len(steps) == 0 {
		return sim.Silent()
	}
	return steps
}
