package identity

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPrivacy(t *testing.T) {
	for value, c := range map[string]struct {
		want, asked Privacy
		after       string
		impossible  []string
	}{
		"":                           {},
		"id":                         {want: PrivacyID, asked: PrivacyID, after: "id"},
		"User ; ID;history":          {want: PrivacyUser | PrivacyID | PrivacyHistory, asked: PrivacyUser | PrivacyID | PrivacyHistory, after: "ID"},
		"header,user":                {want: PrivacyHeader | PrivacyUser, asked: PrivacyHeader | PrivacyUser},
		"none":                       {want: PrivacyNone, after: "none"},
		"none;user":                  {want: PrivacyNone | PrivacyUser, after: "none"},
		"user;critical":              {want: PrivacyUser | PrivacyCritical, asked: PrivacyUser | PrivacyCritical},
		"session;critical":           {want: PrivacySession | PrivacyCritical, asked: PrivacySession | PrivacyCritical, after: "session;critical", impossible: []string{"session"}},
		"session;x-veil;user":        {want: PrivacySession | PrivacyOther | PrivacyUser, asked: PrivacySession | PrivacyOther | PrivacyUser, after: "session;x-veil"},
		"x-veil;id;CRITICAL;session": {want: PrivacySession | PrivacyOther | PrivacyID | PrivacyCritical, asked: PrivacySession | PrivacyOther | PrivacyID | PrivacyCritical, after: "x-veil;id;CRITICAL;session", impossible: []string{"x-veil", "session"}},
	} {
		p := ParsePrivacy(value)
		if p != c.want || p.Asked() != c.asked || AfterPrivacy(value) != c.after || !slices.Equal(Impossible(value), c.impossible) {
			t.Errorf("%q: %b, asked %b, after %q, impossible %q", value, p, p.Asked(), AfterPrivacy(value), Impossible(value))
		}
	}
}

// What was seen to is not asked for any more, everything else is, and a second edge changes nothing.
func TestAfterPrivacy(t *testing.T) {
	words := []string{"user", "header", "history", "id", "session", "none", "critical", "x", "ID", "User"}
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Join(rapid.SliceOf(rapid.SampledFrom(words)).Draw(t, "words"), ";")
		after := AfterPrivacy(value)
		left := ParsePrivacy(value) &^ performed
		if left == PrivacyCritical {
			left = 0
		}
		if ParsePrivacy(after) != left || AfterPrivacy(after) != after {
			t.Errorf("%q: %q", value, after)
		}
	})
}

func TestShown(t *testing.T) {
	in := Parse(`"A" <sip:a@x?Privacy=history&Reason=SIP%3Bcause%3D302>;index=1, <sip:b@x?Privacy=none>;index=1.1, "C" <sip:c@x>;privacy=full, <sip:d@x>;privacy=off, nonsense`)
	for all, want := range map[bool][]string{
		false: {
			"<sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D302>;index=1", "<sip:b@x>;index=1.1", "<sip:anonymous@anonymous.invalid>;privacy=full",
			"<sip:d@x>;privacy=off", "nonsense",
		},
		true: {
			"<sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D302>;index=1", "<sip:anonymous@anonymous.invalid>;index=1.1",
			"<sip:anonymous@anonymous.invalid>;privacy=full", "<sip:anonymous@anonymous.invalid>;privacy=off",
		},
	} {
		var got []string
		for _, e := range Shown(in, all) {
			got = append(got, e.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("all %v:\n%s\nwant\n%s", all, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
