package schedule

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func berlin(t interface{ Fatal(...any) }, text string) time.Time {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func calendar(t interface{ Fatal(...any) }, c Config) *Calendar {
	c.Zone = "Europe/Berlin"
	cal, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return cal
}

const holidays = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\n" +
	"BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261227\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:2\r\nDTSTART:20261123T120000Z\r\nDTEND:20261123T130000Z\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:3\r\nDTSTART;TZID=America/New_York:20261124T030000\r\nDTEND;TZID=America/New_York:20261124T040000\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:4\r\nTRANSP:TRANSPARENT\r\nDTSTART;VALUE=DATE:20261126\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:5\r\nDTSTART:20261102T090000\r\nDTEND:20261102T100000\r\nRRULE:FREQ=WEEKLY\r\nEXDATE:20261130T090000\r\nEND:VEVENT\r\n" +
	"END:VCALENDAR\r\n"

const shifts = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\n" +
	"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261123T090000\r\nDURATION:PT1H30M\r\nRDATE:20261127T090000\r\nRDATE;VALUE=PERIOD:20261128T090000/PT1H\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:2\r\nSTATUS:CANCELLED\r\nDTSTART:20261124T090000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:3\r\nRECURRENCE-ID:20261208T090000\r\nDTSTART:20261209T130000\r\nDTEND:20261209T140000\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:3\r\nDTSTART:20261201T090000\r\nDTEND:20261201T100000\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:4\r\nDTSTART;VALUE=DATE:20270320\r\nDURATION:P2W\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nUID:5\r\nDTSTART:20261129T090000\r\nEND:VEVENT\r\n" +
	"END:VCALENDAR\r\n"

func TestOpen(t *testing.T) {
	office := Config{Open: []string{"Mon-Fri 08:00-17:00", "Sat 09:00-12:00"}}
	night := Config{Open: []string{"Fri-Mon 22:00-06:00"}}
	except := Config{Open: office.Open, Closed: []string{"2026-11-25", "12-24", "2026-11-26 12:00-14:00", "12-28..01-02"}, Extra: []string{"2026-11-22 10:00-11:00", "2026-12-24 10:00-11:00"}}
	ical := Config{Open: []string{"daily 00:00-24:00"}, Calendars: map[string]string{"holidays.ics": holidays}}
	shifts := Config{Open: ical.Open, Calendars: map[string]string{"shifts.ics": shifts}}
	rules := Config{Open: office.Open, Rules: []string{"DTSTART:20200101T000000\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO"}}
	tests := map[string]struct {
		config Config
		at     string
		want   bool
	}{
		"Monday morning":      {office, "2026-11-23 08:00", true},
		"before":              {office, "2026-11-23 07:59", false},
		"after":               {office, "2026-11-23 17:00", false},
		"Saturday":            {office, "2026-11-28 11:59", true},
		"Sunday":              {office, "2026-11-29 10:00", false},
		"summer":              {office, "2026-07-01 08:00", true},
		"night of Friday":     {night, "2026-11-27 23:00", true},
		"morning of Saturday": {night, "2026-11-28 05:59", true},
		"morning of Friday":   {night, "2026-11-27 05:00", false},
		"morning of Tuesday":  {night, "2026-11-24 05:00", true},
		"night of Tuesday":    {night, "2026-11-24 23:00", false},
		"closed":              {except, "2026-11-25 10:00", false},
		"closed each year":    {except, "2029-12-24 12:00", false},
		"closed for lunch":    {except, "2026-11-26 13:59", false},
		"after lunch":         {except, "2026-11-26 14:00", true},
		"round the new year":  {except, "2026-12-31 10:00", false},
		"last day of it":      {except, "2026-01-02 16:59", false},
		"day after it":        {except, "2026-01-05 10:00", true},
		"extra":               {except, "2026-11-22 10:59", true},
		"extra beats closed":  {except, "2026-12-24 10:00", true},
		"no calendar entry":   {ical, "2026-11-25 10:00", true},
		"whole days":          {ical, "2026-12-26 23:59", false},
		"after whole days":    {ical, "2026-12-27 00:00", true},
		"yearly":              {ical, "2030-12-25 12:00", false},
		"in UTC":              {ical, "2026-11-23 13:30", false},
		"before it":           {ical, "2026-11-23 12:30", true},
		"of another zone":     {ical, "2026-11-24 09:30", false},
		"transparent":         {ical, "2026-11-26 12:00", true},
		"weekly":              {ical, "2026-11-16 09:30", false},
		"but not then":        {ical, "2026-11-30 09:30", true},
		"by its duration":     {shifts, "2026-11-23 10:29", false},
		"after its duration":  {shifts, "2026-11-23 10:30", true},
		"cancelled":           {shifts, "2026-11-24 09:30", true},
		"another date":        {shifts, "2026-11-27 09:30", false},
		"a period's start":    {shifts, "2026-11-28 09:30", false},
		"moved away":          {shifts, "2026-12-08 09:30", true},
		"moved to":            {shifts, "2026-12-09 13:30", false},
		"not moved":           {shifts, "2026-12-15 09:30", false},
		"weeks, DST or not":   {shifts, "2027-03-31 23:59", false},
		"after two weeks":     {shifts, "2027-04-03 00:00", true},
		"a moment":            {shifts, "2026-11-29 09:00", true},
		"rule":                {rules, "2027-05-31 10:00", false},
		"day before the rule": {rules, "2027-05-28 10:00", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := calendar(t, tt.config).Open(berlin(t, tt.at)); got != tt.want {
				t.Errorf("at %s open is %v", tt.at, got)
			}
		})
	}
}

