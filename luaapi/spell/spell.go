// Package spell finds the known name that a misspelt one is nearest to, so that an error can say what was meant.
//
// It holds no state.
package spell

import "strconv"

// Hint returns `; did you mean "ring"?` for the known name nearest to name, "" if none is near. It is what
// error messages about closed sets of names end with.
func Hint(name string, known []string) string {
	if n := Nearest(name, known); n != "" {
		return "; did you mean " + strconv.Quote(n) + "?"
	}
	return ""
}

// Nearest returns the known name with the smallest edit distance to name, the first of equal ones, or "" if even
// that differs in more than a third of its letters.
func Nearest(name string, known []string) string {
	best, at := "", len(name)
	for _, k := range known {
		if d := Distance(name, k); d < at && d <= max(1, max(len(name), len(k))/3) {
			best, at = k, d
		}
	}
	return best
}

// Distance is the number of bytes inserted, deleted, changed or swapped with their neighbour between a and b
// (optimal string alignment).
func Distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			d := row[j-1]
			if a[i-1] != b[j-1] {
				d = min(row[j-1], row[j], next[j-1]) + 1
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			next[j] = d
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
