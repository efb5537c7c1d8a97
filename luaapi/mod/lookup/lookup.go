// Package lookup is the Lua module `lookup`: tables from CSV (RFC 4180) and JSON files of the script root, found by a key or by
// the longest prefix of a number.
//
// A Table is made once for a file and never changed; all states of a version of the script share it, and so does the next
// version while the file is the same. A Cache keeps those of one version, under a lock that is taken when a script loads,
// never for a call.
package lookup

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

// maxKey is the longest key, in bytes.
const maxKey = 255

// row is one row: values by column. nil is a value that is not there.
type row struct {
	columns *columns
	values  []lua.LValue
	line    int
}

// columns are the names of the columns that rows share.
type columns struct {
	names []string
	index map[string]int
}

func newColumns(names []string) *columns {
	c := &columns{names: names, index: make(map[string]int, len(names))}
	for i, n := range names {
		c.index[n] = i
	}
	return c
}

// Table is a file as scripts look things up in it.
type Table struct {
	rows []row // in the order of the keys of the trie
	trie *trie
}

// newTable puts rows in order. A key that is there twice is a mistake.
func newTable(file string, keys []string, rows []row) (*Table, error) {
	order := make([]int32, len(keys))
	for i := range order {
		order[i] = int32(i)
		if len(keys[i]) > maxKey {
			return nil, &mod.FileError{File: file, Line: rows[i].line, What: fmt.Sprintf("the key has %d bytes; at most %d", len(keys[i]), maxKey)}
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return strings.Compare(keys[a], keys[b]) })
	t := &Table{rows: make([]row, len(rows))}
	sorted := make([]string, len(keys))
	for i, o := range order {
		if i > 0 && keys[o] == sorted[i-1] {
			return nil, &mod.FileError{File: file, Line: rows[o].line, What: fmt.Sprintf("key %q is there already, at line %d", keys[o], t.rows[i-1].line)}
		}
		sorted[i], t.rows[i] = keys[o], rows[o]
	}
	t.trie = newTrie(sorted)
	return t, nil
}

// readCSV reads a file whose first line names the columns. All values are strings.
func readCSV(file string, text []byte, key string, comma rune) (*Table, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	r.Comma = comma
	names, err := r.Read()
	if err != nil {
		return nil, wrongCSV(file, err)
	}
	c := newColumns(names)
	at, ok := c.index[key]
	switch {
	case len(c.index) < len(names):
		return nil, &mod.FileError{File: file, Line: 1, What: "two columns have the same name"}
	case !ok:
		return nil, &mod.FileError{File: file, Line: 1, What: fmt.Sprintf("there is no column %q; there are %s%s", key, strings.Join(names, ", "), separated(names))}
	}
	var keys []string
	var rows []row
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return newTable(file, keys, rows)
		}
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := r.FieldPos(0)
			return nil, &mod.FileError{File: file, Line: line, What: fmt.Sprintf("has %s, and the first line names %d columns", values(len(record)), len(names))}
		}
		if err != nil {
			return nil, wrongCSV(file, err)
		}
		line, _ := r.FieldPos(0)
		values := make([]lua.LValue, len(record))
		for i, v := range record {
			values[i] = lua.LString(v)
		}
		keys, rows = append(keys, record[at]), append(rows, row{c, values, line})
	}
}

// separated asks about the separator where it has parted nothing, and another one would.
func separated(names []string) string {
	if len(names) > 1 {
		return ""
	}
	at := strings.IndexAny(names[0], ";,\t|")
	if at < 0 {
		return ""
	}
	return fmt.Sprintf("; is its separator another one? Say separator = %q", names[0][at:at+1])
}

func values(n int) string {
	if n == 1 {
		return "1 value"
	}
	return fmt.Sprintf("%d values", n)
}

func wrongCSV(file string, err error) error {
	var p *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return &mod.FileError{File: file, Line: 1, What: "is empty; its first line names the columns"}
	case errors.As(err, &p):
		return &mod.FileError{File: file, Line: p.Line, What: p.Err.Error()}
	}
	return &mod.FileError{File: file, Line: 0, What: err.Error()}
}

