package tests

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// certificate makes files with a certificate for hosts, signed by itself, and its key.
func certificate(t *testing.T, hosts ...string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: hosts[0]}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	for _, host := range hosts {
		c.IPAddresses = append(c.IPAddresses, net.ParseIP(host))
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})))
	return cert, key
}

// runListeners starts the engine with a listener for each transport and returns their addresses.
func runListeners(t *testing.T, script, cert, key string, transports ...string) (*tandem, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.lua"), script)
	write(t, filepath.Join(dir, "tandem.toml"), fmt.Sprintf("roots = %q\n", cert))
	admin := filepath.Join(t.TempDir(), "admin.sock")
	args := []string{"run", dir, "--admin", admin, "--certificate", cert, "--key", key}
	for _, tr := range transports {
		args = append(args, "--listen", tr+":"+host+":0")
	}
	e := &tandem{process: startProcess(t, "tandem", dir, binary, args...), dir: dir, admin: admin}
	addrs := map[string]string{}
	for _, tr := range transports {
		addrs[tr] = e.waitLine(`listening on ` + tr + `:(\S+:\d+)`)[1]
	}
	return e, addrs
}

// pipe forwards what connects to a listener, until the test ends.
func pipe(t *testing.T, l net.Listener, dial func() (net.Conn, error)) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := dial()
			if err != nil {
				a.Close()
				continue
			}
			go func() { _, _ = io.Copy(a, b); a.Close() }()
			go func() { _, _ = io.Copy(b, a); b.Close() }()
		}
	}()
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp4", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// waitTCP waits until something listens on a TCP port.
func (p *process) waitTCP(port int) {
	p.t.Helper()
	want := fmt.Sprintf("%s:%04X 00000000:0000 0A", hexAddr(host), port)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if table, err := os.ReadFile("/proc/net/tcp"); err == nil && strings.Contains(string(table), want) {
			return
		}
		select {
		case <-p.done:
			p.t.Fatalf("%s ended: %s", p.name, p.output())
		case <-time.After(10 * time.Millisecond):
		}
	}
	p.t.Fatalf("%s does not listen", p.name)
}

const relay = `
local plan = require "plan"
return { invite = function() return plan.to "%s" end }`

// sipp calls sipp by TCP, on one connection and on one for each call.
func TestTCP(t *testing.T) {
	for _, mode := range []string{"t1", "tn"} {
		t.Run(mode, func(t *testing.T) {
			cert, key := certificate(t, host)
			bob := startSipp(t, "uas_answer", host, 20, "-d", "20", "-t", "t1")
			bob.waitTCP(bob.port)
			_, addrs := runListeners(t, fmt.Sprintf(relay, fmt.Sprintf("sip:bob@%s:%d;transport=tcp", host, bob.port)), cert, key, "tcp")
			startSipp(t, "uac_call", host, 20, addrs["tcp"], "-s", "100", "-r", "20", "-d", "50", "-t", mode, "-max_socket", "1000").finish()
			bob.finish()
		})
	}
}

// sipp, which speaks no TLS itself, calls sipp by TLS on both legs.
func TestTLS(t *testing.T) {
	cert, key := certificate(t, host)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	text, err := os.ReadFile(cert)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	bob := startSipp(t, "uas_answer", host, 20, "-d", "20", "-t", "t1")
	bob.waitTCP(bob.port)
	there := listenTCP(t)
	pipe(t, tls.NewListener(there, &tls.Config{Certificates: []tls.Certificate{pair}}), func() (net.Conn, error) {
		return net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(bob.port)))
	})
	_, addrs := runListeners(t, fmt.Sprintf(relay, "sips:bob@"+there.Addr().String()), cert, key, "tls")
	here := listenTCP(t)
	pipe(t, here, func() (net.Conn, error) {
		return tls.Dial("tcp", addrs["tls"], &tls.Config{RootCAs: pool, ServerName: host})
	})
	startSipp(t, "uac_call", host, 20, here.Addr().String(), "-s", "100", "-r", "20", "-d", "50", "-t", "t1").finish()
	bob.finish()
}

