package trace

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	timeWidth = 10 // "   +0.000 "
	minGap    = 10 // columns stand at least so far apart
	tightGap  = 6  // and so far where the width is bounded
	noteSpace = 2  // between the last column and a note
	minWidth  = 40 // a bound below this is taken as this
)

// glyphs are the characters of a drawing.
type glyphs struct {
	life, dash, right, left, cut string
	slack                        int // dashes that a label has at least, both sides together
}

var (
	boxGlyphs   = glyphs{life: "│", dash: "─", right: "▶", left: "◀", cut: "…", slack: 1}
	asciiGlyphs = glyphs{life: "|", dash: "-", right: ">", left: "<", cut: "~", slack: 3}
)

// canvas knows where the columns stand.
type canvas struct {
	glyphs
	width int
	names []string
	x     []int // of the lifelines
}

func (l *ladder) draw() string {
	c := &canvas{glyphs: boxGlyphs, width: l.o.Width}
	if l.o.ASCII {
		c.glyphs = asciiGlyphs
	}
	if c.width > 0 {
		c.width = max(c.width, minWidth)
	}
	c.names = l.order()
	l.clean(c.names)
	c.layout(l.rows)
	var b strings.Builder
	b.WriteString(c.titles())
	last := -1 // row drawn
	for i := range l.rows {
		r := &l.rows[i]
		if !l.drawn(i) {
			continue
		}
		stamp := ""
		if i == 0 || last < i-1 || r.at != l.rows[i-1].at {
			stamp = seconds(r.at.Sub(l.rows[0].at))
		}
		if last < i-1 {
			fmt.Fprintf(&b, "%*s%s %d rows left out\n", timeWidth+noteSpace, "", c.cut, i-last-1)
		}
		b.WriteString(c.line(stamp, r))
		last = i
	}
	return b.String()
}

// drawn reports whether a row is among those that Options.Rows allows: two thirds of them at the start, an eighth around the mark, the rest
// at the end.
func (l *ladder) drawn(i int) bool {
	most := l.o.Rows
	if most <= 0 || len(l.rows) <= most || i < most*2/3 || i >= len(l.rows)-(most-most*2/3-most/8) {
		return true
	}
	at := slices.IndexFunc(l.rows, func(r row) bool { return r.mark != "" })
	return at >= 0 && i > at-most/16 && i <= at+most/16
}

// order puts the engine's column in its place and returns the titles.
func (l *ladder) order() []string {
	own := 0
	if l.left {
		own = 1
	}
	column := func(p int) int {
		switch {
		case p == self:
			return own
		case p >= own:
			return p + 1
		}
		return p
	}
	for i := range l.rows {
		r := &l.rows[i]
		r.from, r.to = column(r.from), column(r.to)
	}
	names := append([]string{}, l.parties[:own]...)
	return append(append(names, l.o.Self), l.parties[own:]...)
}

// clean leaves nothing in titles, labels and notes that would disturb a terminal.
func (l *ladder) clean(names []string) {
	safe := printable
	if l.o.ASCII {
		safe = ascii
	}
	for i := range names {
		names[i] = safe(names[i])
	}
	for i := range l.rows {
		l.rows[i].label, l.rows[i].note = safe(l.rows[i].label), safe(l.rows[i].note)
	}
}

// layout places the columns so that every label fits between the ones it joins, as far as the width allows.
func (c *canvas) layout(rows []row) {
	gap := make([]int, len(c.names)-1)
	for i := range gap {
		gap[i] = max(minGap, (cells(c.names[i])+cells(c.names[i+1]))/2+2)
	}
	for i := range rows {
		if rows[i].arrow {
			c.widen(gap, &rows[i])
		}
	}
	first := timeWidth + cells(c.names[0])/2
	c.shrink(gap, first)
	c.x = append(c.x, first)
	for _, g := range gap {
		c.x = append(c.x, c.x[len(c.x)-1]+g+1)
	}
}

// widen makes room for the label of r.
func (c *canvas) widen(gap []int, r *row) {
	lo, hi := r.span()
	have := hi - lo - 1
	for _, g := range gap[lo:hi] {
		have += g
	}
	if lack := cells(r.text()) + 3 + c.slack - have; lack > 0 {
		gap[hi-1] += lack
	}
}

