package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"tandem/luaapi"
)

// Suffix is how the names of files with scenarios end.
const Suffix = ".txtar"

// entry is the file that returns the handlers.
const entry = "main.lua"

// Load reads a scenario from a file.
func Load(path string) (*Scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the test: %w", err)
	}
	return Parse(path, text)
}

// Root is the script root that the scenario is for: what `script` says, else the nearest folder upwards with a main.lua; "" = there is
// none, all files are in the scenario.
func (s *Scenario) Root() string {
	dir := filepath.Dir(s.File)
	if s.Script != "" {
		path := filepath.Join(dir, filepath.FromSlash(s.Script))
		if filepath.Base(path) == entry {
			return filepath.Dir(path)
		}
		return path
	}
	full, err := filepath.Abs(dir)
	for up := dir; err == nil; {
		if _, err := os.Stat(filepath.Join(up, entry)); err == nil {
			return up
		}
		above := filepath.Dir(full)
		if above == full {
			break
		}
		full, up = above, filepath.Join(up, "..")
	}
	return ""
}

// Mistaken puts an error of loading the script where it stands: in a file of the scenario, or at the line `script`.
func (s *Scenario) Mistaken(err error) error {
	var e *luaapi.Error
	if errors.As(err, &e) {
		if heading := s.fileLines[e.Pos.File]; heading > 0 {
			return s.fail(heading+e.Pos.Line, "%v", e)
		}
		return err
	}
	if s.scriptLine > 0 && errors.Is(err, fs.ErrNotExist) {
		return s.fail(s.scriptLine, "there is no script %s, seen from this file's folder", s.Script)
	}
	return err
}

// Snapshot returns the script with the files of the scenario in the place of those on disk.
func (s *Scenario) Snapshot() (*luaapi.Snapshot, error) {
	snap := luaapi.NewSnapshot(entry, nil)
	if root := s.Root(); root != "" {
		var err error
		if snap, err = luaapi.Dir(root).Read(); err != nil {
			return nil, err
		}
	}
	if snap = snap.With(s.Files); !slices.Contains(snap.Files(), snap.Entry) {
		return nil, s.fail(1, "there is no %s in the folders above, and none in the file; write: script ../main.lua", snap.Entry)
	}
	return snap, nil
}

// ladderName is the section with the golden ladder of a call.
func ladderName(number int) string {
	if number == 1 {
		return "ladder"
	}
	return fmt.Sprintf("ladder %d", number)
}

// Update writes the golden ladders of a file anew, of those calls that have one, or of the first if none has.
func Update(path string, ladders map[int]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read the test: %w", err)
	}
	ar := txtar.Parse(text)
	for _, number := range slices.Sorted(maps.Keys(ladders)) {
		name, ladder, found := ladderName(number), ladders[number], false
		for i := range ar.Files {
			if ar.Files[i].Name == name {
				ar.Files[i].Data, found = []byte(ladder), true
			}
		}
		if !found {
			if n := len(ar.Comment); n > 0 && !strings.HasSuffix(string(ar.Comment), "\n\n") {
				ar.Comment = append(ar.Comment, '\n')
			}
			ar.Files = append(ar.Files, txtar.File{Name: name, Data: []byte(ladder)})
		}
	}
	if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
		return fmt.Errorf("cannot write the golden ladder: %w", err)
	}
	return nil
}
