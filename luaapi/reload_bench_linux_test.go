package luaapi

import (
	"context"
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// fifty are the files of a script of 50 modules with some 100 lines each; n makes every version another one, and every module
// of it unless they are to stay the same.
func fifty(n int, same bool) map[string][]byte {
	files := make(map[string][]byte)
	main := &strings.Builder{}
	fmt.Fprintf(main, "local version = %d\n", n)
	for i := range 49 {
		name := fmt.Sprintf("m%02d", i)
		body := strings.Repeat("function M.f(user, host)\n  if user == host then return user .. \"@\" .. host end\n  return nil\nend\n", 25)
		version := n
		if same {
			version = 0
		}
		files[name+".lua"] = fmt.Appendf(nil, "local M = { version = %d }\n%sreturn M\n", version, body)
		fmt.Fprintf(main, "require %q\n", name)
	}
	main.WriteString("return { invite = function(call) end }\n")
	files["main.lua"] = []byte(main.String())
	return files
}

// With one file changed, and with all.
func BenchmarkReload50Files(b *testing.B) {
	b.Run("changed=1", func(b *testing.B) { benchReload(b, true) })
	b.Run("changed=50", func(b *testing.B) { benchReload(b, false) })
}

func benchReload(b *testing.B, same bool) {
	h, err := NewHost(NewSnapshot("main.lua", fifty(0, same)), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer perOp(b)()
	for n := 1; b.Loop(); n++ {
		if err := h.Apply(context.Background(), NewSnapshot("main.lua", fifty(n, same))); err != nil {
			b.Fatal(err)
		}
	}
}

// The same files parsed, compiled and run by a bare gopher-lua.
func BenchmarkBareReload50Files(b *testing.B) {
	defer perOp(b)()
	for n := 0; b.Loop(); n++ {
		L := lua.NewState()
		for name, text := range fifty(n, false) {
			if name == "main.lua" {
				continue
			}
			if err := L.DoString(string(text)); err != nil {
				b.Fatal(err)
			}
		}
		L.Close()
	}
}
