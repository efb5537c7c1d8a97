package schedule

import (
	"errors"
	"slices"
	"time"

	"github.com/teambition/rrule-go"
)

// event is an appointment: once, or by a rule.
type event struct {
	set   *rrule.Set
	lasts time.Duration
	days  int // of an event in whole days, which a change of the clock makes longer or shorter

	// A rule that is read from its beginning each time takes the longer the longer ago that is. One of which it is known after how many days it is where it was
	// is read from shortly before what is looked for.
	rule  rrule.ROption
	cycle int // days; 0 = not known

	// The last start that was looked for and the one after it.
	last, next time.Time
}

func (e *event) end(start time.Time) time.Time {
	if e.days > 0 {
		return start.AddDate(0, 0, e.days)
	}
	return start.Add(e.lasts)
}

// backs are the days before a moment from which a rule is read until an occurrence is found; the last is from its beginning.
var backs = [...]int{8, 400, 0}

func (e *event) holds(t time.Time) bool {
	if e.next.IsZero() || t.Before(e.last) || !t.Before(e.next) {
		for _, back := range backs {
			from := e.readFrom(t, back)
			if e.last = e.set.Before(t, true); !e.last.IsZero() && !e.last.Before(from) {
				break
			}
		}
		if e.next = e.set.After(t, false); e.next.IsZero() {
			e.next = t.AddDate(0, 0, horizon) // never again, as seen from here
		}
	}
	return !e.last.IsZero() && t.Before(e.end(e.last))
}

// between returns the starts in a time.
func (e *event) between(from, to time.Time) []time.Time {
	e.readFrom(from, 1)
	return e.set.Between(from, to, true)
}

// repeat notes the rule of an event, which begins at its Dtstart.
func (e *event) repeat(o *rrule.ROption) {
	n := max(o.Interval, 1)
	switch {
	case o.Count > 0:
	case o.Freq == rrule.HOURLY:
		e.cycle = n / gcd(n, 24)
	case o.Freq == rrule.DAILY:
		e.cycle = n
	case o.Freq == rrule.WEEKLY:
		e.cycle = 7 * n
	}
	e.rule = *o
}

func gcd(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// readFrom makes the rule begin at most so many days, and one cycle, before t or its end, or where it does if back is 0. It returns that moment; occurrences
// before it may not be found.
func (e *event) readFrom(t time.Time, back int) time.Time {
	if e.cycle == 0 {
		return time.Time{}
	}
	first := e.rule.Dtstart
	start := first
	if back > 0 {
		start = e.before(t, back)
	}
	if e.begin(start); start.Equal(first) {
		return time.Time{}
	}
	return start
}

// before returns the last start of a cycle that is at least so many days before t and the rule's end, but none in an hour that the clocks skip.
func (e *event) before(t time.Time, days int) time.Time {
	if until := e.rule.Until; !until.IsZero() && until.Before(t) {
		t = until
	}
	first := e.rule.Dtstart
	for n := (int(t.Sub(first)/(24*time.Hour)) - days) / e.cycle; n > 0; n-- {
		at := first.AddDate(0, 0, n*e.cycle)
		if at.Hour() == first.Hour() && at.Minute() == first.Minute() {
			return at
		}
	}
	return first
}

// begin makes the rule begin at an instant.
func (e *event) begin(at time.Time) {
	if e.set.GetDTStart().Equal(at) {
		return
	}
	o := e.rule
	o.Dtstart = at
	if r, err := rrule.NewRRule(o); err == nil { // it was one with another start
		e.set.RRule(r)
	}
}

var (
	errOften = errors.New("every second or minute is too often for opening hours; use HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY")
	errNever = errors.New("that day is in none of the months: it would never take place")
)

// usable returns an error for a rule that would keep calls waiting: one with so many occurrences that looking for the one at hand takes long, or for a day that
// there is not, which would be looked for until the end of time.
func usable(o *rrule.ROption) error {
	if o.Freq > rrule.HOURLY {
		return errOften
	}
	for _, month := range o.Bymonth {
		days := time.Date(2024, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() // a leap year
		if slices.ContainsFunc(o.Bymonthday, func(d int) bool { return max(d, -d) <= days }) {
			return nil
		}
	}
	if len(o.Bymonth) > 0 && len(o.Bymonthday) > 0 {
		return errNever
	}
	return nil
}
