package transaction

import (
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// Server is a server transaction: a request to us and what we answer.
type Server struct {
	tx
	// Owner is the user's own: what the request belongs to. It is dropped with the final response.
	Owner any

	toTag  string
	old    bool   // the request is from an element of RFC 2543
	merged bool   // there was another with its origin
	origin uint64 // in the layer's table; 0 if it is not there
}

// newServer starts the transaction of a request whose key was not found.
func (l *Layer) newServer(m *message.Message, f flow.Flow, key []byte) *Server {
	s := &Server{old: !m.TopVia().Unique()}
	s.layer, s.key, s.flow, s.method, s.state = l, string(key), ReplyFlow(m, f), m.Method(), Trying
	s.timer.Owner = s
	if s.method == message.INVITE {
		s.state = Proceeding // RFC 3261 §17.2.1
	}
	l.servers[s.key] = s
	l.Counters.Served++
	if m.ToTag() == nil && s.method != message.CANCEL {
		s.originate(m)
	}
	return s
}

// originate notes where a request outside a dialog came from first.
func (s *Server) originate(m *message.Message) {
	origin := s.layer.originOf(m)
	if _, s.merged = s.layer.origins[origin]; !s.merged {
		s.origin = origin
		s.layer.origins[origin] = struct{}{}
	}
}

// Merged reports whether the request is outside a dialog and has come by another path already, in a transaction that still is there:
// it has the same From tag, Call-ID and CSeq (RFC 3261 §8.2.2.2).
func (s *Server) Merged() bool { return s.merged }

// SetToTag says which tag the responses carry in To, so that the answer to a CANCEL carries the same (RFC 3261 §9.2).
func (s *Server) SetToTag(tag []byte) { s.toTag = string(tag) }

// Respond sends a response with a status code from 100 to 699 and moves the machine. b is copied if it has to be kept. It
// returns false, and sends nothing, for what the machine has no use for: anything after a final response but another
// 2xx to an accepted INVITE, and a provisional other than 100 to a request other than INVITE (RFC 4320 §4.1).
func (s *Server) Respond(now clock.Time, code int, b []byte) bool {
	if s.method == message.INVITE {
		return inviteServer{s}.respond(now, code, b)
	}
	return plainServer{s}.respond(now, code, b)
}

// Resend sends a 2xx to an accepted INVITE again; its copies are the user's to send (RFC 6026 §7.1). It returns false,
// and sends nothing, in any other state.
func (s *Server) Resend(b []byte) bool {
	if s.state != Accepted {
		return false
	}
	s.send(b)
	return true
}

// Forget ends the transaction at once: a request that is not going to be answered (RFC 4320 §4.2), or that was answered
// and is not worth remembering (RFC 3261 §8.2.7). A copy of the request is a new request then.
func (s *Server) Forget() { s.terminate() }

// repeated answers a copy of the request with the latest response, if one is kept: not before the first, nor for an
// INVITE that was accepted (RFC 6026 §8.7) or whose rejection was acknowledged.
func (s *Server) repeated() {
	s.layer.Counters.RequestsRepeated++
	if s.bytes != nil {
		s.layer.Counters.ResponsesResent++
		s.send(s.bytes)
	}
}

// Fire is called by the heap.
func (s *Server) Fire(now clock.Time, kind uint8) {
	if kind == over {
		s.terminate()
		return
	}
	inviteServer{s}.fire(now, kind)
}

func (s *Server) terminate() {
	if s.state == Terminated {
		return
	}
	s.end()
	delete(s.layer.servers, s.key)
	if s.origin != 0 {
		delete(s.layer.origins, s.origin)
	}
	s.Owner = nil
}
