package luaapi

import (
	"errors"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
	"tandem/luaapi/pattern"
)

// stringLib makes `string`. The functions that gopher-lua has no bound for are ours; upper and lower too, which there follow Unicode and
// spoil bytes that are not UTF-8.
func stringLib(L *lua.LState) *lua.LTable {
	t := L.NewTable()
	set(L, t, map[string]lua.LGFunction{"char": char, "len": length, "sub": substring})
	methods(L, t, map[string]method{
		"find": (*vm).find, "match": (*vm).match, "gmatch": (*vm).gmatch, "gsub": (*vm).gsub, "rep": (*vm).rep, "format": (*vm).format,
		"byte": (*vm).byteCodes, "upper": mapBytes('a', 'z'), "lower": mapBytes('A', 'Z'), "reverse": (*vm).reverse,
	})
	return t
}

// stringMeta makes the metatable of strings.
func stringMeta(L *lua.LState, fields *lua.LTable) *lua.LTable {
	mt := L.CreateTable(0, 16)
	mt.RawSetString("__index", fields)
	mt.RawSetString("__metatable", lua.LFalse)
	for event, op := range operators {
		mt.RawSetString(event, L.NewFunction(operator(event, op)))
	}
	return mt
}

// span turns arguments from and to, positions from 1 or from the end if they are negative, into indexes into a string of n bytes.
func span(n, from, to int) (int, int) {
	place := func(i int) int {
		if i < 0 {
			i += n + 1
		}
		return i
	}
	first, last := max(place(from), 1), min(place(to), n)
	return first - 1, max(last, first-1)
}

// substring is string.sub.
func substring(L *lua.LState) int {
	s := argText(L, 1)
	from, to := span(len(s), argInt(L, 2), optInt(L, 3, -1))
	L.Push(lua.LString(s[min(from, len(s)):min(to, len(s))]))
	return 1
}

func length(L *lua.LState) int {
	L.Push(lua.LNumber(len(argText(L, 1))))
	return 1
}

// byteCodes is string.byte, whose cost is taken from the budget.
func (v *vm) byteCodes(L *lua.LState) int {
	s := argText(L, 1)
	first := optInt(L, 2, 1)
	from, to := span(len(s), first, optInt(L, 3, first))
	if to-from > maxUnpack {
		mod.Raise(L, mod.Where(L), "string.byte: more than %d values", maxUnpack)
	}
	v.meter.left -= max(to-from, 0)
	for i := from; i < to; i++ {
		L.Push(lua.LNumber(s[i]))
	}
	return max(to-from, 0)
}

// char is string.char.
func char(L *lua.LState) int {
	b := make([]byte, L.GetTop())
	for i := range b {
		c := argInt(L, i+1)
		if c < 0 || c > 255 {
			L.ArgError(i+1, "invalid value")
		}
		b[i] = byte(c)
	}
	L.Push(lua.LString(b))
	return 1
}

// mapBytes changes the case of the letters between lo and hi.
func mapBytes(lo, hi byte) method {
	return func(v *vm, L *lua.LState) int {
		b := []byte(argText(L, 1))
		v.meter.copied(len(b))
		for i, c := range b {
			if c >= lo && c <= hi {
				b[i] = c ^ 0x20
			}
		}
		L.Push(lua.LString(b))
		return 1
	}
}

func (v *vm) reverse(L *lua.LState) int {
	b := []byte(argText(L, 1))
	v.meter.copied(len(b))
	slices.Reverse(b)
	L.Push(lua.LString(b))
	return 1
}

type patternKey struct {
	text   string
	anchor bool
}

// maxPatterns bounds the cache of compiled patterns.
const maxPatterns = 1024

func (v *vm) pattern(L *lua.LState, text string, anchor bool) *pattern.Pattern {
	k := patternKey{text, anchor}
	if p, ok := v.patterns[k]; ok {
		return p
	}
	p, err := pattern.Compile(text, anchor)
	if err != nil {
		mod.Raise(L, mod.Where(L), "%v", err)
	}
	v.meter.left -= 8 * len(text)
	if len(v.patterns) >= maxPatterns {
		clear(v.patterns)
	}
	v.patterns[k] = p
	return p
}

