package message

import "bytes"

// shorter are the compact forms of what every response has (RFC 3261 §7.3.3, §20).
var shorter = [...]struct{ long, short []byte }{
	{[]byte("Via: "), []byte("v:")},
	{[]byte("From: "), []byte("f:")},
	{[]byte("To: "), []byte("t:")},
	{[]byte("Call-ID: "), []byte("i:")},
	{[]byte("CSeq: "), []byte("CSeq:")},
	{[]byte("Content-Length: "), []byte("l:")},
}

// Shorten makes a response without a body, as AppendResponse and AppendBody write it, no longer than most bytes, if leaving out what it can do
// without is enough: first Server and Accept, then the long names of its fields, then Allow and the phrase. It writes to b and returns the part
// that is left.
func Shorten(b []byte, most int) []byte {
	for _, step := range [...]func(line, dst []byte) []byte{
		without([]byte("Server: "), []byte("Accept: ")), shortened, without([]byte("Allow: ")), unphrased,
	} {
		if len(b) <= most {
			break
		}
		dst := b[:0] // never ahead of what is read
		for line := range bytes.Lines(b) {
			dst = step(line, dst)
		}
		b = dst
	}
	return b
}

func without(names ...[]byte) func(line, dst []byte) []byte {
	return func(line, dst []byte) []byte {
		for _, n := range names {
			if bytes.HasPrefix(line, n) {
				return dst
			}
		}
		return append(dst, line...)
	}
}

func shortened(line, dst []byte) []byte {
	for _, n := range shorter {
		if v, ok := bytes.CutPrefix(line, n.long); ok {
			return append(append(dst, n.short...), v...)
		}
	}
	return append(dst, line...)
}

// unphrased leaves the reason phrase out, which may be empty (RFC 3261 §25.1).
func unphrased(line, dst []byte) []byte {
	const status = len("SIP/2.0 200 ")
	if len(line) > status && bytes.HasPrefix(line, []byte("SIP/2.0 ")) {
		return append(append(dst, line[:status]...), "\r\n"...)
	}
	return append(dst, line...)
}
