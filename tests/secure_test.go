package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// securePhone starts a baresip that speaks TLS beside UDP: with a certificate of its own, trusting who is certified by roots.
func securePhone(t *testing.T, user, host, roots, cert, key string) *baresip {
	t.Helper()
	pair := filepath.Join(t.TempDir(), "pair.pem")
	var texts []string
	for _, path := range []string{cert, key} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	write(t, pair, strings.Join(texts, ""))
	return startBaresip(t, user, host, "sip_certificate "+pair, "sip_cafile "+roots)
}

// secureAddr is where a baresip listens for TLS: one port above the other.
func (b *baresip) secureAddr() string {
	b.t.Helper()
	h, p, err := net.SplitHostPort(b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	port, err := strconv.Atoi(p)
	if err != nil {
		b.t.Fatal(err)
	}
	return net.JoinHostPort(h, strconv.Itoa(port+1))
}

// The phones of the tests by TLS have hosts of their own, which their certificates are for.
const aliceHost, bobHost = "127.0.0.64", "127.0.0.65"

// baresip calls baresip: its own leg is TLS, and that of the callee is TLS or UDP. Each side hangs up once.
func TestBaresipTLS(t *testing.T) {
	cert, key := certificate(t, host, aliceHost, bobHost)
	for _, callee := range []string{"tls", "udp"} {
		for _, by := range []string{"caller", "callee"} {
			t.Run("to "+callee+", the "+by+" hangs up", func(t *testing.T) {
				bob := securePhone(t, "bob", bobHost, cert, cert, key)
				target := "sip:bob@" + bob.addr
				if callee == "tls" {
					target = "sip:bob@" + bob.secureAddr() + ";transport=tls"
				}
				e, addrs := runListeners(t, fmt.Sprintf(relay, target), cert, key, "udp", "tls")
				alice := securePhone(t, "alice", aliceHost, cert, cert, key)
				alice.do("dial", "sip:bob@"+addrs["tls"]+";transport=tls")
				bob.expect("CALL_INCOMING", "alice")
				alice.expect("CALL_RINGING", "bob")
				bob.do("accept", "")
				alice.expect("CALL_ESTABLISHED", "bob")
				bob.expect("CALL_ESTABLISHED", "alice")
				first, second := alice, bob
				if by == "callee" {
					first, second = bob, alice
				}
				first.do("hangup", "")
				second.expect("CALL_CLOSED", "")
				first.expect("CALL_CLOSED", "")
				idle(t, e)
				alice.spoke("TLS", "UDP")
				if callee == "tls" {
					bob.spoke("TLS", "UDP")
				} else {
					bob.spoke("UDP", "TLS")
				}
			})
		}
	}
}

// spoke checks by which transport the messages of the phone's trace went.
func (b *baresip) spoke(only, not string) {
	b.t.Helper()
	arrow := func(transport string) bool {
		return regexp.MustCompile(`(?m)^` + transport + ` \S+ -> `).MatchString(b.output())
	}
	if !arrow(only) || arrow(not) {
		b.t.Errorf("%s: messages by %s: %v, by %s: %v", b.name, only, arrow(only), not, arrow(not))
	}
}

// A phone that has the certificate of somebody else is not called (RFC 5922 §7.2). The other way round there is nothing to see: this
// baresip takes whatever certificate the engine has.
func TestBaresipTLSUntrusted(t *testing.T) {
	cert, key := certificate(t, host, aliceHost)
	foreign, foreignKey := certificate(t, host, bobHost)
	bob := securePhone(t, "bob", bobHost, foreign, foreign, foreignKey)
	e, addrs := runListeners(t, fmt.Sprintf(relay, "sip:bob@"+bob.secureAddr()+";transport=tls"), cert, key, "udp", "tls")
	alice := securePhone(t, "alice", aliceHost, cert, cert, key)
	alice.do("dial", "sip:bob@"+addrs["tls"]+";transport=tls")
	if why := alice.expect("CALL_CLOSED", "bob"); !strings.HasPrefix(why, "5") {
		t.Errorf("the caller was told %q", why)
	}
	idle(t, e)
}
