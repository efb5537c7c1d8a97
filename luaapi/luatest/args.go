package luatest

import (
	"math"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/clock"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// args reads what a test passes to a function; what is wrong is raised at the line of the test.
type args struct {
	r    *run
	L    *lua.LState
	pos  plan.Pos
	what string // what was called: "net:phone"
}

func argsOf(L *lua.LState, what string) *args {
	return &args{r: runOf(L), L: L, pos: mod.Where(L), what: what}
}

func (a *args) fail(format string, args ...any) {
	mod.Raise(a.L, a.pos, a.what+": "+format, args...)
}

// table returns argument n, a table.
func (a *args) table(n int, example string) *lua.LTable {
	t, ok := a.L.Get(n).(*lua.LTable)
	if !ok {
		a.fail("expects a table of options, got %s; write %s", mod.TypeName(a.L.Get(n)), example)
	}
	return t
}

// known refuses keys of an option table that are none of names; list says how many items it may have.
func (a *args) known(t *lua.LTable, list int, names ...string) {
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		switch k := k.(type) {
		case lua.LString:
			if !slices.Contains(names, string(k)) {
				hint := spell.Hint(string(k), names)
				if hint == "" && len(names) > 0 {
					hint = "; it takes " + strings.Join(names, ", ")
				}
				a.fail("there is no option %q%s", string(k), hint)
			}
		case lua.LNumber:
			if n := float64(k); n != math.Trunc(n) || n < 1 || n > float64(list) {
				a.fail("item [%s] has no meaning", k)
			}
		default:
			a.fail("a %s as a key has no meaning", k.Type())
		}
	}
}

// text reads an option that is a string; "" if it is not given.
func (a *args) text(t *lua.LTable, key string) string {
	switch v := t.RawGetString(key).(type) {
	case lua.LString:
		return string(v)
	case *lua.LNilType:
	default:
		a.fail("%s must be a string, got %s", key, mod.TypeName(v))
	}
	return ""
}

// need reads an option that must be there.
func (a *args) need(t *lua.LTable, key, example string) string {
	s := a.text(t, key)
	if s == "" {
		a.fail("%s is missing; write %s = %q", key, key, example)
	}
	return s
}

// whole reads an option that is a whole number from lo to hi; otherwise if it is not given.
func (a *args) whole(t *lua.LTable, key string, lo, hi, otherwise float64) float64 {
	v := t.RawGetString(key)
	if v == lua.LNil {
		return otherwise
	}
	n, ok := v.(lua.LNumber)
	if f := float64(n); !ok || f != math.Trunc(f) || f < lo || f > hi {
		a.fail("%s must be a whole number from %.0f to %.0f, got %s", key, lo, hi, show(v))
	}
	return float64(n)
}

// duration reads seconds.
func (a *args) duration(key string, v lua.LValue) time.Duration {
	n, ok := v.(lua.LNumber)
	if !ok {
		a.fail("%s must be a number of seconds, got %s", key, show(v))
	}
	f, most := float64(n), a.r.suite.w.MaxVirtual.Seconds()
	if !(f >= 0) || f > most {
		a.fail("%s must be from 0 to %.0f seconds, got %s", key, most, show(v))
	}
	return time.Duration(math.Round(f * float64(time.Second)))
}

// later reads an option of seconds, nil if it is not given.
func (a *args) later(t *lua.LTable, key string) *time.Duration {
	v := t.RawGetString(key)
	if v == lua.LNil {
		return nil
	}
	d := a.duration(key, v)
	return &d
}

// headers reads { Name = value }; a list of values is as many fields.
func (a *args) headers(v lua.LValue) []sim.Header {
	if v == lua.LNil {
		return nil
	}
	t, ok := v.(*lua.LTable)
	if !ok {
		a.fail("headers must be a table of values by name, got %s", mod.TypeName(v))
	}
	var out []sim.Header
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok || !message.ValidName(string(name)) {
			a.fail("%s is no header name", show(k))
		}
		list, ok := v.(*lua.LTable)
		if !ok {
			out = append(out, a.header(string(name), v))
			continue
		}
		for i := 1; i <= list.Len(); i++ {
			out = append(out, a.header(string(name), list.RawGetInt(i)))
		}
	}
	return out
}

// ownHeaders are fields that a phone writes itself: with others in their place nothing would reach it.
var ownHeaders = []message.ID{message.Via, message.From, message.To, message.CallID, message.CSeq, message.ContentLength}

func (a *args) header(name string, v lua.LValue) sim.Header {
	if id := message.Lookup([]byte(name)); slices.Contains(ownHeaders, id) {
		a.fail("header %s cannot be given: phones write their own", id)
	}
	switch v.(type) {
	case lua.LString, lua.LNumber:
		if !message.ValidValue(v.String()) {
			a.fail("header %s holds a line break or another control character", name)
		}
	default:
		a.fail("header %s must be a string or a list of strings, got %s", name, mod.TypeName(v))
	}
	return sim.Header{Name: name, Value: v.String()}
}

// maxCode is the largest status code.
const maxCode = 699

// code reads a status code from lo on.
func (a *args) code(v lua.LValue, lo int) int {
	n, ok := v.(lua.LNumber)
	if f := float64(n); !ok || f != math.Trunc(f) || f < float64(lo) || f > maxCode {
		a.fail("the code must be a whole number from %d to %d, got %s", lo, maxCode, show(v))
	}
	return int(n)
}

// uri reads a SIP URI or an address with a display name.
func (a *args) uri(key, s string) *message.URI {
	bare := s
	if na, err := message.ParseNameAddr([]byte(s)); err == nil {
		bare = string(na.URI)
	}
	u, err := message.ParseURI([]byte(bare))
	if err != nil {
		a.fail("%s %q is no SIP URI; write %q", key, s, "sip:100@pbx.example")
	}
	return &u
}

// seconds writes an instant as tests read it.
func seconds(at clock.Time) float64 {
	return math.Round(at.Sub(zero).Seconds()*1e6) / 1e6
}
