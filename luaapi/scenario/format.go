package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"tandem/engine/sim"
)

// Format writes the scenario as Parse reads it, with its files.
func (s *Scenario) Format() []byte {
	var b strings.Builder
	if s.Title != "" {
		fmt.Fprintf(&b, "# %s\n", s.Title)
	}
	if !s.At.IsZero() {
		fmt.Fprintf(&b, "at      %s\n", FormatDate(s.At))
	}
	if s.Seeded {
		fmt.Fprintf(&b, "seed    %d\n", s.Seed)
	}
	if s.Script != "" {
		fmt.Fprintf(&b, "script  %s\n", Quote(s.Script))
	}
	for _, c := range s.Calls {
		fmt.Fprintf(&b, "call    %s\n", c)
	}
	for _, p := range s.Phones {
		fmt.Fprintf(&b, "phone   %s\n", p)
	}
	for _, l := range s.Links {
		fmt.Fprintf(&b, "link    %s\n", l)
	}
	for _, p := range s.Pages {
		fmt.Fprintf(&b, "http    %s\n", p)
	}
	if len(s.Expects) > 0 {
		b.WriteString("\n")
	}
	for _, e := range s.Expects {
		b.WriteString(e.Text + "\n")
	}
	ar := &txtar.Archive{Comment: []byte(b.String())}
	for _, n := range slices.Sorted(maps.Keys(s.Ladders)) {
		ar.Files = append(ar.Files, txtar.File{Name: ladderName(n), Data: []byte(s.Ladders[n])})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		ar.Files = append(ar.Files, txtar.File{Name: name, Data: s.Files[name]})
	}
	if len(ar.Files) > 0 {
		ar.Comment = append(ar.Comment, '\n')
	}
	return txtar.Format(ar)
}

// FormatDate writes a date as ParseDate reads it.
func FormatDate(t time.Time) string {
	layout := "2006-01-02 15:04"
	if t.Second() != 0 {
		layout += ":05"
	}
	zone := t.Location().String()
	if zone == "UTC" || zone == "Local" || zone == "" {
		return t.UTC().Format(layout)
	}
	return t.Format(layout) + " " + zone
}

// String is the call as a line says it.
func (c *Call) String() string {
	s := short(c.From, FromHost) + " -> " + short(c.To, ToHost)
	if c.RequestURI != "" {
		s += " ruri " + short(c.RequestURI, ToHost)
	}
	if c.Via.IsValid() {
		s += " via " + c.Via.String()
	}
	if c.After > 0 {
		s += " after " + c.After.String()
	}
	if c.Cancel != nil {
		s += " cancel " + c.Cancel.String()
	}
	if c.Hangup != nil {
		s += " hangup " + c.Hangup.String()
	}
	if c.Vanish != nil {
		s += " vanish " + c.Vanish.String()
	}
	if c.User != "" {
		s += " user " + Quote(c.User)
	}
	if c.Password != "" {
		s += " password " + Quote(c.Password)
	}
	return s + with(c.Headers)
}

func with(headers []sim.Header) (s string) {
	for _, h := range headers {
		s += " with " + always(h.Name+": "+h.Value)
	}
	return s
}

// short leaves out what ParseAddress puts in.
func short(uri, host string) string {
	user, ok := strings.CutPrefix(strings.TrimSuffix(uri, "@"+host), "sip:")
	if ok && strings.HasSuffix(uri, "@"+host) && !strings.ContainsAny(user, `:@<> ",\#`) {
		return user
	}
	return Quote(uri)
}

// String is the phone as a line says it.
func (p *Phone) String() string {
	s := Quote(p.Name)
	if p.URI != "" {
		s += " " + Quote(p.URI)
	}
	for i, a := range p.Answers {
		if i > 0 {
			s += " then"
		}
		s += " " + a.Words
	}
	return s
}

// String is the link as a line says it.
func (l Link) String() string {
	s := "all"
	if l.Phone != "" {
		s = Quote(l.Phone)
	}
	share := func(name string, f float64) {
		if f > 0 {
			s += fmt.Sprintf(" %s %g%%", name, f*100)
		}
	}
	share("loss", l.Faults.Loss)
	share("double", l.Faults.Duplicate)
	if l.Faults.Delay > 0 {
		s += " delay " + l.Faults.Delay.String()
	}
	if l.Faults.Jitter > 0 {
		s += " jitter " + l.Faults.Jitter.String()
	}
	return s
}
