package luatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"tandem/luaapi"
	"tandem/luaapi/scenario"
)

const three = `
-- main.lua --
return {}
-- a_test.lua --
local t = require "test"
t.test("one", function() end)
t.test("two", function() t.eq(1, 2) end)
t.test("one more", function() end)
-- b_test.lua --
local t = require "test"
t.test("three", function() end)
-- notes.txt --
`

// order returns the names of the tests in the order in which -v prints them.
func order(out string) (names []string) {
	for line := range strings.Lines(out) {
		if m := regexp.MustCompile(`^(?:ok|FAIL) +\S+:\d+  (.*)\n`).FindStringSubmatch(line); m != nil {
			names = append(names, m[1])
		}
	}
	return names
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
		want []string
		sum  Summary
	}{
		{"all", Options{}, []string{"one", "two", "one more", "three"}, Summary{Passed: 3, Failed: 1}},
		{"by name", Options{Run: regexp.MustCompile("^one")}, []string{"one", "one more"}, Summary{Passed: 2}},
		{"a file", Options{Paths: []string{"b_test.lua"}}, []string{"three"}, Summary{Passed: 1}},
		{"a file twice", Options{Paths: []string{"b_test.lua", "./b_test.lua", "."}}, []string{"three", "one", "two", "one more"}, Summary{Passed: 3, Failed: 1}},
		{"stopped", Options{FailFast: true}, []string{"one", "two"}, Summary{Passed: 1, Failed: 1}},
		{"repeated", Options{Count: 2, Paths: []string{"b_test.lua"}}, []string{"three", "three"}, Summary{Passed: 2}},
		{"none", Options{Run: regexp.MustCompile("four")}, nil, Summary{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, three[1:])
			c.o.Verbose, c.o.Seed = true, 1
			s, out := runs(t, c.o)
			if diff := cmp.Diff(c.want, order(out)); diff != "" {
				t.Errorf("-want +got:\n%s%s", diff, out)
			}
			if s != c.sum {
				t.Errorf("got %+v, want %+v", s, c.sum)
			}
		})
	}
}

func TestList(t *testing.T) {
	in(t, three[1:])
	s, out := runs(t, Options{List: true, Run: regexp.MustCompile("o")})
	if want := "a_test.lua:2  one\na_test.lua:3  two\na_test.lua:4  one more\n"; out != want || s.Listed != 3 {
		t.Errorf("listed %d:\n%s\nwant\n%s", s.Listed, out, want)
	}
}

func TestShuffle(t *testing.T) {
	in(t, three[1:])
	orders := make(map[string]bool)
	for seed := range uint64(20) {
		_, out := runs(t, Options{Seed: seed, Shuffle: true, Verbose: true})
		_, again := runs(t, Options{Seed: seed, Shuffle: true, Verbose: true})
		if out != again {
			t.Fatalf("seed %d gives two orders:\n%s\n%s", seed, out, again)
		}
		names := order(out)
		orders[strings.Join(names, " ")] = true
		slices.Sort(names)
		if strings.Join(names, " ") != "one one more three two" {
			t.Fatalf("seed %d ran %q", seed, names)
		}
	}
	if len(orders) < 4 {
		t.Errorf("20 seeds gave %d orders", len(orders))
	}
}

