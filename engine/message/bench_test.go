package message

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// benchInvite is the INVITE of the benchmark scenario with a few more fields, 1061 bytes.
var benchInvite = wire(`INVITE sip:+4930987654@192.0.2.20:5060 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5061;branch=z9hG4bK-1203-17-0;rport
From: "Alice" <sip:alice@192.0.2.10:5061>;tag=120
To: <sip:+4930987654@192.0.2.20:5060>
Call-ID: 17-1203@192.0.2.10
CSeq: 1 INVITE
Contact: <sip:alice@192.0.2.10:5061;transport=udp>
Max-Forwards: 70
User-Agent: bench-uac
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE
Supported: timer, replaces
Accept: application/sdp
Accept-Language: de
P-Asserted-Identity: <sip:+49301234567@192.0.2.10>
P-Charging-Vector: icid-value="b1c5a2f0d7";icid-generated-at=192.0.2.10
Diversion: <sip:0049-(30)-765-4321@192.0.2.1>;reason=no-answer;counter=1
Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000
Content-Type: application/sdp
Content-Length: 250

v=0
o=user1 53655765 2353687637 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
m=audio 6000 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=maxptime:60
a=sendrecv
`)

// wire turns the line ends of a text into those of SIP.
func wire(s string) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n"))
}

var benchSource = netip.MustParseAddrPort("192.0.2.10:5061")

func TestBenchInvite(t *testing.T) {
	m := mustParse(t, benchInvite)
	if len(benchInvite) != 1061 {
		t.Errorf("the benchmark's INVITE has %d bytes, want 1061 to be comparable with earlier figures", len(benchInvite))
	}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(benchInvite)))
	var m Message
	for b.Loop() {
		if err := m.Parse(benchInvite); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	b.ReportAllocs()
	m := mustParse(b, benchInvite)
	for b.Loop() {
		if err := m.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseClone(b *testing.B) {
	b.ReportAllocs()
	var m Message
	for b.Loop() {
		if err := m.Parse(benchInvite); err != nil {
			b.Fatal(err)
		}
		if m.Clone() == nil {
			b.Fatal("no clone")
		}
	}
}

// appendBLeg writes the INVITE of a callee's leg.
func appendBLeg(dst []byte, m *Message) []byte {
	dst = AppendRequestLine(dst, "INVITE", "sip:100@192.0.2.30:5060")
	dst = AppendVia(dst, "UDP", "192.0.2.20:5060", "z9hG4bKc0ffee0123456789")
	dst = AppendField(dst, "From", `"Alice" <sip:alice@192.0.2.20>;tag=0123456789abcdef`)
	dst = AppendField(dst, "To", "<sip:100@192.0.2.30>")
	dst = AppendField(dst, "Call-ID", "0123456789abcdef@192.0.2.20")
	dst = AppendField(dst, "CSeq", "1 INVITE")
	dst = AppendField(dst, "Max-Forwards", "69")
	dst = AppendField(dst, "Contact", "<sip:alice@192.0.2.20:5060;transport=udp>")
	dst = m.AppendPassed(dst, nil)
	return AppendBody(dst, m.Body())
}

func BenchmarkBuildBLeg(b *testing.B) {
	b.ReportAllocs()
	m := mustParse(b, benchInvite)
	var buf []byte
	for b.Loop() {
		buf = appendBLeg(buf[:0], m)
	}
}

// BenchmarkBLeg is all that an INVITE costs here on its way from leg to leg.
func BenchmarkBLeg(b *testing.B) {
	b.ReportAllocs()
	var m Message
	var buf []byte
	for b.Loop() {
		if err := m.Parse(benchInvite); err != nil {
			b.Fatal(err)
		}
		if err := m.Validate(); err != nil {
			b.Fatal(err)
		}
		buf = appendBLeg(buf[:0], &m)
	}
}

func BenchmarkAppendPassedChanges(b *testing.B) {
	b.ReportAllocs()
	m := mustParse(b, benchInvite)
	changes := []Change{
		{Name: "Diversion", Remove: true},
		{Name: "P-Asserted-Identity", Value: "<sip:+49301234567@192.0.2.20>"},
		{Name: "X-Route", Value: "7"},
	}
	var buf []byte
	for b.Loop() {
		buf = m.AppendPassed(buf[:0], changes)
	}
}

func BenchmarkResponse(b *testing.B) {
	b.ReportAllocs()
	m := mustParse(b, benchInvite)
	tag := []byte("0123456789abcdef")
	var buf []byte
	for b.Loop() {
		buf = AppendBody(m.AppendResponse(buf[:0], 180, "", tag, benchSource), nil)
	}
}

// BenchmarkCalibrate does with sipgo's messages what BenchmarkBLeg does, so that ratios hold on any machine.
func BenchmarkCalibrate(b *testing.B) {
	parser := sip.NewParser()
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := parser.ParseSIP(benchInvite); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse, clone, serialise", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m, err := parser.ParseSIP(benchInvite)
			if err != nil {
				b.Fatal(err)
			}
			if len(m.(*sip.Request).Clone().String()) == 0 {
				b.Fatal("nothing serialised")
			}
		}
	})
}
