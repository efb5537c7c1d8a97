package replay

import (
	"bytes"
	"cmp"
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

// ng is how a pcapng file begins, gzipped how a compressed one does.
var (
	ng      = []byte{0x0a, 0x0d, 0x0d, 0x0a}
	gzipped = []byte{0x1f, 0x8b}
)

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
	stream   bool // it came over TCP
	r        *Record
}

// captured are the INVITEs of a capture.
type captured struct {
	all    []invite
	called map[netip.AddrPort]bool
	hosts  map[netip.Addr]bool // of those that were called over TCP
	seen   map[string]bool
}

// capture returns the calls in a capture: the INVITEs over UDP and TCP that start one, but for those that an address sends which is called
// itself: they are legs of a call that came in there. note says what else is to be known.
func capture(path string, text []byte) (all []*Record, note string, err error) {
	in, err := open(text)
	if err != nil {
		return nil, "", fmt.Errorf("%s is no capture that can be read: %w", path, err)
	}
	c := &captured{called: make(map[netip.AddrPort]bool), hosts: make(map[netip.Addr]bool), seen: make(map[string]bool)}
	p := newPackets(c)
	for n := 1; ; n++ {
		data, info, err := in.ReadPacketData()
		if errors.Is(err, io.ErrUnexpectedEOF) { // whoever captured was stopped while it wrote
			note = fmt.Sprintf("%s ends within packet %d; the calls before it count", path, n)
			break
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", fmt.Errorf("%s: packet %d: %w", path, n, err)
		}
		p.packet(data, in.LinkType(), info.Timestamp)
	}
	p.end()
	return c.calls(), note, nil
}

func open(text []byte) (frames, error) {
	if bytes.HasPrefix(text, ng) {
		return pcapgo.NewNgReader(bytes.NewReader(text), pcapgo.DefaultNgReaderOptions)
	}
	return pcapgo.NewReader(bytes.NewReader(text))
}

// message takes note of a message that is an INVITE.
func (c *captured) message(b []byte, from, to netip.AddrPort, at time.Time, stream bool) {
	r := inviteOf(b)
	if r == nil {
		return
	}
	c.called[to] = true
	if stream {
		c.hosts[to.Addr()] = true
	}
	if c.seen[r.ID] {
		return
	}
	c.seen[r.ID] = true
	r.At, r.Source = at, from.String()
	c.all = append(c.all, invite{at, from, to, stream, r})
}

// calls are the INVITEs that are no legs, in order of time. Over TCP a leg comes from a port of its own: it is its host that was called.
func (c *captured) calls() (all []*Record) {
	slices.SortStableFunc(c.all, func(a, b invite) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	for _, i := range c.all {
		leg := c.called[i.from]
		if i.stream && i.from.Addr() != i.to.Addr() {
			leg = c.hosts[i.from.Addr()]
		}
		if !leg {
			all = append(all, i.r)
		}
	}
	return all
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
