// Package identity reads and writes who a call was meant for and by whom it was diverted: Diversion (RFC 5806) and History-Info (RFC 7044) are one
// list of entries, each a text that stays as it was received except where it is changed. It holds no state.
package identity

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"tandem/engine/message"
)

// Entry is one address of a Diversion or History-Info header field, with its parameters. It is a text with views on it: what they do not show
// is written back as it came. The zero Entry is malformed.
type Entry struct {
	text string
	// Spans of text: the display name as it stands (quotes and all), the URI without its headers, the user part inside it, the URI's headers with
	// their question mark, and the header parameters with their semicolon.
	display, uri, user, headers, params span
	// sip says that the URI is one of SIP, which alone has headers (RFC 3261 §19.1.1).
	sip bool
	err error
}

type span struct{ from, to int }

var errEntry = errors.New("no address with parameters")

// Parse returns the entries of header fields in order, comma lists split (RFC 3261 §7.3.1). What is no entry is among them, with an error.
func Parse(values ...string) []Entry {
	var entries []Entry
	for _, v := range values {
		for e := range message.Elements([]byte(v)) {
			entries = append(entries, ParseEntry(string(e)))
		}
	}
	return entries
}

// ParseEntry reads one entry. If it is malformed Err says so, and String returns it all the same.
func ParseEntry(text string) Entry {
	e := Entry{text: text}
	b := []byte(text)
	na, err := message.ParseNameAddr(b)
	if err != nil {
		e.err = errEntry
		return e
	}
	// The parts of a name-addr point into b: how much room is left behind them says where they are.
	at := func(part []byte) span {
		if len(part) == 0 {
			return span{}
		}
		from := cap(b) - cap(part)
		return span{from, from + len(part)}
	}
	e.display, e.uri, e.params = at(na.Display), at(na.URI), at(na.Params)
	e.headers = span{e.uri.to, e.uri.to}
	u, err := message.ParseURI(na.URI)
	if err != nil {
		e.err = errEntry
		return e
	}
	e.sip = u.Scheme == "sip" || u.Scheme == "sips"
	if i := bytes.IndexByte(na.URI, '?'); i >= 0 && e.sip {
		e.headers.from = e.uri.from + i
		e.uri.to = e.headers.from
	}
	e.user = at(u.User)
	return e
}

func (e Entry) of(s span) string { return e.text[s.from:s.to] }

// Err says why the entry is malformed, nil if it is not.
func (e Entry) Err() error {
	if e.text == "" {
		return errEntry
	}
	return e.err
}

// String returns the entry as it stands in a header field.
func (e Entry) String() string { return e.text }

// URI returns the address without its headers.
func (e Entry) URI() string { return e.of(e.uri) }

// User returns the user part as received, of a tel URI the number with its separators; "" if there is none.
func (e Entry) User() string { return e.of(e.user) }

// Display returns the display name without its quotes.
func (e Entry) Display() string { return message.Unquote(e.of(e.display)) }

// Param returns a header parameter by its name in any case, without quotes; ok if it is there.
func (e Entry) Param(name string) (value string, ok bool) {
	v, ok := message.Param([]byte(e.of(e.params)), name)
	return message.Unquote(string(v)), ok
}

// Header returns the values of the headers with a name in any case inside the URI ("?Reason=…"), without escapes.
func (e Entry) Header(name string) []string {
	var values []string
	for k, v := range e.embedded() {
		if strings.EqualFold(k, name) {
			values = append(values, v)
		}
	}
	return values
}

// embedded yields the names and values of the headers inside the URI (RFC 3261 §19.1.1), without escapes.
func (e Entry) embedded() func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for h := range strings.SplitSeq(strings.TrimPrefix(e.of(e.headers), "?"), "&") {
			name, value, _ := strings.Cut(h, "=")
			if name != "" && !yield(unescape(name), unescape(value)) {
				return
			}
		}
	}
}

func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	return string(message.AppendUnescaped(nil, []byte(s)))
}

// Reason is why a call left somebody (RFC 3326).
type Reason struct {
	// Protocol is "SIP", "Q.850", ….
	Protocol string
	// Cause is the status or cause code, 0 if not given.
	Cause int
	// Text is for people.
	Text string
}

// Reasons returns the Reason headers inside the URI. Some systems write them without escapes, "?Reason=SIP&cause=302&text=Moved", so that
// their parameters look like headers of their own: those belong to the Reason before them.
func (e Entry) Reasons() []Reason {
	var reasons []Reason
	for name, value := range e.embedded() {
		switch {
		case strings.EqualFold(name, "Reason"):
			reasons = append(reasons, parseReason(value))
		case len(reasons) > 0:
			reasons[len(reasons)-1].set(name, value)
		}
	}
	return reasons
}

