package seeds

import (
	"reflect"
	"strings"
	"time"
)

// Shrink returns a failure of the same kind whose Spec is as small as it gets by making one thing after the other
// zero. It tries at most so many Specs.
func (f *Failure) Shrink(tries int) *Failure {
	return f.shrink(tries, func(s *Spec) *Failure {
		var seen sights
		if g := s.try(&seen); g != nil {
			return g
		}
		return s.again()
	})
}

func (f *Failure) shrink(tries int, try func(*Spec) *Failure) *Failure {
	best, kind := f, f.kind()
	for found := true; found && tries > 0; {
		found = false
		for i := 0; tries > 0; tries-- {
			s := clone(reflect.ValueOf(best.Spec)).Interface().(*Spec)
			if n := i; !edit(reflect.ValueOf(s).Elem(), &n) {
				break
			}
			if g := try(s); g != nil && g.kind() == kind {
				best, found = g, true
			} else {
				i++
			}
		}
	}
	return best
}

// kind tells failures apart: the first violation without time, call, numbers and quotations.
func (f *Failure) kind() string {
	v, _, _ := strings.Cut(f.Violations[0], "\n")
	if _, rest, ok := strings.Cut(v, ": call "); ok {
		v = rest
	}
	v, _, _ = strings.Cut(v, "\"")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, v)
}

// clone returns a deep copy.
func clone(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(clone(v.Elem()))
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(clone(v.Index(i)))
		}
		return c
	case reflect.Struct:
		c := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			c.Field(i).Set(clone(v.Field(i)))
		}
		return c
	default:
		return v
	}
}

// edit makes the nth of all possible simplifications of v and reports whether there is one; n counts down.
func edit(v reflect.Value, n *int) bool {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && turn(n) {
			v.SetZero()
			return true
		}
		return editPart(v, n)
	case reflect.Slice:
		for i := range v.Len() {
			if turn(n) {
				rest := reflect.AppendSlice(v.Slice(0, i), v.Slice(i+1, v.Len()))
				if rest.Len() == 0 {
					rest = reflect.Zero(v.Type()) // what holds it is plain again
				}
				v.Set(rest)
				return true
			}
		}
		for i := range v.Len() {
			if e := v.Index(i); e.Kind() == reflect.Pointer && editPart(e, n) || e.Kind() != reflect.Pointer && edit(e, n) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if edit(v.Field(i), n) {
				return true
			}
		}
	default:
		return editScalar(v, n)
	}
	return false
}

func turn(n *int) bool {
	*n--
	return *n < 0
}

// editPart simplifies what v points to, or puts a part of it in its place.
func editPart(v reflect.Value, n *int) bool {
	if v.IsNil() {
		return false
	}
	if s, ok := v.Interface().(*step); ok {
		parts := append([]*step{s.Returns}, s.Members...)
		for _, e := range s.On {
			parts = append(parts, e.Plan)
		}
		for _, p := range parts {
			if p != nil && turn(n) {
				v.Set(reflect.ValueOf(p))
				return true
			}
		}
	}
	return edit(v.Elem(), n)
}

func editScalar(v reflect.Value, n *int) bool {
	if v.IsZero() {
		return false
	}
	if turn(n) {
		v.SetZero()
		return true
	}
	if d, ok := v.Interface().(time.Duration); ok {
		for _, unit := range []time.Duration{time.Second, time.Millisecond} {
			if short := d.Truncate(unit); short != d && short != 0 && turn(n) {
				v.SetInt(int64(short))
				return true
			}
		}
	}
	return false
}
