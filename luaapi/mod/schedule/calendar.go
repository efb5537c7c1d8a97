package schedule

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"tandem/luaapi/zone"
)

// Calendar says when somebody is there, by the clock on the wall of a time zone: in weekly periods, but not in what is closed, and in what is open besides. It
// belongs to one goroutine.
type Calendar struct {
	zone   *time.Location
	weekly []period
	// closed goes before weekly, extra before closed.
	closed, extra []span
	// away are closed too: events of iCalendar files and recurrence rules.
	away []*event

	named zones // of the iCalendar file that is read
}

// Config is what a Calendar is made of. README.md says how each text is written.
type Config struct {
	Zone                string
	Open, Closed, Extra []string
	// Rules are recurrence rules (RFC 5545 §3.8.5.3) with a start: "DTSTART:20260101T000000\nRRULE:FREQ=YEARLY", each closed for a day.
	Rules []string
	// Calendars are the texts of iCalendar files (RFC 5545), by name: their events are closed.
	Calendars map[string]string
}

// New makes a calendar. Its errors name the text that cannot be read.
func New(c Config) (*Calendar, error) {
	local, err := zone.Load(c.Zone)
	if err != nil || c.Zone == "" {
		return nil, fmt.Errorf("zone = %q: no such time zone; write one like \"Europe/Berlin\"", c.Zone)
	}
	cal := &Calendar{zone: local}
	for _, s := range c.Open {
		p, err := parsePeriod(s)
		if err != nil {
			return nil, fmt.Errorf("open: %w", err)
		}
		cal.weekly = append(cal.weekly, p)
	}
	if cal.closed, err = parseSpans("closed", c.Closed); err != nil {
		return nil, err
	}
	if cal.extra, err = parseSpans("extra", c.Extra); err != nil {
		return nil, err
	}
	for _, s := range c.Rules {
		set, err := rrule.StrSliceToRRuleSetInLoc(strings.Split(s, "\n"), local)
		if err != nil || !strings.Contains(s, "RRULE") || !strings.Contains(s, "DTSTART") {
			return nil, fmt.Errorf("rules: %q: write DTSTART:20260101T000000, a line break, and RRULE:FREQ=…", s)
		}
		rule := set.GetRRule().OrigOptions
		if err := usable(&rule); err != nil {
			return nil, fmt.Errorf("rules: %q: %w", s, err)
		}
		rule.Dtstart = set.GetDTStart()
		e := &event{set: set, lasts: 24 * time.Hour, days: 1}
		e.repeat(&rule)
		cal.away = append(cal.away, e)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Calendars)) {
		if err := cal.addICal(name, c.Calendars[name]); err != nil {
			return nil, err
		}
	}
	return cal, nil
}

// Open reports whether somebody is there at t.
func (c *Calendar) Open(t time.Time) bool {
	local := t.In(c.zone)
	in := func(s span) bool { return s.holds(local) }
	switch {
	case slices.ContainsFunc(c.extra, in):
		return true
	case slices.ContainsFunc(c.closed, in), slices.ContainsFunc(c.away, func(e *event) bool { return e.holds(t) }):
		return false
	}
	return slices.ContainsFunc(c.weekly, func(p period) bool { return p.holds(local) })
}

// horizon is how far ahead Next looks, in days.
const horizon = 400

// Next returns when Open changes next after t, false if it does not within 400 days.
func (c *Calendar) Next(t time.Time) (time.Time, bool) {
	now := c.Open(t)
	local := t.In(c.zone)
	away := c.awayEdges(t, t.AddDate(0, 0, horizon))
	for day := range horizon {
		midnight := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, c.zone)
		edges := c.edges(midnight)
		for len(away) > 0 && away[0].Before(midnight.AddDate(0, 0, 1)) {
			edges, away = append(edges, away[0]), away[1:]
		}
		slices.SortFunc(edges, time.Time.Compare)
		for _, e := range edges {
			if e.After(t) && c.Open(e) != now {
				return e, true
			}
		}
	}
	return time.Time{}, false
}

