package luaapi

import (
	"strings"
	"testing"
)

// withHeaders is the call of rig_test.go with other header fields in place of its Diversion.
func withHeaders(t *testing.T, lines string) *fakeCall {
	c := newCall(t)
	c.invite = parseMessage(t, strings.Replace(inviteText, "Diversion: <sip:1@h>;reason=unconditional, <sip:2@h>\r\n", strings.ReplaceAll(lines, "\n", "\r\n"), 1))
	return c
}

func TestRetarget(t *testing.T) {
	const owner = "<sip:owner@netatwork.de>;index=1;ms-retarget-reason="
	for name, c := range map[string]struct{ headers, want string }{
		"nothing":              {"", "nil false"},
		"team call":            {"History-Info: " + owner + "team-call,<sip:member@netatwork.de>;index=1.1\n", "team-call true"},
		"response group":       {"History-Info: <sip:rg@netatwork.de?Reason=SIP&cause=302&text=Accepted>;index=1;ms-retarget-reason=acd,<sip:a@netatwork.de>;index=1.1\n", "acd true"},
		"delegate":             {"History-Info: " + owner + "Delegation,<sip:member@netatwork.de>;index=1.1\n", "delegation true"},
		"forwarded":            {"History-Info: " + owner + "forwarding,<sip:member@netatwork.de>;index=1.1\n", "forwarding false"},
		"team call, forwarded": {"History-Info: " + owner + "team-call,<sip:m@h>;index=1.1;ms-retarget-reason=forwarding,<sip:n@h>;index=1.2\n", "forwarding false"},
		"diversion":            {"Diversion: <sip:1@h>;reason=user-busy\nDiversion: <sip:2@h>;reason=no-answer\n", "user-busy false"},
		"malformed diversion":  {"Diversion: <>, <sip:2@h>;reason=no-answer\n", "no-answer false"},
		"history by RFC 7044":  {"History-Info: <sip:1@h>;index=1,<sip:2@h;cause=408>;index=1.1;mp=1\n", "no-answer false"},
		"not diverted":         {"History-Info: <sip:1@h>;index=1,<sip:1@pc>;index=1.1;rc=1\n", "nil false"},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, script(`function route.invite(call) print(tostring(call.retarget) .. " " .. tostring(call.secondary)) end`))
			r.vm().Invite(withHeaders(t, c.headers))
			if got := r.logged(); got != "info "+c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Malformed entries break no call: they are kept.
func TestMalformedEntries(t *testing.T) {
	r := serve(t, script(`
		function route.invite(call)
			print(#call.diversion, call.diversion[1].user, call.diversion[2].invalid, call.diversion[2].raw, #call.history, call.history[1].invalid)
		end
		function route.ended(call) print(call.diversion[2].invalid) end`))
	c := withHeaders(t, "Diversion: <sip:1@h>, <sip:;\nHistory-Info: \"\n")
	v := r.vm()
	v.Invite(c)
	v.Ended(c)
	want := "info 2\t1\ttrue\t<sip:;\t1\ttrue\ninfo true"
	if got := r.logged(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEmergency(t *testing.T) {
	r := serve(t, script(`function route.invite(call) print(call.emergency) end`))
	for _, is := range []bool{true, false} {
		c := newCall(t)
		c.emergency = is
		r.vm().Invite(c)
	}
	if got := r.logged(); got != "info true\ninfo false" {
		t.Errorf("got %q", got)
	}
}

// Whom a caller is said to be, and wants to be, and what it wants to keep private.
func TestAsserted(t *testing.T) {
	const (
		asserted  = "P-Asserted-Identity: \"A\" <sip:+4930@h>, <tel:+4930>\n"
		party     = "Remote-Party-ID: <sip:+4940@h>;party=calling\n"
		preferred = "P-Preferred-Identity: <sip:boss@h>\n"
	)
	for name, c := range map[string]struct {
		headers string
		trusted bool
		want    string
	}{
		"nothing":          {"", true, "nil nil true"},
		"trusted":          {asserted + party, true, "+4930 nil true"},
		"the older header": {party, true, "+4940 nil true"},
		"not trusted":      {asserted + party + preferred, false, "nil boss false"},
		"private":          {asserted + "Privacy: ID;user\nPrivacy: critical\n", true, "+4930 nil true id user critical"},
		"not readable":     {"P-Asserted-Identity: <\n", true, "nil nil true"},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, script(`function route.invite(call)
				local who, wish = call.identity, call.preferred
				print(tostring(who and who.user) .. " " .. tostring(wish and wish.user) .. " " .. tostring(call.source.trusted) .. table.concat({ "", unpack(call.privacy) }, " "))
			end`))
			fake := withHeaders(t, c.headers)
			fake.trusted = c.trusted
			r.vm().Invite(fake)
			if got := r.logged(); got != "info "+c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
