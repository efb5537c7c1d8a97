package scenario

import (
	"bytes"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"

	"tandem/engine/message"
	"tandem/luaapi"
	"tandem/luaapi/spell"
)

// keywords begin the lines of a scenario.
var keywords = []string{"at", "seed", "script", "call", "phone", "link", "http", "expect"}

// Parse reads a scenario. file is what errors name it by; they are *luaapi.Error with the line. Nothing in it is left unread: an
// unknown word is an error.
func Parse(file string, text []byte) (*Scenario, error) {
	ar := txtar.Parse(text)
	s := &Scenario{File: file, Files: make(map[string][]byte), Ladders: make(map[int]string), LadderLines: make(map[int]int), fileLines: make(map[string]int)}
	var later []func() error
	once := make(map[string]int) // line of what is said once
	for i, line := range strings.Split(string(ar.Comment), "\n") {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok {
			if s.Title == "" {
				s.Title = strings.TrimSpace(title)
			}
			continue
		}
		w, err := words(line)
		if err != nil {
			return nil, s.fail(i+1, "%v", err)
		}
		if len(w) == 0 {
			continue
		}
		if w[0] == "expect" { // it names phones that may follow
			later = append(later, func() error { return s.expect(i+1, line, w[1:]) })
			continue
		}
		if slices.Contains([]string{"at", "seed", "script"}, w[0]) {
			if once[w[0]] > 0 {
				return nil, s.fail(i+1, "line %d says %s already", once[w[0]], w[0])
			}
			once[w[0]] = i + 1
		}
		if err := s.line(i+1, w[0], w[1:]); err != nil {
			return nil, err
		}
	}
	if err := s.sections(ar, bytes.Count(ar.Comment, []byte("\n"))); err != nil {
		return nil, err
	}
	for _, l := range s.Links {
		later = append(later, func() error { return s.known(l.Line, l.Phone, "") })
	}
	for _, judge := range later {
		if err := judge(); err != nil {
			return nil, err
		}
	}
	if len(s.Calls) == 0 {
		return nil, s.fail(1, "there is no call; write: call alice -> 100")
	}
	return s, nil
}

func (s *Scenario) line(n int, word string, w []string) error {
	switch word {
	case "at":
		at, err := ParseDate(strings.Join(w, " "))
		if err != nil {
			return s.fail(n, "%v", err)
		}
		s.At = at
		return nil
	case "seed":
		seed, err := strconv.ParseUint(strings.Join(w, " "), 10, 64)
		if err != nil {
			return s.fail(n, "%q is no seed; write a whole number", strings.Join(w, " "))
		}
		s.Seed, s.Seeded = seed, true
		return nil
	case "script":
		if len(w) != 1 {
			return s.fail(n, "write the path of a script: script main.lua")
		}
		s.Script, s.scriptLine = w[0], n
		return nil
	case "call":
		return s.readCall(n, w)
	case "phone":
		return s.readPhone(n, w)
	case "link":
		return s.readLink(n, w)
	case "http":
		return s.readHTTP(n, w)
	}
	return s.fail(n, "%q is not known%s; lines begin with %s", word, spell.Hint(word, keywords), strings.Join(keywords, ", "))
}

// readCall reads: alice -> 100 [ruri URI] [via 198.51.100.7] [after 2s] [cancel 5s] [hangup 9s] [vanish 5s] [with "Name: value"] [user 100] [password secret].
func (s *Scenario) readCall(n int, w []string) error {
	if len(w) < 3 || w[1] != "->" {
		return s.fail(n, "write: call alice -> 100")
	}
	c := &Call{Line: n}
	var err error
	if c.From, err = ParseAddress(w[0], FromHost); err != nil {
		return s.fail(n, "%v", err)
	}
	if c.To, err = ParseAddress(w[2], ToHost); err != nil {
		return s.fail(n, "%v", err)
	}
	options := []string{"ruri", "via", "after", "cancel", "hangup", "vanish", "with", "user", "password"}
	for w = w[3:]; len(w) > 0; w = w[2:] {
		if !slices.Contains(options, w[0]) {
			return s.fail(n, "%q is not known of a call%s; %s are", w[0], spell.Hint(w[0], options), strings.Join(options, ", "))
		}
		if len(w) == 1 {
			return s.fail(n, "something must follow %q", w[0])
		}
		if err := c.option(w[0], w[1]); err != nil {
			return s.fail(n, "%v", err)
		}
	}
	s.Calls = append(s.Calls, c)
	return nil
}

func (c *Call) option(name, value string) error {
	switch name {
	case "ruri":
		uri, err := ParseAddress(value, ToHost)
		c.RequestURI = uri
		return err
	case "via":
		at, err := addrPort(value)
		c.Via = at
		return err
	case "user":
		c.User = value
		return nil
	case "password":
		c.Password = value
		return nil
	case "with":
		h, err := header(value)
		c.Headers = append(c.Headers, h)
		return err
	}
	d, err := duration(value)
	switch name {
	case "after":
		c.After = d
	case "cancel":
		c.Cancel = &d
	case "hangup":
		c.Hangup = &d
	case "vanish":
		c.Vanish = &d
	}
	return err
}

