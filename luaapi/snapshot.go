package luaapi

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
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

// Snapshot is a script as it was read: every .lua file below its root but the *_test.lua, and the .csv, .json and .ics files that its
// lookup tables and schedules may be made of. It does not change.
type Snapshot struct {
	// Entry is the path of the file that returns the handlers: "main.lua", or the one file.
	Entry string

	files map[string][]byte // by path relative to the root, with slashes
	data  map[string][]byte // what lookup tables and schedules are made of, likewise
	hash  [sha256.Size]byte
}

// NewSnapshot returns a snapshot of files by their paths relative to the root. The map is not to be changed after.
func NewSnapshot(entry string, files map[string][]byte) *Snapshot {
	return newSnapshot(entry, files, nil)
}

func newSnapshot(entry string, files, data map[string][]byte) *Snapshot {
	s := &Snapshot{Entry: entry, files: files, data: data}
	h := sha256.New()
	part := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	part([]byte(entry))
	for _, p := range s.Files() {
		part([]byte(p))
		part(files[p])
	}
	for _, p := range slices.Sorted(maps.Keys(data)) {
		part([]byte(p))
		part(data[p])
	}
	h.Sum(s.hash[:0])
	return s
}

// Read returns the snapshot itself: it is a Source.
func (s *Snapshot) Read() (*Snapshot, error) { return s, nil }

// Files returns the paths of its files, sorted.
func (s *Snapshot) Files() []string { return slices.Sorted(maps.Keys(s.files)) }

// File returns a file's text, "" if there is none.
func (s *Snapshot) File(path string) string { return string(s.files[path]) }

// Hash returns the SHA-256 of paths and contents, in hexadecimal.
func (s *Snapshot) Hash() string { return hex.EncodeToString(s.hash[:]) }

// Dir is a script root on disk: a folder with main.lua, or one file.
type Dir string

// Read reads the root.
func (d Dir) Read() (*Snapshot, error) {
	root := string(d)
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("cannot read the scripts: %w", err)
	}
	if !info.IsDir() {
		text, err := readFile(root, info)
		if err != nil {
			return nil, err
		}
		name := filepath.Base(root)
		return NewSnapshot(name, map[string][]byte{name: text}), nil
	}
	r := reader{files: make(map[string][]byte)}
	if err := r.dir(root, "", 0); err != nil {
		return nil, err
	}
	if _, ok := r.files["main.lua"]; !ok {
		return nil, fmt.Errorf("%s has no main.lua; it is the file that returns the handlers", root)
	}
	return newSnapshot("main.lua", r.files, r.data), nil
}

// dataSuffixes are those of the files that scripts read: lookup tables and calendars.
var dataSuffixes = []string{".csv", ".json", ".ics"}

const testSuffix = "_test.lua"

// ReadFiles returns the texts of all .lua files below a folder, tests too, by paths relative to it.
func ReadFiles(dir string) (map[string][]byte, error) {
	r := reader{files: make(map[string][]byte), tests: true}
	if err := r.dir(dir, "", 0); err != nil {
		return nil, err
	}
	return r.files, nil
}

// reader reads a script root. Symbolic links are followed, names that start with a dot are not looked at: a mounted
// configuration has its older versions under such names.
type reader struct {
	files map[string][]byte
	tests bool // *_test.lua too
	total int
	data  map[string][]byte
	size  int64         // of data
	above []os.FileInfo // the directories being read, outermost first
}

func (r *reader) dir(at, rel string, depth int) error {
	info, err := os.Stat(at)
	if err != nil {
		return fmt.Errorf("cannot read the scripts: %w", err)
	}
	if depth > maxDepth {
		return fmt.Errorf("%s: more than %d folders deep; is it a folder of scripts?", at, maxDepth)
	}
	for _, up := range r.above {
		if os.SameFile(up, info) {
			return nil // a link to a folder around it
		}
	}
	r.above = append(r.above, info)
	defer func() { r.above = r.above[:len(r.above)-1] }()
	entries, err := os.ReadDir(at)
	if err != nil {
		return fmt.Errorf("cannot read the scripts: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := r.entry(filepath.Join(at, e.Name()), path.Join(rel, e.Name()), e.Type(), depth); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) entry(at, rel string, mode fs.FileMode, depth int) error {
	script := strings.HasSuffix(rel, ".lua") && (r.tests || !strings.HasSuffix(rel, testSuffix))
	table := slices.Contains(dataSuffixes, path.Ext(rel))
	if !script && !table && mode&(fs.ModeDir|fs.ModeSymlink) == 0 {
		return nil
	}
	info, err := os.Stat(at)
	switch {
	case err != nil && script:
		return fmt.Errorf("cannot read the scripts: %w", err)
	case err != nil:
		return nil // a link to nowhere that is no script
	case info.IsDir():
		return r.dir(at, rel, depth+1)
	case table:
		return r.table(at, rel, info)
	case !script:
		return nil
	}
	text, err := readFile(at, info)
	if err != nil {
		return err
	}
	if r.total += len(text); r.total > maxTotal || len(r.files) == maxFiles {
		return fmt.Errorf("%s: more than %d files or %d MB; is it a folder of scripts?", at, maxFiles, maxTotal>>20)
	}
	r.files[rel] = text
	return nil
}

// table reads a file that a lookup table or a schedule may be made of. What is too large for one is left out: the file may be anybody's, and
// a script that wants it is told that it is not there.
func (r *reader) table(at, rel string, info os.FileInfo) error {
	if !info.Mode().IsRegular() || r.size+info.Size() > maxTables || len(r.data) == maxFiles {
		return nil
	}
	text, err := os.ReadFile(at)
	if err != nil {
		return fmt.Errorf("cannot read the scripts: %w", err)
	}
	if r.data == nil {
		r.data = make(map[string][]byte)
	}
	r.size += int64(len(text))
	r.data[rel] = text
	return nil
}

func readFile(at string, info os.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", at)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes; a script has at most %d", at, info.Size(), maxFile)
	}
	text, err := os.ReadFile(at)
	if err != nil {
		return nil, fmt.Errorf("cannot read the scripts: %w", err)
	}
	return text, nil
}