func TestNext(t *testing.T) {
	office := Config{Open: []string{"Mon-Fri 08:00-17:00"}, Closed: []string{"2026-11-24"}}
	tests := map[string]struct {
		config   Config
		at, next string
	}{
		"closes":         {office, "2026-11-23 10:00", "2026-11-23 17:00"},
		"skips a day":    {office, "2026-11-23 17:00", "2026-11-25 08:00"},
		"weekend":        {office, "2026-11-27 17:00", "2026-11-30 08:00"},
		"iCalendar":      {Config{Open: []string{"daily 00:00-24:00"}, Calendars: map[string]string{"x": holidays}}, "2026-12-15 12:00", "2026-12-21 09:00"},
		"within a break": {Config{Open: []string{"daily 00:00-24:00"}, Calendars: map[string]string{"x": holidays}}, "2026-12-25 12:00", "2026-12-27 00:00"},
		// The clock jumps from 02:00 to 03:00.
		"a lost hour": {Config{Open: []string{"daily 02:30-04:00"}}, "2026-03-29 00:00", "2026-03-29 03:00"},
		"never":       {Config{}, "2026-11-23 10:00", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := calendar(t, tt.config).Next(berlin(t, tt.at))
			if ok != (tt.next != "") || ok && !got.Equal(berlin(t, tt.next)) {
				t.Errorf("%v, %v, want %s", got, ok, tt.next)
			}
		})
	}
}

// Next is the first change: nothing changes before it, minute by minute.
func TestNextIsTheFirst(t *testing.T) {
	hours := []string{"Mon-Fri 08:00-17:00", "Sat,Sun 22:00-06:00", "daily 02:30-02:45", "Wed 00:00-24:00"}
	closed := []string{"2026-10-25 02:15-03:00", "10-26", "2026-03-29", "2026-10-24..2026-10-27"}
	rapid.Check(t, func(t *rapid.T) {
		cal := calendar(t, Config{
			Open:   rapid.SliceOfNDistinct(rapid.SampledFrom(hours), 1, 3, rapid.ID).Draw(t, "open"),
			Closed: rapid.SliceOfNDistinct(rapid.SampledFrom(closed), 0, 3, rapid.ID).Draw(t, "closed"),
		})
		day := rapid.SampledFrom([]string{"2026-10-24 00:00", "2026-10-25 00:00", "2026-03-28 12:00", "2026-11-23 00:00"}).Draw(t, "day")
		at := berlin(t, day).Add(time.Duration(rapid.IntRange(0, 1440).Draw(t, "minute")) * time.Minute)
		next, ok := cal.Next(at)
		for m := at; m.Before(at.Add(48 * time.Hour)); m = m.Add(time.Minute) {
			if changed := cal.Open(m) != cal.Open(at); changed != (ok && !m.Before(next)) && (changed || m.Equal(next)) {
				t.Fatalf("from %v next is %v, but at %v open is %v", at, next, m, cal.Open(m))
			} else if changed {
				return
			}
		}
	})
}

// of is a calendar of one event with such lines.
func of(lines ...string) Config {
	text := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	return Config{Zone: "UTC", Calendars: map[string]string{"a.ics": text}}
}

