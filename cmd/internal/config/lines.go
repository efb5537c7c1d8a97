package config

import (
	"bytes"
	"slices"
	"strings"
)

// lines finds keys in the text of a file. The TOML package tells only where the last of several tables sets a key.
type lines [][]byte

func newLines(text []byte) lines { return bytes.Split(text, []byte("\n")) }

// of returns the line of the key that an error speaks of; the line of its table if the key is not written there; else 1.
func (ls lines) of(e *Error) int { return max(ls.find(e), 1) }

// find is of, but 0 if neither the key nor its table is written.
func (ls lines) find(e *Error) int {
	want := e.path()
	var table []string
	array, nth := e.array()
	seen, found, best := 0, 0, 0
	for i, l := range ls {
		path, header := pathOf(l)
		if len(path) == 0 {
			continue
		}
		if header {
			table = path
			if path[0] == array {
				seen++
			}
		} else {
			path = append(slices.Clone(table), path...)
		}
		if nth > 0 && len(table) > 0 && table[0] == array && seen != nth {
			continue
		}
		n := min(len(path), len(want))
		if n > best && slices.Equal(path[:n], want[:n]) {
			found, best = i+1, n
		}
	}
	return found
}

// array is the array of tables that the key stands in, and which of them; "" = none.
func (e *Error) array() (name string, nth int) {
	switch {
	case e.Listener > 0:
		return "listener", e.Listener
	case e.ACL > 0:
		return "acl", e.ACL
	case e.User > 0:
		return "user", e.User
	}
	return "", 0
}

// path is where the key stands.
func (e *Error) path() (path []string) {
	if e.Table != "" {
		path = strings.Split(e.Table, ".")
	}
	if array, _ := e.array(); array != "" {
		path = append(path, array)
	}
	return append(path, e.Key)
}

// pathOf returns the key that a line sets, or the table that it begins, in its parts.
func pathOf(line []byte) (path []string, header bool) {
	rest := strings.TrimLeft(string(line), " \t")
	header = strings.HasPrefix(rest, "[")
	for rest = strings.TrimLeft(rest, "["); ; rest = rest[1:] {
		var name string
		rest = strings.TrimLeft(rest, " \t")
		if strings.IndexAny(rest, `"'`) == 0 {
			name, rest, _ = strings.Cut(rest[1:], rest[:1])
		} else {
			end := strings.IndexAny(rest, " \t.=]#\r")
			if end < 1 {
				return path, header
			}
			name, rest = rest[:end], rest[end:]
		}
		path = append(path, name)
		if rest = strings.TrimLeft(rest, " \t"); !strings.HasPrefix(rest, ".") {
			return path, header
		}
	}
}
