// Package sdp chooses the codecs of an offer (RFC 8866, RFC 3264): it takes payload types out of a session description, or reorders them, and changes no other
// byte. It holds no state.
package sdp

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// Codecs says which codecs an offer may have.
type Codecs struct {
	// Names are encoding names in any case, the preferred first: "PCMA", "opus". DTMF and comfort noise (telephone-event, CN) stay beside them
	// without being named; redundancy and retransmission (red, rtx, ulpfec) have to be.
	Names []string
	// First leaves only the first of Names that the offer has.
	First bool
}

// ErrNoCodec is returned for an offer that has audio, and none with a codec that may stay.
var ErrNoCodec = errors.New("sdp: none of the codecs is in the offer")

// beside are the encodings that are no codecs of their own (RFC 4733, RFC 3389).
var beside = []string{"telephone-event", "cn"}

// static are the encodings of payload types that need no rtpmap (RFC 3551 §6).
var static = map[string]string{
	"0": "PCMU", "3": "GSM", "4": "G723", "5": "DVI4", "6": "DVI4", "7": "LPC", "8": "PCMA", "9": "G722", "10": "L16", "11": "L16", "12": "QCELP", "13": "CN",
	"14": "MPA", "15": "G728", "16": "DVI4", "17": "DVI4", "18": "G729", "25": "CelB", "26": "JPEG", "28": "nv", "31": "H261", "32": "MPV", "33": "MP2T", "34": "H263",
}

// Filter appends to dst the description with only the codecs that may stay, in their order, and returns it. Media over RTP other than audio that have
// none of them get port 0: not offered (RFC 3264 §5.1). Media that are not RTP stay. It returns ErrNoCodec, and dst as it was, if no audio is left
// where there was some.
func (c Codecs) Filter(dst, description []byte) ([]byte, error) {
	start := len(dst)
	heard, left := false, false
	for m := range sections(description) {
		line, rest := cutLine(m)
		media, ok := parseMedia(line)
		if !ok || media.port == "0" {
			dst = append(dst, m...)
			continue
		}
		mapped := encodings(rest)
		keep := c.choose(media.formats, mapped)
		audio, chosen := strings.EqualFold(media.kind, "audio"), !onlyBeside(keep, mapped)
		heard, left = heard || audio, left || audio && chosen
		switch {
		case slices.Equal(keep, media.formats), audio && !chosen:
			dst = append(dst, m...)
		case chosen:
			dst = media.append(dst, media.port, keep)
			dst = appendAttributes(append(dst, m[len(line):len(m)-len(rest)]...), rest, keep)
		default:
			dst = media.append(dst, "0", media.formats)
			dst = append(dst, m[len(line):]...)
		}
	}
	if heard && !left {
		return dst[:start], ErrNoCodec
	}
	return dst, nil
}

// sections yields the session part and each media section of a description.
func sections(d []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(d) > 0 {
			n := len(d)
			if i := bytes.Index(d[1:], []byte("\nm=")); i >= 0 {
				n = i + 2
			}
			if !yield(d[:n]) {
				return
			}
			d = d[n:]
		}
	}
}

// cutLine returns the first line without its end, and what follows the line.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	return bytes.TrimSuffix(b[:i], []byte{'\r'}), b[i+1:]
}

// media is an m= line (RFC 8866 §5.14): m=<media> <port>[/<count>] <proto> <fmt> ….
type media struct {
	kind, port, count, proto string
	formats                  []string
}

// parseMedia reads an m= line; false if it is none of RTP.
func parseMedia(line []byte) (media, bool) {
	rest, ok := bytes.CutPrefix(line, []byte("m="))
	f := strings.Fields(string(rest))
	if !ok || len(f) < 4 || !strings.Contains(f[2], "RTP/") {
		return media{}, false
	}
	m := media{kind: f[0], proto: f[2], formats: f[3:]}
	if m.port, m.count, ok = strings.Cut(f[1], "/"); ok {
		m.count = "/" + m.count
	}
	return m, true
}

func (m media) append(dst []byte, port string, formats []string) []byte {
	dst = append(dst, "m="+m.kind+" "+port+m.count+" "+m.proto...)
	for _, f := range formats {
		dst = append(append(dst, ' '), f...)
	}
	return dst
}

// encodings returns the encoding names of the payload types that a media section maps.
func encodings(section []byte) map[string]string {
	names := map[string]string{}
	for line := range bytes.Lines(section) {
		kind, payload, value := attribute(line)
		if kind == "rtpmap" {
			name, _, _ := strings.Cut(value, "/")
			names[payload] = name
		}
	}
	return names
}

// attribute splits the line of an attribute that belongs to a payload type: a=rtpmap:8 PCMA/8000.
func attribute(line []byte) (kind, payload, value string) {
	rest, ok := bytes.CutPrefix(line, []byte("a="))
	if !ok {
		return "", "", ""
	}
	kind, rest2, ok := strings.Cut(strings.TrimRight(string(rest), "\r\n"), ":")
	if !ok || kind != "rtpmap" && kind != "fmtp" && kind != "rtcp-fb" {
		return "", "", ""
	}
	payload, value, _ = strings.Cut(strings.TrimLeft(rest2, " "), " ")
	return kind, payload, value
}

func encoding(payload string, mapped map[string]string) string {
	if name, ok := mapped[payload]; ok {
		return name
	}
	return static[payload]
}

// choose returns the formats that stay: by codec in the order of preference, then what goes beside them, as offered.
func (c Codecs) choose(formats []string, mapped map[string]string) []string {
	var keep []string
	for _, name := range c.Names {
		for _, f := range formats {
			if strings.EqualFold(encoding(f, mapped), name) && !slices.Contains(keep, f) {
				keep = append(keep, f)
			}
		}
		if c.First && len(keep) > 0 {
			break
		}
	}
	for _, f := range formats {
		if slices.Contains(beside, strings.ToLower(encoding(f, mapped))) && !slices.Contains(keep, f) {
			keep = append(keep, f)
		}
	}
	return keep
}

// onlyBeside reports whether no format is a codec of its own.
func onlyBeside(formats []string, mapped map[string]string) bool {
	return !slices.ContainsFunc(formats, func(f string) bool { return !slices.Contains(beside, strings.ToLower(encoding(f, mapped))) })
}

// appendAttributes appends the lines of a media section but for those of payload types that do not stay.
func appendAttributes(dst, section []byte, keep []string) []byte {
	for line := range bytes.Lines(section) {
		kind, payload, _ := attribute(line)
		if kind == "" || payload == "*" || slices.Contains(keep, payload) {
			dst = append(dst, line...)
		}
	}
	return dst
}

// Names returns the encoding names that the audio of a description has, in order, each once; those that are no codecs among them.
func Names(description []byte) []string {
	var names []string
	for m := range sections(description) {
		line, rest := cutLine(m)
		md, ok := parseMedia(line)
		if !ok || !strings.EqualFold(md.kind, "audio") || md.port == "0" {
			continue
		}
		mapped := encodings(rest)
		for _, f := range md.formats {
			if n := encoding(f, mapped); n != "" && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}
