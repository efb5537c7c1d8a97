package luaapi

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"path"
	"slices"
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

// Suffixes are how the names of files end that a script root may have.
func Suffixes() []string { return append([]string{scriptSuffix}, dataSuffixes...) }

// With returns a snapshot with files beside, or in place of, its own, by their paths relative to the root. Their names end as Suffixes
// says.
func (s *Snapshot) With(files map[string][]byte) *Snapshot {
	scripts, data := make(map[string][]byte), make(map[string][]byte)
	maps.Copy(scripts, s.files)
	maps.Copy(data, s.data)
	for p, text := range files {
		if path.Ext(p) == scriptSuffix {
			scripts[p] = text
		} else {
			data[p] = text
		}
	}
	return newSnapshot(s.Entry, scripts, data)
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