// However many files run at a time, what is printed is the same.
func TestParallel(t *testing.T) {
	var b strings.Builder
	b.WriteString("-- main.lua --\nlocal plan = require 'plan'\nreturn { invite = function() return plan.reject(486) end }\n")
	for i := range 12 {
		fmt.Fprintf(&b, "-- f%02d_test.lua --\nlocal t = require 'test'\nlocal pbx = t.script 'main.lua'\n", i)
		for j := range 5 {
			fmt.Fprintf(&b, `t.test("test %d %d", function()
  local net = pbx:network {}
  local call = net:call { from = "sip:a@example.net", to = "sip:b@example.net" }
  net:run()
  t.eq(call:final(), %d)
end)
`, i, j, 486-(i*5+j)%17/16)
		}
	}
	in(t, b.String())
	for _, o := range []Options{{}, {Verbose: true}, {FailFast: true}, {Count: 3, Shuffle: true}, {Format: "json"}} {
		o.Seed, o.Parallel = 5, 1
		sum, want := runs(t, o)
		if sum.Failed == 0 {
			t.Fatalf("nothing failed in\n%s", want)
		}
		for _, o.Parallel = range []int{2, 8, 100} {
			if s, got := runs(t, o); s != sum || got != want {
				t.Fatalf("%+v: got %+v\n%s\nwant %+v\n%s", o, s, got, sum, want)
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	in(t, three[1:])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Run(ctx, Options{Out: io.Discard, Now: still}); !errors.Is(err, context.Canceled) || s != (Summary{}) {
		t.Errorf("%+v %v", s, err)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputThatCannotBeWritten(t *testing.T) {
	in(t, three[1:])
	for _, format := range Formats {
		if _, err := Run(t.Context(), Options{Out: full{}, Now: still, Format: format}); err == nil || err.Error() != "cannot write results: no space left" {
			t.Errorf("%s: %v", format, err)
		}
	}
	if _, err := Run(t.Context(), Options{Out: io.Discard, JUnit: full{}, Now: still}); err == nil || err.Error() != "cannot write the JUnit file: no space left" {
		t.Error(err)
	}
	if _, err := Run(t.Context(), Options{Out: io.Discard, Format: "jsn"}); err == nil || err.Error() != `there is no format "jsn"; did you mean "json"?; there are pretty, tap, json and github` {
		t.Error(err)
	}
}

func TestPathThatIsNotThere(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Run(t.Context(), Options{Paths: []string{"a_test.lua"}}); err == nil || !strings.Contains(err.Error(), "cannot read the tests: stat a_test.lua: no such file") {
		t.Errorf("got %v", err)
	}
	if s, out := runs(t, Options{}); s != (Summary{}) || out != "" {
		t.Errorf("an empty folder gave %+v %q", s, out)
	}
}

const random = `
-- main.lua --
local plan = require "plan"
return { invite = function() return plan.reject(400 + math.random(50), "n" .. math.random(1e9)) end }
-- a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
t.test("prints all that is drawn", function()
  for i = 1, 2 do
    local net = pbx:network { shards = 2 }
    local call = net:call { from = "sip:a@example.net", to = "sip:b@example.net" }
    net:run()
    print(call:sent("INVITE"):raw(), call:received():raw(), math.random())
  end
end)
`

func TestTheSeedDecidesEverything(t *testing.T) {
	in(t, random[1:])
	runOf := func(o Options) string {
		o.Verbose = true
		_, out := runs(t, o)
		return strings.ReplaceAll(out, "seed 2\n", "seed 1\n")
	}
	one, again, two := runOf(Options{Seed: 1}), runOf(Options{Seed: 1}), runOf(Options{Seed: 2})
	if diff := cmp.Diff(one, again); diff != "" {
		t.Errorf("the same seed gave\n%s", diff)
	}
	if one == two {
		t.Errorf("two seeds gave the same:\n%s", one)
	}
	if both := runOf(Options{Seed: 1, Count: 2}); !strings.Contains(both, logOf(one)) || !strings.Contains(both, logOf(two)) {
		t.Error("with a count of 2, the second run is not that of the seed after the first")
	}
	if logs := strings.Split(logOf(one), "INVITE sip:b@"); len(logs) != 3 || logs[1] == logs[2] {
		t.Error("two networks of a test draw the same")
	}
}

func logOf(out string) string {
	from, to := strings.Index(out, "  log"), strings.Index(out, "ok    a_test.lua    ")
	return out[from:to]
}

// snippet is a block of the README that is a file, or what a command prints.
var snippet = regexp.MustCompile("(?s)```(lua|console) ?([a-z_.]*)\n(.*?)```")

func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, m := range snippet.FindAllStringSubmatch(string(readme), -1) {
		if m[1] == "lua" {
			if err := os.WriteFile(m[2], []byte(m[3]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, out := runs(t, Options{Seed: 8123})
	if s.Passed != 2 || s.Bad() {
		t.Error(out)
	}
}

// settings reads what tandem.toml beside an example says of trust and users, as the program does.
func settings(root string) (s scenario.Settings, err error) {
	var file struct {
		Trusted []netip.Prefix
		Domains []string
		User    []struct{ Name, Password string }
	}
	_, err = toml.DecodeFile(filepath.Join(root, "tandem.toml"), &file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // a script of one file
		return s, nil
	}
	s.Trusted = file.Trusted
	if err != nil || len(file.User) == 0 {
		return s, err
	}
	passwords := map[string]string{}
	for _, u := range file.User {
		passwords[u.Name] = u.Password
	}
	if s, err = s.WithUsers(passwords); err == nil {
		s.Auth.Domains = file.Domains
	}
	return s, err
}

func examples(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// frugal is a tenth of the default budget: what is shipped must not come near that.
func frugal(root string) (scenario.Settings, error) {
	s, err := settings(root)
	s.Instructions = luaapi.DefaultBudget / 10
	return s, err
}

// Every example passes with every seed.
func TestExamples(t *testing.T) {
	s, out := runs(t, Options{Paths: []string{examples(t)}, Seed: 1, Count: 20, Settings: frugal})
	if s.Bad() || s.Broken > 0 || s.Passed == 0 {
		t.Error(out)
	}
}

// The tests beside the library pass too.
func TestLibrary(t *testing.T) {
	dir, err := filepath.Abs("../../scripts")
	if err != nil {
		t.Fatal(err)
	}
	s, out := runs(t, Options{Paths: []string{dir}, Seed: 1, Count: 5, Settings: frugal})
	if s.Bad() || s.Broken > 0 || s.Passed == 0 {
		t.Error(out)
	}
}

// A 20 s no-answer costs the steps that happen in it, not the time.
func TestVirtualTimeIsNotWaitedFor(t *testing.T) {
	in(t, `-- main.lua --
local plan = require "plan"
return { invite = function() return plan.to("sip:100@192.0.2.11", { ring = 40000 }) end }
-- a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
t.test("half a day", function()
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = t.never() }
  local call = net:call { from = "sip:a@example.net", to = "sip:b@example.net", cancel = 39999 }
  net:run()
  t.at(call, 39999):ended()
end)
`)
	s, out := runs(t, Options{Seed: 1})
	if s.Passed != 1 || s.Virtual < 39999*time.Second {
		t.Error(out)
	}
}

func TestMoreThanADayIsAnError(t *testing.T) {
	in(t, `-- main.lua --
local plan = require "plan"
return { invite = function() return plan.to("sip:100@192.0.2.11", { ring = 90000 }) end }
-- a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
t.test("two days", function()
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = t.never() }
  net:call { from = "sip:a@example.net", to = "sip:b@example.net" }
  net:run()
end)
`)
	s, out := runs(t, Options{Seed: 1})
	if lines := said(out); s.Errors != 1 || !strings.HasPrefix(lines[1], "net:run: not quiet after 24h0m0s of virtual time: ") {
		t.Errorf("%q\n%s", lines, out)
	}
}

// TestSharedTables: writes into tables that calls share are told once, and fail no test.
func TestSharedTables(t *testing.T) {
	const files = `-- main.lua --
local plan = require "plan"
local hours = require "hours"
return { invite = function(call)
  hours.cache.x = call.id
  return plan.reject(404)
end }
-- hours.lua --
return { cache = {} }
-- a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
for _, name in ipairs { "one", "two" } do
  t.test(name, function()
    local net = pbx:network {}
    net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example" }
    net:run()
  end)
end
-- b.txtar --
call alice -> 100
expect result 404
`
	const note = "hours.cache.x written by main.lua:4: shared from call to call and not between shards"
	in(t, files)
	for _, c := range []struct {
		format, want string
		times        int
	}{
		{"pretty", "note  " + note + "\n", 1},
		{"github", "note  " + note + "\n::notice file=main.lua,line=4,title=shared from call to call::" + note + "\n", 1},
		{"json", `"notes":["` + note + `"]`, 3},
		{"tap", "\n  ---\n  notes:\n    - \"" + note + "\"\n  ...\n", 3},
	} {
		sum, out := runs(t, Options{Format: c.format})
		if sum.Passed != 3 || strings.Count(out, c.want) != c.times {
			t.Errorf("%s: %+v, not %d times %q in\n%s", c.format, sum, c.times, c.want, out)
		}
	}
	var xml strings.Builder
	runs(t, Options{JUnit: &xml})
	if strings.Count(xml.String(), "<system-out>note  "+note+"</system-out>") != 3 {
		t.Errorf("as JUnit's XML:\n%s", &xml)
	}
}
