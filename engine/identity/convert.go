package identity

import (
	"slices"
	"strconv"
	"strings"

	"tandem/engine/message"
)

// Diversion and History-Info say the same in two ways, so that a call from a network that has the one may go to a network that has the other. The causes
// are those of RFC 4458 and of its use for diversions, RFC 7544 §3 to §5: the URI that a call was diverted *to* carries why, in its cause parameter.

// unknownTarget stands for a diversion that is counted and not named (RFC 7544 §5).
const unknownTarget = "sip:unknown@unknown.invalid"

var causes = []struct {
	cause  int
	reason string
}{
	{302, "unconditional"},
	{486, "user-busy"},
	{408, "no-answer"},
	{480, "deflection"},
	{487, "deflection"},
	{503, "unavailable"},
	{404, "unknown"},
}

// Cause returns the status code that stands for the reason of a Diversion; 404 for unknown and all others.
func Cause(reason string) int {
	for _, c := range causes {
		if strings.EqualFold(c.reason, reason) {
			return c.cause
		}
	}
	return 404
}

// CauseReason returns the reason of a Diversion that stands for a status code; "unknown" for all others.
func CauseReason(cause int) string {
	for _, c := range causes {
		if c.cause == cause {
			return c.reason
		}
	}
	return "unknown"
}

// ToHistory returns the history that says what Diversion entries say of a call that goes to target now: who was called first comes first. Malformed entries
// are left out.
func ToHistory(diversions []Entry, target string) []Entry {
	var history []Entry
	add := func(display, uri string, cause int, private string) {
		index, parent := Index("1"), Index("")
		kind := Kind("")
		if n := len(history); n > 0 {
			parent = history[n-1].Index()
			index, kind = parent.Child(1), OtherUser
			uri = withCause(uri, cause)
		}
		e := made(uri, index, kind, parent)
		if display != "" {
			e = ParseEntry(message.Quote(display) + " " + e.text)
		}
		if private != "" {
			e = e.WithHeader("Privacy", private)
		}
		history = append(history, e)
	}
	cause := 0
	for _, d := range slices.Backward(diversions) {
		if d.Err() != nil {
			continue
		}
		for range d.Counter() - 1 {
			add("", unknownTarget, cause, "")
			cause = 404
		}
		add(d.Display(), d.URI(), cause, historyPrivacy(d))
		cause = Cause(d.DiversionReason())
	}
	if len(history) == 0 {
		return nil
	}
	add("", target, cause, "")
	return history
}

func historyPrivacy(d Entry) string {
	switch p, _ := d.Param("privacy"); {
	case p == "":
		return ""
	case strings.EqualFold(p, "off"):
		return "none"
	}
	return "history"
}

func withCause(uri string, cause int) string {
	if cause == 0 {
		return uri
	}
	uri, headers, _ := strings.Cut(uri, "?")
	if headers != "" {
		headers = "?" + headers
	}
	return uri + ";cause=" + strconv.Itoa(cause) + headers
}

// ToDiversion returns the Diversion entries that say what a history says, the last diversion first (RFC 5806 §4). An entry was diverted by the one that its
// "mp" names; systems from before RFC 7044 give none and say why in the entry they left (Reason) or reached (cause).
func ToDiversion(history []Entry) []Entry {
	var diversions []Entry
	skipped := 0
	for i := range history {
		by, cause := diverter(history, i)
		switch {
		case by == nil:
			continue
		case strings.HasPrefix(by.URI(), unknownTarget):
			skipped++
			continue
		}
		d := Diversion{By: dropCause(by.URI()), Display: by.Display(), Reason: divertedWhy(*by, cause), Counter: 1 + skipped}
		switch {
		case by.Private():
			d.Privacy = "full"
		case slices.ContainsFunc(by.Header("Privacy"), func(v string) bool { return strings.EqualFold(v, "none") }):
			d.Privacy = "off"
		}
		diversions = append(diversions, d.Entry())
		skipped = 0
	}
	slices.Reverse(diversions)
	return diversions
}

// diverter returns the entry that diverted the call to entry i, nil if none did, and the cause in the URI of entry i.
func diverter(history []Entry, i int) (by *Entry, cause int) {
	e := history[i]
	if e.Err() != nil {
		return nil, 0
	}
	cause = uriCause(e.URI())
	switch kind, from := e.Mapping(); {
	case kind == OtherUser:
		for j := range history {
			if j != i && history[j].Err() == nil && history[j].Index() == from {
				return &history[j], cause
			}
		}
		return nil, 0
	case kind != "" || i == 0 || history[i-1].Err() != nil:
		return nil, 0
	}
	prev := &history[i-1]
	_, retargeted := prev.Param("ms-retarget-reason")
	if cause == 0 && len(prev.Reasons()) == 0 && !retargeted {
		return nil, 0
	}
	return prev, cause
}

func divertedWhy(by Entry, cause int) string {
	if cause != 0 {
		return CauseReason(cause)
	}
	for _, r := range by.Reasons() {
		if strings.EqualFold(r.Protocol, "SIP") && r.Cause != 0 {
			return CauseReason(r.Cause)
		}
	}
	return "unknown"
}

func uriCause(uri string) int {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		return 0
	}
	v, _ := message.Param(u.Params, "cause")
	n, _ := strconv.Atoi(string(v))
	return n
}

// dropCause takes the cause off a URI: it says why the call came there, not why it left.
func dropCause(uri string) string {
	u, err := message.ParseURI([]byte(uri))
	if err != nil || len(u.Params) == 0 {
		return uri
	}
	out, _, _ := strings.Cut(uri, string(u.Params))
	message.EachParam(u.Params, func(name, value []byte) bool {
		if !strings.EqualFold(string(name), "cause") {
			out += ";" + string(name)
			if len(value) > 0 {
				out += "=" + string(value)
			}
		}
		return true
	})
	return out
}
