package transaction

import (
	"tandem/engine/clock"
	"tandem/engine/message"
)

// inviteServer is the machine of RFC 6026 figure 7, which replaces RFC 3261 figure 7. The 100 is the user's to send.
type inviteServer struct{ *Server }

func (s inviteServer) respond(now clock.Time, code int, b []byte) bool {
	class := code / 100
	switch {
	case class < 1 || class > 6:
		return false
	case s.state == Proceeding && class == 1:
		s.keep(b)
		s.send(b)
	case s.state == Proceeding && class == 2:
		s.accept(now, b)
	case s.state == Proceeding && s.bytes == nil && s.layer.Doubts != nil && s.layer.Doubts(s.flow):
		s.layer.Counters.Forgotten++
		s.send(b)
		s.terminate()
	case s.state == Proceeding:
		s.complete(now, b)
	case s.state == Accepted && class == 2:
		s.send(b)
	default:
		return false
	}
	return true
}

func (s inviteServer) accept(now clock.Time, b []byte) {
	s.state = Accepted
	s.drop()
	s.Owner = nil
	s.send(b)
	s.finish(now, &s.layer.jlm) // Timer L, for all transports
}

func (s inviteServer) complete(now clock.Time, b []byte) {
	s.state = Completed
	s.keep(b)
	s.Owner = nil
	if s.old {
		s.readToTag()
	}
	s.send(b)
	s.begin(now, timerG, timerH)
}

// readToTag learns the tag that the ACK of an element of RFC 2543 is going to be matched by.
func (s inviteServer) readToTag() {
	m := &s.layer.parsed
	if m.Parse(s.bytes) == nil {
		s.toTag = string(m.ToTag())
	}
}

func (s inviteServer) ack(now clock.Time) {
	if s.state != Completed {
		s.layer.Counters.RequestsRepeated++
		return
	}
	s.state = Confirmed
	s.drop()
	s.finish(now, &s.layer.ik) // Timer I
}

func (s inviteServer) fire(now clock.Time, kind uint8) {
	if kind == timerH {
		s.layer.Counters.Unacknowledged++
		response := s.bytes
		s.bytes = nil // the user is told of it: it is not to be used again meanwhile
		s.terminate()
		if m := new(message.Message); m.Parse(response) == nil {
			s.layer.user.Unacknowledged(now, m, s.flow)
		}
		return
	}
	s.layer.Counters.ResponsesResent++
	s.send(s.bytes)
	s.interval = min(2*s.interval, s.layer.timers.T2)
	s.schedule(now, timerG, timerH)
}
