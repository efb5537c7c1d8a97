package watch

import "time"

// settle decides when a change on disk is to be loaded. It is told of events and of what was read, and says when to
// read again; it knows no files and no clock.
//
// A file that is written in place is half there for a while. So a version is loaded only if two reads in a row, with
// quiet before each, find the same.
type settle struct {
	debounce, poll time.Duration

	done      string    // the version that was acted upon last
	candidate string    // a version that was read once
	at        time.Time // when to read
	since     time.Time // the first event since the last version was acted upon; zero = none
}

// A stream of events, or of changes, puts a version off for so many debounce times and no longer: 2 s. From hurry on, reads follow
// one another at a part of the debounce time whatever happens; at maxBurst, what is there is loaded even if it was found once only.
const (
	hurry    = 7
	maxBurst = 8
	part     = 10
)

// newSettle starts with a version that is served.
func newSettle(debounce, poll time.Duration, done string, now time.Time) *settle {
	return &settle{debounce: debounce, poll: poll, done: done, at: now.Add(poll)}
}

// dirty says that something happened.
func (s *settle) dirty(now time.Time) {
	if s.since.IsZero() {
		s.since = now
	}
	if due := now.Add(s.debounce); due.Before(s.since.Add(hurry * s.debounce)) {
		s.at = due
	} else if late := s.since.Add(hurry * s.debounce); s.at.After(late) && !now.After(late) {
		s.at = late
	}
}

// due is when to read next.
func (s *settle) due() time.Time { return s.at }

// look takes the version that was read and reports whether it is to be loaded.
func (s *settle) look(now time.Time, version string) bool {
	switch {
	case version == s.done:
		s.rest(now)
		return false
	case version == s.candidate, !s.since.IsZero() && !now.Before(s.since.Add(maxBurst*s.debounce)):
		s.done = version
		s.rest(now)
		return true
	}
	s.candidate = version
	s.at = now.Add(s.debounce)
	if late := s.since.Add(hurry * s.debounce); !s.since.IsZero() && s.at.After(late) {
		s.at = late // and not sooner: until then a read counts after quiet only
		if soon := now.Add(s.debounce / part); soon.After(late) {
			s.at = soon
		}
	}
	return false
}

// rest waits for the next event, or the poll.
func (s *settle) rest(now time.Time) {
	s.candidate, s.since = "", time.Time{}
	s.at = now.Add(s.poll)
}
