package config

import "fmt"

// Record is the table [record]: calls are written down for `tandem replay`.
type Record struct {
	// File is where; empty = nothing is recorded.
	File string
	// MaxSize bounds the file and the one before it together, in MiB, at most maxBound; 0 = DefaultRecordSize.
	MaxSize int
	// Privacy leaves out who calls, from where, header fields, and what servers were asked and answered.
	Privacy bool
}

// DefaultRecordSize is in MiB.
const DefaultRecordSize = 100

func (r *Record) check() *Error {
	if r.MaxSize < 0 || r.MaxSize > maxBound {
		return &Error{Key: "max_size", What: fmt.Sprintf("want 0 to %d MiB, got %d", maxBound, r.MaxSize)}
	}
	return nil
}

func (r *Record) decode(v any) []*Error {
	return keys("record", v, []string{"file", "max_size", "privacy"}, func(key string, v any) (*Error, bool) {
		switch key {
		case "file":
			return set(&r.File, key, v), true
		case "max_size":
			return setInt(&r.MaxSize, key, v), true
		case "privacy":
			return set(&r.Privacy, key, v), true
		}
		return nil, false
	})
}
