package seeds

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// String is the Spec as it could stand in a Go file, without what is zero.
func (s *Spec) String() string {
	var b strings.Builder
	write(&b, reflect.ValueOf(s), 0)
	return b.String()
}

func write(b *strings.Builder, v reflect.Value, depth int) {
	switch x := v.Interface().(type) {
	case time.Duration:
		fmt.Fprintf(b, "%d /* %s */", int64(x), x)
		return
	case kind:
		b.WriteString([...]string{"ring", "serial", "parallel", "function", "reject", "redirect", "await"}[x])
		return
	case wrong:
		b.WriteString([...]string{"nothing", "fromTag", "noToTag", "noContact", "callID", "cseq", "torn", "stranger"}[x])
		return
	case who:
		b.WriteString([...]string{"nobody", "silent", "knows", "guesses", "mistypes", "lies"}[x])
		return
	case cancelled:
		b.WriteString([...]string{"ends", "ignores", "crosses", "refuses", "sleeps"}[x])
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		b.WriteByte('&')
		write(b, v.Elem(), depth)
	case reflect.Slice:
		writeSlice(b, v, depth)
	case reflect.Struct:
		writeStruct(b, v, depth)
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	case reflect.Uint8:
		fmt.Fprintf(b, "%d", v.Uint())
	default:
		fmt.Fprint(b, v.Interface())
	}
}

func writeSlice(b *strings.Builder, v reflect.Value, depth int) {
	b.WriteString(typeName(v.Type()) + "{")
	for i := range v.Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		if v.Index(i).Kind() == reflect.Struct || v.Index(i).Kind() == reflect.Pointer {
			b.WriteString("\n" + strings.Repeat("\t", depth+1))
		}
		write(b, v.Index(i), depth+1)
	}
	b.WriteByte('}')
}

func writeStruct(b *strings.Builder, v reflect.Value, depth int) {
	b.WriteString(typeName(v.Type()) + "{")
	first := true
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0 {
			continue
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		b.WriteString(v.Type().Field(i).Name + ": ")
		write(b, f, depth)
	}
	b.WriteByte('}')
}

func typeName(t reflect.Type) string {
	return strings.ReplaceAll(t.String(), "seeds.", "")
}
