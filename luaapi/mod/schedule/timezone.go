package schedule

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"

	"tandem/luaapi/zone"
)

// zones are the time zones that an iCalendar file names.
type zones struct {
	file  *ics.Calendar
	known map[string]*time.Location
}

// of returns the zone of a TZID (RFC 5545 §3.2.19): one of the IANA database, also at the end of a longer name with slashes, else one of Windows, which Outlook
// writes, else what the file itself says of it.
func (z *zones) of(id string) (*time.Location, error) {
	id = strings.Trim(id, `"`)
	if l := z.known[id]; l != nil {
		return l, nil
	}
	l, err := z.find(id)
	if err != nil {
		return nil, err
	}
	if z.known == nil {
		z.known = make(map[string]*time.Location)
	}
	z.known[id] = l
	return l, nil
}

func (z *zones) find(id string) (*time.Location, error) {
	for name, more := id, id != ""; more; _, name, more = strings.Cut(name, "/") {
		if l, err := zone.Load(name); err == nil && name != "" && name != "Local" {
			return l, nil
		}
	}
	if l, ok := zone.Windows(id); ok {
		return l, nil
	}
	for _, v := range z.file.Timezones() {
		if p := v.GetProperty(ics.ComponentPropertyTzid); p != nil && strings.Trim(p.Value, `"`) == id {
			l, err := described(id, v)
			if err != nil {
				return nil, fmt.Errorf("the VTIMEZONE of %q: %w", id, err)
			}
			return l, nil
		}
	}
	return nil, fmt.Errorf("no such time zone: %q; write one like \"Europe/Berlin\"", id)
}

// The years for which the rules of a file are worked out. Outlook's begin in 1601.
const (
	firstYear = 1970
	lastYear  = 2100
	// maxChanges bounds the changes that a file lists.
	maxChanges = 5000
)

// change is one with what the clocks showed before.
type change struct {
	zone.Change
	from int
}

// described makes a zone by the rules of a VTIMEZONE (RFC 5545 §3.6.5).
func described(id string, v *ics.VTimezone) (*time.Location, error) {
	var all []change
	for _, c := range v.SubComponents() {
		var list []change
		var err error
		switch part := c.(type) {
		case *ics.Standard:
			list, err = changesOf(&part.ComponentBase)
		case *ics.Daylight:
			list, err = changesOf(&part.ComponentBase)
		}
		if err != nil {
			return nil, err
		}
		if all = append(all, list...); len(all) > maxChanges {
			return nil, errors.New("it changes the clocks too often")
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it has neither STANDARD nor DAYLIGHT")
	}
	slices.SortStableFunc(all, func(a, b change) int { return cmp.Compare(a.At.Unix(), b.At.Unix()) })
	changes := make([]zone.Change, 0, len(all))
	for _, c := range all {
		changes = append(changes, c.Change)
	}
	return zone.Of(id, all[0].from, changes)
}

// changesOf returns the changes by a STANDARD or DAYLIGHT: at DTSTART, by RRULE and RDATE, all by the clock before the change.
func changesOf(c *ics.ComponentBase) ([]change, error) {
	from, err1 := offsetOf(c, ics.ComponentProperty(ics.PropertyTzoffsetfrom))
	to, err2 := offsetOf(c, ics.ComponentProperty(ics.PropertyTzoffsetto))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	before := time.FixedZone("", from)
	at := func(text string) (time.Time, error) { return time.ParseInLocation("20060102T150405", text, before) }
	p := c.GetProperty(ics.ComponentPropertyDtStart)
	if p == nil {
		return nil, errors.New("it has no DTSTART")
	}
	start, err := at(p.Value)
	if err != nil {
		return nil, fmt.Errorf("DTSTART: %q is no date; write 19701025T030000", p.Value)
	}
	times := []time.Time{start}
	if rule := c.GetProperty(ics.ComponentPropertyRrule); rule != nil {
		if times, err = yearly(rule.Value, start); err != nil {
			return nil, fmt.Errorf("RRULE %q: %w", rule.Value, err)
		}
	}
	for i := range c.Properties {
		if c.Properties[i].IANAToken != string(ics.ComponentPropertyRdate) {
			continue
		}
		for value := range strings.SplitSeq(c.Properties[i].Value, ",") {
			t, err := at(value)
			if err != nil {
				return nil, fmt.Errorf("RDATE: %q is no date; write 19701025T030000", value)
			}
			times = append(times, t)
		}
	}
	list := make([]change, 0, len(times))
	for _, t := range times {
		list = append(list, change{zone.Change{At: t, Offset: to}, from})
	}
	return list, nil
}

// yearly works out a rule of a time zone. The first change is the rule's, not DTSTART, which is before all that matters.
func yearly(text string, start time.Time) ([]time.Time, error) {
	o, err := rrule.StrToROptionInLocation(text, start.Location())
	if err != nil {
		return nil, err
	}
	if o.Freq != rrule.YEARLY {
		return nil, errors.New("the clocks of a time zone are changed by a YEARLY rule")
	}
	if start.Year() < firstYear && o.Count == 0 && o.Interval <= 1 {
		start = start.AddDate(firstYear-start.Year(), 0, 0)
	}
	o.Dtstart = start
	if end := time.Date(lastYear, 1, 1, 0, 0, 0, 0, time.UTC); o.Until.IsZero() || o.Until.After(end) {
		o.Until = end
	}
	r, err := rrule.NewRRule(*o)
	if err != nil {
		return nil, err
	}
	var times []time.Time
	for next := r.Iterator(); len(times) <= maxChanges; {
		t, ok := next()
		if !ok {
			break
		}
		times = append(times, t)
	}
	return times, nil
}

// utcOffset is RFC 5545 §3.3.14.
var utcOffset = regexp.MustCompile(`^([+-])(\d\d)([0-5]\d)([0-5]\d)?$`)

func offsetOf(c *ics.ComponentBase, which ics.ComponentProperty) (int, error) {
	p := c.GetProperty(which)
	if p == nil {
		return 0, fmt.Errorf("it has no %s", which)
	}
	m := utcOffset.FindStringSubmatch(p.Value)
	if m == nil {
		return 0, fmt.Errorf("%s: %q is no offset; write +0100", which, p.Value)
	}
	var n [3]int
	for i, digits := range m[2:] {
		n[i], _ = strconv.Atoi("0" + digits) // they are few
	}
	seconds := n[0]*3600 + n[1]*60 + n[2]
	if m[1] == "-" {
		return -seconds, nil
	}
	return seconds, nil
}
