package server

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"tandem/cmd/internal/config"
)

// login sends a REGISTER with credentials for the challenge in a 401, "" = none, and returns the next response, "" if none came.
func (p *peer) login(n int, challenge, password string, wait time.Duration) string {
	p.t.Helper()
	field := ""
	if challenge != "" {
		c, err := digest.ParseChallenge(challenge)
		if err != nil {
			p.t.Fatal(err)
		}
		cr, err := digest.Digest(c, digest.Options{Method: "REGISTER", URI: "sip:pbx.example", Count: 1, Username: "100", Password: password, Cnonce: "salt"})
		if err != nil {
			p.t.Fatal(err)
		}
		field = "Authorization: " + cr.String() + "\r\n"
	}
	id := fmt.Sprint("login", n)
	text := "REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP " + p.conn.LocalAddr().String() + ";branch=z9hG4bK" + id + "\r\nFrom: <sip:100@pbx.example>;tag=" + id +
		"\r\nTo: <sip:100@pbx.example>\r\nCall-ID: " + id + "\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:100@" + p.conn.LocalAddr().String() + ">\r\n" +
		"User-Agent: a phone of which nothing is known but that its name is long enough for a challenge with two algorithms over UDP\r\n" + field + "Content-Length: 0\r\n\r\n"
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
	if err := p.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		p.t.Fatal(err)
	}
	buf := make([]byte, 65536)
	size, err := p.conn.Read(buf)
	if err != nil {
		return ""
	}
	return string(buf[:size])
}

var challengeOf = regexp.MustCompile(`WWW-Authenticate: (Digest .*algorithm=SHA-256.*)\r\n`)

// Who is registered is listed, whichever shard has him.
func TestRegistrations(t *testing.T) {
	c, _ := configured(t, busy)
	c.Users = []config.User{{Name: "100", Password: "secret"}}
	s := start(t, c)
	if list, err := s.Registrations(t.Context()); err != nil || list == nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	p := dial(t, s)
	m := challengeOf.FindStringSubmatch(p.login(0, "", "", patience))
	if m == nil {
		t.Fatal("not asked")
	}
	if got := p.login(1, m[1], "secret", patience); !strings.HasPrefix(got, "SIP/2.0 200 ") {
		t.Fatal(got)
	}
	list, err := s.Registrations(t.Context())
	at := p.conn.LocalAddr().String()
	if err != nil || len(list) != 1 || list[0].User != "100" || list[0].AOR != "sip:100@pbx.example" || list[0].Contact != "sip:100@"+at || list[0].Source != "udp:"+at ||
		list[0].Expires < 3000 || list[0].Expires > 3600 || list[0].Q != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Wrong passwords ban their source on real sockets, and status and metrics say so.
func TestFailuresBan(t *testing.T) {
	c, _ := configured(t, busy)
	c.Users = []config.User{{Name: "100", Password: "secret"}}
	c.Abuse.Failures = 3
	s := start(t, c)
	p := dial(t, s)
	for i := range 3 {
		asked := p.login(2*i, "", "", patience)
		m := challengeOf.FindStringSubmatch(asked)
		if m == nil || !strings.HasPrefix(asked, "SIP/2.0 401 ") {
			t.Fatalf("round %d: %q", i, asked)
		}
		wait := patience
		if i == 2 {
			wait = 1 // the last one is not answered
		}
		if got := p.login(2*i+1, m[1], "guess", wait); (i < 2) != strings.HasPrefix(got, "SIP/2.0 401 ") {
			t.Fatalf("round %d: %q", i, got)
		}
	}
	st := until(t, s, func(st *Status) bool { return st.Abuse.Bans == 1 })
	text := st.String()
	if !strings.Contains(text, "users     5 requests asked for credentials, 3 wrong ones\n") || !strings.Contains(text, "more: wrong credentials\n") {
		t.Errorf("status:\n%s", text)
	}
	if h, ok := s.heard(); !ok || h.Challenges != 5 || h.Failures != 3 || h.Bans != 1 {
		t.Errorf("metrics %+v %v", h, ok)
	}
	other, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9)}, net.UDPAddrFromAddrPort(s.Addrs()[0].Addr))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := (&peer{t: t, conn: other}).login(99, "", "", patience); !strings.HasPrefix(got, "SIP/2.0 401 ") {
		t.Errorf("another source: %q", got)
	}
}
