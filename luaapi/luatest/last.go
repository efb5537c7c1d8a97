package luatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"tandem/luaapi"
)

// lastFile holds, in Options.Last, the scripts that each test has passed with last.
const lastFile = "passed.json"

// maxLast bounds that file, in bytes: what this run did not pass with is dropped first.
const maxLast = 1 << 20

// last knows which version of the scripts a test passed with. It is locked: tests run side by side.
type last struct {
	mu   sync.Mutex
	now  map[string]tried // in this run, by test
	read sync.Once
	kept kept
}

// kept is what is written: by test and root the hash of a version, and the versions.
type kept struct {
	Tests    map[string]map[string]string `json:"tests"`
	Versions map[string]version           `json:"versions"`
}

type version struct {
	Entry string            `json:"entry"`
	Files map[string]string `json:"files"`
}

// nameIn tells tests of different files apart.
func nameIn(file, test string) string { return file + ": " + test }

// tried are the scripts that a test is about, by root.
type tried map[string]*luaapi.Snapshot

// tried returns the scripts of the test's networks.
func (r *run) tried() tried {
	roots := make(tried)
	for _, n := range r.nets {
		roots[n.pbx.root] = n.pbx.prog.Snapshot
	}
	return roots
}

// passed takes note of the scripts that a test has passed with.
func (x *runner) passed(test string, roots tried) {
	if x.Last == "" || len(roots) == 0 {
		return
	}
	l := &x.last
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		l.now = make(map[string]tried)
	}
	l.now[test] = roots
}

// keptLast returns what was written in earlier runs; what cannot be read is nothing.
func (x *runner) keptLast() *kept {
	l := &x.last
	l.read.Do(func() {
		text, err := os.ReadFile(filepath.Join(x.Last, lastFile))
		if err != nil || json.Unmarshal(text, &l.kept) != nil {
			l.kept = kept{}
		}
	})
	return &l.kept
}

// before returns the scripts that a test passed with last, by root; nil if they are those that it has just failed with.
func (x *runner) before(test string, roots tried) map[string]*luaapi.Program {
	if x.Last == "" || len(roots) == 0 {
		return nil
	}
	k := x.keptLast()
	all := make(map[string]*luaapi.Program)
	for root, now := range roots {
		hash := k.Tests[test][root]
		if hash == now.Hash() {
			continue
		}
		s := k.Versions[hash].snapshot()
		if s.Hash() != hash { // there is none, or somebody has changed it
			return nil
		}
		p, err := x.programs.get(hash, func() (*luaapi.Program, error) { return luaapi.Compile(s, nil) })
		if err != nil {
			return nil
		}
		all[root] = p
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func (v version) snapshot() *luaapi.Snapshot {
	files := make(map[string][]byte, len(v.Files))
	for p, text := range v.Files {
		files[p] = []byte(text)
	}
	return luaapi.NewSnapshot(v.Entry, files)
}

// versionOf returns a snapshot as it is kept; ok is false if it has more than scripts, tables for one.
func versionOf(s *luaapi.Snapshot) (v version, ok bool) {
	v = version{Entry: s.Entry, Files: make(map[string]string)}
	for _, p := range s.Files() {
		v.Files[p] = s.File(p)
	}
	return v, v.snapshot().Hash() == s.Hash()
}

// keep writes what the tests of this run have passed with, beside what is known of others.
func (x *runner) keep() error {
	if len(x.last.now) == 0 {
		return nil
	}
	fresh := kept{Tests: make(map[string]map[string]string), Versions: make(map[string]version)}
	for test, roots := range x.last.now {
		fresh.add(test, roots)
	}
	all := x.keptLast().with(&fresh)
	text := all.text()
	if len(text) > maxLast {
		text = fresh.text()
	}
	path := filepath.Join(x.Last, lastFile)
	if was, err := os.ReadFile(path); len(text) > maxLast || err == nil && bytes.Equal(was, text) {
		return nil
	}
	err := replace(path, text)
	if err == nil {
		err = ignored(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("cannot keep what the tests passed with: %w", err)
	}
	return nil
}

func (k *kept) add(test string, roots tried) {
	hashes := make(map[string]string)
	for root, s := range roots {
		hash := s.Hash()
		if _, known := k.Versions[hash]; !known {
			v, ok := versionOf(s)
			if !ok {
				return
			}
			k.Versions[hash] = v
		}
		hashes[root] = hash
	}
	k.Tests[test] = hashes
}

// with returns what is kept with what is fresh in its place, without versions that no test is known to have passed with.
func (k *kept) with(fresh *kept) *kept {
	all := &kept{Tests: maps.Clone(fresh.Tests), Versions: maps.Clone(fresh.Versions)}
	for test, hashes := range k.Tests {
		if all.Tests[test] != nil {
			continue
		}
		all.Tests[test] = hashes
		for _, hash := range hashes {
			if v, ok := k.Versions[hash]; ok {
				all.Versions[hash] = v
			}
		}
	}
	return all
}

func (k *kept) text() []byte {
	text, err := json.Marshal(k)
	if err != nil {
		panic(err) // strings alone
	}
	return append(text, '\n')
}

// ignored makes a folder one that git leaves alone.
func ignored(dir string) error {
	path := filepath.Join(dir, ".gitignore")
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, []byte("*\n"), 0o644)
}

// replace writes a file in one go: a reader finds the old one or the new one.
func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
