package tests

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gobwas/ws/wsutil"
)

// line carries whole messages on a connection.
type line interface {
	write(message []byte) error
	read() ([]byte, error)
}

// webLine is a WebSocket as a browser has it (RFC 7118).
type webLine struct{ net.Conn }

func (l webLine) write(b []byte) error  { return wsutil.WriteClientText(l, b) }
func (l webLine) read() ([]byte, error) { return wsutil.ReadServerText(l) }

// streamLine is a TCP or TLS connection, on which Content-Length says where a message ends (RFC 3261 §18.3).
type streamLine struct {
	net.Conn
	in *bufio.Reader
}

func (l streamLine) write(b []byte) error {
	_, err := l.Write(b)
	return err
}

func (l streamLine) read() ([]byte, error) {
	r := textproto.NewReader(l.in)
	var head strings.Builder
	length := 0
	for {
		text, err := r.ReadLine()
		if err != nil {
			return nil, err
		}
		head.WriteString(text + "\r\n")
		if name, value, _ := strings.Cut(text, ":"); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return nil, err
			}
		}
		if text == "" {
			body := make([]byte, length)
			_, err := io.ReadFull(l.in, body)
			return append([]byte(head.String()), body...), err
		}
	}
}

// linePhone is a client on a connection.
type linePhone struct {
	t *testing.T
	line
	transport, host string // of its Via
	contact         string // a URI
	sdp             string // "" = one of IPv4
}

func (p *linePhone) send(lines ...string) {
	p.t.Helper()
	if err := p.write([]byte(strings.Join(lines, "\r\n"))); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns the next message whose start line begins with that.
func (p *linePhone) hear(start string) string {
	p.t.Helper()
	for {
		b, err := p.read()
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", start, err)
		}
		if strings.HasPrefix(string(b), start) {
			return string(b)
		}
		if line, _, _ := strings.Cut(string(b), "\r\n"); !strings.HasPrefix(line, "SIP/2.0 1") {
			p.t.Fatalf("waiting for %s: %s", start, line)
		}
	}
}

func field(message, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + `: (.*)\r$`).FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	return m[1]
}

// call calls, acknowledges, and ends the call or waits until it is ended. It returns the 200.
func (p *linePhone) call(hangup bool) (ok string) {
	p.t.Helper()
	via := "Via: SIP/2.0/" + p.transport + " " + p.host + ";branch=z9hG4bK"
	if p.sdp == "" {
		p.sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n"
	}
	same := []string{"From: <sip:alice@example.net>;tag=a1", "Call-ID: web-1", "Max-Forwards: 70"}
	p.send(append([]string{
		"INVITE sip:100@example.net SIP/2.0", via + "1", "To: <sip:100@example.net>", "CSeq: 1 INVITE", "Contact: <" + p.contact + ">",
		"Content-Type: application/sdp", fmt.Sprintf("Content-Length: %d", len(p.sdp)),
	}, append(same, "", p.sdp)...)...)
	ok = p.hear("SIP/2.0 200")
	to := "To: " + field(ok, "To")
	target := regexp.MustCompile(`<(.*)>`).FindStringSubmatch(field(ok, "Contact"))[1]
	end := append(same, "Content-Length: 0", "", "")
	p.send(append([]string{"ACK " + target + " SIP/2.0", via + "2", to, "CSeq: 1 ACK"}, end...)...)
	if hangup {
		p.send(append([]string{"BYE " + target + " SIP/2.0", via + "3", to, "CSeq: 2 BYE"}, end...)...)
		p.hear("SIP/2.0 200")
		return ok
	}
	bye := p.hear("BYE " + p.contact)
	var answer []string
	for s := bufio.NewScanner(strings.NewReader(bye)); s.Scan(); {
		switch name, _, _ := strings.Cut(s.Text(), ":"); name {
		case "Via", "From", "To", "Call-ID", "CSeq":
			answer = append(answer, s.Text())
		}
	}
	p.send(append(append([]string{"SIP/2.0 200 OK"}, answer...), "Content-Length: 0", "", "")...)
	return ok
}
