package tests

import (
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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// certificate makes files with a certificate for hosts, signed by itself, and its key.
func certificate(t testing.TB, hosts ...string) (cert, key string) {
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

// roots returns who is trusted by a file.
func roots(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	text, err := os.ReadFile(file)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s: no certificate: %v", file, err)
	}
	return pool
}

// runListeners starts the engine with listeners, named by their transports ("tls") or whole ("tls:[::1]:0"), and returns their
// addresses.
func runListeners(t testing.TB, script, cert, key string, listeners ...string) (*tandem, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.lua"), script)
	write(t, filepath.Join(dir, "tandem.toml"), fmt.Sprintf("roots = %q\n", cert))
	admin := filepath.Join(t.TempDir(), "admin.sock")
	args := []string{"run", dir, "--admin", admin, "--certificate", cert, "--key", key}
	for _, l := range listeners {
		if !strings.Contains(l, ":") {
			l += ":" + host + ":0"
		}
		args = append(args, "--listen", l)
	}
	e := &tandem{process: startProcess(t, "tandem", dir, binary, args...), dir: dir, admin: admin}
	addrs := map[string]string{}
	for _, l := range listeners {
		transport, _, _ := strings.Cut(l, ":")
		addrs[l] = e.waitLine(`listening on ` + transport + `:(\S+:\d+)`)[1]
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

const relay = `
local plan = require "plan"
return { invite = function() return plan.to "%s" end }`

// sipp calls sipp by TCP, on one connection and on one for each call.
func TestTCP(t *testing.T) {
	for _, mode := range []string{"t1", "tn"} {
		t.Run(mode, func(t *testing.T) {
			cert, key := certificate(t, host)
			bob := startSipp(t, "uas_answer", host, 20, "-d", "20", "-t", "t1")
			bob.waitTCP(host, bob.port)
			_, addrs := runListeners(t, fmt.Sprintf(relay, fmt.Sprintf("sip:bob@%s:%d;transport=tcp", host, bob.port)), cert, key, "tcp")
			startSipp(t, "uac_call", host, 20, addrs["tcp"], "-s", "100", "-r", "50", "-d", "50", "-t", mode, "-max_socket", "1000").finish()
			bob.finish()
		})
	}
}

// sipp, which speaks no TLS itself, calls sipp by TLS: on both legs, and on its own with UDP behind it.
func TestTLS(t *testing.T) {
	for _, leg := range []string{"tls", "udp"} {
		t.Run("to "+leg, func(t *testing.T) { callByTLS(t, leg) })
	}
}

func callByTLS(t *testing.T, leg string) {
	cert, key := certificate(t, host)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := roots(t, cert)
	var bob *sipp
	var target string
	if leg == "udp" {
		bob = callee(t, "uas_answer", host, 20, 20*time.Millisecond)
		target = fmt.Sprintf("sip:bob@%s:%d", host, bob.port)
	} else {
		bob = startSipp(t, "uas_answer", host, 20, "-d", "20", "-t", "t1")
		bob.waitTCP(host, bob.port)
		there := listenTCP(t)
		pipe(t, tls.NewListener(there, &tls.Config{Certificates: []tls.Certificate{pair}}), func() (net.Conn, error) {
			return net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(bob.port)))
		})
		target = "sips:bob@" + there.Addr().String()
	}
	e, addrs := runListeners(t, fmt.Sprintf(relay, target), cert, key, "udp", "tls")
	here := listenTCP(t)
	pipe(t, here, func() (net.Conn, error) {
		return tls.Dial("tcp", addrs["tls"], &tls.Config{RootCAs: pool, ServerName: host})
	})
	startSipp(t, "uac_call", host, 20, here.Addr().String(), "-s", "100", "-r", "50", "-d", "50", "-t", "t1").finish()
	bob.finish()
	idle(t, e)
}

// A large request finds its way to a phone that speaks UDP only.
func TestTCPRefused(t *testing.T) {
	cert, key := certificate(t, host)
	bob := callee(t, "uas_answer", host, 3, 20*time.Millisecond)
	script := fmt.Sprintf(`
local plan = require "plan"
return { invite = function() return plan.to("sip:bob@%s:%d", { headers = { Subject = string.rep("x", 1400) } }) end }`, host, bob.port)
	_, addrs := runListeners(t, script, cert, key, "udp", "tcp")
	startSipp(t, "uac_call", host, 3, addrs["udp"], "-s", "100", "-r", "50", "-d", "50").finish()
	bob.finish()
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
				const at = "df7jal23ls0d.invalid"
				p := &linePhone{t: t, line: webLine{conn}, transport: strings.ToUpper(scheme), host: at, contact: "sip:alice@" + at + ";transport=ws"}
				ok := p.call(scenario == "uas_answer")
				if c := field(ok, "Contact"); !strings.Contains(c, ";transport=ws") {
					t.Errorf("Contact is %s", c)
				}
				if v := field(ok, "Via"); !strings.Contains(v, ";received=127.0.0.1") {
					t.Errorf("Via is %s", v)
				}
				bob.finish()
			})
		}
	}
}
