package identity

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/api"
)

// script runs a script with module identity and returns what it returned, as texts in lines.
func script(src string) (string, error) {
	L := lua.NewState()
	defer L.Close()
	m := &Module{}
	L.SetGlobal("identity", Table(L, func(*lua.LState) *Module { return m }))
	fn, err := L.Load(strings.NewReader("local function one(s) return identity.parse(s)[1] end "+src), "main.lua")
	if err != nil {
		return "", err
	}
	L.Push(fn)
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		return "", err
	}
	var out []string
	for i := 1; i <= L.GetTop(); i++ {
		out = append(out, L.ToStringMeta(L.Get(i)).String())
	}
	return strings.Join(out, "\n"), nil
}

const (
	full = `local e = one '"Bob" <sip:%31%32@pbx.example;x=y>;reason=User-Busy;counter=2;limit=5;privacy=Full;screen=yes;z' `
	acd  = `local e = one '<sip:rg@netatwork.de?Reason=SIP&cause=302&text=Accepted>;index=1.2;mp=1;ms-retarget-reason=ACD;ms-target-phone="tel:+49;ext=7"' `
)

func TestEntries(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"diversion": {
			full + `return e.user, e.host, e.uri, e.display, e.reason, e.counter, e.limit, e.privacy, e.screen, e.invalid, e.private`,
			"12|pbx.example|sip:%31%32@pbx.example;x=y|Bob|user-busy|2|5|full|yes|false|true",
		},
		"history": {
			acd + `return e.index, e.kind, e.mapped_from, e.retarget, e.phone, e.reasons[1].protocol, e.reasons[1].cause, e.reasons[1].text, #e.reasons`,
			"1.2|mp|1|acd|tel:+49;ext=7|SIP|302|Accepted|1",
		},
		"nothing said":      {`local e = one "tel:+49-30" return e.user, e.reason, e.counter, e.limit, e.index, e.kind, e.display, #e.reasons, e.private`, "+49-30|nil|1|nil|nil|nil|nil|0|false"},
		"invalid":           {`local e = one "<sip:" return e.invalid, e.raw, e.uri, e.user, e.host, e.index`, "true|<sip:|nil|nil|nil|nil"},
		"lists":             {`local l = identity.parse { "<sip:1@h>, <sip:2@h>", "sip:3@h" } return #l, l[1], l[2], l[3]`, "3|<sip:1@h>|<sip:2@h>|sip:3@h"},
		"with":              {full + `return e:with { user = "+49", counter = 3, screen = false }`, `"Bob" <sip:+49@pbx.example;x=y>;reason=User-Busy;counter=3;limit=5;privacy=Full;z`},
		"with leaves alone": {full + `e:with { user = "x" } return e.user`, "12"},
		"another address":   {full + `return e:with { uri = "tel:+49", display = false }`, `<tel:+49>;reason=User-Busy;counter=2;limit=5;privacy=Full;screen=yes;z`},
		"another name":      {`return one("sip:1@h"):with { display = 'A "B"' }`, `"A \"B\"" <sip:1@h>`},
		"quoted parameter":  {`return one("<sip:1@h>"):with { reason = "gone fishing", retarget = "acd", phone = "tel:+49" }`, `<sip:1@h>;reason="gone fishing";ms-retarget-reason=acd;ms-target-phone="tel:+49"`},
		"failed":            {`return one("<sip:1@h>;index=1"):failed(486), one("<sip:1@h>;index=1"):failed(480, "Gone")`, `<sip:1@h?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1|<sip:1@h?Reason=SIP%3Bcause%3D480%3Btext%3D%22Gone%22>;index=1`},
		"diversion of ours": {`return identity.diversion("sip:100@pbx.example", { reason = "no-answer", counter = 1 })`, "<sip:100@pbx.example>;reason=no-answer;counter=1"},
		"to history":        {`local h = identity.to_history(identity.parse "<sip:1@h>;reason=user-busy", "sip:2@h") return #h, h[1], h[2]`, "2|<sip:1@h>;index=1|<sip:2@h;cause=486>;index=1.1;mp=1"},
		"to diversion":      {`local d = identity.to_diversion(identity.parse "<sip:1@h>;index=1,<sip:2@h;cause=408>;index=1.1;mp=1") return #d, d[1]`, "1|<sip:1@h>;reason=no-answer;counter=1"},
		"forward":           {`local h = identity.forward({}, "sip:1@h", "sip:2@h", "mp", 3) return #h, h[1], h[2]`, "2|<sip:1@h>;index=1|<sip:2@h>;index=1.3;mp=1"},
		"value":             {`return identity.value(identity.parse { "<sip:1@h>, <sip:2@h>;x", "nonsense" }), identity.value {}`, "<sip:1@h>, <sip:2@h>;x, nonsense|false"},
		"anonymised":        {`local a = identity.anonymised(identity.parse "<sip:1@h?Privacy=history>;index=1,<sip:2@h>;index=1.1") return a[1], a[2]`, "<sip:anonymous@anonymous.invalid>;index=1|<sip:2@h>;index=1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := script(c.src); got != strings.ReplaceAll(c.want, "|", "\n") || err != nil {
				t.Errorf("got  %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for src, want := range map[string]string{
		`identity.value { 1 }`:                                `identity.value: item 1 must be an entry, got number`,
		`identity.parse(5)`:                                   `identity.parse: want the values of a header, a string or a list of them, got number`,
		`identity.parse { 5 }`:                                `identity.parse: value 1 must be a string, got number`,
		full + `return e.usr`:                                 `entry.usr: no such field; did you mean "user"?`,
		full + `e.user = "x"`:                                 `entry.user cannot be written; entry:with { … } gives an entry that differs`,
		full + `e.with {}`:                                    `entry:with is called with a colon`,
		full + `e:with { usr = "x" }`:                         `entry:with: no change "usr"; did you mean "user"?`,
		full + `e:with { user = "a>b" }`:                      `entry:with: user cannot be "a>b"`,
		full + `e:with { user = "" }`:                         `entry:with: user must be a user part or a number, got string`,
		full + `e:with { uri = "<x>" }`:                       `entry:with: "<x>" is no URI; write one such as "sip:100@pbx.example"`,
		full + `e:with { reason = "a\nb" }`:                   "entry:with: reason cannot be a\nb",
		full + `e:with { counter = -1 }`:                      "entry:with: counter cannot be -1",
		`one("<sip:"):with { counter = 1 }`:                   `entry:with: the entry is invalid: <sip:`,
		full + `e:failed(200)`:                                `entry:failed: want a final response from 300 to 699 and its phrase, got 200 "OK"`,
		`identity.diversion(5)`:                               `identity.diversion: want a URI such as "sip:100@pbx.example", got number`,
		`identity.to_history({}, "x y")`:                      `identity.to_history: "x y" is no URI; write one such as "sip:100@pbx.example"`,
		`identity.to_diversion { "x" }`:                       `identity.to_diversion: item 1 must be an entry, got string`,
		`identity.forward({}, "sip:1@h", "sip:2@h", "xx")`:    `identity.forward: the kind is "rc", "mp" or "np", got "xx"`,
		`identity.forward({}, "sip:1@h", "sip:2@h", "rc", 0)`: `identity.forward: branches count from 1, got 0`,
		`identity.to_diversion "x"`:                           `identity.to_diversion: want a list of entries, got string`,
		full + `e:with "x"`:                                   `entry:with: the changes must be a table, got string`,
		full + `e:with { display = "a\nb" }`:                  `entry:with: display must be a name, or false for none`,
	} {
		t.Run(src, func(t *testing.T) {
			if _, err := script(src); err == nil || !strings.HasPrefix(err.Error(), "main.lua:1: "+want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// What the registry tells of entries is there.
func TestRegistry(t *testing.T) {
	r := api.Lua()
	if diff := cmp.Diff(slices.Sorted(slices.Values(r.Class("tandem.entry").Members())), slices.Sorted(slices.Values(Members()))); diff != "" {
		t.Errorf("fields and methods: -registry +read\n%s", diff)
	}
	if diff := cmp.Diff(api.Names(r.Class("tandem.entry_changes").Fields), Changes()); diff != "" {
		t.Errorf("changes: -registry +read\n%s", diff)
	}
}
