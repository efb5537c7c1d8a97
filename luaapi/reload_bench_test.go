package luaapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// fifty are the files of a script of 50 modules with some 100 lines each; n makes every version another one.
func fifty(n int) map[string][]byte {
	files := make(map[string][]byte)
	main := &strings.Builder{}
	fmt.Fprintf(main, "local version = %d\n", n)
	for i := range 49 {
		name := fmt.Sprintf("m%02d", i)
		body := strings.Repeat("function M.f(user, host)\n  if user == host then return user .. \"@\" .. host end\n  return nil\nend\n", 25)
		files[name+".lua"] = []byte("local M = {}\n" + body + "return M\n")
		fmt.Fprintf(main, "require %q\n", name)
	}
	main.WriteString("return { invite = function(call) end }\n")
	files["main.lua"] = []byte(main.String())
	return files
}

func BenchmarkReload50Files(b *testing.B) {
	h, err := NewHost(NewSnapshot("main.lua", fifty(0)), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for n := 1; b.Loop(); n++ {
		if err := h.Apply(context.Background(), NewSnapshot("main.lua", fifty(n))); err != nil {
			b.Fatal(err)
		}
	}
}

// The same files parsed, compiled and run by a bare gopher-lua.
func BenchmarkBareReload50Files(b *testing.B) {
	for n := 0; b.Loop(); n++ {
		L := lua.NewState()
		for name, text := range fifty(n) {
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

// What a shard does for a swap with 1 000 calls up, all of them in the generation that is one too many: the longest turn.
func BenchmarkSwapWith1000Calls(b *testing.B) {
	spent, count := time.Duration(0), 0
	var turns []time.Duration // the longest of each swap; of those the median, since other programs disturb some
	for b.Loop() {
		longest := time.Duration(0)
		p := newPosted(b, 1)
		for range 1000 {
			p.begin(0, true)
		}
		for range maxLive {
			p.reload()
			p.begin(0, true)
		}
		for len(p.queue) > 0 {
			fn := p.queue[0]
			p.queue = p.queue[1:]
			begin := time.Now()
			fn()
			took := time.Since(begin)
			longest, spent, count = max(longest, took), spent+took, count+1
		}
		turns = append(turns, longest)
	}
	slices.Sort(turns)
	b.ReportMetric(float64(spent.Microseconds())/float64(count), "µs/turn")
	b.ReportMetric(float64(turns[len(turns)/2].Microseconds()), "µs/longest-turn")
}
