package machine

import (
	"reflect"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// TestLayout holds the heads of the machine's structures against gopher-lua.
func TestLayout(t *testing.T) {
	current, ok := reflect.TypeFor[lua.LState]().FieldByName("currentFrame")
	if !ok || current.Type.Kind() != reflect.Pointer {
		t.Fatal("a state has no currentFrame")
	}
	for _, c := range []struct {
		name         string
		theirs, ours reflect.Type
	}{
		{"frame", current.Type.Elem(), reflect.TypeFor[Frame]()},
		{"table", reflect.TypeFor[lua.LTable](), reflect.TypeFor[Table]()},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.theirs.NumField() < c.ours.NumField() {
				t.Fatalf("it has %d fields, not %d", c.theirs.NumField(), c.ours.NumField())
			}
			for i := range c.ours.NumField() {
				theirs, ours := c.theirs.Field(i), c.ours.Field(i)
				if theirs.Offset != ours.Offset || theirs.Type.Kind() != ours.Type.Kind() {
					t.Errorf("field %d is %s %s at %d, not %s at %d", i, theirs.Name, theirs.Type, theirs.Offset, ours.Type, ours.Offset)
				}
			}
		})
	}
}