func (c *canvas) shrink(gap []int, first int) {
	total := first + 1
	for _, g := range gap {
		total += g + 1
	}
	for ; c.width > 0 && total > c.width; total-- {
		widest := -1
		for i, g := range gap {
			if g > tightGap && (widest < 0 || g > gap[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		gap[widest]--
	}
}

func (c *canvas) titles() string {
	var b strings.Builder
	n := 0
	for i, name := range c.names {
		room := minGap + c.x[0] // only neighbours bound it
		if i > 0 {
			room = min(room, c.x[i]-c.x[i-1]-1)
		}
		if i+1 < len(c.x) {
			room = min(room, c.x[i+1]-c.x[i]-1)
		}
		if c.width > 0 && cells(name) > room {
			if i == len(c.names)-2 { // the last one may have to begin earlier
				room--
			}
			name = c.clipTitle(name, room-1)
		}
		at := c.x[i] - cells(name)/2
		if c.x[i] < c.width {
			at = min(at, c.width-cells(name))
		}
		if i > 0 {
			at = max(n+1, at)
		}
		if c.x[i] < c.width {
			name = c.clipTitle(name, c.width-at)
		}
		b.WriteString(strings.Repeat(" ", max(0, at-n)))
		b.WriteString(name)
		n = max(0, at) + cells(name)
	}
	return b.String() + "\n"
}

// clipTitle cuts a title to n characters: of an address the beginning, for it is the end that tells neighbours apart.
func (c *canvas) clipTitle(s string, n int) string {
	_, noPort := netip.ParseAddrPort(s)
	_, noAddr := netip.ParseAddr(s)
	if noPort != nil && noAddr != nil || cells(s) <= n || n < 1 {
		return c.clip(s, n)
	}
	return c.cut + s[len(s)-n+1:]
}

func (c *canvas) line(stamp string, r *row) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", max(0, timeWidth-1-len(stamp))))
	b.WriteString(stamp)
	n := max(timeWidth-1, len(stamp))
	if !r.arrow && !c.fits(join(r.note, r.mark), c.x[len(c.x)-1]+1) { // nothing but a note, which has the line
		b.WriteString(strings.Repeat(" ", timeWidth+noteSpace-n))
		return b.String() + c.clip(r.note, c.width-timeWidth-noteSpace) + "\n"
	}
	lo, hi := len(c.x), len(c.x)
	if r.arrow {
		lo, hi = r.span()
	}
	for i, x := range c.x {
		if i > lo && i <= hi {
			if i < hi {
				continue
			}
			b.WriteString(c.arrow(r, x-n))
		} else {
			b.WriteString(strings.Repeat(" ", max(0, x-n)))
		}
		b.WriteString(c.life)
		n = x + 1
	}
	b.WriteString(c.notes(r, n))
	return b.String() + "\n"
}

// arrow draws the arrow of r, width characters long, its label in the middle.
func (c *canvas) arrow(r *row, width int) string {
	text := c.clip(r.text(), width-3)
	fill := width - 3 - cells(text)
	tail, head := (fill+1)/2, fill/2
	if r.from < r.to {
		return strings.Repeat(c.dash, tail) + " " + text + " " + strings.Repeat(c.dash, head) + c.right
	}
	return c.left + strings.Repeat(c.dash, head) + " " + text + " " + strings.Repeat(c.dash, tail)
}

// fits reports whether a note may stand at the end of a line that is n cells long already.
func (c *canvas) fits(s string, n int) bool {
	return c.width == 0 || n+noteSpace+cells(s) <= c.width
}

// notes returns what stands at the end of a line that is n cells long already: the note and the mark of r, on lines of their own where they do
// not fit, cut to the width.
func (c *canvas) notes(r *row, n int) string {
	both := []string{join(r.note, r.mark)}
	if r.note != "" && r.mark != "" && !c.fits(both[0], n) {
		both = []string{r.note, r.mark}
	}
	var b strings.Builder
	for i, s := range both {
		switch {
		case s == "":
		case i == 0 && c.fits(s, n):
			b.WriteString(strings.Repeat(" ", noteSpace) + s)
		default:
			b.WriteString("\n" + strings.Repeat(" ", timeWidth+noteSpace) + c.clip(s, c.width-timeWidth-noteSpace))
		}
	}
	return b.String()
}

// seconds writes a duration as the time column has it: +12.345.
func seconds(d time.Duration) string {
	return "+" + strconv.FormatFloat(float64(d/time.Millisecond)/1000, 'f', 3, 64)
}