func parseReason(value string) Reason {
	protocol, params, _ := strings.Cut(value, ";")
	r := Reason{Protocol: strings.TrimSpace(protocol)}
	message.EachParam([]byte(params), func(name, value []byte) bool {
		r.set(string(name), message.Unquote(string(value)))
		return true
	})
	return r
}

func (r *Reason) set(name, value string) {
	switch {
	case strings.EqualFold(name, "cause"):
		r.Cause, _ = strconv.Atoi(strings.TrimSpace(value))
	case strings.EqualFold(name, "text"):
		r.Text = value
	}
}

// WithUser returns the entry with another user part, which is a user part or number as it may stand in a URI; nothing else changes. An entry
// without a user part stays as it is.
func (e Entry) WithUser(user string) Entry {
	if e.user == (span{}) || user == "" {
		return e
	}
	return e.splice(e.user, user)
}

// WithURI returns the entry with another address in angle brackets, without headers; display name and parameters stay.
func (e Entry) WithURI(uri string) Entry {
	if e.Err() != nil {
		return e
	}
	whole := span{e.uri.from, e.headers.to}
	if whole.from == 0 || e.text[whole.from-1] != '<' {
		uri = "<" + uri + ">"
	}
	return e.splice(whole, uri)
}

// WithDisplay returns the entry with another display name; "" takes it away.
func (e Entry) WithDisplay(name string) Entry {
	if e.Err() != nil {
		return e
	}
	if name != "" {
		name = message.Quote(name) + " "
	}
	from := e.uri.from
	if from > 0 && e.text[from-1] == '<' {
		from--
		return e.splice(span{0, from}, name)
	}
	if name == "" {
		return e
	}
	// RFC 3261 §20.10: an address with a display name stands in angle brackets.
	return e.splice(span{0, e.headers.to}, name+"<"+e.text[from:e.headers.to]+">")
}

// WithParam returns the entry with a header parameter set, in its place if it is there, else at the end. The value is a token or quoted-string; "" takes
// the parameter away.
func (e Entry) WithParam(name, value string) Entry {
	if e.Err() != nil {
		return e
	}
	for s, k := range e.paramSpans() {
		switch {
		case !strings.EqualFold(k, name):
		case value == "":
			return e.splice(s, "")
		default:
			return e.splice(s, ";"+k+"="+value)
		}
	}
	if value == "" {
		return e
	}
	end := len(strings.TrimRight(e.text, " \t"))
	return e.splice(span{end, end}, ";"+name+"="+value)
}

// paramSpans yields the place and name of each header parameter; a place starts at the semicolon.
func (e Entry) paramSpans() func(yield func(s span, name string) bool) {
	return func(yield func(s span, name string) bool) {
		params := []byte(e.of(e.params))
		from := e.params.from
		message.EachParam(params, func(name, value []byte) bool {
			start := cap(params) - cap(name)
			end := start + len(name)
			if len(value) > 0 {
				end = cap(params) - cap(value) + len(value)
			}
			semi := bytes.LastIndexByte(params[:start], ';')
			return yield(span{from + semi, from + end}, string(name))
		})
	}
}

// WithHeader returns the entry with a header inside the URI, escaped, after those that are there. A URI that is not SIP's, as tel's, has none (RFC 3966 §3):
// its entry stays as it is.
func (e Entry) WithHeader(name, value string) Entry {
	if e.Err() != nil || !e.sip {
		return e
	}
	sep := "?"
	if e.headers.to > e.headers.from {
		sep = "&"
	}
	h := sep + name + "=" + escape(value)
	at := span{e.headers.to, e.headers.to}
	if e.uri.from == 0 || e.text[e.uri.from-1] != '<' {
		// RFC 3261 §20.10: an address with a question mark stands in angle brackets.
		return e.splice(span{e.uri.from, e.headers.to}, "<"+e.URI()+e.of(e.headers)+h+">")
	}
	return e.splice(at, h)
}

// WithoutHeader returns the entry without the headers of a name inside the URI.
func (e Entry) WithoutHeader(name string) Entry {
	if e.headers.to == e.headers.from {
		return e
	}
	var kept []string
	for h := range strings.SplitSeq(e.of(e.headers)[1:], "&") {
		if k, _, _ := strings.Cut(h, "="); !strings.EqualFold(unescape(k), name) {
			kept = append(kept, h)
		}
	}
	if len(kept) == 0 {
		return e.splice(e.headers, "")
	}
	return e.splice(e.headers, "?"+strings.Join(kept, "&"))
}

// escape returns a header value as it stands in a URI (RFC 3261 §25.1, hvalue).
func escape(value string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()[]/?:+$"
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func (e Entry) splice(s span, with string) Entry {
	return ParseEntry(e.text[:s.from] + with + e.text[s.to:])
}
