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
	since     time.Time // the first event of a burst; zero = none
}

// maxBurst is how many times the debounce time a stream of events may put a read off.
const maxBurst = 8

// newSettle starts with a version that is served.
func newSettle(debounce, poll time.Duration, done string, now time.Time) *settle {
	return &settle{debounce: debounce, poll: poll, done: done, at: now.Add(poll)}
}

// dirty says that something happened.
func (s *settle) dirty(now time.Time) {
	if s.since.IsZero() {
		s.since = now
	}
	s.at = now.Add(s.debounce)
	if last := s.since.Add(maxBurst * s.debounce); s.at.After(last) {
		s.at = last
	}
}

// due is when to read next.
func (s *settle) due() time.Time { return s.at }

// look takes the version that was read and reports whether it is to be loaded.
func (s *settle) look(now time.Time, version string) bool {
	s.since = time.Time{}
	switch version {
	case s.done:
		s.candidate = ""
		s.at = now.Add(s.poll)
		return false
	case s.candidate:
		s.done, s.candidate = version, ""
		s.at = now.Add(s.poll)
		return true
	}
	s.candidate = version
	s.at = now.Add(s.debounce)
	return false
}
