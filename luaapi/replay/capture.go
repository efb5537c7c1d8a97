package replay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"tandem/engine/message"
)

// ng is how a pcapng file begins.
var ng = []byte{0x0a, 0x0d, 0x0d, 0x0a}

// isCapture reports whether a file is a pcap or pcapng file.
func isCapture(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if magic := order.Uint32(b); magic == 0xa1b2c3d4 || magic == 0xa1b23c4d {
			return true
		}
	}
	return bytes.HasPrefix(b, ng)
}

// frames is a capture.
type frames interface {
	ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	LinkType() layers.LinkType
}

// invite is an INVITE in a capture.
type invite struct {
	at       time.Time
	from, to netip.AddrPort
	r        *Record
}

// capture returns the calls in a capture: the INVITEs over UDP that start one, but for those that an address sends which is called
// itself: they are legs of a call that came in there.
func capture(path string, text []byte) ([]*Record, error) {
	in, err := open(text)
	if err != nil {
		return nil, fmt.Errorf("%s is no capture that can be read: %w", path, err)
	}
	var all []invite
	called, seen := make(map[netip.AddrPort]bool), make(map[string]bool)
	for n := 1; ; n++ {
		data, info, err := in.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: packet %d: %w", path, n, err)
		}
		from, to, body, ok := datagram(data, in.LinkType())
		if !ok {
			continue
		}
		r := inviteOf(body)
		if r == nil {
			continue
		}
		called[to] = true
		if seen[r.ID] {
			continue
		}
		seen[r.ID] = true
		r.At, r.Source = info.Timestamp, from.String()
		all = append(all, invite{info.Timestamp, from, to, r})
	}
	var out []*Record
	for _, i := range all {
		if !called[i.from] {
			out = append(out, i.r)
		}
	}
	return out, nil
}

func open(text []byte) (frames, error) {
	if bytes.HasPrefix(text, ng) {
		return pcapgo.NewNgReader(bytes.NewReader(text), pcapgo.DefaultNgReaderOptions)
	}
	return pcapgo.NewReader(bytes.NewReader(text))
}

// datagram returns what a frame carries over UDP.
func datagram(data []byte, link layers.LinkType) (from, to netip.AddrPort, body []byte, ok bool) {
	p := gopacket.NewPacket(data, link, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	udp, isUDP := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
	network := p.NetworkLayer()
	if !isUDP || network == nil {
		return from, to, nil, false
	}
	src, okSrc := netip.AddrFromSlice(network.NetworkFlow().Src().Raw())
	dst, okDst := netip.AddrFromSlice(network.NetworkFlow().Dst().Raw())
	return netip.AddrPortFrom(src, uint16(udp.SrcPort)), netip.AddrPortFrom(dst, uint16(udp.DstPort)), udp.Payload, okSrc && okDst
}

// inviteOf reads an INVITE that starts a call, nil if it is something else.
func inviteOf(b []byte) *Record {
	var m message.Message
	if !bytes.HasPrefix(b, []byte("INVITE ")) || m.Parse(bytes.Clone(b)) != nil || m.Validate() != nil || len(m.ToTag()) > 0 {
		return nil
	}
	return Incoming(&m)
}

// own are the header fields that are of one leg, or of this attempt: they are not recorded. Credentials never are.
var own = []message.ID{
	message.Via, message.Route, message.RecordRoute, message.Contact, message.From, message.To, message.CallID, message.CSeq,
	message.MaxForwards, message.ContentLength, message.ContentType, message.Require, message.Supported, message.Allow,
	message.Authorization, message.ProxyAuthorization, message.SessionExpires, message.MinSE, message.UserAgent,
}

// Incoming begins the record of a call by its INVITE.
func Incoming(m *message.Message) *Record {
	r := &Record{
		Version: Version, ID: string(m.CallID()), RequestURI: string(m.RequestURI()),
		From: party(m.Get(message.From)), To: party(m.Get(message.To)),
	}
	for i := range m.Len() {
		id, name, value := m.Field(i)
		if !slices.Contains(own, id) && message.ValidValue(string(value)) {
			r.Headers = append(r.Headers, [2]string{string(name), string(value)})
		}
	}
	return r
}

// party is a From or To without parameters.
func party(v []byte) string {
	na, err := message.ParseNameAddr(v)
	if err != nil {
		return string(v)
	}
	if len(na.Display) == 0 {
		return string(na.URI)
	}
	return string(na.Display) + " <" + string(na.URI) + ">"
}