// A large request finds its way to a phone that speaks UDP only.
func TestTCPRefused(t *testing.T) {
	cert, key := certificate(t, host)
	bob := callee(t, "uas_answer", host, 3, 20*time.Millisecond)
	script := fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.to("sip:bob@%s:%d", { headers = { Subject = string.rep("x", 1400) } }) end }`, host, bob.port)
	_, addrs := runListeners(t, script, cert, key, "udp", "tcp")
	startSipp(t, "uac_call", host, 3, addrs["udp"], "-s", "100", "-r", "5", "-d", "50").finish()
	bob.finish()
}

// webPhone is a WebSocket client that speaks as a browser does (RFC 7118).
type webPhone struct {
	t    *testing.T
	conn net.Conn
}

func (p *webPhone) send(lines ...string) {
	p.t.Helper()
	if err := wsutil.WriteClientText(p.conn, []byte(strings.Join(lines, "\r\n"))); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns the next message whose start line begins with that.
func (p *webPhone) hear(start string) string {
	p.t.Helper()
	for {
		b, err := wsutil.ReadServerText(p.conn)
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

// A page calls a phone that speaks UDP, over WS and WSS; each side hangs up once.
func TestWebSocketCallsUDP(t *testing.T) {
	cert, key := certificate(t, host)
	for _, scheme := range []string{"ws", "wss"} {
		for _, scenario := range []string{"uas_answer", "uas_hangs_up"} {
			t.Run(scheme+" "+scenario, func(t *testing.T) {
				bob := callee(t, scenario, host, 1, 20*time.Millisecond)
				_, addrs := runListeners(t, fmt.Sprintf(relay, fmt.Sprintf("sip:bob@%s:%d", host, bob.port)), cert, key, "udp", scheme)
				d := ws.Dialer{Protocols: []string{"sip"}, TLSConfig: &tls.Config{InsecureSkipVerify: true}}
				conn, br, hs, err := d.Dial(t.Context(), scheme+"://"+addrs[scheme]+"/")
				if err != nil {
					t.Fatal(err)
				}
				if br != nil {
					t.Fatal("the engine speaks first")
				}
				defer conn.Close()
				if hs.Protocol != "sip" {
					t.Errorf("the subprotocol is %q", hs.Protocol)
				}
				_ = conn.SetDeadline(time.Now().Add(patience))
				placeWebCall(&webPhone{t, conn}, strings.ToUpper(scheme), scenario == "uas_answer")
				bob.finish()
			})
		}
	}
}

// placeWebCall calls, acknowledges, and ends the call or waits until it is ended.
func placeWebCall(p *webPhone, transport string, hangup bool) {
	p.t.Helper()
	via := "Via: SIP/2.0/" + transport + " df7jal23ls0d.invalid;branch=z9hG4bK"
	contact := "Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>"
	const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n"
	same := []string{"From: <sip:alice@example.net>;tag=a1", "Call-ID: web-1", "Max-Forwards: 70"}
	p.send(append([]string{
		"INVITE sip:100@example.net SIP/2.0", via + "1", "To: <sip:100@example.net>", "CSeq: 1 INVITE", contact,
		"Content-Type: application/sdp", fmt.Sprintf("Content-Length: %d", len(sdp)),
	}, append(same, "", sdp)...)...)
	ok := p.hear("SIP/2.0 200")
	if c := field(ok, "Contact"); !strings.Contains(c, ";transport=ws") {
		p.t.Errorf("Contact is %s", c)
	}
	if v := field(ok, "Via"); !strings.Contains(v, ";received=127.0.0.1") {
		p.t.Errorf("Via is %s", v)
	}
	to := "To: " + field(ok, "To")
	target := regexp.MustCompile(`<(.*)>`).FindStringSubmatch(field(ok, "Contact"))[1]
	end := append(same, "Content-Length: 0", "", "")
	p.send(append([]string{"ACK " + target + " SIP/2.0", via + "2", to, "CSeq: 1 ACK"}, end...)...)
	if hangup {
		p.send(append([]string{"BYE " + target + " SIP/2.0", via + "3", to, "CSeq: 2 BYE"}, end...)...)
		p.hear("SIP/2.0 200")
		return
	}
	bye := p.hear("BYE sip:alice@df7jal23ls0d.invalid")
	var answer []string
	for s := bufio.NewScanner(strings.NewReader(bye)); s.Scan(); {
		switch name, _, _ := strings.Cut(s.Text(), ":"); name {
		case "Via", "From", "To", "Call-ID", "CSeq":
			answer = append(answer, s.Text())
		}
	}
	p.send(append(append([]string{"SIP/2.0 200 OK"}, answer...), "Content-Length: 0", "", "")...)
}
