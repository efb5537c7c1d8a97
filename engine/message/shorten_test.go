package message

import (
	"strings"
	"testing"
)

func TestShorten(t *testing.T) {
	const full = "SIP/2.0 405 Method Not Allowed\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\n" +
		"CSeq: 1 FOO\r\nAllow: INVITE, ACK\r\nAccept: application/sdp\r\nUnsupported: x\r\nServer: Tandem\r\nContent-Length: 0\r\n\r\n"
	for name, c := range map[string]struct {
		most int
		gone string // of the fields, with their ends
	}{
		"room enough":      {1000, ""},
		"just so":          {len(full), ""},
		"what is not said": {len(full) - 1, "Accept Server"},
		"names":            {len(full) - len("Accept: application/sdp\r\nServer: Tandem\r\n") - 1, "Accept Server long"},
		"methods":          {len(full) - 90, "Accept Server long Allow"},
		"the phrase":       {10, "Accept Server long Allow phrase"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Shorten([]byte(full), c.most)
			if len(got) > c.most && name != "the phrase" {
				t.Errorf("%d bytes, want at most %d", len(got), c.most)
			}
			for field, text := range map[string]string{
				"Accept": "Accept: ", "Server": "Server: ", "Allow": "Allow: ", "long": "Via: ", "phrase": " Method Not Allowed",
			} {
				if gone := strings.Contains(c.gone, field); strings.Contains(string(got), text) == gone {
					t.Errorf("%s: left out is %v\n%s", field, gone, got)
				}
			}
			m := new(Message)
			if err := m.Parse(got); err != nil || m.Validate() != nil || m.Status() != 405 || string(m.ToTag()) != "2" || string(m.CallID()) != "c" || m.CSeq() != 1 {
				t.Errorf("reads %v: %s", err, got)
			}
			if v := m.Get(Unsupported); string(v) != "x" {
				t.Errorf("Unsupported %q", v)
			}
		})
	}
}
