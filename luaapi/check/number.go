package check

import (
	"fmt"
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// central looks at the central number of a numbering plan: longer than the extensions it is taken for a number of the public network.
func (f *file) central(what string, e *ast.TableExpr) {
	var central *ast.StringExpr
	longest, known := 0, true
	for _, field := range e.Fields {
		switch key, _ := constant(field.Key); key {
		case "central":
			central, _ = field.Value.(*ast.StringExpr)
		case "internal":
			longest, known = longestOf(field.Value)
		}
	}
	if central != nil && known && longest > 0 && len(central.Value) > longest {
		f.report(central.Line(), ruleCentral, Error, fmt.Sprintf("%s: central = %q has %d digits and extensions at most %d; give it an extension",
			what, central.Value, len(central.Value), longest))
	}
}

// longestOf returns the largest of a list of numbers, if they are all written down.
func longestOf(list ast.Expr) (longest int, known bool) {
	t, ok := list.(*ast.TableExpr)
	if !ok {
		return 0, false
	}
	for _, field := range t.Fields {
		n, ok := field.Value.(*ast.NumberExpr)
		if !ok {
			return 0, false
		}
		value, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			return 0, false
		}
		longest = max(longest, int(value))
	}
	return longest, true
}
