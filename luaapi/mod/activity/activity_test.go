package activity

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

func TestBook(t *testing.T) {
	var b Book
	if b.Answered("sip:a@h") != nil {
		t.Error("a device that nobody asks about is counted")
	}
	look := func(key string) Line {
		t.Helper()
		l, ok := b.Look(key)
		if !ok {
			t.Fatal("no room for ", key)
		}
		return l
	}
	look("sip:a@h")
	look("sip:b@h")
	first, second, other := b.Answered("sip:a@h"), b.Answered("sip:a@h"), b.Answered("sip:b@h")
	if got, want := look("sip:a@h"), (Line{up: 2, taken: 2}); got != want {
		t.Errorf("in two calls: %+v", got)
	}
	b.Ended(second)
	b.Ended(other)
	if got, want := look("sip:a@h"), (Line{up: 1, taken: 2, ended: 1}); got != want {
		t.Errorf("after one has ended: %+v", got)
	}
	b.Ended(first)
	if a, b := look("sip:a@h"), look("sip:b@h"); a.ended != 3 || b.ended != 2 {
		t.Errorf("a ended %d, b %d, want 3 and 2", a.ended, b.ended)
	}
}

func TestTurn(t *testing.T) {
	var b Book
	for i, name := range []string{"x", "x", "y", "x"} {
		if n, ok := b.Turn(name); !ok || n != []uint64{0, 1, 0, 2}[i] {
			t.Errorf("turn %d of %s: %d, %v", i, name, n, ok)
		}
	}
}

func TestBounded(t *testing.T) {
	var b Book
	for i := range maxLines {
		b.Look(strconv.Itoa(i))
		b.Turn(strconv.Itoa(i))
	}
	if _, ok := b.Look("one more"); ok {
		t.Error("a device too many is kept")
	}
	if _, ok := b.Turn("one more"); ok {
		t.Error("a name too many is kept")
	}
	if _, ok := b.Look("0"); !ok {
		t.Error("a device that is known has no room")
	}
}

// Shards use one book at once.
func TestShared(t *testing.T) {
	var b Book
	var wg sync.WaitGroup
	b.Look("k")
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				b.Ended(b.Answered("k"))
				b.Turn("k")
			}
		})
	}
	wg.Wait()
	l, _ := b.Look("k")
	if n, _ := b.Turn("k"); l.up != 0 || l.taken != 4000 || l.ended != 4000 || n != 4000 {
		t.Errorf("%+v, turn %d", l, n)
	}
}

func TestModule(t *testing.T) {
	for src, want := range map[string]string{
		`activity.of("sip:A%61@H.example;b=1").up`: "0",
		`activity.turn("a") + activity.turn("a")`:  "1",
		`activity.of("tel:+49301234567").taken`:    "0",
		`activity.of("100")`:                       `main.lua:1: activity.of: a SIP URI like "sip:100@192.0.2.11" or a user like "user:100", got "100"`,
		`activity.of()`:                            `main.lua:1: activity.of: a SIP URI like "sip:100@192.0.2.11" or a user like "user:100", got "nil"`,
		`activity.turn()`:                          `main.lua:1: activity.turn: a name, got nil`,
	} {
		L := lua.NewState()
		m := &Module{Book: &Book{}}
		L.SetGlobal("activity", Table(L, func(*lua.LState) *Module { return m }))
		fn, err := L.Load(strings.NewReader("return "+src), "main.lua")
		if err != nil {
			t.Fatal(err)
		}
		L.Push(fn)
		got := ""
		var raised *lua.ApiError
		if err := L.PCall(0, 1, nil); errors.As(err, &raised) {
			got = raised.Object.String()
		} else {
			got = L.Get(-1).String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
		L.Close()
	}
}

func BenchmarkAnswered(b *testing.B) {
	var book Book
	b.Run("nobody asks", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			book.Answered("sip:100@192.0.2.11")
		}
	})
	book.Look("sip:100@192.0.2.11")
	b.Run("counted", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			book.Ended(book.Answered("sip:100@192.0.2.11"))
		}
	})
}
