package api

import (
	"slices"
	"strconv"
	"strings"
)

// Alternatives returns the parts of a union, aliases resolved. A type that ends with "?" has nil among them.
func (r *Registry) Alternatives(t Type) []Type {
	var out []Type
	for _, part := range split(string(t)) {
		if strings.HasPrefix(part, "fun(") { // a question mark at its end is of its result
			out = append(out, Type(part))
			continue
		}
		part, optional := strings.CutSuffix(part, "?")
		switch {
		case strings.HasPrefix(part, "(") && strings.HasSuffix(part, ")"):
			out = append(out, r.Alternatives(Type(part[1:len(part)-1]))...)
		default:
			if a := r.aliases[Type(part)]; a != nil {
				out = append(out, r.Alternatives(a.Is)...)
			} else {
				out = append(out, Type(part))
			}
		}
		if optional {
			out = append(out, "nil")
		}
	}
	return out
}

// split parts a union at its top level.
func split(s string) (parts []string) {
	depth, from, quoted := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("(<{[", c) >= 0:
			depth++
		case strings.IndexByte(")>}]", c) >= 0:
			depth--
		case c == '|' && depth == 0:
			parts = append(parts, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(parts, strings.TrimSpace(s[from:]))
}

// Item returns the type of the items of T[], "" if it is no list.
func (t Type) Item() Type {
	item, ok := strings.CutSuffix(string(t), "[]")
	if !ok {
		return ""
	}
	return Type(item)
}

// Values returns the type of the values of table<K, V>, "" if it is none.
func (t Type) Values() Type {
	inner, ok := strings.CutPrefix(string(t), "table<")
	if !ok {
		return ""
	}
	_, v, _ := strings.Cut(strings.TrimSuffix(inner, ">"), ",")
	return Type(strings.TrimSpace(v))
}

// Literal returns the string of a type such as "\"stop\"".
func (t Type) Literal() (string, bool) {
	if !strings.HasPrefix(string(t), `"`) {
		return "", false
	}
	return strings.Trim(string(t), `"`), true
}

// Function reports whether values of the type are functions.
func (t Type) Function() bool { return t == "function" || strings.HasPrefix(string(t), "fun(") }

// Table reports whether values of the type are plain tables.
func (r *Registry) Table(t Type) bool {
	c := r.classes[t]
	return t == "table" || t.Item() != "" || t.Values() != "" || c != nil && c.Kind != Object
}

// Describe says what a value is, for people: "a number of seconds above 0", `"stop" or "branch"`.
func (r *Registry) Describe(v *Value) string {
	var words []string
	add := func(w string) {
		if w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	for _, t := range r.Alternatives(v.Type) {
		add(r.word(t, v))
	}
	switch n := len(words); n {
	case 0:
		return "anything"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
}

func (r *Registry) word(t Type, v *Value) string {
	if _, ok := t.Literal(); ok {
		return string(t)
	}
	switch t {
	case "nil":
		return ""
	case "number", "integer":
		return v.number()
	case "string", "boolean", "table", "function":
		return "a " + string(t)
	case "true", "false", "any":
		return string(t)
	}
	switch c := r.classes[t]; {
	case t.Function():
		return "a function"
	case t.Item() != "":
		return "a list"
	case t.Values() != "", c != nil && c.Kind != Object:
		return "a table"
	case c != nil:
		return "a " + c.Name
	}
	return string(t)
}

// number says which numbers a value may be.
func (v *Value) number() string {
	s := "a number"
	r := v.Range
	if v.Type == "integer" || r != nil && r.Whole {
		s = "a whole number"
	}
	if v.Unit == "s" {
		s += " of seconds"
	}
	if r == nil || *r == (Range{}) {
		return s
	}
	lo, hi := strconv.FormatFloat(r.Min, 'f', -1, 64), strconv.FormatFloat(r.Max, 'f', -1, 64)
	switch {
	case r.Above && r.Max == 0:
		return s + " above " + lo
	case r.Above:
		return s + " above " + lo + ", at most " + hi
	case r.Max == 0:
		return s + " from " + lo
	}
	return s + " from " + lo + " to " + hi
}

// Holds reports whether a number lies in the range.
func (r *Range) Holds(n float64) bool {
	if r == nil || *r == (Range{}) {
		return true
	}
	return n >= r.Min && (!r.Above || n > r.Min) && (r.Max == 0 || n <= r.Max) && (!r.Whole || n == float64(int64(n)))
}

func sortFunctions(fs []Function) {
	slices.SortFunc(fs, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
}
