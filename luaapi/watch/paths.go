package watch

import (
	"os"
	"path/filepath"
	"strings"
)

// paths are what is to be watched below and around a root. Files themselves are not watched: replacing one by rename
// would take its watch along.
type paths struct {
	whole   map[string]bool // directories in which any event counts
	entries map[string]bool // paths whose events count, watched through their directory
}

// maxDepth and maxLinks keep links in a circle from being followed for ever.
const (
	maxDepth = 16
	maxLinks = 64
)

// find returns what to watch for a root, a directory or a file, that may not exist at present.
func find(root string) paths {
	p := paths{whole: make(map[string]bool), entries: make(map[string]bool)}
	if abs, err := filepath.Abs(root); err == nil {
		root = abs
	}
	p.entries[root] = true
	p.links(root)
	if info, err := os.Stat(root); err == nil && info.IsDir() {
		p.dir(root, 0)
	}
	return p
}

// dir adds a directory and those below. Hidden ones hold no scripts, but a link may lead through them.
func (p *paths) dir(at string, depth int) {
	if depth > maxDepth {
		return
	}
	p.whole[at] = true
	entries, err := os.ReadDir(at)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(at, e.Name())
		if e.Type()&os.ModeSymlink != 0 {
			p.links(path)
		}
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			p.dir(path, depth+1)
		}
	}
}

// links adds every symbolic link that a path goes through, and the path that it ends at: when one of them is
// changed, the path leads elsewhere.
func (p *paths) links(path string) {
	rest := strings.Split(strings.TrimPrefix(path, string(filepath.Separator)), string(filepath.Separator))
	at := string(filepath.Separator)
	for hops := 0; len(rest) > 0 && hops < maxLinks; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		target, err := os.Readlink(next)
		if err != nil {
			at = next
			continue
		}
		hops++
		p.entries[next] = true
		if filepath.IsAbs(target) {
			at = string(filepath.Separator)
		}
		target = strings.Trim(filepath.Clean(target), string(filepath.Separator))
		rest = append(strings.Split(target, string(filepath.Separator)), rest...)
	}
	p.entries[at] = true
}

// directories returns what to put a watch on.
func (p *paths) directories() map[string]bool {
	dirs := make(map[string]bool)
	for d := range p.whole {
		dirs[d] = true
	}
	for e := range p.entries {
		dirs[filepath.Dir(e)] = true
	}
	return dirs
}

// concerns reports whether an event's path is of interest.
func (p *paths) concerns(path string) bool {
	return p.entries[path] || p.whole[path] || p.whole[filepath.Dir(path)]
}
