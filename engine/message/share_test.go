package message

import (
	"bytes"
	"testing"
)

// A message that shares its bytes stays what it was when the one that it comes from is used again; a clone also when the bytes are.
func TestShare(t *testing.T) {
	first := []byte("BYE sip:100@192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKone\r\nFrom: <sip:a@example.net>;tag=a\r\n" +
		"To: <sip:b@example.net>;tag=b\r\nCall-ID: one\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n")
	var m Message
	if err := m.Parse(first); err != nil {
		t.Fatal(err)
	}
	shared, clone := m.Share(), m.Clone()
	next := bytes.ReplaceAll(bytes.Clone(first), []byte("one"), []byte("two"))
	if err := m.Parse(next); err != nil || string(m.CallID()) != "two" {
		t.Fatal(err)
	}
	for name, c := range map[string]*Message{"shared": shared, "clone": clone} {
		if string(c.CallID()) != "one" || string(c.TopVia().Branch) != "z9hG4bKone" || string(c.FromTag()) != "a" || string(c.ToTag()) != "b" || c.CSeq() != 2 {
			t.Errorf("%s: %q %q %q %q %d", name, c.CallID(), c.TopVia().Branch, c.FromTag(), c.ToTag(), c.CSeq())
		}
	}
	copy(first[bytes.Index(first, []byte("Call-ID: one")):], "Call-ID: new")
	if string(shared.CallID()) != "new" || string(clone.CallID()) != "one" {
		t.Errorf("shared %q, clone %q", shared.CallID(), clone.CallID())
	}
}