// searchCost is how many instructions a search costs besides its steps.
const searchCost = 8

// search looks for a match and charges the budget for it.
func (v *vm) search(L *lua.LState, p *pattern.Pattern, m *pattern.Match, s string, init int) bool {
	v.meter.left -= searchCost
	steps := v.meter.steps()
	left := steps
	ok, err := p.Find(m, s, init, &left)
	v.meter.used(steps - left)
	if errors.Is(err, pattern.ErrSteps) {
		v.meter.left = -1
		v.meter.err = v.meter.exceeded(", in a pattern")
		mod.Raise(L, mod.Where(L), "%v", v.meter.err)
	}
	return ok
}

// start turns position argument n (from 1, negative from the end) into an index into s.
func start(L *lua.LState, n int, s string) int {
	i := optInt(L, n, 1)
	if i < 0 {
		i += len(s) + 1
	}
	return min(max(i-1, 0), len(s))
}

const specials = "^$*+?.([%-"

func (v *vm) find(L *lua.LState) int {
	s, pat := argText(L, 1), argText(L, 2)
	init := start(L, 3, s)
	if L.ToBool(4) || !strings.ContainsAny(pat, specials) {
		v.meter.looked(len(s) - init)
		i := strings.Index(s[init:], pat)
		if i < 0 {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(init + i + 1))
		L.Push(lua.LNumber(init + i + len(pat)))
		return 2
	}
	p := v.pattern(L, pat, true)
	var m pattern.Match
	if !v.search(L, p, &m, s, init) {
		L.Push(lua.LNil)
		return 1
	}
	v.meter.left -= 2 * p.Captures()
	L.Push(lua.LNumber(m.Whole.Start + 1))
	L.Push(lua.LNumber(m.Whole.End))
	for i := range p.Captures() {
		L.Push(captured(&m, i, s))
	}
	return 2 + p.Captures()
}

func (v *vm) match(L *lua.LState) int {
	s := argText(L, 1)
	p := v.pattern(L, argText(L, 2), true)
	var m pattern.Match
	if !v.search(L, p, &m, s, start(L, 3, s)) {
		L.Push(lua.LNil)
		return 1
	}
	return pushCaptures(L, p, &m, s)
}

func captured(m *pattern.Match, i int, s string) lua.LValue {
	if c := m.Captures[i]; !c.Position() {
		return lua.LString(s[c.Start:c.End])
	}
	return lua.LNumber(m.Captures[i].Start + 1)
}

// pushCaptures pushes the captures, or the whole match if the pattern has none.
func pushCaptures(L *lua.LState, p *pattern.Pattern, m *pattern.Match, s string) int {
	if p.Captures() == 0 {
		L.Push(lua.LString(s[m.Whole.Start:m.Whole.End]))
		return 1
	}
	for i := range p.Captures() {
		L.Push(captured(m, i, s))
	}
	return p.Captures()
}

func firstCapture(p *pattern.Pattern, m *pattern.Match, s string) lua.LValue {
	if p.Captures() == 0 {
		return lua.LString(s[m.Whole.Start:m.Whole.End])
	}
	return captured(m, 0, s)
}

func (v *vm) gmatch(L *lua.LState) int {
	s := argText(L, 1)
	p := v.pattern(L, argText(L, 2), false)
	at := 0
	L.Push(L.NewFunction(func(L *lua.LState) int {
		var m pattern.Match
		if at > len(s) || !v.search(L, p, &m, s, at) {
			at = len(s) + 1
			L.Push(lua.LNil)
			return 1
		}
		if at = m.Whole.End; m.Whole.Start == m.Whole.End {
			at++
		}
		return pushCaptures(L, p, &m, s)
	}))
	return 1
}

