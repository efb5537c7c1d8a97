package json

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
	"pgregory.net/rapid"
)

// script is a Lua state with the module as global `json`.
type script struct {
	t       testing.TB
	L       *lua.LState
	m       *Module
	charged int
}

func newScript(t testing.TB) *script {
	s := &script{t: t, L: lua.NewState()}
	s.m = &Module{MaxText: 1 << 16, Charge: func(n int) { s.charged += n }}
	s.L.SetGlobal("json", Table(s.L, func(*lua.LState) *Module { return s.m }))
	return s
}

// run runs Lua and returns what it returned, with tostring.
func (s *script) run(src string) string {
	s.t.Helper()
	s.L.SetTop(0)
	if err := s.L.DoString(src); err != nil {
		return "raised " + strings.SplitN(err.Error(), "\n", 2)[0]
	}
	var out []string
	for i := 1; i <= s.L.GetTop(); i++ {
		out = append(out, s.L.ToStringMeta(s.L.Get(i)).String())
	}
	return strings.Join(out, " ")
}

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"values":                {`local v = json.decode('{"s":"a\\u00e9\\n","n":-1.5e2,"t":true,"f":false,"l":[1,[2]]}') return v.s, v.n, v.t, v.f, #v.l, v.l[2][1]`, "aé\n -150 true false 2 2"},
		"null in an object":     {`local v = json.decode('{"a":null,"b":1}') return v.a, next(v)`, "nil b 1"},
		"null in an array":      {`local v = json.decode('[1,null,3]') return #v, v[2] == json.null, v[2]`, "3 true null"},
		"null alone":            {`return json.decode(' null ') == json.null`, "true"},
		"a number alone":        {`return json.decode("7")`, "7"},
		"in order of names":     {`local k = "" for n in pairs(json.decode('{"z":1,"a":2,"m":3}')) do k = k .. n end return k`, "amz"},
		"the last of equals":    {`return json.decode('{"a":1,"a":2}').a`, "2"},
		"syntax":                {`return json.decode('{"a": 1,\n  "b": x}')`, `nil line 2, column 8: invalid character 'x' looking for beginning of value`},
		"too short":             {`return json.decode('{"a": [1')`, "nil line 1, column 9: the text ends too early"},
		"empty":                 {`return json.decode("")`, "nil line 1, column 1: the text ends too early"},
		"more":                  {`return json.decode("1 2")`, "nil line 1, column 3: invalid character '2' after top-level value"},
		"rubbish behind":        {`return json.decode("1 }")`, "nil line 1, column 3: invalid character '}' after top-level value"},
		"HTML":                  {`return json.decode("<html>")`, "nil line 1, column 1: invalid character '<' looking for beginning of value"},
		"a key that is none":    {`return json.decode("{1:2}")`, "nil line 1, column 2: invalid character '1'"},
		"out of range":          {`return json.decode("1e999")`, "nil line 1, column 5: number 1e999 is out of range"},
		"64 deep":               {`return type(json.decode(("["):rep(64) .. ("]"):rep(64)))`, "table"},
		"65 deep":               {`return json.decode(("["):rep(65) .. ("]"):rep(65))`, "nil more than 64 arrays and objects in each other"},
		"no text":               {`return json.decode(7)`, "raised <string>:1: json.decode takes a text, got number"},
		"brackets do not match": {`return json.decode("[1}")`, "nil line 1, column 3: invalid character '}' after array element"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := newScript(t).run(c.src); got != c.want && !strings.HasPrefix(got, c.want+" ") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"values":             {`return json.encode({ s = 'a"<é\n', n = -1.5, i = 31201234567, t = true, l = { 1, { x = 2 } } })`, `{"i":31201234567,"l":[1,{"x":2}],"n":-1.5,"s":"a\"<é\n","t":true}`},
		"empty":              {`return json.encode({})`, "{}"},
		"an empty array":     {`return json.encode(json.array {})`, "[]"},
		"arrays stay":        {`return json.encode(json.decode('{"a":[],"b":{}}'))`, `{"a":[],"b":{}}`},
		"null":               {`return json.encode({ json.null, 1 }), json.encode(nil)`, "[null,1] null"},
		"not UTF-8":          {`return json.encode("a\255b")`, `"a\ufffdb"`},
		"NaN":                {`return json.encode({ a = { 0 / 0 } })`, "nil a[1] has no form in JSON: NaN"},
		"a function":         {`return json.encode({ on = { busy = print } })`, "nil on.busy has no form in JSON: function"},
		"alone":              {`return json.encode(print)`, "nil the value has no form in JSON: function"},
		"a hole":             {`return json.encode({ 1, nil, 3 })`, "nil the value[2] is nil: write json.null where an array has nothing"},
		"mixed":              {`return json.encode({ 1, a = 2 })`, "nil the value has items and the key a: an array has no names, an object nothing else"},
		"a mixed array":      {`local t = json.array {} t.x = 1 return json.encode(t)`, "nil the value has items and the key x: an array has no names, an object nothing else"},
		"a key":              {`return json.encode({ [true] = 1 })`, "nil the value has the key true: the names of an object are strings"},
		"a circle":           {`local t = {} t.t = t return json.encode(t)`, "nil more than 64 tables in each other; is there a circle?"},
		"too long":           {`return json.encode({ ("x"):rep(65536) })`, "nil longer than 65536 bytes"},
		"many":               {`local t = {} for i = 1, 40000 do t[i] = i end return json.encode(t)`, "nil longer than 65536 bytes"},
		"nothing":            {`return json.encode()`, "raised <string>:1: json.encode takes a value"},
		"array of no table":  {`return json.array(1)`, "raised <string>:1: json.array takes a table, got number"},
		"array of an object": {`return json.array(setmetatable({}, {}))`, "raised <string>:1: json.array: the table has a metatable already"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := newScript(t).run(c.src); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// What is read or written is taken from the budget, whether or not anything comes of it.
func TestCharge(t *testing.T) {
	s := newScript(t)
	s.run(`text = '["' .. ("x"):rep(40000) .. '"]'`)
	for src, want := range map[string]int{
		`json.decode(text)`:             10001,
		`json.decode(text .. "x")`:      10001,
		`json.encode(("y"):rep(40000))`: 10000,
		`json.decode("1")`:              0,
	} {
		s.charged = 0
		if s.run(src); s.charged != want {
			t.Errorf("%s: %d instructions, want %d", src, s.charged, want)
		}
	}
}

// What is written can be read, and is the same; what this package reads, encoding/json reads alike.
func TestRoundTrip(t *testing.T) {
	s := newScript(t)
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		kinds := []*rapid.Generator[any]{
			rapid.Map(rapid.String(), func(s string) any { return s }), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Map(rapid.Float64Range(-1e15, 1e15), func(f float64) any { return f + 0 }), // Lua has no -0 that could be told from 0
			rapid.Map(rapid.IntRange(-1e9, 1e9), func(i int) any { return float64(i) }),
		}
		if depth > 0 {
			kinds = append(kinds, rapid.Map(rapid.SliceOfN(value(depth-1), 0, 4), func(l []any) any { return l }),
				rapid.Map(rapid.MapOfN(rapid.String(), value(depth-1), 0, 4), func(m map[string]any) any { return m }))
		}
		return rapid.OneOf(kinds...)
	}
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(value(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.m.read(s.L, string(text))
		if err != nil {
			t.Fatal(err)
		}
		e := encoder{m: s.m}
		if err := e.value(v, "", 0); err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(text, &a) != nil || json.Unmarshal(e.out, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%s became %s", text, e.out)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":[1,null,"x"]}`, `[`, `{"a"`, `"\ud800"`, "nul", " ", "[1,]", "1e400", "{\"a\":1}\n\n x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<16 {
			return
		}
		s := newScript(t)
		defer s.L.Close()
		v, err := s.m.read(s.L, text)
		if (err == nil) != json.Valid([]byte(text)) && !strings.Contains(fmt.Sprint(err), "more than 64") && !strings.Contains(fmt.Sprint(err), "out of range") {
			t.Fatalf("%q: %v, encoding/json says %v", text, err, json.Valid([]byte(text)))
		}
		if err != nil {
			return
		}
		e := encoder{m: s.m}
		if err := e.value(v, "", 0); err == nil && (!json.Valid(e.out) || !utf8.Valid(e.out)) {
			t.Fatalf("%q became %q", text, e.out)
		}
	})
}

func TestNumbers(t *testing.T) {
	s := newScript(t)
	for f, want := range map[float64]string{0: "0", 1 << 53: "9.007199254740992e+15", 0.1: "0.1", -3: "-3", math.MaxFloat64: "1.7976931348623157e+308"} {
		e := encoder{m: s.m}
		if err := e.number(f, ""); err != nil || string(e.out) != want {
			t.Errorf("%v: %s %v, want %s", f, e.out, err, want)
		}
	}
}

// BenchmarkDecode is an answer of a routing service, beside what encoding/json needs for it.
func BenchmarkDecode(b *testing.B) {
	const text = `{"targets":[{"uri":"sip:100@192.0.2.11","ring":20},{"uri":"sip:200@192.0.2.13","ring":25,"headers":{"X-Route":"a"}}],"ttl":30}`
	b.Run("Lua", func(b *testing.B) {
		s := newScript(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.m.read(s.L, text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
