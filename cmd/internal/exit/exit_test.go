package exit

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestStatus(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		text   string
	}{
		"no error":           {nil, OK, ""},
		"without a status":   {io.EOF, Usage, "EOF"},
		"with one":           {With(Script, io.EOF), Script, "EOF"},
		"formatted":          {Errorf(Listen, "udp: %w", io.EOF), Listen, "udp: EOF"},
		"wrapped":            {fmt.Errorf("run: %w", With(Refused, io.EOF)), Refused, "run: EOF"},
		"joined":             {errors.Join(With(Interrupted, io.EOF), io.ErrClosedPipe), Interrupted, "EOF\nio: read/write on closed pipe"},
		"outermost of two":   {With(Bug, With(Script, io.EOF)), Bug, "EOF"},
		"everything is said": {With(Failed, nil), Failed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Status(c.err); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if c.err != nil && c.err.Error() != c.text {
				t.Errorf("text %q, want %q", c.err, c.text)
			}
		})
	}
}

func TestCauseIsKept(t *testing.T) {
	if err := Errorf(Listen, "udp: %w", With(Script, io.EOF)); !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
}
