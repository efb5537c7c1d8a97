package engine

import (
	"bytes"
	"strconv"

	"tandem/engine/message"
	"tandem/engine/plan"
)

// requestURI returns the URI of a target with the parameters that its option adds, without what must not stand in a
// Request-URI: headers and the method parameter (RFC 3261 §16.6 step 2, §19.1.1).
func requestURI(t *plan.Target) string {
	u, err := message.ParseURI([]byte(t.URI))
	if err != nil {
		return t.URI
	}
	uri := t.URI[:len(t.URI)-len(u.Headers)]
	_, method := message.Param(u.Params, "method")
	if !method && t.Params == "" {
		return uri
	}
	out := []byte(uri[:len(uri)-len(u.Params)])
	message.EachParam(u.Params, func(k, v []byte) bool {
		if _, again := message.Param([]byte(t.Params), string(k)); again || bytes.EqualFold(k, []byte("method")) {
			return true
		}
		out = appendParam(out, k, v)
		return true
	})
	return string(append(out, t.Params...))
}

func appendParam(dst, name, value []byte) []byte {
	dst = append(append(dst, ';'), name...)
	if len(value) > 0 {
		dst = append(append(dst, '='), value...)
	}
	return dst
}

// appendTo appends the To of a request to a target that makes a dialog or none: it has no tag (RFC 3261 §8.1.1.2).
func appendTo(dst []byte, m *message.Message, t *plan.Target, uri string) []byte {
	switch t.To {
	case "":
		if t.Binding != nil {
			uri = t.Binding.AOR
		}
	case plan.ToKeep:
		if na, err := message.ParseNameAddr(m.Get(message.To)); err == nil {
			return append(appendAddress(append(dst, "To: "...), na.Display, na.URI), "\r\n"...)
		}
	default:
		uri = t.To
	}
	return append(append(append(dst, "To: <"...), uri...), ">\r\n"...)
}

func appendAddress(dst, display, uri []byte) []byte {
	if len(display) > 0 {
		dst = append(append(dst, display...), ' ')
	}
	return append(append(append(dst, '<'), uri...), '>')
}

// appendFrom appends the sender's From, as the target changes it, or an anonymous one, under a tag of ours.
func appendFrom(dst []byte, m *message.Message, t *plan.Target, tag []byte, anonymous bool) []byte {
	if anonymous { // RFC 3323 §4.1.1.3
		dst = append(append(dst, `From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=`...), tag...)
		return append(dst, "\r\n"...)
	}
	na, err := message.ParseNameAddr(m.Get(message.From))
	if err != nil {
		na = message.NameAddr{URI: []byte("sip:anonymous@anonymous.invalid")}
	}
	if name := displayOf(t); name != nil {
		na.Display = nil
		if *name != "" {
			na.Display = []byte(message.Quote(*name))
		}
	}
	if t.From != nil && t.From.User+t.From.Host != "" {
		na.URI = rewritten(na.URI, t.From)
	}
	dst = appendAddress(append(dst, "From: "...), na.Display, na.URI)
	dst = append(append(dst, ";tag="...), tag...)
	message.EachParam(na.Params, func(k, v []byte) bool {
		if !bytes.EqualFold(k, []byte("tag")) {
			dst = appendParam(dst, k, v)
		}
		return true
	})
	return append(dst, "\r\n"...)
}

// displayOf is the display name that a target puts into From, nil if it leaves it alone.
func displayOf(t *plan.Target) *string {
	if t.From != nil && t.From.Display != nil {
		return t.From.Display
	}
	return t.Display
}

// rewritten returns a URI with another user or host. What belongs to the part that goes, goes: the parameters with the user, the
// port with the host. A tel URI whose host is given is that number as a SIP URI (RFC 3261 §19.1.6).
func rewritten(uri []byte, f *plan.From) []byte {
	u, err := message.ParseURI(uri)
	if err != nil || u.Opaque != nil {
		u = message.URI{Scheme: "sip", Host: []byte("anonymous.invalid")}
	}
	user, host, params := u.User, string(u.Host), u.Params
	if u.Scheme == "tel" {
		if params = []byte(";user=phone"); f.Host == "" {
			host = "anonymous.invalid"
		}
		u.Scheme = "sip"
	} else if u.Port != 0 {
		host += ":" + strconv.Itoa(int(u.Port))
	}
	if f.User != "" {
		user, params = []byte(f.User), nil
	}
	if f.Host != "" {
		host = f.Host
	}
	out := append([]byte(u.Scheme), ':')
	if len(user) > 0 {
		out = append(append(out, user...), '@')
	}
	return append(append(out, host...), params...)
}

// clipped is what becomes of P-Asserted-Identity in the request to a target (RFC 3325 §9.1).
func clipped(t *plan.Target) []message.Change {
	if t.Clip == nil {
		return nil
	}
	return []message.Change{message.Change(*t.Clip)}
}

// connected is what becomes of the P-Asserted-Identity of a message from the branch's callee: whom the caller was told it is connected to stays, and every
// response to its INVITE says so, but for a refusal.
func (b *branch) connected(m *message.Message) []message.Change {
	colp := b.target.Colp
	tells := !m.IsRequest() && m.Status() < 300 && m.Method() == message.INVITE
	if colp == nil || !tells && !m.Has(message.PAssertedIdentity) {
		return nil
	}
	return []message.Change{message.Change(*colp)}
}

// clip is what becomes of the P-Asserted-Identity of a message on its way to this peer: who it was told is calling, or is called, stays.
func (s *side) clip(m *message.Message) []message.Change {
	if s.b == nil && s.peer != nil && s.peer.b != nil {
		return s.peer.b.connected(m)
	}
	if s.b == nil || s.b.target.Clip == nil || !m.Has(message.PAssertedIdentity) {
		return nil
	}
	return clipped(s.b.target)
}
