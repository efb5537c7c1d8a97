package scenario

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tandem/engine/message"
	"tandem/engine/sim"
	"tandem/luaapi/zone"
)

var sprintf = fmt.Sprintf

// words splits a line at white space; "…" keeps it (\" is a quote in it), and a comma or a semicolon of its own ends a part.
func words(line string) ([]string, error) {
	var out []string
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if rest[0] == '"' {
			word, after, err := unquote(rest[1:])
			if err != nil {
				return nil, err
			}
			out, rest = append(out, word), after
			continue
		}
		end := strings.IndexAny(rest, " \t")
		if end < 0 {
			end = len(rest)
		}
		word := rest[:end]
		rest = rest[end:]
		if bare := strings.TrimSuffix(word, ","); bare != word {
			if bare != "" {
				out = append(out, bare)
			}
			word = ","
		}
		out = append(out, word)
	}
	return out, nil
}

// unquote reads up to a closing quote; a backslash takes what follows as it is.
func unquote(s string) (word, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New(`a " is not closed`)
}

// Quote writes a word so that it is read as it is, in quotes if need be.
func Quote(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\"\\,#") {
		return s
	}
	return always(s)
}

// always writes a word in quotes.
func always(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// duration reads "20s", "200ms", "1m30s", or seconds: "20".
func duration(s string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		s = strconv.FormatFloat(n, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no time; write 20s or 200ms", s)
	}
	return d, nil
}

// ParseDate reads "2026-11-23 10:15 Europe/Amsterdam"; seconds and the zone (UTC) may be left out.
func ParseDate(s string) (time.Time, error) {
	bad := fmt.Errorf("%q is no date; write 2026-11-23 10:15 Europe/Amsterdam", s)
	f := strings.Fields(s)
	if len(f) < 2 || len(f) > 3 {
		return time.Time{}, bad
	}
	in := time.UTC
	if len(f) == 3 {
		var err error
		if in, err = zone.Load(f[2]); err != nil {
			return time.Time{}, fmt.Errorf("there is no time zone %q", f[2])
		}
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		t, err := time.ParseInLocation(layout, f[0]+" "+f[1], in)
		switch {
		case err == nil && t.Format(layout) == f[0]+" "+f[1]:
			return t, nil
		case err == nil: // daylight saving leaves the hour out
			return time.Time{}, fmt.Errorf("%s %s is left out in %s: clocks go forward", f[0], f[1], in)
		}
	}
	return time.Time{}, bad
}

// ParseAddress reads a URI, or a user of a host: "100" is sip:100@pbx.example for host pbx.example.
func ParseAddress(s, host string) (string, error) {
	uri := s
	if !strings.Contains(s, ":") && !strings.HasPrefix(s, "<") {
		uri = "sip:" + s
		if !strings.Contains(s, "@") {
			uri += "@" + host
		}
	}
	bare := uri
	if na, err := message.ParseNameAddr([]byte(uri)); err == nil {
		bare = string(na.URI)
	}
	if _, err := message.ParseURI([]byte(bare)); err != nil || !message.ValidValue(uri) {
		return "", fmt.Errorf("%q is no number and no SIP URI; write 100 or sip:100@pbx.example", s)
	}
	return uri, nil
}

// The hosts of callers and of what they call, where only a user is given.
const (
	FromHost = "example.net"
	ToHost   = "pbx.example"
)

// header reads "Name: value".
func header(s string) (sim.Header, error) {
	name, value, ok := strings.Cut(s, ":")
	value = strings.TrimSpace(value)
	if !ok || !message.ValidName(name) || !message.ValidValue(value) {
		return sim.Header{}, fmt.Errorf("%q is no header field; write \"Subject: lunch\"", s)
	}
	switch message.Lookup([]byte(name)) {
	case message.Via, message.From, message.To, message.CallID, message.CSeq, message.ContentLength:
		return sim.Header{}, fmt.Errorf("header %s cannot be given: phones write their own", name)
	}
	return sim.Header{Name: name, Value: value}, nil
}
