package luatest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const testSuffix = "_test.lua"

// discover returns the test files that paths name: a file itself, of a folder all *_test.lua and *.txtar below it, sorted, those
// *.txtar left out that lie in a folder testdata. What
// starts with a dot is not looked at, nor is a file named twice run twice.
func discover(paths []string) ([]string, error) {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("cannot read the tests: %w", err)
		}
		found := []string{filepath.Clean(p)}
		switch {
		case info.IsDir():
			if found, err = below(p); err != nil {
				return nil, fmt.Errorf("cannot read the tests: %w", err)
			}
		case !strings.HasSuffix(p, testSuffix) && !isDeclared(p):
			return nil, noTests(p)
		}
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	return files, nil
}

// noTests says of a file which one would have its tests.
func noTests(file string) error {
	tests := strings.TrimSuffix(file, filepath.Ext(file)) + testSuffix
	if _, err := os.Stat(tests); err == nil {
		return fmt.Errorf("%s is no test file; its tests are in %s: run tandem test %[2]s", file, tests)
	}
	return fmt.Errorf("%s is no test file: tests stand in files *_test.lua, those of this one in %s", file, tests)
}

func below(root string) (files []string, err error) {
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case !d.IsDir() && isTest(root, p) && !strings.HasPrefix(d.Name(), "."):
			files = append(files, filepath.Clean(p))
		}
		return nil
	})
	return files, err
}

// isTest reports whether a file below a root is a test.
func isTest(root, p string) bool {
	if !isDeclared(p) {
		return strings.HasSuffix(p, testSuffix)
	}
	rel, err := filepath.Rel(root, p)
	return err == nil && !slices.Contains(strings.Split(filepath.ToSlash(rel), "/"), goldenFolder)
}
