package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// certLook is how often, at most, files of certificates are looked at for a change: when a peer connects.
const certLook = time.Second

// identity is the certificates of a listener, read again when their files change. What cannot be read leaves those in use
// that could.
type identity struct {
	files Security
	log   *zap.Logger
	now   func() time.Time

	current atomic.Pointer[tls.Config]
	looked  atomic.Int64 // when the files were last looked at, as nanoseconds since 1970

	mu    sync.Mutex
	stamp string // of the files that current was made from
}

func newIdentity(files Security, log *zap.Logger) (*identity, error) {
	id := &identity{files: files, log: log, now: time.Now}
	id.stamp = id.stat()
	c, err := id.load()
	if err != nil {
		return nil, err
	}
	id.current.Store(c)
	id.looked.Store(id.now().UnixNano())
	return id, nil
}

// config returns what a handshake is made with.
func (id *identity) config() *tls.Config {
	now, looked := id.now().UnixNano(), id.looked.Load()
	if now-looked >= int64(certLook) && id.looked.CompareAndSwap(looked, now) {
		id.reload()
	}
	return id.current.Load()
}

func (id *identity) reload() {
	id.mu.Lock()
	defer id.mu.Unlock()
	stamp := id.stat()
	if stamp == id.stamp {
		return
	}
	id.stamp = stamp
	c, err := id.load()
	if err != nil {
		id.log.Error("the new certificate cannot be used, the old one stays", zap.Error(err))
		return
	}
	id.current.Store(c)
	id.log.Info("certificate read again", zap.String("file", id.files.Pairs[0].Certificate))
}

// stat tells versions of the files apart.
func (id *identity) stat() string {
	stamp := ""
	note := func(path string) {
		if path == "" {
			return
		}
		if fi, err := os.Stat(path); err == nil {
			stamp += fmt.Sprint(path, fi.ModTime().UnixNano(), fi.Size(), ";")
		} else {
			stamp += path + ";"
		}
	}
	for _, p := range id.files.Pairs {
		note(p.Certificate)
		note(p.Key)
	}
	note(id.files.ClientCA)
	return stamp
}

func (id *identity) load() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: nil}
	for _, p := range id.files.Pairs {
		pair, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s, key %s: %w", p.Certificate, p.Key, err)
		}
		c.Certificates = append(c.Certificates, pair)
	}
	if id.files.ClientCA == "" {
		if id.files.RequireClient {
			return nil, errors.New("client certificates are required, and no file says whose are good")
		}
		return c, nil
	}
	pool, err := Roots(id.files.ClientCA)
	if err != nil {
		return nil, err
	}
	c.ClientCAs, c.ClientAuth = pool, tls.VerifyClientCertIfGiven
	if id.files.RequireClient {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// Roots reads a file of certificates in PEM.
func Roots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", path)
	}
	return pool, nil
}

// tlsDialer makes the configurations of connections to peers.
type tlsDialer struct{ roots *x509.CertPool }

// config returns that for a peer whose certificate has to be for name, or for its address (RFC 5922 §7.2). Our own certificate, if
// it is asked for, is that of the listener.
func (d tlsDialer) config(name string, addr netip.Addr, own *identity) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.roots, ServerName: name}
	if name == "" {
		c.ServerName = addr.WithZone("").String()
	}
	if own != nil {
		c.GetClientCertificate = func(req *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			for _, cert := range own.config().Certificates {
				if req.SupportsCertificate(&cert) == nil {
					return &cert, nil
				}
			}
			return new(tls.Certificate), nil
		}
	}
	return c
}

// gate lets few handshakes compute at a time: many of them want the processors just when shards do. One that waits for its
// peer is outside.
type gate chan struct{}

func newGate() gate { return make(gate, max(1, runtime.GOMAXPROCS(0)/2)) }

func (g gate) enter() { g <- struct{}{} }
func (g gate) leave() { <-g }

// handshake makes a TLS connection of raw, which has a deadline.
func (g gate) handshake(ctx context.Context, raw net.Conn, over func(net.Conn) *tls.Conn) (*tls.Conn, error) {
	gated := &gatedConn{Conn: raw, gate: g}
	secure := over(gated)
	g.enter()
	err := secure.HandshakeContext(ctx)
	gated.open.Store(true)
	g.leave()
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

// gatedConn leaves the gate while it waits for the peer.
type gatedConn struct {
	net.Conn
	gate gate
	open atomic.Bool // the handshake is over
}

// Read reads from the peer.
func (c *gatedConn) Read(b []byte) (int, error) {
	if c.open.Load() {
		return c.Conn.Read(b)
	}
	c.gate.leave()
	defer c.gate.enter()
	return c.Conn.Read(b)
}
