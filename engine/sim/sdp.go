package sim

import (
	"bytes"
	"slices"
	"strconv"
)

// payloads are the payload types that a phone offers and takes: G.711 and telephone events.
var payloads = []string{"8", "0", "101"}

var rtpmap = map[string]string{"8": "PCMA/8000", "0": "PCMU/8000", "101": "telephone-event/8000"}

// sdpSize is enough for most descriptions.
const sdpSize = 256

// sdp writes a session description: an offer, or the answer to one (RFC 3264). Its origin names the phone and the
// session, so that a test can tell whose media a description is about.
func (p *Phone) sdp(session string, version int, offer []byte) *Body {
	family := "IP4"
	if p.cfg.Addr.Addr().Is6() {
		family = "IP6"
	}
	types, direction := payloads, ""
	if len(offer) > 0 {
		types, direction = common(offer), mirrored(offer)
	}
	b := make([]byte, 0, sdpSize)
	add := func(parts ...string) {
		for _, s := range parts {
			b = append(b, s...)
		}
	}
	add("v=0\r\no=", p.name, " ", session, " ", strconv.Itoa(version), " IN ", family, " ", p.host)
	add("\r\ns=-\r\nc=IN ", family, " ", p.host, "\r\nt=0 0\r\n")
	add("m=audio ", strconv.Itoa(20000+int(p.cfg.Addr.Port())%1000*2), " RTP/AVP")
	for _, t := range types {
		add(" ", t)
	}
	add("\r\n")
	for _, t := range types {
		if name := rtpmap[t]; name != "" {
			add("a=rtpmap:", t, " ", name, "\r\n")
		}
	}
	if direction != "" {
		add("a=", direction, "\r\n")
	}
	return &Body{Type: sdpType, Content: b}
}

// directed puts a direction into a description that has none.
func directed(b *Body, direction string) *Body {
	if direction != "" {
		b.Content = append(b.Content, "a="+direction+"\r\n"...)
	}
	return b
}

// common returns the payload types of an offer that a phone takes; all of its own if it takes none, which a test sees.
func common(offer []byte) []string {
	_, list, _ := bytes.Cut(sdpLine(offer, "m=audio "), []byte(" RTP/AVP "))
	out := make([]string, 0, len(payloads))
	for t := range bytes.FieldsSeq(list) {
		if i := slices.Index(payloads, string(t)); i >= 0 {
			out = append(out, payloads[i])
		}
	}
	if len(out) == 0 {
		return payloads
	}
	return out
}

// mirrored returns the direction that answers the offer's (RFC 3264 §6.1); "" for sendrecv.
func mirrored(offer []byte) string {
	for line := range bytes.Lines(offer) {
		switch string(bytes.TrimSpace(line)) {
		case "a=sendonly":
			return "recvonly"
		case "a=recvonly":
			return "sendonly"
		case "a=inactive":
			return "inactive"
		}
	}
	return ""
}

// sdpLine returns the rest of the first line that starts with prefix.
func sdpLine(sdp []byte, prefix string) []byte {
	for len(sdp) > 0 {
		line, rest, _ := bytes.Cut(sdp, []byte{'\n'})
		if len(line) >= len(prefix) && string(line[:len(prefix)]) == prefix {
			return bytes.TrimSpace(line[len(prefix):])
		}
		sdp = rest
	}
	return nil
}

// origin returns the name and the session of a description's origin.
func origin(sdp []byte) (name, session string) {
	n, rest, _ := bytes.Cut(sdpLine(sdp, "o="), []byte{' '})
	s, _, ok := bytes.Cut(bytes.TrimLeft(rest, " "), []byte{' '})
	if !ok && len(s) == 0 {
		return "", ""
	}
	return string(n), string(s)
}
