package replay

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// sniffed is a capture that is being written.
type sniffed struct {
	t   testing.TB
	out bytes.Buffer
	w   *pcapgo.Writer
	n   int
}

func sniff(t testing.TB) *sniffed {
	s := &sniffed{t: t}
	s.w = pcapgo.NewWriter(&s.out)
	if err := s.w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	return s
}

// frame writes an IP packet, a second after the one before.
func (s *sniffed) frame(ip gopacket.SerializableLayer, kind layers.EthernetType, rest ...gopacket.SerializableLayer) {
	s.t.Helper()
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: kind}
	buf := gopacket.NewSerializeBuffer()
	opt := gopacket.SerializeOptions{FixLengths: true}
	if err := gopacket.SerializeLayers(buf, opt, slices.Concat([]gopacket.SerializableLayer{eth, ip}, rest)...); err != nil {
		s.t.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 10, 15, s.n, 0, time.UTC)
	if err := s.w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(buf.Bytes()), Length: len(buf.Bytes())}, buf.Bytes()); err != nil {
		s.t.Fatal(err)
	}
	s.n++
}

func ipv4(from, to string, p layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: p, SrcIP: net.ParseIP(from), DstIP: net.ParseIP(to)}
}

// fragments writes a datagram in fragments of 400 bytes, in an order.
func (s *sniffed) fragments(from, to, text string, order ...int) {
	s.t.Helper()
	whole := gopacket.NewSerializeBuffer()
	udp := &layers.UDP{SrcPort: 5060, DstPort: 5060}
	if err := gopacket.SerializeLayers(whole, gopacket.SerializeOptions{FixLengths: true}, udp, gopacket.Payload(text)); err != nil {
		s.t.Fatal(err)
	}
	all := slices.Collect(slices.Chunk(whole.Bytes(), 400))
	for _, i := range order {
		ip := ipv4(from, to, layers.IPProtocolUDP)
		ip.Id, ip.FragOffset = 77, uint16(i*50) // in units of eight bytes, RFC 791 §3.1
		if i < len(all)-1 {
			ip.Flags = layers.IPv4MoreFragments
		}
		s.frame(ip, layers.EthernetTypeIPv4, gopacket.Payload(all[i]))
	}
}

// segment writes a part of a TCP connection.
func (s *sniffed) segment(from, to netip.AddrPort, seq int, text string) {
	s.t.Helper()
	tcp := &layers.TCP{SrcPort: layers.TCPPort(from.Port()), DstPort: layers.TCPPort(to.Port()), Seq: uint32(seq), ACK: true, Window: 1000}
	tcp.SYN = text == ""
	s.frame(ipv4(from.Addr().String(), to.Addr().String(), layers.IPProtocolTCP), layers.EthernetTypeIPv4, tcp, gopacket.Payload(text))
}

// calls are the Call-IDs of the calls that are read.
func (s *sniffed) calls() string {
	s.t.Helper()
	all, note, err := Read(file(s.t, s.out.String()))
	if err != nil || note != "" {
		s.t.Fatal(note, err)
	}
	var ids []string
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

// An INVITE that is longer than the network takes at once comes in fragments.
func TestFragments(t *testing.T) {
	long := strings.Replace(inviteText("100", "one"), "Subject: lunch", "Subject: "+strings.Repeat("lunch ", 200), 1)
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}} {
		s := sniff(t)
		s.fragments("198.51.100.7", "192.0.2.1", long, order...)
		if got := s.calls(); got != "one" {
			t.Errorf("%v: %q", order, got)
		}
	}
	s := sniff(t)
	s.fragments("198.51.100.7", "192.0.2.1", long, 0, 1, 3)
	if got := s.calls(); got != "" {
		t.Errorf("a fragment is missing: %q", got)
	}
}

