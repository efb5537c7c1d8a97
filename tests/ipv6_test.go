package tests

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// dialLine connects by a transport.
func dialLine(t *testing.T, transport, addr string, c *tls.Config) (line, net.Conn) {
	t.Helper()
	var conn net.Conn
	var err error
	switch transport {
	case "tcp":
		conn, err = net.Dial("tcp", addr)
	case "tls":
		conn, err = tls.Dial("tcp", addr, c)
	default:
		d := ws.Dialer{Protocols: []string{"sip"}, TLSConfig: c}
		conn, _, _, err = d.Dial(t.Context(), transport+"://"+addr+"/")
	}
	if err != nil {
		t.Fatalf("%v; where there is no IPv6: sysctl net.ipv6.conf.lo.disable_ipv6=0", err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience)) // fails only when closed
	if transport == "ws" || transport == "wss" {
		return webLine{conn}, conn
	}
	return streamLine{conn, bufio.NewReader(conn)}, conn
}

// A caller that has IPv6 only, on a stream, calls a phone that has IPv4 only: each leg speaks its own, and the session descriptions
// pass as they are, media being the business of others. Each side hangs up once.
func TestIPv6Streams(t *testing.T) {
	const phone, sdp = "127.0.0.66", "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n"
	cert, key := certificate(t, "::1")
	for _, transport := range []string{"tcp", "tls", "ws", "wss"} {
		for _, scenario := range []string{"uas_answer", "uas_hangs_up"} {
			t.Run(transport+" "+scenario, func(t *testing.T) {
				log := filepath.Join(t.TempDir(), "messages")
				bob := callee(t, scenario, phone, 1, 20*time.Millisecond, "-trace_msg", "-message_file", log)
				listener := transport + ":[::1]:0"
				e, addrs := runListeners(t, fmt.Sprintf(relay, fmt.Sprintf("sip:bob@%s:%d", phone, bob.port)), cert, key, "udp", listener)
				c, conn := dialLine(t, transport, addrs[listener], &tls.Config{RootCAs: roots(t, cert), ServerName: "::1"})
				at := conn.LocalAddr().String()
				p := &linePhone{t: t, line: c, transport: strings.ToUpper(transport), host: at, contact: "sip:alice@" + at + ";transport=" + transport, sdp: sdp}
				ok := p.call(scenario == "uas_answer")
				bob.finish()
				idle(t, e)
				if v := field(ok, "Contact"); !strings.Contains(v, "@"+addrs[listener]) {
					t.Errorf("the caller is told to reach %s, want %s", v, addrs[listener])
				}
				if !strings.HasSuffix(ok, "m=audio 6000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n") || !strings.Contains(ok, "\r\nc=IN IP4 "+phone+"\r\n") {
					t.Errorf("the caller got\n%s", ok)
				}
				text, err := os.ReadFile(log)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(string(text), "\r\n\r\n"+sdp) {
					t.Errorf("the callee got another description than\n%s\nin\n%s", sdp, text)
				}
			})
		}
	}
}

// The other way round: a caller that has IPv4 only calls a phone that has IPv6 only.
func TestIPv6Callee(t *testing.T) {
	const phone = "::1"
	for transport, mode := range map[string]string{"udp": "u1", "tcp": "t1"} {
		t.Run(transport, func(t *testing.T) {
			cert, key := certificate(t, host)
			bob := startSipp(t, "uas_answer", phone, 5, "-d", "20", "-t", mode)
			if transport == "udp" {
				bob.waitBound(phone, bob.port)
			} else {
				bob.waitTCP(phone, bob.port)
			}
			target := fmt.Sprintf("sip:bob@[%s]:%d;transport=%s", phone, bob.port, transport)
			e, addrs := runListeners(t, fmt.Sprintf(relay, target), cert, key, "udp", transport+":[::1]:0")
			startSipp(t, "uac_call", host, 5, addrs["udp"], "-s", "100", "-r", "50", "-d", "50").finish()
			bob.finish()
			idle(t, e)
		})
	}
}
