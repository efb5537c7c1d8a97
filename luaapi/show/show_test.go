package show

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// Values fit on a line, and dates read as dates.
func TestBrief(t *testing.T) {
	L := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer L.Close()
	for _, c := range []struct{ expr, want string }{
		{`"a"`, `"a"`},
		{`{ 1, n = "x" }`, `{ 1, n = "x" }`},
		{`{ year = 2026, month = 12, day = 24, hour = 18, min = 5, sec = 9, zone = "CET" }`, "2026-12-24 18:05"},
		{`{ year = 2026, month = 12 }`, "{ "},
		{`{ "` + strings.Repeat("a", 80) + `" }`, "a table"},
		{`"` + strings.Repeat("a", 80) + `"`, `"` + strings.Repeat("a", 59) + "…"},
		{`function() end`, "a function"},
		{`nil`, "nil"},
	} {
		if err := L.DoString("return " + c.expr); err != nil {
			t.Fatal(err)
		}
		got := Brief(L.Get(-1))
		if begins := strings.HasSuffix(c.want, " "); got != c.want && (!begins || !strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: got %s, want %s", c.expr, got, c.want)
		}
	}
}
