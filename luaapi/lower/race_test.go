//go:build race

package lower_test

// The race detector makes programs slow, and finds nothing in one goroutine.
func init() { *programs = 300 }
