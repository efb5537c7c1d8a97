package identity

import (
	"strings"

	"tandem/engine/message"
)

// Privacy is what Privacy header fields ask for: a set (RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §10.1.1).
type Privacy uint8

// The values. PrivacyOther stands for those that are none of these.
const (
	PrivacyUser     Privacy = 1 << iota // From and what else names the user is made anonymous
	PrivacyHeader                       // so is what shows by which ways the message came
	PrivacySession                      // the media do not show where they come from
	PrivacyID                           // nobody outside learns who the network says is there
	PrivacyHistory                      // nor by which users the call came
	PrivacyNone                         // nothing of all that is wanted
	PrivacyCritical                     // without it the request is to fail
	PrivacyOther
)

var privacyNames = map[string]Privacy{
	"user": PrivacyUser, "header": PrivacyHeader, "session": PrivacySession, "id": PrivacyID, "history": PrivacyHistory,
	"none": PrivacyNone, "critical": PrivacyCritical,
}

// Anonymous are the values by which somebody does not want to be known.
const Anonymous = PrivacyUser | PrivacyHeader | PrivacyID

// performed are the values that are seen to where a message leaves the trust domain and that mean nothing after it. "id" goes on, as in RFC 3325 §10.2: what
// was asserted is away, and whoever asserts it anew is asked too.
const performed = PrivacyUser | PrivacyHeader | PrivacyHistory

// ParsePrivacy returns what the value of a Privacy header field asks for. Commas are taken for semicolons: some write them.
func ParsePrivacy(value string) (p Privacy) {
	for word := range PrivacyWords(value) {
		p |= privacyOf(word)
	}
	return p
}

func privacyOf(word string) Privacy {
	if p, ok := privacyNames[strings.ToLower(word)]; ok {
		return p
	}
	return PrivacyOther
}

// PrivacyWords yields the values that the value of a Privacy header field lists, as they stand.
func PrivacyWords(value string) func(yield func(word string) bool) {
	return func(yield func(word string) bool) {
		for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ';' || r == ',' || r == ' ' || r == '\t' }) {
			if !yield(word) {
				return
			}
		}
	}
}

// PrivacyOf returns what the Privacy header fields of a message ask for.
func PrivacyOf(m *message.Message) (p Privacy) {
	for i := range m.Len() {
		if id, _, v := m.Field(i); id == message.Privacy {
			p |= ParsePrivacy(string(v))
		}
	}
	return p
}

// Asked returns what is to be seen to: nothing if "none" is among the values (RFC 3323 §4.2).
func (p Privacy) Asked() Privacy {
	if p&PrivacyNone != 0 {
		return 0
	}
	return p
}

// Impossible returns the values that are critical and that nobody here can see to: media do not pass through, and unknown values are unknown (RFC 3323 §5).
func Impossible(value string) []string {
	p := ParsePrivacy(value).Asked()
	if p&PrivacyCritical == 0 || p&(PrivacySession|PrivacyOther) == 0 {
		return nil
	}
	var words []string
	for word := range PrivacyWords(value) {
		if privacyOf(word)&(PrivacySession|PrivacyOther) != 0 {
			words = append(words, word)
		}
	}
	return words
}

// AfterPrivacy returns the value of a Privacy header field without what was seen to; "" if nothing is left but "critical" (RFC 3323 §5).
func AfterPrivacy(value string) string {
	var words []string
	for word := range PrivacyWords(value) {
		if privacyOf(word)&performed == 0 {
			words = append(words, word)
		}
	}
	left := strings.Join(words, ";")
	if ParsePrivacy(left) == PrivacyCritical {
		return ""
	}
	return left
}

// Shown returns the entries of a History-Info or Diversion as they may leave the trust domain: the private ones, or all of them, are anonymous, what cannot be
// read is left out where all of them are, and none says in its URI that it is private any more (RFC 7044 §10.1.2; RFC 5806 §4, privacy).
func Shown(entries []Entry, all bool) []Entry {
	out := make([]Entry, 0, len(entries))
	for i, e := range Anonymised(entries, all) {
		switch {
		case e.Err() != nil && all:
		case entries[i].String() == e.String():
			out = append(out, e.WithoutHeader("Privacy"))
		default:
			out = append(out, e)
		}
	}
	return out
}
