package replay

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"tandem/luaapi/scenario"
)

// root writes a script that calls targets one after the other.
func root(t *testing.T, targets ...string) string {
	t.Helper()
	dir := t.TempDir()
	text := "local plan = require 'plan'\nreturn { invite = function(call) return plan.serial {"
	for _, to := range targets {
		text += fmt.Sprintf(" plan.to(%q, { ring = 20 }),", to)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(text+" } end }"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "calls")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	busy = `{"v":1,"id":"a","at":"2026-11-23T10:15:00Z","source":"198.51.100.7:5060","from":"\"A\" <sip:alice@example.net>","to":"sip:100@pbx.example",` +
		`"ruri":"sip:100@pbx.example","headers":[["Subject","lunch"]],"decisions":[{"at":0,"text":"invite → serial{100, 101}","where":"main.lua:9"}],` +
		`"legs":[{"at":0,"uri":"sip:100@192.0.2.11","responses":[{"at":0.01,"code":180},{"at":2,"code":486}]},` +
		`{"at":2,"uri":"sip:101@desk.example:5060","responses":[{"at":2.1,"code":180},{"at":5,"code":200}]}],"final":200,"answered":"sip:101@desk.example"}` + "\n"
	gaveUp = `{"v":1,"id":"b","at":"2026-11-23T10:16:00Z","from":"sip:alice@example.net","to":"sip:100@pbx.example","ruri":"sip:100@pbx.example",` +
		`"legs":[{"at":0,"uri":"sip:100@192.0.2.11","responses":[{"at":0.01,"code":180},{"at":9,"code":487}]}],"cancelled":9,"final":487}` + "\n"
)

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, recording string
		targets         []string
		want            Summary
		says            string
	}{
		{"the same script", busy + gaveUp, []string{"sip:100@192.0.2.11", "sip:101@desk.example"}, Summary{Calls: 2, Same: 2, Differ: 0}, "2 calls, 2 same, 0 differ\n"},
		{"another desk", busy + gaveUp, []string{"sip:100@192.0.2.11", "sip:102@192.0.2.13"}, Summary{Calls: 2, Same: 1, Differ: 1}, "100@192.0.2.11 102@192.0.2.13 · answered by 102@192.0.2.13 · main.lua:2 invite → serial"},
		{"no desk", gaveUp, nil, Summary{Calls: 1, Same: 0, Differ: 1}, "nobody · 480"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			got, err := Run(Options{File: file(t, c.recording), Root: root(t, c.targets...), Out: &b})
			if err != nil || got != c.want || !strings.Contains(b.String(), c.says) {
				t.Errorf("%+v, %v, want %+v\n%s", got, err, c.want, b.String())
			}
		})
	}
}

// A caller is let in as it was when the call was recorded, whatever the configuration asks of callers: as its user, or without credentials.
func TestUsers(t *testing.T) {
	const text = `return { invite = function(call) return require("plan").reject(call.source.user == "bob" and 486 or 480) end }`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	asks := func(string) (scenario.Settings, error) {
		return scenario.Settings{}.WithUsers(map[string]string{"bob": "secret"})
	}
	for name, settings := range map[string]scenario.SettingsOf{"nobody is asked": nil, "users are": asks} {
		for user, final := range map[string]int{"": 480, "bob": 486} {
			line := fmt.Sprintf(`{"v":1,"id":"a","at":"2026-11-23T10:15:00Z","user":%q,"from":"sip:bob@example.net","to":"sip:100@pbx.example","ruri":"sip:100@pbx.example","final":%d}`, user, final)
			var b strings.Builder
			got, err := Run(Options{File: file(t, line+"\n"), Root: dir, Out: &b, Settings: settings})
			if err != nil || got.Same != 1 {
				t.Errorf("%s, user %q: %+v, %v\n%s", name, user, got, err, b.String())
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	good := root(t, "sip:100@192.0.2.11")
	for _, c := range []struct{ file, root, want string }{
		{"", good, "holds no call"},
		{"\n{", good, "calls:2: no record of a call"},
		{`{"v":2}`, good, "calls:1: a record of version 2; this release reads version 1"},
		{busy, t.TempDir(), "has no main.lua"},
		{"\xd4\xc3\xb2\xa1", good, "is no capture that can be read"},
	} {
		if _, err := Run(Options{File: file(t, c.file), Root: c.root, Out: &strings.Builder{}}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// pcap writes datagrams as a capture.
func pcap(t *testing.T, all [][3]string) string {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for i, d := range all {
		eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.ParseIP(d[0]), DstIP: net.ParseIP(d[1])}
		udp := &layers.UDP{SrcPort: 5060, DstPort: 5060}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, udp, gopacket.Payload(d[2])); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 11, 23, 10, 15, i, 0, time.UTC)
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(buf.Bytes()), Length: len(buf.Bytes())}, buf.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	return file(t, b.String())
}

func inviteText(user, id string) string {
	return "INVITE sip:" + user + "@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK" + id + "\r\nMax-Forwards: 70\r\n" +
		"From: \"A\" <sip:alice@example.net>;tag=1\r\nTo: <sip:" + user + "@pbx.example>\r\nCall-ID: " + id + "\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:alice@198.51.100.7>\r\nSubject: lunch\r\nAuthorization: Digest x\r\nContent-Length: 0\r\n\r\n"
}

// Of a capture the calls that came in are taken: not their copies, not the legs of a back-to-back user agent, nothing else.
func TestCapture(t *testing.T) {
	path := pcap(t, [][3]string{
		{"198.51.100.7", "192.0.2.1", inviteText("100", "one")},
		{"198.51.100.7", "192.0.2.1", inviteText("100", "one")},
		{"192.0.2.1", "192.0.2.11", inviteText("100", "leg")},
		{"192.0.2.11", "192.0.2.1", "SIP/2.0 486 Busy\r\n\r\n"},
		{"198.51.100.7", "192.0.2.1", "\r\n\r\n"},
		{"198.51.100.8", "192.0.2.1", inviteText("101", "two")},
	})
	all, _, err := Read(path)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	r := all[0]
	if r.ID != "one" || r.From != `"A" <sip:alice@example.net>` || r.Source != "198.51.100.7:5060" || len(r.Headers) != 1 || r.At.Second() != 0 {
		t.Errorf("%+v", r)
	}
	one, two := root(t, "sip:100@192.0.2.11"), root(t, "sip:200@192.0.2.11")
	var b strings.Builder
	if got, err := Run(Options{File: path, Root: one, Out: &b}); err != nil || got != (Summary{Calls: 2, Alone: 2}) {
		t.Errorf("%+v %v\n%s", got, err, b.String())
	}
	if got, err := Run(Options{File: path, Root: one, Against: two, Out: &b}); err != nil || got != (Summary{Calls: 2, Same: 0, Differ: 2}) {
		t.Errorf("%+v %v\n%s", got, err, b.String())
	}
}

func FuzzRead(f *testing.F) {
	s := sniff(f)
	s.fragments("198.51.100.7", "192.0.2.1", inviteText("100", "one")+strings.Repeat("x", 300), 1, 0)
	at, to := netip.MustParseAddrPort("198.51.100.7:40000"), netip.MustParseAddrPort("192.0.2.1:5060")
	s.segment(at, to, 10, "")
	s.segment(at, to, 60, inviteText("100", "two"))
	s.segment(at, to, 11, inviteText("100", "two")[:49])
	f.Add(s.out.Bytes())
	f.Add([]byte(busy + gaveUp))
	f.Add([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		_, _, _ = Read(path) // it does not panic
	})
}
