// Package zone returns time zones by name, each read once: a script makes its calendars whenever it is loaded, and every test loads it.
//
// The zones that were read are kept for the life of the process; any goroutine may ask.
package zone

import (
	"sync"
	"time"
	_ "time/tzdata" // a machine without zone files has the same hours
)

var known sync.Map // *time.Location by name

// Load is time.LoadLocation. The error is that of a name that is not in the IANA database.
func Load(name string) (*time.Location, error) {
	if z, ok := known.Load(name); ok {
		return z.(*time.Location), nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	known.Store(name, z)
	return z, nil
}