func TestIPv6(t *testing.T) {
	s := sniff(t)
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: net.ParseIP("2001:db8::7"), DstIP: net.ParseIP("2001:db8::1")}
	s.frame(ip, layers.EthernetTypeIPv6, &layers.UDP{SrcPort: 5060, DstPort: 5060}, gopacket.Payload(inviteText("100", "six")))
	if got := s.calls(); got != "six" {
		t.Errorf("%q", got)
	}
}

// Over TCP a message may come in parts, in any order (calls are in that of the wire), several at once, and the capture may begin within a connection.
func TestStreams(t *testing.T) {
	phone, pbx, desk := netip.MustParseAddrPort("198.51.100.7:40000"), netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.11:5060")
	leg := netip.MustParseAddrPort("192.0.2.1:40001") // the engine's own connection
	one, two := inviteText("100", "one"), inviteText("101", "two")
	for _, c := range []struct {
		name, want string
		write      func(s *sniffed)
	}{
		{"in parts", "one", func(s *sniffed) {
			s.segment(phone, pbx, 10, "")
			s.segment(phone, pbx, 11, one[:40])
			s.segment(phone, pbx, 51, one[40:])
		}},
		{"in another order", "two one", func(s *sniffed) {
			s.segment(phone, pbx, 10, "")
			s.segment(phone, pbx, 11+len(one), "\r\n\r\n"+two)
			s.segment(phone, pbx, 11, one)
		}},
		{"from within a connection", "two", func(s *sniffed) {
			s.segment(phone, pbx, 500, one[30:])
			s.segment(phone, pbx, 500+len(one)-30, two)
		}},
		{"after what was not captured", "two", func(s *sniffed) {
			s.segment(phone, pbx, 10, "")
			s.segment(phone, pbx, 11, one[:40])
			s.segment(phone, pbx, 5000, "x: y\r\n\r\n"+two)
		}},
		{"without its legs", "one", func(s *sniffed) {
			s.segment(phone, pbx, 10, "")
			s.segment(phone, pbx, 11, one)
			s.segment(leg, desk, 10, "")
			s.segment(leg, desk, 11, two)
		}},
		{"something else", "", func(s *sniffed) {
			s.segment(phone, pbx, 10, "")
			s.segment(phone, pbx, 11, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			s.segment(desk, pbx, 10, "\x16\x03\x01\x02\x00")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sniff(t)
			c.write(s)
			if got := s.calls(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Who captures is mostly stopped while it writes, and so may be who records: what came before counts.
func TestTooShort(t *testing.T) {
	s := sniff(t)
	for _, id := range []string{"one", "two"} {
		s.frame(ipv4("198.51.100.7", "192.0.2.1", layers.IPProtocolUDP), layers.EthernetTypeIPv4, &layers.UDP{SrcPort: 5060, DstPort: 5060}, gopacket.Payload(inviteText("100", id)))
	}
	for _, c := range []struct {
		name, text, note string
		calls            int
	}{
		{"a capture", s.out.String()[:s.out.Len()-9], "calls ends within packet 2; the calls before it count", 1},
		{"a capture within the head of a packet", s.out.String()[:s.out.Len()/2+20], "calls ends within packet 2; the calls before it count", 1},
		{"a recording", strings.TrimSuffix(busy, "\n") + "\n" + busy[:40], "calls:2: the last record is not complete; those before it count", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := file(t, c.text)
			all, note, err := Read(path)
			if err != nil || len(all) != c.calls || !strings.HasSuffix(note, c.note) {
				t.Errorf("%d calls, %q, %v", len(all), note, err)
			}
			var warned string
			if sum, err := Run(Options{File: path, Root: root(t, "sip:100@192.0.2.11"), Out: &bytes.Buffer{}, Warn: func(s string) { warned = s }}); err != nil || sum.Calls != c.calls || warned != note {
				t.Errorf("%+v, %v, warned %q", sum, err, warned)
			}
		})
	}
	if _, _, err := Read(file(t, "\x1f\x8b\x08")); err == nil || !strings.Contains(err.Error(), "is compressed; unpack it by gunzip") {
		t.Error(err)
	}
}
