package schedule

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"

	"tandem/luaapi/mod"
)

// addICal adds the events of an iCalendar file: not those that are transparent (RFC 5545 §3.8.2.7) or cancelled (§3.8.1.11).
func (c *Calendar) addICal(name, text string) error {
	text = strings.TrimPrefix(text, "\ufeff")
	if line, problem := nesting(text); problem != "" {
		return &mod.FileError{File: name, Line: line, What: problem}
	}
	file, err := ics.ParseCalendar(strings.NewReader(text))
	if err != nil {
		return &mod.FileError{File: name, Line: 1, What: "no iCalendar file: " + err.Error()}
	}
	c.named = zones{file: file}
	defer func() { c.named = zones{} }()
	series := make(map[string]*event) // by UID
	events := file.Events()
	for i, v := range events {
		if is(v, ics.ComponentPropertyTransp, "TRANSPARENT") || is(v, ics.ComponentPropertyStatus, "CANCELLED") {
			continue
		}
		e, err := c.readEvent(v)
		if err != nil {
			return &mod.FileError{File: name, Line: eventLine(text, i), What: err.Error()}
		}
		c.away = append(c.away, e)
		if !v.HasProperty(ics.ComponentPropertyRecurrenceId) {
			series[v.Id()] = e
		}
	}
	for i, v := range events {
		if err := c.replace(series[v.Id()], v); err != nil {
			return &mod.FileError{File: name, Line: eventLine(text, i), What: err.Error()}
		}
	}
	return nil
}

// nesting says what is wrong with the components of a file, and at which line: one that is not closed, or no calendar at all (RFC 5545 §3.4).
func nesting(text string) (int, string) {
	type begun struct {
		name string
		line int
	}
	var open []begun
	line, closed := 0, 0
	for l := range strings.Lines(text) {
		line++
		l = strings.ToUpper(strings.TrimRight(l, " \t\r\n"))
		if name, ok := strings.CutPrefix(l, "BEGIN:"); ok {
			open = append(open, begun{name, line})
			continue
		}
		name, ok := strings.CutPrefix(l, "END:")
		if l != "" && len(open) == 0 {
			break
		} else if !ok {
			continue
		}
		if last := open[len(open)-1]; last.name != name {
			return line, fmt.Sprintf("END:%s, but BEGIN:%s at line %d has no END:%[2]s", name, last.name, last.line)
		}
		open = open[:len(open)-1]
		closed++
	}
	switch {
	case len(open) > 0:
		last := open[len(open)-1]
		return line, fmt.Sprintf("the file ends, but BEGIN:%s at line %d has no END:%[1]s", last.name, last.line)
	case closed == 0:
		return 1, "no iCalendar file: it begins with BEGIN:VCALENDAR"
	}
	return 0, ""
}

// replace takes the occurrence that an event stands for, if it does for any, out of its series (RFC 5545 §3.8.4.4).
func (c *Calendar) replace(e *event, v *ics.VEvent) error {
	p := v.GetProperty(ics.ComponentPropertyRecurrenceId)
	if e == nil || p == nil {
		return nil
	}
	at, err := c.timeOf(p)
	if err != nil {
		return fmt.Errorf("RECURRENCE-ID: %w", err)
	}
	e.set.ExDate(at)
	return nil
}

func is(v *ics.VEvent, property ics.ComponentProperty, value string) bool {
	p := v.GetProperty(property)
	return p != nil && strings.EqualFold(p.Value, value)
}

// eventLine returns the line at which the i-th event begins.
func eventLine(text string, i int) int {
	line := 0
	for l := range strings.Lines(text) {
		line++
		if strings.EqualFold(strings.TrimSpace(l), "BEGIN:VEVENT") {
			if i--; i < 0 {
				break
			}
		}
	}
	return line
}

// readEvent reads an event in whole days, or with times; those without a zone are of the calendar's.
func (c *Calendar) readEvent(v *ics.VEvent) (*event, error) {
	prop := v.GetProperty(ics.ComponentPropertyDtStart)
	if prop == nil {
		return nil, errors.New("the event has no DTSTART")
	}
	e := &event{set: &rrule.Set{}}
	whole := len(prop.Value) == len("20060102")
	start, err := c.timeOf(prop)
	if err != nil {
		return nil, fmt.Errorf("DTSTART: %w", err)
	}
	end, err := c.endOf(v, start, whole)
	if err != nil {
		return nil, err
	}
	if e.lasts = end.Sub(start); e.lasts < 0 {
		return nil, errors.New("the event ends before it begins")
	}
	if whole {
		e.days = max(1, int(date(end).Sub(date(start)).Hours())/24)
		e.lasts = time.Duration(e.days) * 24 * time.Hour
	}
	return e, e.recur(v, start, c)
}