func TestNewErrors(t *testing.T) {
	tests := map[string]struct {
		config Config
		says   string
	}{
		"no zone":      {Config{}, `zone = ""`},
		"zone":         {Config{Zone: "Mars"}, `zone = "Mars"`},
		"day":          {Config{Zone: "UTC", Open: []string{"Mo 08:00-09:00"}}, `open: "Mo 08:00-09:00"`},
		"no hours":     {Config{Zone: "UTC", Open: []string{"Mon"}}, `open: "Mon"`},
		"hour":         {Config{Zone: "UTC", Open: []string{"Mon 08:00-25:00"}}, "up to 24:00"},
		"no time":      {Config{Zone: "UTC", Open: []string{"Mon 08:00-08:00"}}, "up to 24:00"},
		"date":         {Config{Zone: "UTC", Closed: []string{"2026-13-01"}}, `closed: "2026-13-01"`},
		"range":        {Config{Zone: "UTC", Extra: []string{"2026-02-01..2026-01-01"}}, `extra: "2026-02-01..2026-01-01"`},
		"half a range": {Config{Zone: "UTC", Closed: []string{"2026-02-01..03-01"}}, `closed:`},
		"rule":         {Config{Zone: "UTC", Rules: []string{"FREQ=DAILY"}}, `rules: "FREQ=DAILY"`},
		"iCalendar":    {Config{Zone: "UTC", Calendars: map[string]string{"a.ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}}, "a.ics:2: the event has no DTSTART"},
		"often":        {Config{Zone: "UTC", Rules: []string{"DTSTART:20200101T000000\nRRULE:FREQ=SECONDLY"}}, "every second or minute"},
		"often in it":  {of("DTSTART:20200101T000000", "RRULE:FREQ=MINUTELY"), `a.ics:2: RRULE "FREQ=MINUTELY": every second or minute`},
		"never":        {of("DTSTART:20200101T000000", "RRULE:FREQ=YEARLY;BYMONTH=2,4;BYMONTHDAY=31,-31"), `a.ics:2: RRULE "FREQ=YEARLY;BYMONTH=2,4;BYMONTHDAY=31,-31": that day is in none of the months`},
		"never a rule": {Config{Zone: "UTC", Rules: []string{"DTSTART:20200101T000000\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}}, "that day is in none of the months"},
		"backwards":    {of("DTSTART:20200101T100000", "DTEND:20200101T090000"), "a.ics:2: the event ends before it begins"},
		"days back":    {of("DTSTART;VALUE=DATE:20200105", "DTEND;VALUE=DATE:20200101"), "a.ics:2: the event ends before it begins"},
		"for ever":     {of("DTSTART:20200101T100000", "DURATION:PT99999999999999H"), "a.ics:2: DURATION"},
		"ages of days": {of("DTSTART:20200101T100000", "DURATION:P99999999999999999999W"), "a.ics:2: DURATION"},
		"moved when": {
			of("DTSTART:20200101T100000", "RRULE:FREQ=DAILY", "END:VEVENT", "BEGIN:VEVENT", "UID:1", "RECURRENCE-ID:then", "DTSTART:20200102T110000"),
			"a.ics:7: RECURRENCE-ID",
		},
		"no calendar":  {Config{Zone: "UTC", Calendars: map[string]string{"a.ics": "nonsense"}}, "a.ics:1: no iCalendar file: it begins with BEGIN:VCALENDAR"},
		"nothing":      {Config{Zone: "UTC", Calendars: map[string]string{"a.ics": ""}}, "a.ics:1: no iCalendar file: it begins with BEGIN:VCALENDAR"},
		"no end":       {Config{Zone: "UTC", Calendars: map[string]string{"a.ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260101\r\nEND:VCALENDAR\r\n"}}, "a.ics:4: END:VCALENDAR, but BEGIN:VEVENT at line 2 has no END:VEVENT"},
		"cut off":      {Config{Zone: "UTC", Calendars: map[string]string{"a.ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260101\r\n"}}, "a.ics:3: the file ends, but BEGIN:VEVENT at line 2 has no END:VEVENT"},
		"end too much": {Config{Zone: "UTC", Calendars: map[string]string{"a.ics": "BEGIN:VCALENDAR\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}}, "a.ics:2: END:VEVENT, but BEGIN:VCALENDAR at line 1 has no END:VCALENDAR"},
		"a date":       {Config{Zone: "UTC", Calendars: map[string]string{"a.ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:2026-12-25\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}}, `a.ics:2: DTSTART: "2026-12-25" is no date; write 20261225, 20261225T080000 or 20261225T080000Z`},
		"a Z":          {Config{Zone: "UTC", Calendars: map[string]string{"a.ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20261325Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}}, `a.ics:2: DTSTART: "20261325Z" is no date`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := New(tt.config); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	cal := calendar(b, Config{Open: []string{"Mon-Fri 08:00-17:00"}, Closed: []string{"12-24"}, Calendars: map[string]string{"x": holidays}})
	at := berlin(b, "2026-11-23 10:00")
	b.ReportAllocs()
	for b.Loop() {
		cal.Open(at)
	}
}
