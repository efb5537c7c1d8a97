package schedule

import (
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"pgregory.net/rapid"
)

// outlook describes the clocks of Berlin as Outlook does.
func outlook(id string) string {
	return "BEGIN:VTIMEZONE\r\nTZID:" + id + "\r\n" +
		"BEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n" +
		"BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n" +
		"END:VTIMEZONE\r\n"
}

// at0900 is an iCalendar file of an event from 09:00 to 10:00 in a zone, after what describes the zone.
func at0900(tzid, zone string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\n" + zone + "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=" + tzid +
		":20260701T090000\r\nDTEND;TZID=" + tzid + ":20260701T100000\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// The zones that calendars name are those of the IANA database, of Windows, and those that the file describes.
func TestZones(t *testing.T) {
	tests := map[string]struct{ tzid, zone, from string }{
		"IANA":         {"America/New_York", "", "15:00"},
		"Windows":      {"Eastern Standard Time", "", "15:00"},
		"quoted":       {`"W. Europe Standard Time"`, outlook("W. Europe Standard Time"), "09:00"},
		"with a path":  {"/example.org/20260101/Europe/London", "", "10:00"},
		"described":    {"Our own", outlook("Our own"), "09:00"},
		"without rule": {"Fixed", "BEGIN:VTIMEZONE\r\nTZID:Fixed\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nTZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n", "05:30"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cal := calendar(t, Config{Open: []string{"daily 00:00-24:00"}, Calendars: map[string]string{"a.ics": at0900(tt.tzid, tt.zone)}})
			from := berlin(t, "2026-07-05 "+tt.from)
			if !cal.Open(from.Add(-time.Minute)) || cal.Open(from) || cal.Open(from.Add(59*time.Minute)) || !cal.Open(from.Add(time.Hour)) {
				t.Errorf("it is not closed from %s for an hour", tt.from)
			}
		})
	}
}

// A zone by its rules shows what the zone itself does.
func TestDescribed(t *testing.T) {
	file, err := ics.ParseCalendar(strings.NewReader(at0900("Our own", outlook("Our own"))))
	if err != nil {
		t.Fatal(err)
	}
	own, err := (&zones{file: file}).of("Our own")
	if err != nil {
		t.Fatal(err)
	}
	want := berlin(t, "2026-01-01 00:00").Location()
	first, last := time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(first, last).Draw(t, "at"), 0)
		if got, want := offset(at.In(own)), offset(at.In(want)); got != want {
			t.Fatalf("at %s %d s, want %d s", at, got, want)
		}
	})
}

func TestZoneErrors(t *testing.T) {
	part := func(lines ...string) string {
		return "BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
	}
	from, to, start := "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "DTSTART:16010101T030000"
	tests := map[string]struct{ tzid, zone, says string }{
		"unknown":    {"Mars Standard Time", outlook("Ours"), `DTSTART: no such time zone: "Mars Standard Time"; write one like "Europe/Berlin"`},
		"local":      {"Local", "", `no such time zone: "Local"`},
		"empty":      {"Ours", "BEGIN:VTIMEZONE\r\nTZID:Ours\r\nEND:VTIMEZONE\r\n", `the VTIMEZONE of "Ours": it has neither STANDARD nor DAYLIGHT`},
		"no from":    {"Ours", part(to, start), "it has no TZOFFSETFROM"},
		"no to":      {"Ours", part(from, start), "it has no TZOFFSETTO"},
		"no start":   {"Ours", part(from, to), "it has no DTSTART"},
		"offset":     {"Ours", part("TZOFFSETFROM:1 hour", to, start), `TZOFFSETFROM: "1 hour" is no offset; write +0100`},
		"start":      {"Ours", part(from, to, "DTSTART:1601"), `DTSTART: "1601" is no date`},
		"date":       {"Ours", part(from, to, start, "RDATE:19971026T030000,then"), `RDATE: "then" is no date`},
		"rule":       {"Ours", part(from, to, start, "RRULE:FREQ=OFTEN"), `RRULE "FREQ=OFTEN"`},
		"too often":  {"Ours", part(from, to, start, "RRULE:FREQ=HOURLY"), "the clocks of a time zone are changed by a YEARLY rule"},
		"many dates": {"Ours", part(from, to, start, "RDATE:19971026T030000"+strings.Repeat(",19971026T030000", 5000)), "it changes the clocks too often"},
		"many days":  {"Ours", part(from, to, start, "RRULE:FREQ=YEARLY;BYHOUR=1,2,3,4,5,6,7,8;BYDAY=MO,TU,WE"), "it changes the clocks too often"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := Config{Zone: "UTC", Calendars: map[string]string{"a.ics": at0900(tt.tzid, tt.zone)}}
			if _, err := New(c); err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "a.ics:") {
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
}