// endOf returns the end of an event: by DTEND, by DURATION, or else that of its day, or at once (RFC 5545 §3.6.1).
func (c *Calendar) endOf(v *ics.VEvent, start time.Time, whole bool) (time.Time, error) {
	if p := v.GetProperty(ics.ComponentPropertyDtEnd); p != nil {
		end, err := c.timeOf(p)
		if err != nil {
			return end, fmt.Errorf("DTEND: %w", err)
		}
		return end, nil
	}
	if p := v.GetProperty(ics.ComponentPropertyDuration); p != nil {
		return after(start, p.Value)
	}
	if whole {
		return start.AddDate(0, 0, 1), nil
	}
	return start, nil
}

// duration is a duration of RFC 5545 §3.3.6: weeks, or days and a time, with no more digits than a time.Duration has room for.
var duration = regexp.MustCompile(`^\+?P(?:(\d{1,4})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?)$`)

// after adds a duration. Days are those of the calendar, whatever the clock is changed by (RFC 5545 §3.3.6).
func after(start time.Time, text string) (time.Time, error) {
	m := duration.FindStringSubmatch(text)
	if m == nil {
		return start, fmt.Errorf("DURATION %q: write P1D, PT1H30M or P2W", text)
	}
	var n [5]int
	for i, digits := range m[1:] {
		n[i], _ = strconv.Atoi("0" + digits) // they are few
	}
	day := start.AddDate(0, 0, 7*n[0]+n[1])
	return day.Add(time.Duration(n[2])*time.Hour + time.Duration(n[3])*time.Minute + time.Duration(n[4])*time.Second), nil
}

// date returns the midnight of a day in UTC, where all days are as long.
func date(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// timeOf reads a date, or a date with a time: in UTC, in the zone that it names, or in the calendar's.
func (c *Calendar) timeOf(p *ics.IANAProperty) (time.Time, error) {
	in := c.zone
	if names := p.ICalParameters["TZID"]; len(names) > 0 && !strings.HasSuffix(p.Value, "Z") {
		z, err := c.named.of(names[0])
		if err != nil {
			return time.Time{}, err
		}
		in = z
	}
	layout := "20060102T150405"
	switch {
	case strings.HasSuffix(p.Value, "Z"):
		layout, in = "20060102T150405Z", time.UTC
	case len(p.Value) == len("20060102"):
		layout = "20060102"
	}
	at, err := time.ParseInLocation(layout, p.Value, in)
	if err != nil {
		return at, fmt.Errorf("%q is no date; write 20261225, 20261225T080000 or 20261225T080000Z", p.Value)
	}
	return at, nil
}

// recur fills in when an event takes place: by its RRULE, RDATE and EXDATE, else once (RFC 5545 §3.8.5).
func (e *event) recur(v *ics.VEvent, start time.Time, c *Calendar) error {
	e.set.DTStart(start)
	if rule := v.GetProperty(ics.ComponentPropertyRrule); rule == nil {
		e.set.RDate(start)
	} else if err := e.follow(rule.Value, start); err != nil {
		return fmt.Errorf("RRULE %q: %w", rule.Value, err)
	}
	for _, p := range v.Properties {
		add := e.set.RDate
		switch p.IANAToken {
		case string(ics.ComponentPropertyRdate):
		case string(ics.ComponentPropertyExdate):
			add = e.set.ExDate
		default:
			continue
		}
		for _, value := range strings.Split(p.Value, ",") {
			one := p
			one.Value, _, _ = strings.Cut(value, "/") // of a period its start
			at, err := c.timeOf(&one)
			if err != nil {
				return fmt.Errorf("%s %q: %w", p.IANAToken, p.Value, err)
			}
			add(at)
		}
	}
	return nil
}

// follow makes an event take place by a rule.
func (e *event) follow(text string, start time.Time) error {
	o, err := rrule.StrToROptionInLocation(text, start.Location())
	if err != nil {
		return err
	}
	if err := usable(o); err != nil {
		return err
	}
	o.Dtstart = start
	r, err := rrule.NewRRule(*o)
	if err != nil {
		return err
	}
	e.set.RRule(r)
	e.repeat(o)
	return nil
}
