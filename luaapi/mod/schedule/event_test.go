package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"
)

// hourly is a calendar of an event that began long ago.
func hourly(rule string) Config {
	c := of("DTSTART:20000101T003000", "DURATION:PT10M", "RRULE:"+rule)
	c.Open = []string{"daily 00:00-24:00"}
	return c
}

// A rule that began long ago is read from shortly before what is looked for: a script is loaded, and its calendar with it, for every test.
func TestReadFrom(t *testing.T) {
	at := berlin(t, "2026-11-23 10:35")
	for rule, days := range map[string]int{
		"FREQ=HOURLY": 9, "FREQ=HOURLY;INTERVAL=5": 14, "FREQ=HOURLY;BYMONTH=7": 401, "FREQ=HOURLY;UNTIL=20250101T000000Z": 9 + 691, "FREQ=DAILY;INTERVAL=3": 12, "FREQ=WEEKLY;INTERVAL=2": 23,
	} {
		cal := calendar(t, hourly(rule))
		cal.Open(at)
		if got := at.Sub(cal.away[0].set.GetDTStart()); got > time.Duration(days+1)*24*time.Hour {
			t.Errorf("%s is read from %s before", rule, got)
		}
	}
}

// Wherever a rule is read from, what holds is the same.
func TestReadFromIsTheSame(t *testing.T) {
	rules := []string{
		"FREQ=HOURLY", "FREQ=HOURLY;INTERVAL=5", "FREQ=HOURLY;INTERVAL=36", "FREQ=HOURLY;BYMONTH=2,7", "FREQ=HOURLY;BYDAY=SU;BYHOUR=2", "FREQ=HOURLY;UNTIL=20240720T003000Z",
		"FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;BYMONTH=1;BYMONTHDAY=1", "FREQ=DAILY;COUNT=700", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,SU",
		"FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY",
	}
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom(rules).Draw(t, "rule")
		start := rapid.SampledFrom([]string{"20230101T003000", "20230101T023000", "20230326T023000", "20230715T233000"}).Draw(t, "start")
		lines := []string{"DTSTART;TZID=Europe/Berlin:" + start, "DURATION:PT10M", "RRULE:" + rule}
		if rapid.Bool().Draw(t, "dates") {
			lines = append(lines, "RDATE;TZID=Europe/Berlin:20240101T120500", "EXDATE;TZID=Europe/Berlin:20240701T023000")
		}
		c := of(lines...)
		c.Open = []string{"daily 00:00-24:00"}
		cal := calendar(t, c)
		whole, err := rrule.StrToRRuleSet(strings.Join([]string{lines[0], lines[2]}, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines[3:] {
			name, value, _ := strings.Cut(l, ";TZID=Europe/Berlin:")
			at, err := time.ParseInLocation("20060102T150405", value, cal.zone)
			if err != nil {
				t.Fatal(err)
			}
			if name == "RDATE" {
				whole.RDate(at)
			} else {
				whole.ExDate(at)
			}
		}
		for range 5 {
			at := berlin(t, "2022-12-20 00:00").Add(time.Duration(rapid.IntRange(0, 800*24*12).Draw(t, "at")) * 5 * time.Minute)
			last := whole.Before(at, true)
			if want := last.IsZero() || !at.Before(last.Add(10*time.Minute)); cal.Open(at) != want {
				t.Fatalf("at %s open is %v; it took place last at %s", at, !want, last)
			}
			from, to := at.AddDate(0, 0, -1), at.AddDate(0, 0, 3)
			got, want := cal.away[0].between(from, to), whole.Between(from, to, true)
			if len(got) != len(want) {
				t.Fatalf("from %s to %s %d times, want %d", from, to, len(got), len(want))
			}
		}
	})
}

// What a calendar costs that is made anew and asked once.
func BenchmarkHourly(b *testing.B) {
	c, at := hourly("FREQ=HOURLY"), berlin(b, "2026-11-23 10:35")
	b.ReportAllocs()
	for b.Loop() {
		calendar(b, c).Open(at)
	}
}