// readJSON reads a list of objects. Their values are strings, numbers and booleans; null is as if it was not there.
func readJSON(file string, text []byte, key string) (*Table, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	at := func() int { return 1 + bytes.Count(text[:min(int(d.InputOffset()), len(text))], []byte("\n")) }
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, &mod.FileError{File: file, Line: at(), What: "must be a list of objects: [ { … }, … ]"}
	}
	shapes := make(map[string]*columns)
	var keys []string
	var rows []row
	for d.More() {
		var object map[string]any
		if err := d.Decode(&object); err != nil {
			return nil, &mod.FileError{File: file, Line: at(), What: strings.TrimPrefix(err.Error(), "json: ")}
		}
		k, ok := object[key].(string)
		if !ok {
			return nil, &mod.FileError{File: file, Line: at(), What: fmt.Sprintf("the object has no string %q, which is the key", key)}
		}
		names := slices.Sorted(maps.Keys(object))
		shape := strings.Join(names, "\x00")
		if shapes[shape] == nil {
			shapes[shape] = newColumns(names)
		}
		r := row{shapes[shape], make([]lua.LValue, len(names)), at()}
		for i, n := range names {
			if r.values[i], ok = scalar(object[n]); !ok {
				return nil, &mod.FileError{File: file, Line: at(), What: fmt.Sprintf("%q is a list or an object; a row has strings, numbers and booleans", n)}
			}
		}
		keys, rows = append(keys, k), append(rows, r)
	}
	if _, err := d.Token(); err != nil {
		return nil, &mod.FileError{File: file, Line: at(), What: strings.TrimPrefix(err.Error(), "json: ")}
	}
	return newTable(file, keys, rows)
}

func scalar(v any) (lua.LValue, bool) {
	switch v := v.(type) {
	case string:
		return lua.LString(v), true
	case float64:
		return lua.LNumber(v), true
	case bool:
		return lua.LBool(v), true
	}
	return lua.LNil, v == nil
}

// get returns the row of a key, nil if there is none.
func (t *Table) get(key string) *row {
	if i, ok := t.trie.position(key); ok {
		return &t.rows[i]
	}
	return nil
}

// prefix returns the row whose key is the longest that a number begins with, nil if there is none.
func (t *Table) prefix(number string) *row {
	if i := t.trie.find(number); i != none {
		return &t.rows[i]
	}
	return nil
}

// Cache keeps the tables of one version of a script.
type Cache struct {
	// File returns the text of a file of the script root; ok is false if there is none.
	File func(path string) (text []byte, ok bool)
	// Files are the paths of all of them.
	Files []string

	mu     sync.Mutex
	tables map[spec]*Table
	before map[spec]*Table // of the version before, from files that are the same
}

// Inherit lets the version use the tables of the one before it, as far as their files have not changed.
func (c *Cache) Inherit(from *Cache) {
	from.mu.Lock()
	defer from.mu.Unlock()
	same := make(map[string]bool)
	c.before = make(map[spec]*Table, len(from.tables))
	for s, t := range from.tables {
		if _, asked := same[s.file]; !asked {
			was, _ := from.File(s.file)
			is, there := c.File(s.file)
			same[s.file] = there && bytes.Equal(was, is)
		}
		if same[s.file] {
			c.before[s] = t
		}
	}
}

// Loaded lets go of the tables of the version before that this one has not asked for while it was loaded.
func (c *Cache) Loaded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = nil
}

// spec is what a script asks for.
type spec struct {
	file, key string
	comma     rune // 0 = JSON
}

var errNoFile = errors.New("no such file")

func (c *Cache) table(s spec) (*Table, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tables[s]; t != nil {
		return t, nil
	}
	t, err := c.read(s)
	if err != nil {
		return nil, err
	}
	if c.tables == nil {
		c.tables = make(map[spec]*Table)
	}
	c.tables[s] = t
	return t, nil
}

// read makes a table, unless the version before has it.
func (c *Cache) read(s spec) (*Table, error) {
	if t := c.before[s]; t != nil {
		return t, nil
	}
	text, ok := c.File(s.file)
	switch {
	case !ok:
		return nil, errNoFile
	case s.comma == 0:
		return readJSON(s.file, text, s.key)
	}
	return readCSV(s.file, text, s.key, s.comma)
}
