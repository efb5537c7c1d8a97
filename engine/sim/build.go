package sim

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
)

// Header is a header field that a test puts into a message. It takes the place of the phone's own fields of that
// name, Via, Content-Length and tags excepted. It is written as it is, line ends included.
type Header struct{ Name, Value string }

// Body is a message body with its type.
type Body struct {
	Type    string
	Content []byte
}

// NoBody says that there is to be no body where nil would mean the phone's SDP.
var NoBody = &Body{}

// allow is what a phone says it understands.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, MESSAGE, NOTIFY, REFER"

const sdpType = "application/sdp"

func isSDP(m *message.Message) bool {
	t, _, _ := bytes.Cut(m.Get(message.ContentType), []byte{';'})
	return len(m.Body()) > 0 && bytes.EqualFold(bytes.TrimSpace(t), []byte(sdpType))
}

// request is what a phone needs to write a request.
type request struct {
	method, uri, from, to, callID string
	cseq                          uint32
	routes                        []string
	contact                       bool
	headers                       []Header
	body                          *Body
	login                         *leg.Login
}

// offers reports whether it carries a session description, unless its headers say something else of its body.
func (r *request) offers() bool {
	return r.body != nil && r.body.Type == sdpType && len(r.body.Content) > 0
}

// nameAddr puts a bare URI into angle brackets.
func nameAddr(s string) string {
	if strings.ContainsRune(s, '<') {
		return s
	}
	return "<" + s + ">"
}

// uriOf returns the URI of an address that may have a display name.
func uriOf(s string) string {
	na, err := message.ParseNameAddr([]byte(s))
	if err != nil {
		return s
	}
	return string(na.URI)
}

// untagged returns an address of From or To without its parameters.
func untagged(value []byte) string {
	na, err := message.ParseNameAddr(value)
	if err != nil {
		return string(value)
	}
	if len(na.Display) == 0 {
		return "<" + string(na.URI) + ">"
	}
	return string(na.Display) + " <" + string(na.URI) + ">"
}

// contactURI returns the URI of the first Contact, "" if there is none.
func contactURI(m *message.Message) string { return string(firstContact(m)) }

func firstContact(m *message.Message) (uri []byte) {
	m.Each(message.Contact, func(e []byte) bool {
		if na, err := message.ParseNameAddr(e); err == nil {
			uri = na.URI
		}
		return false
	})
	return uri
}

// writer appends a message, leaving out what the test's own headers replace.
type writer struct {
	b       []byte
	headers []Header
}

func (w *writer) field(name, value string) {
	if w.wants(name) {
		w.b = message.AppendField(w.b, name, value)
	}
}

// wants reports whether a field is the phone's own to write.
func (w *writer) wants(name string) bool {
	return !slices.ContainsFunc(w.headers, func(h Header) bool { return strings.EqualFold(h.Name, name) })
}

// end writes the test's headers and the body.
func (w *writer) end(body *Body) []byte {
	if body != nil && len(body.Content) > 0 {
		w.field("Content-Type", body.Type)
	}
	for _, h := range w.headers {
		w.b = message.AppendField(w.b, h.Name, h.Value)
	}
	var content []byte
	if body != nil {
		content = body.Content
	}
	return message.AppendBody(w.b, content)
}

// request writes a request with a new branch. The bytes are valid until the phone writes again.
func (p *Phone) request(r *request, f flow.Flow) []byte {
	w := writer{headers: r.headers}
	w.b = message.AppendRequestLine(p.buf[:0], r.method, r.uri)
	var branch [32]byte
	w.b = message.AppendVia(w.b, f.Transport.String(), p.addr, p.appendWord(append(branch[:0], "z9hG4bK"...)))
	w.field("Max-Forwards", "70")
	for _, route := range r.routes {
		w.b = message.AppendField(w.b, "Route", route)
	}
	w.field("From", r.from)
	w.field("To", r.to)
	w.field("Call-ID", r.callID)
	if w.wants("CSeq") {
		w.b = append(message.AppendUint(append(w.b, "CSeq: "...), r.cseq), ' ')
		w.b = append(append(w.b, r.method...), "\r\n"...)
	}
	if r.contact {
		w.field("Contact", p.contact(f))
	}
	if r.login != nil {
		w.b = r.login.Append(w.b, r.method, []byte(r.uri))
	}
	if r.method == "INVITE" {
		w.field("Allow", allow)
	}
	p.buf = w.end(r.body)
	return p.buf
}

// response writes a response to m, which came by f. The bytes are valid until the phone writes again.
func (p *Phone) response(m *message.Message, f flow.Flow, toTag string, r *Reply) []byte {
	w := writer{headers: r.Headers}
	w.b = m.AppendResponse(p.buf[:0], r.Code, r.Phrase, []byte(toTag), f.Remote)
	if m.Method() == message.INVITE && r.Code > 100 && r.Code < 300 { // RFC 3261 §12.1.1
		w.b = m.AppendRecordRoutes(w.b)
		w.field("Contact", p.contact(f))
	}
	if m.Method() == message.OPTIONS && r.Code < 300 {
		w.field("Allow", allow)
	}
	p.buf = w.end(r.Body)
	return p.buf
}

// contact is where the phone is reached by what f speaks.
func (p *Phone) contact(f flow.Flow) string {
	if f.Transport == flow.UDP {
		return p.reached
	}
	return strings.TrimSuffix(p.reached, ">") + ";transport=" + strings.ToLower(f.Transport.String()) + ">"
}

// word returns a new random word of at least 64 bits.
func (p *Phone) word() string {
	var b [16]byte
	return string(p.appendWord(b[:0]))
}

// appendWord appends such a word.
func (p *Phone) appendWord(dst []byte) []byte { return strconv.AppendUint(dst, p.ids.Uint64(), 36) }

// flowTo returns the flow to a URI that names its host by number, else the fallback.
func flowTo(uri string, fallback flow.Flow) flow.Flow {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		return fallback
	}
	a, ok := u.Addr()
	if !ok {
		return fallback
	}
	f := flow.Flow{Remote: a, Listener: fallback.Listener}
	if v, ok := message.Param(u.Params, "transport"); ok {
		for t := flow.UDP; t <= flow.WSS; t++ {
			if strings.EqualFold(string(v), t.String()) {
				f.Transport = t
			}
		}
	}
	return f
}

// at has a phone do something at an instant; one that is past means at once.
func (p *Phone) at(t clock.Time, do func(now clock.Time)) {
	d := &deed{do: do}
	d.timer.Owner = d
	p.heap.Arm(&d.timer, t)
}

// deed is something to be done later.
type deed struct {
	timer clock.Timer
	do    func(now clock.Time)
}

// Fire does it.
func (d *deed) Fire(now clock.Time, _ uint8) { d.do(now) }
