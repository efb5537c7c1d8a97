package inspect

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tandem/luaapi"
)

// entry is the file that returns the handlers of a root.
const entry = "main.lua"

// scriptsAt returns the scripts that a path names: the one that it lies in, or else those below it.
func scriptsAt(p string) ([]*script, error) {
	info, err := os.Stat(p)
	if err != nil {
		return nil, fmt.Errorf("cannot read the scripts: %w", err)
	}
	full, err := filepath.Abs(p)
	if err != nil {
		return nil, err
	}
	dir := full
	if !info.IsDir() {
		dir = filepath.Dir(full)
	}
	show := shower(p)
	if root := rootOf(dir); root != "" {
		return inside(root, full, show)
	}
	if info.IsDir() {
		return below(full, show)
	}
	return alone(full, show)
}

// shower returns how the findings of a path name folders: in full if the path does, else from here.
func shower(p string) func(string) string {
	here, err := os.Getwd()
	return func(full string) string {
		if err != nil || filepath.IsAbs(p) {
			return full
		}
		if rel, err := filepath.Rel(here, full); err == nil {
			return rel
		}
		return full
	}
}

// rootOf returns the nearest folder with a main.lua, from dir upwards; "" if there is none.
func rootOf(dir string) string {
	for {
		if info, err := os.Stat(filepath.Join(dir, entry)); err == nil && info.Mode().IsRegular() {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// inside returns the part of a root that a path names.
func inside(root, full string, show func(string) string) ([]*script, error) {
	files, err := luaapi.ReadFiles(root)
	if err != nil {
		return nil, err
	}
	s := &script{shown: show(root), root: root, entry: entry, files: files}
	if full != root {
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return nil, err
		}
		s.only = filepath.ToSlash(rel)
		if _, ok := files[s.only]; !ok && path.Ext(s.only) != "" && isFile(full) {
			return nil, fmt.Errorf("%s is no script; its name ends with .lua", show(full))
		}
	}
	return []*script{s}, nil
}

func isFile(p string) bool {
	info, err := os.Stat(p)
	return err == nil && !info.IsDir()
}

// alone returns the script that is one file.
func alone(full string, show func(string) string) ([]*script, error) {
	name := filepath.Base(full)
	text, err := os.ReadFile(full)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the scripts: %w", err)
	case !strings.HasSuffix(name, ".lua"):
		return nil, fmt.Errorf("%s is no script; its name ends with .lua", show(full))
	}
	s := &script{shown: show(filepath.Dir(full)), files: map[string][]byte{name: text}}
	if !strings.HasSuffix(name, testSuffix) {
		s.entry, s.root = name, full
	}
	return []*script{s}, nil
}

// below returns the script roots below a folder, and the files that lie in none of them as one script without entry.
func below(full string, show func(string) string) ([]*script, error) {
	files, err := luaapi.ReadFiles(full)
	if err != nil {
		return nil, err
	}
	var scripts []*script
	for _, root := range rootsAmong(files) {
		s := &script{
			shown: filepath.Join(show(full), filepath.FromSlash(root)), root: filepath.Join(full, filepath.FromSlash(root)), entry: entry,
			files: make(map[string][]byte),
		}
		for file, text := range files {
			if rel, ok := strings.CutPrefix(file, root+"/"); ok {
				s.files[rel] = text
				delete(files, file)
			}
		}
		scripts = append(scripts, s)
	}
	if len(files) > 0 {
		scripts = append(scripts, &script{shown: show(full), files: files})
	}
	return scripts, nil
}

// rootsAmong returns the outermost folders with a main.lua, sorted.
func rootsAmong(files map[string][]byte) []string {
	var all []string
	for file := range files {
		if path.Base(file) == entry {
			all = append(all, path.Dir(file))
		}
	}
	slices.Sort(all)
	var outer []string
	for _, root := range all {
		if !slices.ContainsFunc(outer, func(o string) bool { return strings.HasPrefix(root, o+"/") }) {
			outer = append(outer, root)
		}
	}
	return outer
}
