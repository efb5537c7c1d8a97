// Package convert writes routing scripts from call flows of other systems: IVR-XML of miniSIPServer, TwiML, and contact lists of sipXecs. What Tandem cannot do,
// because it has no media, is left out and told. It holds no state.
package convert

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"tandem/engine/message"
)

// Options say what the other system knew by itself.
type Options struct {
	// Name is what the file is called in errors and in the script.
	Name string
	// Host is where users and numbers are called: a host, or a host and a port.
	Host string
}

// Note is something that was left out.
type Note struct {
	Line int
	What string
}

// Error is a mistake in the file.
type Error struct {
	Name string
	Line int
	What string
}

// Error names the place and what is wrong there.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.What) }

// Script returns the text of a main.lua that does what the file says. The kind of the file is seen by what is in it. The error is an *Error.
func Script(text string, opt Options) (script string, notes []Note, err error) {
	w := &writer{opt: opt}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			script, notes, err = "", nil, e
		default:
			panic(e)
		}
	}()
	if !strings.HasPrefix(strings.TrimLeft(text, "\ufeff \t\r\n"), "<?xml") && contact.MatchString(text) {
		w.contacts(text)
		return w.text.String(), w.notes, nil
	}
	root := w.parse(text)
	switch root.name {
	case "mssxml":
		w.ivr(root)
	case "Response":
		w.twiml(root)
	default:
		w.fail(root.line, "<%s> is neither <mssxml> (IVR-XML) nor <Response> (TwiML), nor is this a list of contacts with q values", root.name)
	}
	return w.text.String(), w.notes, nil
}

// writer writes a script.
type writer struct {
	opt   Options
	text  strings.Builder
	notes []Note
}

func (w *writer) fail(line int, format string, args ...any) {
	panic(&Error{Name: w.opt.Name, Line: line, What: fmt.Sprintf(format, args...)})
}

func (w *writer) note(line int, format string, args ...any) {
	w.notes = append(w.notes, Note{Line: line, What: fmt.Sprintf(format, args...)})
}

func (w *writer) write(format string, args ...any) { fmt.Fprintf(&w.text, format, args...) }

var (
	isURI  = regexp.MustCompile(`(?i)^(sips?|tel):\S+$`)
	scheme = regexp.MustCompile(`(?i)^(sips?|tel):`)
	plain  = regexp.MustCompile(`^[-+*#.\w]+$`)
	// visual are the separators that people write into numbers (RFC 3966 §5.1.1).
	visual = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")
)

// target returns the SIP URI for an address, a user or a number.
func (w *writer) target(n *element, who string) string {
	who = strings.TrimSpace(who)
	if isURI.MatchString(who) {
		return w.uri(n, who)
	}
	if !plain.MatchString(who) {
		who = visual.Replace(who)
	}
	switch {
	case !plain.MatchString(who):
		w.fail(n.line, "<%s> names nobody who can be called: %q", n.name, who)
	case w.opt.Host == "":
		w.fail(n.line, "where is %q? say the host of users and numbers with --host", who)
	}
	return "sip:" + strings.ReplaceAll(who, "#", "%23") + "@" + w.opt.Host
}

// uri returns a URI that can be called: what cannot be read is a mistake here, not in each call.
func (w *writer) uri(n *element, uri string) string {
	if u, err := message.ParseURI([]byte(uri)); err != nil || len(u.User)+len(u.Host) == 0 {
		w.fail(n.line, "<%s> names nobody who can be called: %q", n.name, uri)
	}
	return uri
}

var validHost = regexp.MustCompile(`^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?)(:\d{1,5})?$`)

// ValidHost reports whether Options.Host can stand in a SIP URI.
func ValidHost(host string) bool {
	if _, err := netip.ParseAddrPort(host); err == nil {
		return true
	}
	m := validHost.FindStringSubmatch(host)
	if m == nil || m[3] == "" {
		return m != nil
	}
	port, err := strconv.ParseUint(m[3][1:], 10, 16)
	return err == nil && port > 0
}

// quote returns a Lua string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

var word = regexp.MustCompile(`^[A-Za-z_]\w*$`)

var keywords = map[string]bool{
	"and": true, "break": true, "do": true, "else": true, "elseif": true, "end": true, "false": true, "for": true, "function": true, "if": true, "in": true, "local": true,
	"nil": true, "not": true, "or": true, "repeat": true, "return": true, "then": true, "true": true, "until": true, "while": true,
}

// key returns what stands before the = of a table's field.
func key(s string) string {
	if word.MatchString(s) && !keywords[s] {
		return s
	}
	return "[" + quote(s) + "]"
}

// comment returns text for the rest of a line.
func comment(s string) string { return strings.Join(strings.Fields(s), " ") }
