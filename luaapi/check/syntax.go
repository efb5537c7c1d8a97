package check

import (
	"bytes"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"tandem/luaapi/source"
)

// maxSyntax is how many syntax errors of one file are looked for.
const maxSyntax = 20

// parse returns the tree of a file, nil if it has none: then all syntax errors that can be told apart are reported.
func (f *file) parse(text []byte) []ast.Stmt {
	tree, bad := source.Parse(text, f.name)
	if bad == nil {
		f.compile(text)
		return tree
	}
	early := false // only the first early end is one of the file as it was written
	for n := 0; bad != nil && n < maxSyntax; n++ {
		if !f.reported(bad.Line) && (!early || !bad.Early) {
			f.report(bad.Line, ruleSyntax, Error, bad.Message)
		}
		early = early || bad.Early
		text = blank(text, bad.Line)
		_, bad = source.Parse(text, f.name)
	}
	if bad == nil {
		f.compile(text)
	}
	return nil
}

// reported reports whether a line has a finding that says more than that its syntax is wrong.
func (f *file) reported(line int) bool {
	for _, x := range f.found {
		if x.Line == line && x.Rule == ruleDialect.ID && x.Severity == Error {
			return true
		}
	}
	return false
}

// compile reports what only the compiler sees: too many locals, a break outside of a loop.
func (f *file) compile(text []byte) {
	tree, _ := source.Parse(text, f.name) // a tree of its own: lowering changes it
	if _, bad := source.Compile(tree, text, f.name); bad != nil {
		f.report(bad.Line, ruleSyntax, Error, bad.Message)
	}
}

// blank takes out the statement of the file that has an error at a line: from the line before it that starts one to the
// next that does, as far as indentation tells.
func blank(text []byte, line int) []byte {
	lines := bytes.Split(text, []byte("\n"))
	from := min(line, len(lines)) - 1
	to := from + 1
	for from > 0 && !starts(lines[from]) {
		from--
	}
	for to < len(lines) && !starts(lines[to]) {
		to++
	}
	for i := from; i < to; i++ {
		lines[i] = nil
	}
	return bytes.Join(lines, []byte("\n"))
}

// starts reports whether a line starts a statement of the file.
func starts(line []byte) bool {
	w, _, _ := strings.Cut(strings.TrimRight(string(line), "\r"), " ")
	return w == "function" || w == "local" || w == "return" || w == "if" || w == "for" || w == "while" || w == "do"
}
