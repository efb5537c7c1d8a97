package engine

import (
	"bytes"
	"strings"

	"tandem/engine/message"
	"tandem/engine/plan"
)

// offered returns the offer of a message as it may go to a target: with the codecs that the target takes (RFC 3264 §5, §8). Bodies of other types, and of targets
// that take everything, are as they came.
func offered(m *message.Message, t *plan.Target) ([]byte, error) {
	body := m.Body()
	if t.Codecs == nil || len(body) == 0 || !isSDP(m) {
		return body, nil
	}
	return t.Codecs.Filter(nil, body)
}

// isSDP reports whether the body of a message is a session description alone.
func isSDP(m *message.Message) bool {
	kind, _, _ := strings.Cut(string(m.Get(message.ContentType)), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/sdp")
}

// offered returns the offer of a message on its way to this peer.
func (s *side) offered(m *message.Message) ([]byte, error) {
	if s.b == nil {
		return m.Body(), nil
	}
	return offered(m, s.b.target)
}

// lateOffer returns the body of a 2xx on its way to this peer: the offer of one who was asked for it by an INVITE without (RFC 3261 §14.2), or an answer. An offer in
// a 2xx cannot be refused: without a codec that stays it passes as it came, and the peer's answer says so.
func (s *side) lateOffer(req, m *message.Message) []byte {
	if len(req.Body()) > 0 {
		return m.Body()
	}
	body, err := s.offered(m)
	if err != nil {
		return m.Body()
	}
	return body
}

// chooseCodecs makes the offer of the branch's INVITE, and says why there can be none; "" if there can.
func (b *branch) chooseCodecs() (problem string) {
	body, err := offered(b.c.invite, b.target)
	if err != nil {
		return "the offer has none of the codecs " + strings.Join(b.target.Codecs.Names, ", ")
	}
	if !bytes.Equal(body, b.c.invite.Body()) {
		b.offer = body
	}
	return ""
}

// body is the body of the branch's INVITE.
func (b *branch) body() []byte {
	if b.offer != nil {
		return b.offer
	}
	return b.c.invite.Body()
}
