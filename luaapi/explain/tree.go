package explain

import (
	"fmt"
	"strings"
	"time"

	"tandem/engine/plan"
)

// branches are what trees are drawn with.
type branches struct{ more, last, bar string }

var (
	boxTree   = branches{"├─ ", "└─ ", "│  "}
	asciiTree = branches{"|- ", "`- ", "|  "}
)

// item is a line of a tree with what hangs below it.
type item struct {
	text, where string
	below       []*item
}

// lines draws items, where at the right of the text.
func lines(all []*item, g branches) []string {
	var texts, places []string
	var draw func(all []*item, indent string)
	draw = func(all []*item, indent string) {
		for i, it := range all {
			mark, next := g.more, g.bar
			if i == len(all)-1 {
				mark, next = g.last, "   "
			}
			texts, places = append(texts, indent+mark+it.text), append(places, it.where)
			draw(it.below, indent+next)
		}
	}
	draw(all, "")
	width := 0
	for i, t := range texts {
		if n := len([]rune(t)); places[i] != "" && n <= maxText {
			width = max(width, n)
		}
	}
	for i, t := range texts {
		texts[i] = strings.TrimRight(t+strings.Repeat(" ", max(0, width-len([]rune(t))))+"  "+places[i], " ")
	}
	return texts
}

// maxText is the widest text that places stand beside in a column.
const maxText = 90

// planItem is a plan as a tree.
func planItem(n *plan.Node, where func(plan.Pos) string) *item {
	it := &item{text: nodeText(n), where: where(n.Pos)}
	for _, m := range n.Members {
		it.below = append(it.below, planItem(m, where))
	}
	if n.On != nil {
		for o := plan.Busy; o < plan.NumOutcomes; o++ {
			if e := n.On[o]; e != nil {
				edge := planItem(e, where)
				edge.text = "on " + o.String() + ": " + edge.text
				it.below = append(it.below, edge)
			}
		}
	}
	if n.Each != nil {
		it.below = append(it.below, &item{text: "each: what its members leave unset"})
	}
	return it
}

// nodeText is a step of a plan without what is in it.
func nodeText(n *plan.Node) string {
	text := ""
	switch n.Kind {
	case plan.KindTarget:
		text = n.Target.URI + n.Target.Params
	case plan.KindSerial:
		if text = "serial: one after the other"; n.Divert != nil {
			text = "divert: in place of who was called"
		}
	case plan.KindParallel:
		text = "parallel: together"
	default:
		return n.String()
	}
	if n.Name != "" {
		text = n.Name + ": " + text
	}
	part := func(name string, d time.Duration) {
		if d > 0 {
			text += fmt.Sprintf(", %s %s", name, d)
		}
	}
	part("delay", n.Delay)
	part("ring", n.Ring)
	if n.Hold {
		text += ", hold"
	}
	return text
}