// addrPort reads an address with or without a port.
func addrPort(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 5060), nil
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return a, &badVia{s}
	}
	return a, nil
}

type badVia struct{ what string }

// Error says what is expected.
func (e *badVia) Error() string {
	return sprintf("via %s: write the address that the call comes from, such as 198.51.100.7", e.what)
}

// readPhone reads: 100 [sip:100@192.0.2.11] 486 after 2s.
func (s *Scenario) readPhone(n int, w []string) error {
	if len(w) < 2 {
		return s.fail(n, "write: phone 100 486 after 2s")
	}
	p := &Phone{Name: w[0], Line: n}
	switch {
	case s.phone(p.Name) != nil:
		return s.fail(n, "there is a phone %s at line %d", p.Name, s.phone(p.Name).Line)
	case p.Name == "caller" || p.Name == "all" || strings.ContainsAny(p.Name, " \t"):
		return s.fail(n, "a phone cannot be called %q", p.Name)
	}
	w = w[1:]
	if strings.HasPrefix(w[0], "sip:") || strings.HasPrefix(w[0], "sips:") {
		p.URI = w[0]
		if err := p.locate(); err != nil {
			return s.fail(n, "%v", err)
		}
		w = w[1:]
	}
	var err error
	if p.Answers, err = answersOf(w); err != nil {
		return s.fail(n, "phone %s: %v", p.Name, err)
	}
	s.Phones = append(s.Phones, p)
	return nil
}

// locate reads where a phone with a URI is.
func (p *Phone) locate() error {
	u, err := message.ParseURI([]byte(p.URI))
	if err != nil {
		return &badURI{p.URI}
	}
	p.user = string(message.AppendUnescaped(nil, u.User))
	addr, ok := u.Addr()
	if !ok {
		return &badURI{p.URI}
	}
	p.addr = addr
	return nil
}

type badURI struct{ uri string }

// Error says what is expected.
func (e *badURI) Error() string {
	return sprintf("%s: the host must be an address; leave the URI out, and the phone is wherever its user is called", e.uri)
}

// readLink reads: 100 loss 10% delay 50ms jitter 10ms double 1%.
func (s *Scenario) readLink(n int, w []string) error {
	if len(w) < 3 || len(w)%2 == 0 {
		return s.fail(n, "write: link 100 loss 10%% delay 50ms")
	}
	l := Link{Phone: w[0], Line: n}
	if l.Phone == "all" {
		l.Phone = ""
	}
	for w = w[1:]; len(w) > 0; w = w[2:] {
		var err error
		switch w[0] {
		case "loss":
			l.Faults.Loss, err = percent(w[1])
		case "double":
			l.Faults.Duplicate, err = percent(w[1])
		case "delay":
			l.Faults.Delay, err = duration(w[1])
		case "jitter":
			l.Faults.Jitter, err = duration(w[1])
		default:
			return s.fail(n, "%q is not known of a link; loss, double, delay and jitter are", w[0])
		}
		if err != nil {
			return s.fail(n, "%v", err)
		}
	}
	s.Links = append(s.Links, l)
	return nil
}

func percent(s string) (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil || !(f >= 0 && f <= 100) {
		return 0, &badPercent{s}
	}
	return f / 100, nil
}

type badPercent struct{ what string }

// Error says what is expected.
func (e *badPercent) Error() string { return sprintf("%q is no share; write 10%%", e.what) }

// sections reads the files of the archive: golden ladders, and files of the script.
func (s *Scenario) sections(ar *txtar.Archive, line int) error {
	for _, f := range ar.Files {
		line++
		number := 1
		_, err := sscanLadder(f.Name, &number)
		switch clean := path.Clean(f.Name); {
		case err == nil:
			s.Ladders[number], s.LadderLines[number] = string(f.Data), line
		case !slices.Contains(luaapi.Suffixes(), path.Ext(clean)), strings.HasPrefix(clean, "../"), path.IsAbs(clean):
			return s.fail(line, "%q is no file of a script, and no ladder; names end with %s", f.Name, strings.Join(luaapi.Suffixes(), ", "))
		default:
			s.Files[clean], s.fileLines[clean] = f.Data, line
		}
		line += bytes.Count(f.Data, []byte("\n"))
	}
	return nil
}

// sscanLadder reads "ladder" or "ladder 2".
func sscanLadder(name string, number *int) (bool, error) {
	rest, ok := strings.CutPrefix(name, "ladder")
	if !ok {
		return false, strconv.ErrSyntax
	}
	if rest == "" {
		return true, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(rest))
	if err == nil {
		*number = n
	}
	return true, err
}

// known refuses a name that no phone has; other is one that is known all the same.
func (s *Scenario) known(line int, name, other string) error {
	if name == "" || name == other || s.phone(name) != nil {
		return nil
	}
	var names []string
	for _, p := range s.Phones {
		names = append(names, p.Name)
	}
	return s.fail(line, "there is no phone %q%s; write: phone %s 200 after 2s", name, spell.Hint(name, names), name)
}
