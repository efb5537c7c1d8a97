package trace

import (
	"slices"
	"strings"
)

// Arrow is a message as a ladder shows it: when ("+0.002"), from whom to whom, and what.
type Arrow struct{ At, From, To, Label string }

// String is the arrow on one line.
func (a Arrow) String() string { return a.At + "  " + a.From + " → " + a.To + "  " + a.Label }

// Arrows returns the messages that a ladder of the events shows, in order.
func Arrows(events []Event, o Options) []Arrow {
	l := read(events, o)
	names := l.order()
	l.clean(names)
	var out []Arrow
	for i := range l.rows {
		r := &l.rows[i]
		if r.arrow {
			out = append(out, Arrow{seconds(r.at.Sub(l.rows[0].at)), names[r.from], names[r.to], r.text()})
		}
	}
	return out
}

// ReadLadder returns the messages of a ladder that was drawn with box-drawing characters, in full width and without notes.
func ReadLadder(text string) (out []Arrow) {
	eachArrow(text, func(_ int, a Arrow) { out = append(out, a) })
	return out
}

// LineOf returns the line, from 1, that such a ladder has its nth message on, n from 1; 0 if it has none.
func LineOf(text string, n int) (line int) {
	eachArrow(text, func(at int, _ Arrow) {
		if n--; n == 0 {
			line = at
		}
	})
	return line
}

// eachArrow calls fn for the messages of a ladder with their lines, from 1.
func eachArrow(text string, fn func(line int, a Arrow)) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	names := strings.Fields(lines[0])
	var columns []int
	for _, line := range lines[1:] {
		for x, c := range spread(line) {
			if string(c) == boxGlyphs.life && !slices.Contains(columns, x) {
				columns = append(columns, x)
			}
		}
	}
	slices.Sort(columns)
	at := ""
	for i, line := range lines[1:] {
		if stamp := strings.TrimSpace(string(head(spread(line), timeWidth-1))); stamp != "" {
			at = stamp
		}
		if a, ok := readArrow(spread(line), columns, names); ok {
			a.At = at
			fn(i+2, a)
		}
	}
}

// filler stands in the second cell of a character that takes two.
const filler = '\x00'

// spread is a line by the cells that its characters take.
func spread(line string) (all []rune) {
	for _, r := range line {
		if all = append(all, r); cell(r) == 2 {
			all = append(all, filler)
		}
	}
	return all
}

func head(line []rune, n int) []rune { return line[:min(n, len(line))] }

// readArrow reads a line of a ladder: the arrow is where there are no lifelines.
func readArrow(line []rune, columns []int, names []string) (Arrow, bool) {
	for i := 0; i+1 < len(columns) && i+1 < len(names); i++ {
		lo, hi := i, i+1
		for hi+1 < len(columns) && columns[hi] < len(line) && string(line[columns[hi]]) != boxGlyphs.life {
			hi++
		}
		if columns[hi] >= len(line) || hi >= len(names) {
			return Arrow{}, false
		}
		between := strings.ReplaceAll(string(line[columns[lo]+1:columns[hi]]), string(filler), "")
		label := strings.TrimSpace(strings.Trim(between, boxGlyphs.dash+boxGlyphs.left+boxGlyphs.right))
		switch {
		case strings.HasSuffix(between, boxGlyphs.right):
			return Arrow{From: names[lo], To: names[hi], Label: label}, true
		case strings.HasPrefix(between, boxGlyphs.left):
			return Arrow{From: names[hi], To: names[lo], Label: label}, true
		}
	}
	return Arrow{}, false
}

// Departure returns the number of the first arrow, from 1, in which two ladders differ; 0 if they are equal.
func Departure(a, b []Arrow) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i + 1
		}
	}
	return 0
}
