// Package exit gives errors the exit status that they end the program with.
package exit

import (
	"errors"
	"fmt"
)

// The exit statuses of the command.
const (
	OK          = 0
	Failed      = 1   // tests failed
	Usage       = 2   // usage, configuration, or nothing to run
	Script      = 3   // a script does not load
	Threshold   = 4   // a threshold was missed
	Listen      = 5   // cannot listen
	Refused     = 6   // no running engine, or it refused
	Bug         = 70  // a bug in Tandem
	Interrupted = 130 // SIGINT
)

// Error is an error with an exit status.
type Error struct {
	Status int
	Err    error
}

// Error returns the text of the cause; it may be empty if everything was said already.
func (e *Error) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// With returns err with an exit status.
func With(status int, err error) error { return &Error{Status: status, Err: err} }

// Errorf returns a formatted error with an exit status.
func Errorf(status int, format string, args ...any) error {
	return &Error{Status: status, Err: fmt.Errorf(format, args...)}
}

// Status returns the exit status of err: OK for nil, Usage for an error that says none.
func Status(err error) int {
	var e *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e):
		return e.Status
	}
	return Usage
}
