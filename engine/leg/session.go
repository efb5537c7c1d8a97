package leg

import (
	"strconv"
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// The bounds of a session interval (RFC 4028 §4, §5).
const (
	// MinSE is the least interval that we accept, in seconds.
	MinSE = 90
	// DefaultSE is the interval that we ask for, in seconds.
	DefaultSE = 1800
)

// Refresher says who refreshes a session.
type Refresher uint8

// The refreshers. NoRefresher means that nobody has to: there is no session timer.
const (
	NoRefresher Refresher = iota
	Ours
	Theirs
)

// Refreshable is the leg that a SessionTimer belongs to.
type Refreshable interface {
	// Refresh sends a refresh request.
	Refresh(now clock.Time)
	// Expired is called when the session was not refreshed in time: the leg is to be ended with BYE.
	Expired(now clock.Time)
}

// SessionTimer is the session timer of one leg (RFC 4028). The zero value is off.
type SessionTimer struct {
	user  Refreshable
	heap  *clock.Heap
	timer clock.Timer
	// Interval is the session interval, Who refreshes.
	Interval time.Duration
	Who      Refresher
	end      clock.Time // of a session that is not refreshed
}

// Start takes what was agreed in an answer and starts the timer anew (RFC 4028 §7.2, §9, §10): the refresher sends a
// refresh at half the interval, the other side ends the session when less than a third of it, 32 s at most, is left.
func (s *SessionTimer) Start(now clock.Time, heap *clock.Heap, user Refreshable, interval time.Duration, who Refresher) {
	s.Stop()
	s.user, s.heap, s.Interval, s.Who = user, heap, interval, who
	s.timer.Owner = s
	s.end = now.Add(interval - min(32*time.Second, interval/3))
	switch who {
	case Ours:
		heap.Arm(&s.timer, now.Add(interval/2))
	case Theirs:
		heap.Arm(&s.timer, s.end)
	case NoRefresher:
	}
}

// Retry has a refresh of ours that could not be made, or was refused for now, made again after a time, if the session lasts so long.
func (s *SessionTimer) Retry(now clock.Time, after time.Duration) {
	if at := now.Add(after); s.timer.Armed() && at < s.end {
		s.Who = Ours
		s.heap.Arm(&s.timer, at)
	}
}

// Stop turns the timer off.
func (s *SessionTimer) Stop() {
	if s.heap != nil {
		s.heap.Stop(&s.timer)
	}
}

// Fire refreshes, or ends the session. A refresh that fails is followed by the next one, or by the end of the interval.
func (s *SessionTimer) Fire(now clock.Time, _ uint8) {
	if s.Who == Ours {
		s.heap.Arm(&s.timer, s.end)
		s.Who = Theirs // until the refresh is answered, the time that is left runs down
		s.user.Refresh(now)
		return
	}
	s.user.Expired(now)
}

// SessionExpires is the value of a Session-Expires header (RFC 4028 §4).
type SessionExpires struct {
	// Seconds is the interval.
	Seconds uint32
	// Refresher is "uac", "uas" or empty.
	Refresher string
}

// ParseSessionExpires reads the header; ok is false if there is none that is valid.
func ParseSessionExpires(m *message.Message) (se SessionExpires, ok bool) {
	v := m.Get(message.SessionExpires)
	if v == nil {
		return se, false
	}
	i := 0
	for i < len(v) && v[i] >= '0' && v[i] <= '9' {
		i++
	}
	n, err := strconv.ParseUint(string(v[:i]), 10, 32)
	if err != nil {
		return se, false
	}
	se.Seconds = uint32(n)
	if r, has := message.Param(v[i:], "refresher"); has {
		switch string(r) {
		case "uac", "uas":
			se.Refresher = string(r)
		}
	}
	return se, true
}
