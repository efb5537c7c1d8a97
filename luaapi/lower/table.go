package lower

import (
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

const (
	// flush is how many items of a list the compiler collects before it stores them.
	flush = 50
	// MaxList is how many items of a list it can store: it counts to 511 in flushes, and takes the last number for an escape
	// that it gets wrong. Each item behind them takes a constant.
	MaxList = 510 * flush
)

// table rewrites a table constructor, whose fields have been rewritten.
func (r *rewriter) table(t *ast.TableExpr) ast.Expr {
	if len(t.Fields) == 0 {
		return t
	}
	last := t.Fields[len(t.Fields)-1]
	if last.Key != nil {
		single(last.Value)
	}
	items := 0
	for _, f := range t.Fields {
		if f.Key == nil {
			items++
		}
	}
	if items < flush {
		return t
	}
	spread := last.Key == nil && multiple(last.Value)
	if spread {
		items--
		if items%flush != 0 && items <= MaxList {
			spread = false // the compiler gets it right
		}
	}
	if spread {
		t.Fields = t.Fields[:len(t.Fields)-1]
	}
	sortFields(t, spread || last.Key != nil)
	if spread {
		return extend(t, items, last.Value)
	}
	return t
}

// sortFields puts fields with keys before the list: after 50 items, 100, … each of them would store the list once more, over
// registers that hold other things by then. Items that are too many become fields with keys.
func sortFields(t *ast.TableExpr, cut bool) {
	var keyed, list []*ast.Field
	for _, f := range t.Fields {
		switch {
		case f.Key != nil:
			keyed = append(keyed, f)
		case len(list) < MaxList:
			list = append(list, f)
		default:
			keyed = append(keyed, f)
		}
	}
	next := MaxList
	for _, f := range keyed {
		if f.Key == nil {
			next++
			f.Key = place(&ast.NumberExpr{Value: strconv.Itoa(next)}, f.Value.Line())
			single(f.Value)
		}
	}
	if cut {
		single(list[len(list)-1].Value)
	}
	t.Fields = slices.Concat(keyed, list)
}

// extend appends the values of a call or of ... to a list of n items.
func extend(t *ast.TableExpr, n int, values ast.Expr) ast.Expr {
	const text = `return (function(t, n, ...) local v = {...} for i = 1, #v do t[n + i] = v[i] end return t end)()`
	tree, err := parse.Parse(strings.NewReader(strings.Repeat("\n", t.Line()-1)+text), "")
	if err != nil {
		panic(err) // the text is always the same
	}
	call := tree[0].(*ast.ReturnStmt).Exprs[0].(*ast.FuncCallExpr)
	call.Args = []ast.Expr{t, place(&ast.NumberExpr{Value: strconv.Itoa(n)}, t.Line()), values}
	return single(call)
}