// awayEdges returns when events begin and end, in order.
func (c *Calendar) awayEdges(from, to time.Time) []time.Time {
	var edges []time.Time
	for _, e := range c.away {
		for _, start := range e.between(from.Add(-e.lasts-time.Hour), to) {
			edges = append(edges, start, e.end(start))
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	return edges
}

// edges returns the moments of a day at which Open may change but for events.
func (c *Calendar) edges(midnight time.Time) []time.Time {
	y, m, d := midnight.Date()
	at := func(minute int) time.Time { return time.Date(y, m, d, 0, minute, 0, 0, c.zone) }
	edges := []time.Time{midnight}
	for _, p := range c.weekly {
		edges = append(edges, at(p.from), at(p.to))
	}
	for _, s := range append(c.closed[:len(c.closed):len(c.closed)], c.extra...) {
		edges = append(edges, at(s.from.minute), at(s.to.minute))
	}
	// A change of the clock's offset moves what the wall shows: an hour comes twice, or not at all.
	next := time.Date(y, m, d+1, 0, 0, 0, 0, c.zone)
	shift := time.Duration(offset(next)-offset(midnight)) * time.Second
	if shift == 0 {
		return edges
	}
	for _, e := range edges {
		edges = append(edges, e.Add(shift), e.Add(-shift))
	}
	for q := midnight; q.Before(next); q = q.Add(15 * time.Minute) {
		edges = append(edges, q)
	}
	return edges
}

func offset(t time.Time) int { _, o := t.Zone(); return o }

// period is a weekly period: minutes of the days that it begins on. One that ends before it begins ends on the next day.
type period struct {
	days     [7]bool // by time.Weekday
	from, to int
}

func (p period) holds(local time.Time) bool {
	day, m := int(local.Weekday()), local.Hour()*60+local.Minute()
	if p.to > p.from {
		return p.days[day] && m >= p.from && m < p.to
	}
	return p.days[day] && m >= p.from || p.days[(day+6)%7] && m < p.to
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parsePeriod reads "Mon-Fri 08:00-12:00", "Sat,Sun 10:00-14:00" or "daily 00:00-24:00".
func parsePeriod(s string) (period, error) {
	days, hours, ok := strings.Cut(strings.TrimSpace(s), " ")
	p := period{}
	if !ok || !p.parseDays(days) {
		return p, fmt.Errorf("%q: write days and hours like \"Mon-Fri 08:00-17:00\"", s)
	}
	if p.from, p.to, ok = parseHours(hours); !ok {
		return p, fmt.Errorf("%q: write hours like 08:00-17:00, up to 24:00", s)
	}
	return p, nil
}

func (p *period) parseDays(s string) bool {
	if strings.EqualFold(s, "daily") {
		p.days = [7]bool{true, true, true, true, true, true, true}
		return true
	}
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, b := weekday(first), weekday(last)
		if !isRange {
			b = a
		}
		if a < 0 || b < 0 {
			return false
		}
		for d := a; ; d = (d + 1) % 7 {
			if p.days[d] = true; d == b {
				break
			}
		}
	}
	return true
}

func weekday(s string) int { return slices.Index(weekdays, strings.ToLower(strings.TrimSpace(s))) }

func parseHours(s string) (from, to int, ok bool) {
	a, b, ok := strings.Cut(strings.TrimSpace(s), "-")
	if !ok {
		return 0, 0, false
	}
	from, ok1 := parseMinute(a)
	to, ok2 := parseMinute(b)
	return from, to, ok1 && ok2 && from != to && from < 24*60
}

// parseMinute reads "08:00" as minutes since midnight, up to 24:00.
func parseMinute(s string) (int, bool) {
	h, m, ok := strings.Cut(strings.TrimSpace(s), ":")
	hour, err1 := strconv.ParseUint(h, 10, 8)
	minute, err2 := strconv.ParseUint(m, 10, 8)
	n := int(hour)*60 + int(minute)
	return n, ok && err1 == nil && err2 == nil && len(m) == 2 && minute < 60 && n <= 24*60
}

// moment is a minute of a date; of every year if year is 0.
type moment struct{ year, month, day, minute int }

// key orders moments; of a span that comes every year the year does not count.
func (m moment) key() int { return ((m.year*13+m.month)*32+m.day)*2000 + m.minute }

// span is from one moment up to another. One of every year that ends before it begins ends in the next year.
type span struct{ from, to moment }

func (s span) holds(local time.Time) bool {
	now := moment{local.Year(), int(local.Month()), local.Day(), local.Hour()*60 + local.Minute()}
	if s.from.year == 0 {
		now.year = 0
	}
	n, from, to := now.key(), s.from.key(), s.to.key()
	if from <= to {
		return n >= from && n < to
	}
	return n >= from || n < to
}

func parseSpans(field string, texts []string) ([]span, error) {
	var spans []span
	for _, s := range texts {
		sp, ok := parseSpan(s)
		if !ok {
			return nil, fmt.Errorf("%s: %q: write a date like \"2026-12-24\", \"12-24\" for each year, \"2026-12-24 12:00-18:00\", or \"2026-12-24..2027-01-02\"", field, s)
		}
		spans = append(spans, sp)
	}
	return spans, nil
}

func parseSpan(s string) (span, bool) {
	if a, b, ok := strings.Cut(s, ".."); ok {
		from, ok1 := parseDate(a)
		to, ok2 := parseDate(b)
		to.minute = 24 * 60
		whole := from.year != 0 && to.year != 0 && from.key() < to.key()
		return span{from, to}, ok1 && ok2 && (whole || from.year == 0 && to.year == 0)
	}
	date, hours, ok := strings.Cut(strings.TrimSpace(s), " ")
	from, valid := parseDate(date)
	to := from
	if to.minute = 24 * 60; ok {
		var in bool
		if from.minute, to.minute, in = parseHours(hours); !in || from.minute >= to.minute {
			return span{}, false
		}
	}
	return span{from, to}, valid
}

// parseDate reads "2026-12-24", or "12-24" for every year.
func parseDate(s string) (moment, bool) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return moment{t.Year(), int(t.Month()), t.Day(), 0}, true
	}
	t, err := time.Parse(time.DateOnly, "2024-"+s) // a leap year: 02-29 is a day
	return moment{0, int(t.Month()), t.Day(), 0}, err == nil
}
