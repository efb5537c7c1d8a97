package message

import (
	"bytes"
	"testing"
)

// What is to be kept stays as it is, and reads like a copy that is unfolded in place.
func TestParseKept(t *testing.T) {
	const head = "INVITE sip:100@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nTo: <sip:b@h>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n"
	for name, text := range map[string]string{
		"not folded":        head + "From: <sip:a@h>;tag=1\r\nContent-Length: 3\r\n\r\n a\n",
		"folded":            head + "From: <sip:a@h>\r\n ;tag=1\r\n\t;x=2\r\nSubject: a\r\n b\r\nContent-Length: 0\r\n\r\n",
		"folded to the end": head + "From: <sip:a@h>;tag=1\r\n x",
	} {
		var kept, plain Message
		raw, again := []byte(text), []byte(text)
		err, want := kept.ParseKept(raw), plain.Parse(again)
		if err != want { //nolint:errorlint // the same one
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
		if string(raw) != text {
			t.Errorf("%s: the bytes have changed: %q", name, raw)
		}
		for id := range numIDs {
			if a, b := kept.Get(id), plain.Get(id); !bytes.Equal(a, b) {
				t.Errorf("%s: %s: got %q, want %q", name, id, a, b)
			}
		}
		if string(kept.FromTag()) != string(plain.FromTag()) || kept.Len() != plain.Len() || string(kept.Body()) != string(plain.Body()) {
			t.Errorf("%s: tag %q of %q, %d fields of %d", name, kept.FromTag(), plain.FromTag(), kept.Len(), plain.Len())
		}
	}
}
