package luaapi

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The bounds of a script root: what is larger is no folder of scripts.
const (
	maxFile  = 1 << 20
	maxTotal = 64 << 20
	maxFiles = 4096
	maxDepth = 16
	// maxTables is how many bytes the .csv, .json and .ics files may have together.
	maxTables = 64 << 20
)

// Dir is a script root on disk: a folder with main.lua, or one file. It may be a symbolic link itself, which whoever brings new versions
// points elsewhere.
type Dir string

// Read reads the root.
func (d Dir) Read() (*Snapshot, error) {
	root := string(d)
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("cannot read the scripts: %w", err)
	}
	if !info.IsDir() {
		text, err := readFile(root, info, os.ReadFile, root)
		if err != nil {
			return nil, err
		}
		name := filepath.Base(root)
		return NewSnapshot(name, map[string][]byte{name: text}), nil
	}
	var r reader
	if err := r.read(root); err != nil {
		return nil, err
	}
	if _, ok := r.files["main.lua"]; !ok {
		return nil, fmt.Errorf("%s has no main.lua; it is the file that returns the handlers", root)
	}
	return newSnapshot("main.lua", r.files, r.data), nil
}

// dataSuffixes are those of the files that scripts read: lookup tables and calendars.
var dataSuffixes = []string{".csv", ".json", ".ics"}

const (
	scriptSuffix = ".lua"
	testSuffix   = "_test.lua"
)

// ReadFiles returns the texts of all .lua files below a folder, tests too, by paths relative to it.
func ReadFiles(dir string) (map[string][]byte, error) {
	r := reader{tests: true}
	if err := r.read(dir); err != nil {
		return nil, err
	}
	return r.files, nil
}

// reader reads a script root. Symbolic links are followed to what lies in it; one that leads out of it is an error, for a script is what
// stands in its folder. Names that start with a dot are not looked at: a mounted configuration has its older versions under such names.
type reader struct {
	tests bool // *_test.lua too

	top   string   // the root as it was given, for errors
	base  string   // what it is behind all links
	root  *os.Root // opened there: what is read lies in it, whoever changes links meanwhile
	files map[string][]byte
	total int
	data  map[string][]byte
	size  int64         // of data
	above []os.FileInfo // the directories being read, outermost first
}

// read reads the files of a folder.
func (r *reader) read(top string) error {
	return r.below(top, func(dir string) string { return dir })
}

// below reads the files of a folder that may link to what lies in the root which within returns for it.
func (r *reader) below(top string, within func(dir string) string) error {
	r.top, r.files = top, make(map[string][]byte)
	dir, err := filepath.EvalSymlinks(top)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err == nil {
		r.base = within(dir)
		r.root, err = os.OpenRoot(r.base)
	}
	if err != nil {
		return fmt.Errorf("cannot read the scripts: %w", err)
	}
	defer r.root.Close() //nolint:errcheck // nothing was written
	real, err := filepath.Rel(r.base, dir)
	if err != nil {
		return fmt.Errorf("cannot read the scripts: %w", err)
	}
	return r.dir(place{rel: ".", real: real}, 0)
}

// rootAround returns the nearest folder upwards with a main.lua, or the folder itself if there is none.
func rootAround(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "main.lua")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// place is where a file or a folder stands, and where it is behind all links, both relative to the root.
type place struct{ rel, real string }

// shown is what errors call a place.
func (r *reader) shown(p place) string { return filepath.Join(r.top, p.rel) }

func (r *reader) dir(p place, depth int) error {
	info, err := r.root.Stat(p.real)
	if err != nil {
		return r.unread(p, err)
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: more than %d folders deep; is it a folder of scripts?", r.shown(p), maxDepth)
	}
	for _, up := range r.above {
		if os.SameFile(up, info) {
			return nil // a link to a folder around it
		}
	}
	r.above = append(r.above, info)
	defer func() { r.above = r.above[:len(r.above)-1] }()
	entries, err := fs.ReadDir(r.root.FS(), filepath.ToSlash(p.real))
	if err != nil {
		return r.unread(p, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := r.entry(place{rel: path.Join(p.rel, e.Name()), real: filepath.Join(p.real, e.Name())}, e.Type(), depth); err != nil {
			return err
		}
	}
	return nil
}

// unread is the error of a place that cannot be read, by the name that users know it by.
func (r *reader) unread(p place, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("cannot read the scripts: %s: %w", r.shown(p), err)
}

func (r *reader) entry(p place, mode fs.FileMode, depth int) error {
	script := strings.HasSuffix(p.rel, ".lua") && (r.tests || !strings.HasSuffix(p.rel, testSuffix))
	table := slices.Contains(dataSuffixes, path.Ext(p.rel))
	if !script && !table && mode&(fs.ModeDir|fs.ModeSymlink) == 0 {
		return nil
	}
	if mode&fs.ModeSymlink != 0 {
		to, err := filepath.EvalSymlinks(filepath.Join(r.base, p.real))
		switch {
		case err != nil && script:
			return r.unread(p, err)
		case err != nil:
			return nil // a link to nowhere that is no script
		}
		real, err := filepath.Rel(r.base, to)
		if err != nil || !filepath.IsLocal(real) {
			return r.outside(p, to, script || table)
		}
		p.real = real
	}
	info, err := r.root.Stat(p.real)
	switch {
	case err != nil && script:
		return r.unread(p, err)
	case err != nil:
		return nil // it was taken away meanwhile
	case info.IsDir():
		return r.dir(p, depth+1)
	case table:
		return r.table(p, info)
	case !script:
		return nil
	}
	return r.script(p, info)
}

// outside refuses a link that leads out of the root, if what it leads to would be read.
func (r *reader) outside(p place, to string, read bool) error {
	if info, err := os.Stat(to); !read && (err != nil || !info.IsDir()) {
		return nil
	}
	return fmt.Errorf("%s is a link to %s, outside the folder of the scripts; put there what it stands for, or make that folder itself the link: "+
		"a script is read from its own folder only", r.shown(p), to)
}

func (r *reader) script(p place, info os.FileInfo) error {
	text, err := readFile(r.shown(p), info, r.root.ReadFile, p.real)
	if err != nil {
		return err
	}
	if r.total += len(text); r.total > maxTotal || len(r.files) == maxFiles {
		return fmt.Errorf("%s: more than %d files or %d MB; is it a folder of scripts?", r.shown(p), maxFiles, maxTotal>>20)
	}
	r.files[p.rel] = text
	return nil
}

// table reads a file that a lookup table or a schedule may be made of. What is too large for one is left out: the file may be anybody's, and
// a script that wants it is told that it is not there.
func (r *reader) table(p place, info os.FileInfo) error {
	if !info.Mode().IsRegular() || r.size+info.Size() > maxTables || len(r.data) == maxFiles {
		return nil
	}
	text, err := r.root.ReadFile(p.real)
	if err != nil {
		return r.unread(p, err)
	}
	if r.data == nil {
		r.data = make(map[string][]byte)
	}
	r.size += int64(len(text))
	r.data[p.rel] = text
	return nil
}

// readFile reads a script that errors call shown.
func readFile(shown string, info os.FileInfo, read func(string) ([]byte, error), at string) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", shown)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes; a script has at most %d", shown, info.Size(), maxFile)
	}
	text, err := read(at)
	if err != nil {
		return nil, fmt.Errorf("cannot read the scripts: %w", err)
	}
	return text, nil
}
