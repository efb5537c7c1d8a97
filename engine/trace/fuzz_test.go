package trace

import (
	"strings"
	"testing"
)

// Whatever comes in, a ladder has one line a row, no control characters, and nothing but ASCII if asked for that.
func FuzzLadder(f *testing.F) {
	for _, e := range busy().events {
		f.Add(e.Bytes, e.Text, uint8(80))
	}
	f.Add([]byte("INVITE sip:a%0d%0ab@h SIP/2.0\r\n\r\n"), "a\nnote", uint8(0))
	f.Add([]byte("SIP/2.0 200 \r\nCSeq: 1 \xff\r\n\r\n"), "\x1b[2J", uint8(45))
	f.Add([]byte("CANCEL sip:a@h SIP/2.0\r\nReason: \xc3\xa4;cause=\x80\r\n\r\n"), "→", uint8(200))
	f.Fuzz(func(t *testing.T, raw []byte, text string, width uint8) {
		events := []Event{
			{Kind: Received, Remote: caller, Bytes: raw},
			{Kind: Note, Text: text},
			{Kind: Sent, Remote: desk, Bytes: raw},
			{Kind: Sent, Remote: desk, Bytes: raw},
		}
		for _, ascii := range []bool{false, true} {
			out := Ladder(events, Options{Names: names, ASCII: ascii, Width: int(width), Repeats: true})
			for _, r := range strings.ReplaceAll(out, "\n", "") {
				if r < ' ' || r == 0x7f || ascii && r > 0x7f {
					t.Fatalf("%q in %q", r, out)
				}
			}
			if n := strings.Count(out, "\n"); width == 0 && n > 1+len(events) {
				t.Fatalf("%d lines: %q", n, out)
			}
		}
	})
}