func (v *vm) gsub(L *lua.LState) int {
	s := argText(L, 1)
	text := argText(L, 2)
	p := v.pattern(L, text, true)
	L.CheckTypes(3, lua.LTString, lua.LTNumber, lua.LTTable, lua.LTFunction)
	limit := optInt(L, 4, len(s)+1)
	anchored := strings.HasPrefix(text, "^")
	var out []byte
	var m pattern.Match
	at, n := 0, 0
	for n < limit && v.search(L, p, &m, s, at) {
		n++
		v.meter.left -= 3
		v.meter.check(L)
		out = append(out, s[at:m.Whole.Start]...)
		out = v.replace(L, out, p, &m, s)
		if at = m.Whole.End; m.Whole.Start == m.Whole.End {
			if at < len(s) {
				out = append(out, s[at])
			}
			at++
		}
		bound(L, len(out))
		if anchored || at > len(s) {
			break
		}
	}
	if at < len(s) {
		out = append(out, s[at:]...)
	}
	v.push(L, out)
	L.Push(lua.LNumber(n))
	return 2
}

// replace appends what takes the place of a match.
func (v *vm) replace(L *lua.LState, out []byte, p *pattern.Pattern, m *pattern.Match, s string) []byte {
	whole := s[m.Whole.Start:m.Whole.End]
	var with lua.LValue
	switch r := L.Get(3).(type) {
	case *lua.LFunction:
		v.meter.left -= luaCall
		L.Push(r)
		L.Call(pushCaptures(L, p, m, s), 1)
		with = L.Get(-1)
		L.Pop(1)
	case *lua.LTable:
		with = L.GetTable(r, firstCapture(p, m, s))
	default:
		return expand(L, out, argText(L, 3), p, m, s)
	}
	switch w := with.(type) {
	case lua.LString, lua.LNumber:
		s, _ := asText(w)
		return append(out, s...)
	}
	if lua.LVAsBool(with) {
		mod.Raise(L, mod.Where(L), "invalid replacement value (a %s)", with.Type())
	}
	return append(out, whole...)
}

// expand appends a replacement text: %1 is the first capture, %0 the whole match, %% a percent sign.
func expand(L *lua.LState, out []byte, text string, p *pattern.Pattern, m *pattern.Match, s string) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		n := int(text[i]) - '1'
		switch {
		case text[i] == '0', n == 0 && p.Captures() == 0:
			out = append(out, s[m.Whole.Start:m.Whole.End]...)
		case n < 0 || n > 8:
			out = append(out, text[i])
		case n >= p.Captures():
			mod.Raise(L, mod.Where(L), "invalid capture index")
		default:
			c, _ := asText(captured(m, n, s))
			out = append(out, c...)
		}
	}
	return out
}

// bound refuses strings that are too long.
func bound(L *lua.LState, n int) {
	if n > MaxString {
		mod.Raise(L, mod.Where(L), "%v", errMemory)
	}
}

// push pushes a string that was made.
func (v *vm) push(L *lua.LState, s []byte) {
	bound(L, len(s))
	v.meter.copied(len(s))
	L.Push(lua.LString(s))
}

func (v *vm) rep(L *lua.LState) int {
	s, n := argText(L, 1), max(argInt(L, 2), 0)
	if len(s) > 0 && n > MaxString/len(s) {
		bound(L, MaxString+1)
	}
	v.meter.copied(n * len(s))
	L.Push(lua.LString(strings.Repeat(s, n)))
	return 1
}

// concat is table.concat.
func (v *vm) concat(L *lua.LState) int {
	t, sep := L.CheckTable(1), optText(L, 2, "")
	var out []byte
	for i, last := optInt(L, 3, 1), optInt(L, 4, v.meter.length(t)); i <= last; i++ {
		v.meter.left -= 3
		item := t.RawGetInt(i)
		s, ok := asText(item)
		if !ok {
			mod.Raise(L, mod.Where(L), "table.concat: item %d is a %s", i, mod.TypeName(item))
		}
		out = append(out, s...)
		if i < last {
			out = append(out, sep...)
		}
		bound(L, len(out))
		v.meter.check(L)
	}
	v.push(L, out)
	return 1
}
