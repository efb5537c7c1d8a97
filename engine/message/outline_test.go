package message

import (
	"bytes"
	"strings"
	"testing"
)

// checkOutline sees that an outline, if there is one, is that of the message as Parse reads it.
func checkOutline(t *testing.T, b []byte) (read bool) {
	t.Helper()
	raw := bytes.Clone(b)
	o, ok := ReadOutline(b)
	if !bytes.Equal(raw, b) {
		t.Fatalf("ReadOutline has changed %q to %q", raw, b)
	}
	if !ok {
		return false
	}
	m := new(Message)
	if err := m.Parse(raw); err != nil {
		t.Fatalf("an outline of what Parse refuses, %v: %q", err, b)
	}
	p := m.Outline()
	if o.Method != p.Method || o.Status != p.Status || !bytes.Equal(o.Name, p.Name) || !bytes.Equal(o.CallID, p.CallID) || !bytes.Equal(o.Branch, p.Branch) ||
		(o.Branch == nil) != (p.Branch == nil) {
		t.Fatalf("ReadOutline\n%+v, Parse\n%+v\n%q", o, p, b)
	}
	return true
}

func TestReadOutline(t *testing.T) {
	const usual = "BYE sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\nCall-ID: a@b\nCSeq: 1 BYE\n\nbody"
	for _, test := range []struct {
		name, text string
		read       bool
	}{
		{"a request", usual, true},
		{"a response", strings.Replace(usual, "BYE sip:100@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK", 1), true},
		{"compact names", strings.NewReplacer("Via:", "v:", "Call-ID:", "i:").Replace(usual), true},
		{"names in capital letters", strings.NewReplacer("Via:", "VIA:", "Call-ID:", "CALL-ID:", "CSeq:", "CSEQ:").Replace(usual), true},
		{"two Vias in one field", strings.Replace(usual, "bKa", "bKa, SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb", 1), true},
		{"two fields Via", strings.Replace(usual, "Call-ID", "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb\nCall-ID", 1), true},
		{"the first Via is none", strings.Replace(usual, "Via:", "Via: ?\nVia:", 1), true},
		{"the first CSeq is none", strings.Replace(usual, "CSeq:", "CSeq: ?\nCSeq:", 1), true},
		{"two Call-IDs", strings.Replace(usual, "CSeq:", "Call-ID: c\nCSeq:", 1), true},
		{"white space round the values", strings.NewReplacer(": ", ":\t ", "a@b", "a@b  ", "1 BYE", "1   BYE ").Replace(usual), true},
		{"no Via, Call-ID and CSeq", "BYE sip:100@192.0.2.1 SIP/2.0\nSubject: x\n\n", true},
		{"as many fields as may be", strings.Replace(usual, "\nCall-ID", strings.Repeat("\nX-Y: z", MaxHeaders-3)+"\nCall-ID", 1), true},
		{"a field too many", strings.Replace(usual, "\nCall-ID", strings.Repeat("\nX-Y: z", MaxHeaders-2)+"\nCall-ID", 1), false},
		{"a continued line", strings.Replace(usual, "a@b", "a@b\n c", 1), false},
		{"white space before a colon", strings.Replace(usual, "Via:", "Via :", 1), false},
		{"a control character", strings.Replace(usual, "a@b", "a\x01b", 1), false},
		{"a line that is no field", strings.Replace(usual, "CSeq:", "x y\nCSeq:", 1), false},
		{"a field without a name", strings.Replace(usual, "CSeq:", ": x\nCSeq:", 1), false},
		{"no end of the header", strings.TrimSuffix(usual, "\n\nbody"), false},
		{"another version", strings.Replace(usual, "SIP/2.0", "SIP/3.0", 1), false},
		{"an empty line first", "\n" + usual, false},
		{"no SIP", "hello\n\n", false},
		{"nothing", "", false},
		{"too large", usual + strings.Repeat("x", MaxSize), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if read := checkOutline(t, wire(test.text)); read != test.read {
				t.Errorf("read %v, want %v", read, test.read)
			}
		})
	}
	if !checkOutline(t, benchInvite) {
		t.Error("the benchmark's INVITE is not read")
	}
}

func BenchmarkReadOutline(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := ReadOutline(benchInvite); !ok {
			b.Fatal("not read")
		}
	}
}
