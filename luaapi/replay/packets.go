package replay

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/ip4defrag"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/tcpassembly"

	"tandem/engine/message"
)

// packets takes messages out of the frames of a capture: datagrams, put together where they came in fragments, and streams.
type packets struct {
	to        *captured
	fragments *ip4defrag.IPv4Defragmenter
	streams   *tcpassembly.Assembler
}

// Pages of 1900 bytes that wait for what is missing in a stream, and in all.
const (
	pagesOfOne = 64
	pagesOfAll = 4096
)

func newPackets(to *captured) *packets {
	p := &packets{to: to, fragments: ip4defrag.NewIPv4Defragmenter()}
	p.streams = tcpassembly.NewAssembler(tcpassembly.NewStreamPool(p))
	p.streams.MaxBufferedPagesPerConnection, p.streams.MaxBufferedPagesTotal = pagesOfOne, pagesOfAll
	return p
}

// packet takes a frame.
func (p *packets) packet(data []byte, link layers.LinkType, at time.Time) {
	frame := gopacket.NewPacket(data, link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	if ip, ok := frame.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ok && (ip.Flags&layers.IPv4MoreFragments != 0 || ip.FragOffset > 0) {
		whole, err := p.fragments.DefragIPv4WithTimestamp(ip, at)
		if err != nil || whole == nil {
			return // more is to come, or it is nonsense
		}
		p.datagram(whole, gopacket.NewPacket(whole.Payload, whole.NextLayerType(), gopacket.NoCopy), at)
		return
	}
	network := frame.NetworkLayer()
	if network == nil {
		return
	}
	if tcp, ok := frame.Layer(layers.LayerTypeTCP).(*layers.TCP); ok {
		p.streams.AssembleWithTimestamp(network.NetworkFlow(), tcp, at)
		return
	}
	p.datagram(network, frame, at)
}

// datagram takes what a packet carries over UDP.
func (p *packets) datagram(network gopacket.NetworkLayer, in gopacket.Packet, at time.Time) {
	udp, ok := in.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if !ok {
		return
	}
	from, to, ok := ends(network.NetworkFlow(), uint16(udp.SrcPort), uint16(udp.DstPort))
	if ok {
		p.to.message(udp.Payload, from, to, at, false)
	}
}

// ends are the addresses that something goes between.
func ends(flow gopacket.Flow, fromPort, toPort uint16) (from, to netip.AddrPort, ok bool) {
	src, okSrc := netip.AddrFromSlice(flow.Src().Raw())
	dst, okDst := netip.AddrFromSlice(flow.Dst().Raw())
	return netip.AddrPortFrom(src, fromPort), netip.AddrPortFrom(dst, toPort), okSrc && okDst
}

// end takes what streams have that never ended.
func (p *packets) end() { p.streams.FlushAll() }

// New makes one direction of a connection.
func (p *packets) New(network, transport gopacket.Flow) tcpassembly.Stream {
	port := func(e gopacket.Endpoint) uint16 {
		b := e.Raw()
		if len(b) != 2 {
			return 0
		}
		return uint16(b[0])<<8 | uint16(b[1])
	}
	s := &stream{to: p.to}
	s.from, s.dest, s.bad = ends(network, port(transport.Src()), port(transport.Dst()))
	s.bad = !s.bad
	return s
}

// stream is one direction of a connection.
type stream struct {
	to         *captured
	from, dest netip.AddrPort
	buf        []byte
	bad        bool // it carries no SIP
}

// Reassembled takes bytes of the stream in order. After a gap it goes on at the next INVITE.
func (s *stream) Reassembled(all []tcpassembly.Reassembly) {
	for _, r := range all {
		if s.bad {
			return
		}
		if r.Skip > 0 {
			s.buf = s.buf[:0]
		}
		s.buf = append(s.buf, r.Bytes...)
		s.messages(r.Seen)
	}
}

// ReassemblyComplete has nothing to do: what is not complete by now is no message.
func (s *stream) ReassemblyComplete() {}

// messages takes the complete messages off the stream (RFC 3261 §18.3).
func (s *stream) messages(at time.Time) {
	for {
		s.buf = bytes.TrimLeft(s.buf, "\r\n")
		line, _, whole := bytes.Cut(s.buf, []byte("\r\n"))
		if whole && !bytes.HasPrefix(line, []byte("SIP/2.0 ")) && !bytes.HasSuffix(line, []byte(" SIP/2.0")) && !s.resume() {
			return
		}
		head := bytes.Index(s.buf, []byte("\r\n\r\n"))
		if head < 0 {
			s.bad = len(s.buf) > message.MaxSize
			return
		}
		n, ok := message.PeekLength(s.buf[:head+4])
		if n += head + 4; !ok {
			s.bad = true
			return
		}
		if len(s.buf) < n {
			return
		}
		s.to.message(s.buf[:n], s.from, s.dest, at, true)
		s.buf = s.buf[n:]
	}
}

// resume goes on at the next INVITE in a stream that does not start with a message; there is none in one that carries something else.
func (s *stream) resume() bool {
	i := bytes.Index(s.buf, []byte("\r\nINVITE sip"))
	if i < 0 {
		s.bad = len(s.buf) > message.MaxSize
		return false
	}
	s.buf = s.buf[i+2:]
	return true
}
