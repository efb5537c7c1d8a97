package luatest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/trace"
)

// goldenFolder is where golden ladders lie, beside the test file.
const goldenFolder = "testdata"

// maxSlug is how much of a test's name stands in a file name, in bytes.
const maxSlug = 60

// golden is t.golden(call): the messages of the call so far are those of the ladder in testdata.
func (r *run) golden(L *lua.LState) int {
	a := argsOf(L, "t.golden")
	c, ok := value[*call](L.Get(1))
	switch {
	case !ok:
		a.fail("the first argument must be a call, got %s; write t.golden(call)", show(L.Get(1)))
	case !c.net.ran:
		a.fail("the call has not run: write net:run() before you look at it")
	case !r.written():
		r.again = true // nothing was written down
		L.Error(lua.LString(a.pos.String()+": again"), 0)
	}
	r.look(L, c)
	got, path := c.net.ladder(c.events(), trace.Options{HideNotes: true}), r.goldenPath(c)
	want, err := os.ReadFile(path)
	switch {
	case err == nil && string(want) == got:
		return 0
	case r.suite.w.Update:
		if err := writeGolden(path, got); err != nil {
			a.fail("%v", err)
		}
		return 0
	case errors.Is(err, fs.ErrNotExist):
		r.fail(L, "there is no golden ladder "+path, "if the one below is right, write it: tandem test --update")
	case err != nil:
		a.fail("%v", err)
	}
	was, is := trace.ReadLadder(string(want)), trace.ReadLadder(got)
	at := trace.Departure(was, is)
	if at == 0 {
		r.fail(L, path+" is no ladder as Tandem draws it", "write it again: tandem test --update")
	}
	r.fail(L, "got   "+arrowAt(is, at), "want  "+arrowAt(was, at), "message "+strconv.Itoa(at)+" of "+path+"; if the new ladder is right: tandem test --update")
	return 0
}

func arrowAt(all []trace.Arrow, n int) string {
	if n > len(all) {
		return "nothing more"
	}
	return all[n-1].String()
}

// ladder draws events in the form of golden ladders: box-drawing characters, in full width.
func (n *network) ladder(events []trace.Event, o trace.Options) string {
	o.Names = n.sim.Names()
	return trace.Ladder(events, o)
}

func writeGolden(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot write the golden ladder: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write the golden ladder: %w", err)
	}
	return nil
}

// goldenPath is where the golden ladder of a call lies: testdata/main_test/busy_desk-2.ladder for the test's second call.
func (r *run) goldenPath(c *call) string {
	name := slug(r.test.name)
	for _, t := range r.suite.tests {
		if t.name == r.test.name {
			break
		}
		if slug(t.name) == slug(r.test.name) {
			name += "_"
		}
	}
	if c.number > 1 {
		name += "-" + strconv.Itoa(c.number)
	}
	return filepath.Join(goldenDir(r.suite.path), name+".ladder")
}

// goldenDir is where the golden ladders of a test file lie.
func goldenDir(path string) string {
	dir, file := filepath.Split(path)
	return filepath.Join(dir, goldenFolder, strings.TrimSuffix(file, ".lua"))
}

// slug writes a name so that it can be a file's.
func slug(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(name) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
		if b.Len() == maxSlug {
			break
		}
	}
	return strings.Trim(b.String(), "_")
}

// departure returns the first message in which a call differs from its golden ladder, if there is one; 0 = none.
func (c *call) departure() int {
	want, err := os.ReadFile(c.net.r.goldenPath(c))
	if err != nil {
		return 0
	}
	return trace.Departure(trace.ReadLadder(string(want)), c.arrows())
}
