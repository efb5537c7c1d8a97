package lookup

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"pgregory.net/rapid"
)

// run runs Lua with the module as global `lookup` and files by path, and returns what it returned.
func run(t testing.TB, loading bool, files map[string]string, src string) string {
	t.Helper()
	L := lua.NewState()
	defer L.Close()
	m := &Module{Loading: func() bool { return loading }, Cache: &Cache{File: func(p string) ([]byte, bool) { s, ok := files[p]; return []byte(s), ok }}}
	for p := range files {
		m.Cache.Files = append(m.Cache.Files, p)
	}
	L.SetGlobal("lookup", Library(L, func(*lua.LState) *Module { return m }))
	fn, err := L.Load(strings.NewReader(src), "main.lua")
	if err != nil {
		t.Fatal(err)
	}
	L.Push(fn)
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		var e *lua.ApiError
		if errors.As(err, &e) {
			return e.Object.String()
		}
		return err.Error()
	}
	var out []string
	for i := 1; i <= L.GetTop(); i++ {
		out = append(out, L.Get(i).String())
	}
	return strings.Join(out, " ")
}

const routes = "prefix,gateway\n49,de\n4930,berlin\n31,nl\n,default\n"

func TestTables(t *testing.T) {
	files := map[string]string{
		"routes.csv": routes, "semi.csv": "\xef\xbb\xbfa;b\n1;\"x;y\"\n", "empty.csv": "", "twice.csv": "k,v\na,1\nb,2\na,3\n",
		"short.csv": "k,v\na,1\nb\n", "names.csv": "k,k\n", "quote.csv": "k,v\na,\"x\n", "none.csv": "k,v\n",
		"p.json": `[{"n":"100","uri":"sip:a@h","vip":true,"ring":20},
			{"n":"200","uri":null}]`,
		"bad.json": "[\n{\"n\":\"1\"},\n{\"n\":2}]", "torn.json": "[\n{\"n\":\"1\"},\n{", "object.json": `{"n":1}`, "deep.json": `[{"n":"1","l":[1]}]`, "null.json": "[null]",
		"same.json": "[{\"n\":\"1\"},\n{\"n\":\"1\"}]",
	}
	for name, c := range map[string]struct{ src, want string }{
		"get":               {`local t = lookup.csv("routes.csv", { key = "prefix" }) return t:get("49").gateway, t:get("4"), t:get(4930).gateway, t:count()`, "de nil berlin 4"},
		"prefix":            {`local t = lookup.csv("routes.csv", { key = "prefix" }) return t:prefix("493012").gateway, t:prefix("49211").gateway, t:prefix("32").gateway, t:prefix(nil).gateway`, "berlin de default default"},
		"separator":         {`return lookup.csv("semi.csv", { key = "a", separator = ";" }):get("1").b`, "x;y"},
		"no rows":           {`local t = lookup.csv("none.csv", { key = "k" }) return t:prefix("1"), t:get(""), t:count()`, "nil nil 0"},
		"JSON":              {`local t = lookup.json("p.json", { key = "n" }) local r = t:get("100") return r.uri, r.vip, r.ring + 1, t:get("200").uri`, "sip:a@h true 21 nil"},
		"a column":          {`return lookup.csv("routes.csv", { key = "prefix" }):get("49").gatewy`, `main.lua:1: a row has no column "gatewy"; did you mean "gateway"?`},
		"write a row":       {`lookup.csv("routes.csv", { key = "prefix" }):get("49").gateway = 1`, "main.lua:1: row cannot be written: its rows come from the file"},
		"write a table":     {`lookup.csv("routes.csv", { key = "prefix" }).x = 1`, "main.lua:1: lookup table cannot be written: its rows come from the file"},
		"a method":          {`lookup.csv("routes.csv", { key = "prefix" }):prefx("1")`, `main.lua:1: a lookup table has no "prefx"; did you mean "prefix"?`},
		"no colon":          {`lookup.csv("routes.csv", { key = "prefix" }).get("1")`, "main.lua:1: get is called with a colon"},
		"no text":           {`lookup.csv("routes.csv", { key = "prefix" }):get({})`, "main.lua:1: get takes a string, got table"},
		"no file":           {`lookup.csv("route.csv", { key = "prefix" })`, `main.lua:1: lookup.csv: there is no file "route.csv" in the script root; did you mean "routes.csv"?`},
		"no options":        {`lookup.csv("routes.csv")`, `main.lua:1: lookup.csv takes a file and options; write lookup.csv("routes.csv", { key = "prefix" })`},
		"no key":            {`lookup.csv("routes.csv", {})`, "main.lua:1: lookup.csv: key is missing; it names the column that rows are found by"},
		"a wrong key":       {`lookup.csv("routes.csv", { key = 1 })`, "main.lua:1: lookup.csv: key must be the name of a column, got number"},
		"an option":         {`lookup.csv("routes.csv", { kay = "x" })`, `main.lua:1: lookup.csv has no option "kay"; did you mean "key"?`},
		"JSON's separator":  {`lookup.json("p.json", { key = "n", separator = ";" })`, `main.lua:1: lookup.json has no option "separator"`},
		"long separator":    {`lookup.csv("routes.csv", { key = "prefix", separator = ";;" })`, `main.lua:1: lookup.csv: separator must be one character such as ";"`},
		"no such column":    {`lookup.csv("routes.csv", { key = "number" })`, `routes.csv:1: there is no column "number"; there are prefix, gateway`},
		"other separator":   {`lookup.csv("routes.csv", { key = "prefix", separator = ";" })`, `routes.csv:1: there is no column "prefix"; there are prefix,gateway; is its separator another one? Say separator = ","`},
		"empty":             {`lookup.csv("empty.csv", { key = "k" })`, "empty.csv:1: is empty; its first line names the columns"},
		"twice":             {`lookup.csv("twice.csv", { key = "k" })`, `twice.csv:4: key "a" is there already, at line 2`},
		"a short line":      {`lookup.csv("short.csv", { key = "k" })`, "short.csv:3: has 1 value, and the first line names 2 columns"},
		"equal names":       {`lookup.csv("names.csv", { key = "k" })`, "names.csv:1: two columns have the same name"},
		"an open quote":     {`lookup.csv("quote.csv", { key = "k" })`, `quote.csv:2: extraneous or missing " in quoted-field`},
		"JSON's key":        {`lookup.json("bad.json", { key = "n" })`, `bad.json:3: the object has no string "n", which is the key`},
		"JSON torn":         {`lookup.json("torn.json", { key = "n" })`, "torn.json:2: unexpected EOF"},
		"JSON of an object": {`lookup.json("object.json", { key = "n" })`, "object.json:1: must be a list of objects: [ { … }, … ]"},
		"JSON with a list":  {`lookup.json("deep.json", { key = "n" })`, `deep.json:1: "l" is a list or an object; a row has strings, numbers and booleans`},
		"JSON null":         {`lookup.json("null.json", { key = "n" })`, `null.json:1: the object has no string "n", which is the key`},
		"JSON twice":        {`lookup.json("same.json", { key = "n" })`, `same.json:2: key "1" is there already, at line 1`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := run(t, true, files, c.src); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if got := run(t, false, files, `lookup.csv("routes.csv", { key = "prefix" })`); got != "main.lua:1: lookup.csv reads a file, and no call waits for that: write it outside of functions" {
		t.Error(got)
	}
}

func TestShared(t *testing.T) {
	c := &Cache{File: func(string) ([]byte, bool) { return []byte(routes), true }}
	a, err := c.table(spec{"routes.csv", "prefix", ','})
	b, _ := c.table(spec{"routes.csv", "prefix", ','})
	if err != nil || a != b {
		t.Errorf("two tables of one file: %p %p %v", a, b, err)
	}
	long := strings.Repeat("1", maxKey+1)
	c.File = func(string) ([]byte, bool) { return []byte("prefix\n1\n" + long + "\n"), true }
	if _, err := c.table(spec{"long.csv", "prefix", ','}); err == nil || err.Error() != "long.csv:3: the key has 256 bytes; at most 255" {
		t.Error(err)
	}
}

// The trie finds what trying every prefix finds.
func TestLongestPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("0139+aAé")), 0, 7, -1)
		keys := rapid.SliceOfDistinct(text, func(s string) string { return s }).Draw(t, "keys")
		slices.Sort(keys)
		tr := newTrie(keys)
		for range 20 {
			s := text.Draw(t, "number")
			want := none
			for i, k := range keys {
				if strings.HasPrefix(s, k) && (want == none || len(k) > len(keys[want])) {
					want = int32(i)
				}
			}
			if got := tr.find(s); got != want {
				t.Fatalf("%q in %q: got %d, want %d", s, keys, got, want)
			}
			if i, ok := tr.position(s); ok != slices.Contains(keys, s) || ok && keys[i] != s {
				t.Fatalf("%q in %q: at %d, %v", s, keys, i, ok)
			}
		}
	})
}

