package luatest

import (
	"fmt"
	"strings"
	"time"

	"tandem/luaapi/zone"
)

// defaultDate is the date of t = 0 where a test gives none: a Monday morning.
var defaultDate = time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC)

// parseDate reads "2026-11-23 10:15 Europe/Amsterdam"; seconds and the zone (UTC) may be left out.
func parseDate(s string) (time.Time, error) {
	f := strings.Fields(s)
	if len(f) < 2 || len(f) > 3 {
		return time.Time{}, badDate(s)
	}
	in := time.UTC
	if len(f) == 3 {
		var err error
		if in, err = zone.Load(f[2]); err != nil {
			return time.Time{}, fmt.Errorf("there is no time zone %q", f[2])
		}
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		t, err := time.ParseInLocation(layout, f[0]+" "+f[1], in)
		if err == nil && t.Format(layout) == f[0]+" "+f[1] { // not in an hour that daylight saving leaves out
			return t, nil
		}
	}
	return time.Time{}, badDate(s)
}

func badDate(s string) error {
	return fmt.Errorf("%q is no date; write \"2026-11-23 10:15 Europe/Amsterdam\"", s)
}
