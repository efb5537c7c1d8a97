package transaction

import "tandem/engine/clock"

// plainServer is the machine of RFC 3261 figure 8, for every request but INVITE and ACK.
type plainServer struct{ *Server }

func (s plainServer) respond(now clock.Time, code int, b []byte) bool {
	switch {
	case s.state != Trying && s.state != Proceeding || code < 100 || code > 699:
		return false
	case code >= 200:
		s.complete(now, b)
	case code > 100:
		return false // RFC 4320 §4.1
	default:
		s.state = Proceeding
		s.keep(b)
		s.send(b)
	}
	return true
}

func (s plainServer) complete(now clock.Time, b []byte) {
	s.state = Completed
	s.drop()
	s.Owner = nil
	if !s.reliable() {
		s.keep(b)
	}
	s.send(b)
	s.finish(now, &s.layer.jlm) // Timer J
}