// rows100k is a file of 100 000 different prefixes of 4 to 10 digits.
func rows100k() (text []byte, keys []string) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := make(map[string]bool)
	text = []byte("prefix,gateway,cost\n")
	for len(keys) < 100_000 {
		k := fmt.Sprint(10_000_000_000 + r.Int64N(90_000_000_000))[:4+r.IntN(7)]
		if !seen[k] {
			seen[k] = true
			keys = append(keys, k)
			text = fmt.Appendf(text, "%s,gw%d.example,0.0%d\n", k, len(keys)%20, len(keys)%9)
		}
	}
	return text, keys
}

func BenchmarkLoad(b *testing.B) {
	text, _ := rows100k()
	for b.Loop() {
		if _, err := readCSV("routes.csv", text, "prefix", ','); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrefix is a prefix of 100 000, beside three look-ups in a map of as many: it must not cost more.
func BenchmarkPrefix(b *testing.B) {
	text, keys := rows100k()
	t, err := readCSV("routes.csv", text, "prefix", ',')
	if err != nil {
		b.Fatal(err)
	}
	numbers := make([]string, 4096)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range numbers {
		numbers[i] = keys[r.IntN(len(keys))] + "12345"
	}
	b.Run("prefix", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if t.prefix(numbers[i&4095]) == nil {
				b.Fatal("none")
			}
			i++
		}
	})
	b.Run("three map look-ups", func(b *testing.B) {
		m := make(map[string]int)
		for i, k := range keys {
			m[k] = i
		}
		i, sum := 0, 0
		for b.Loop() {
			for j := range 3 {
				sum += m[keys[(i*7919+j*31)%len(keys)]]
			}
			i++
		}
		_ = sum
	})
}
