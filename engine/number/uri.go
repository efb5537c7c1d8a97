package number

import (
	"cmp"
	"slices"
	"strings"

	"tandem/engine/message"
)

// ToSIP returns the SIP URI at a host that stands for a tel URI: its number without visual separators and its parameters are the user part, in lower case and
// in order, so that equal tel URIs become equal SIP URIs (RFC 3261 §19.1.6). Other URIs are returned as they are, and false.
func ToSIP(tel, host string) (string, bool) {
	u, err := message.ParseURI([]byte(tel))
	if err != nil || u.Scheme != "tel" {
		return tel, false
	}
	params := strings.Split(strings.ToLower(strings.TrimPrefix(string(u.Params), ";")), ";")
	slices.SortFunc(params, func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
	user := strip(string(u.User))
	for _, p := range params {
		if p != "" {
			user += ";" + p
		}
	}
	return "sip:" + user + "@" + host + ";user=phone", true
}

// rank orders the parameters of a telephone-subscriber: subaddress and post-dial first (RFC 3261 §19.1.6).
func rank(param string) int {
	switch name, _, _ := strings.Cut(param, "="); name {
	case "isub":
		return 0
	case "postd":
		return 1
	}
	return 2
}

// ToTel returns the tel URI of the number in a SIP URI's user part: of one with user=phone (RFC 3261 §19.1.1), or with a plus. Other URIs are returned as they
// are, and false.
func ToTel(uri string) (string, bool) {
	u, err := message.ParseURI([]byte(uri))
	if err != nil || u.Scheme != "sip" && u.Scheme != "sips" || len(u.User) == 0 {
		return uri, false
	}
	kind, _ := message.Param(u.Params, "user")
	number := string(message.AppendUnescaped(nil, u.User))
	digits, params, _ := strings.Cut(number, ";")
	if !strings.EqualFold(string(kind), "phone") && !strings.HasPrefix(digits, "+") || !telephone(digits) {
		return uri, false
	}
	tel := "tel:" + strip(digits)
	if params != "" {
		tel += ";" + params
	}
	return tel, true
}

// telephone reports whether s is made of what a tel URI's number may hold (RFC 3966 §3, phonedigit-hex).
func telephone(s string) bool {
	s = strip(strings.TrimPrefix(s, "+"))
	return s != "" && strings.Trim(s, "0123456789*#abcdefABCDEF") == ""
}
