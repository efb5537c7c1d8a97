package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/engine/flow"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// authority signs the certificates of a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	n    int64
}

func newAuthority(t testing.TB) *authority {
	a := &authority{dir: t.TempDir()}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	p := a.sign(t, a.cert, "ca")
	a.file = p.Certificate
	return a
}

// sign makes a key and a certificate for it; the first is the authority's own.
func (a *authority) sign(t testing.TB, c *x509.Certificate, name string) Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if a.key == nil {
		a.key = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := Pair{Certificate: filepath.Join(a.dir, name+".pem"), Key: filepath.Join(a.dir, name+".key")}
	for path, block := range map[string]*pem.Block{
		p.Certificate: {Type: "CERTIFICATE", Bytes: der}, p.Key: {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// issue makes a certificate for a host name or an address.
func (a *authority) issue(t testing.TB, host string) Pair {
	t.Helper()
	a.n++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1 + a.n), Subject: pkix.Name{CommonName: host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{host}
	}
	return a.sign(t, c, host)
}

func (a *authority) pool(t testing.TB) *x509.CertPool {
	t.Helper()
	p, err := Roots(a.file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// secureStage listens with TLS under certificates for two names.
func secureStage(t *testing.T, a *authority, echo bool, change func(*Security)) *stage {
	sec := &Security{Pairs: []Pair{a.issue(t, "one.example"), a.issue(t, "two.example")}}
	if change != nil {
		change(sec)
	}
	c := Config{Listens: listens(t, "tls:127.0.0.61:0"), Roots: a.pool(t)}
	c.Listens[0].Security = sec
	return newStage(t, c, echo)
}

func shake(t *testing.T, s *stage, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	conn := tls.Client(connect(t, s.addr[0]), c)
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	return conn, nil
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	s := secureStage(t, a, true, nil)
	for _, name := range []string{"one.example", "two.example"} {
		c, err := shake(t, s, &tls.Config{ServerName: name, RootCAs: a.pool(t)})
		if err != nil {
			t.Fatal(err)
		}
		say(t, c, framed(name))
		hear(t, c, framed(name))
	}
	if _, err := shake(t, s, &tls.Config{ServerName: "one.example", RootCAs: a.pool(t), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	s.opened(2) // the third is closed
	if n := s.Connections().Failed; n != 1 {
		t.Errorf("%d failed handshakes", n)
	}
}

// A message for an address is not told to whoever has connected from there: answers go back on the connection, requests by one
// whose certificate we have looked at (RFC 5923 §8).
func TestRFC_089_ReuseOfTLS(t *testing.T) {
	a := newAuthority(t)
	s := secureStage(t, a, true, nil)
	c, err := shake(t, s, &tls.Config{ServerName: "one.example", RootCAs: a.pool(t)})
	if err != nil {
		t.Fatal(err)
	}
	say(t, c, framed(""))
	hear(t, c, framed(""))
	f := s.next().flow
	f.Conn = 0
	s.send(f, framed("for somebody at that address"))
	if e := s.next(); e.err == nil || e.flow.Remote != f.Remote {
		t.Errorf("sent without a connection to there: %+v", e)
	}
	say(t, c, framed("again"))
	hear(t, c, framed("again"))
}

func TestClientCertificates(t *testing.T) {
	for _, required := range []bool{false, true} {
		t.Run(fmt.Sprint("required ", required), func(t *testing.T) {
			a := newAuthority(t)
			s := secureStage(t, a, true, func(sec *Security) { sec.ClientCA, sec.RequireClient = a.file, required })
			try := func(certs ...tls.Certificate) error {
				c, err := shake(t, s, &tls.Config{ServerName: "one.example", RootCAs: a.pool(t), Certificates: certs})
				if err != nil {
					return err
				}
				_, _ = io.WriteString(c, framed(""))
				_, err = io.ReadFull(c, make([]byte, 1)) // TLS 1.3 refuses after the handshake
				return err
			}
			pair := func(a *authority) tls.Certificate {
				p := a.issue(t, "phone.example")
				c, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			if err := try(); (err != nil) != required {
				t.Errorf("without a certificate: %v", err)
			}
			if err := try(pair(a)); err != nil {
				t.Errorf("with a good one: %v", err)
			}
			foreign := pair(newAuthority(t))
			foreign.Certificate = append(foreign.Certificate, a.cert.Raw)
			forced := tls.Config{ServerName: "one.example", RootCAs: a.pool(t), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &foreign, nil }}
			if c, err := shake(t, s, &forced); err == nil {
				_, _ = io.WriteString(c, framed(""))
				if _, err = io.ReadFull(c, make([]byte, 1)); err == nil {
					t.Error("a foreign certificate is taken")
				}
			}
		})
	}
}

func TestCertificateReload(t *testing.T) {
	a := newAuthority(t)
	p := a.issue(t, "pbx.example")
	id, err := newIdentity(Security{Pairs: []Pair{p}}, nopLog)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	id.now = func() time.Time { now = now.Add(certLook); return now }
	first := id.config()
	if id.config() != first {
		t.Error("read again without a change")
	}
	if err := os.WriteFile(p.Certificate, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if id.config() != first {
		t.Error("nonsense is used")
	}
	a.issue(t, "pbx.example")
	if second := id.config(); second == first || second.Certificates[0].Leaf.SerialNumber.Int64() != 3 {
		t.Error("the new certificate is not used")
	}
	if _, err := newIdentity(Security{Pairs: []Pair{{Certificate: p.Certificate, Key: "none"}}}, nopLog); err == nil || !strings.Contains(err.Error(), "key none") {
		t.Errorf("no key: %v", err)
	}
}

// A certificate has to be for the name that was asked for (RFC 5922 §7.2).
func TestDialTLS(t *testing.T) {
	a := newAuthority(t)
	there := secureStage(t, a, true, func(sec *Security) { sec.ClientCA, sec.RequireClient = a.file, true })
	here := secureStage(t, a, false, nil)
	to := flow.Flow{Remote: there.addr[0], Name: "two.example", Transport: flow.TLS}
	here.send(to, framed("hello"))
	if e := there.next(); e.text != framed("hello") {
		t.Errorf("there: %+v", e)
	}
	if e := here.next(); e.text != framed("hello") || e.flow.Name != "two.example" {
		t.Errorf("here: %+v", e)
	}
	to.Name = "three.example"
	here.send(to, framed("hello"))
	var wrong *tls.CertificateVerificationError
	if e := here.next(); e.flow != to || !errors.As(e.err, &wrong) {
		t.Errorf("here: %+v", e)
	}
	to.Name = ""
	here.send(to, framed("hello"))
	if e := here.next(); e.flow != to || !errors.As(e.err, &wrong) {
		t.Errorf("by address: %+v", e)
	}
}

func readFrame(t testing.TB, r io.Reader) (ws.OpCode, []byte) {
	t.Helper()
	h, err := ws.ReadHeader(r)
	if err != nil || !h.Fin || h.Masked || h.Length > 1000 {
		t.Fatalf("%+v, %v", h, err)
	}
	b := make([]byte, h.Length)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	return h.OpCode, b
}

func TestWebSocket(t *testing.T) {
	a := newAuthority(t)
	c := Config{Listens: listens(t, "ws:127.0.0.61:0", "wss:127.0.0.61:0")}
	c.Listens[0].Web = &Web{Origins: []string{"https://phone.example"}}
	c.Listens[1].Security = &Security{Pairs: []Pair{a.issue(t, "pbx.example")}}
	s := newStage(t, c, true)
	dial := func(scheme, addr string, protocols []string, origin string) (net.Conn, error) {
		d := ws.Dialer{Protocols: protocols, TLSConfig: &tls.Config{RootCAs: a.pool(t), ServerName: "pbx.example"}, Timeout: patience}
		if origin != "" {
			d.Header = ws.HandshakeHeaderHTTP(http.Header{"Origin": {origin}})
		}
		conn, br, _, err := d.Dial(t.Context(), scheme+"://"+addr+"/")
		if br != nil {
			ws.PutReader(br)
		}
		if err == nil {
			limited(t, conn)
		}
		return conn, err
	}
	for name, scheme := range map[string]string{s.addr[0].String(): "ws", s.addr[1].String(): "wss"} {
		t.Run(scheme, func(t *testing.T) {
			conn, err := dial(scheme, name, []string{"other", "sip"}, "https://phone.example")
			if err != nil {
				t.Fatal(err)
			}
			message := framed("grüße")
			frames := client(ws.NewFrame(ws.OpText, false, []byte(message[:9])), ws.NewPingFrame([]byte("p")), ws.NewFrame(ws.OpContinuation, true, []byte(message[9:])))
			say(t, conn, string(frames))
			if op, b := readFrame(t, conn); op != ws.OpPong || string(b) != "p" {
				t.Errorf("%v %q", op, b)
			}
			if b, op, err := wsutil.ReadServerData(conn); err != nil || op != ws.OpText || string(b) != message {
				t.Errorf("%q, %v, %v", b, op, err)
			}
			e := s.next()
			if want := strings.ToUpper(scheme); e.flow.Transport.String() != want {
				t.Errorf("came by %v", e.flow)
			}
			say(t, conn, string(client(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))))
			if op, _ := readFrame(t, conn); op != ws.OpClose {
				t.Errorf("%v", op)
			}
			ended(t, conn)
			// Nobody can be called back (RFC 7118 §5).
			for e.err == nil {
				e = s.next()
			}
			gone := flow.Flow{Remote: s.addr[0], Conn: 77, Listener: uint8(len(scheme) - 2), Transport: map[string]flow.Transport{"ws": flow.WS, "wss": flow.WSS}[scheme]}
			s.send(gone, message)
			for !errors.Is(e.err, ErrNoConnection) {
				e = s.next()
			}
		})
	}
	for name, c := range map[string]struct {
		protocols []string
		origin    string
		status    int
	}{
		"no subprotocol":      {nil, "", 400},
		"another subprotocol": {[]string{"xmpp"}, "", 400},
		"another origin":      {[]string{"sip"}, "https://evil.example", 403},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dial("ws", s.addr[0].String(), c.protocols, c.origin)
			var status ws.StatusError
			if !errors.As(err, &status) || int(status) != c.status {
				t.Errorf("got %v", err)
			}
		})
	}
	plain := connect(t, s.addr[0])
	say(t, plain, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	hear(t, plain, "HTTP/1.1 4")
}
