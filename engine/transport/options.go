package transport

import (
	"cmp"
	"crypto/x509"
	"net/netip"
	"os"
	"time"

	"go.uber.org/zap"
)

// Config is what Open needs.
type Config struct {
	// Listens are the listeners, 1 to 256. The index of one is flow.Flow's Listener.
	Listens []Listen
	// Shards is the number of shards, at least 1.
	Shards int
	// Pick says which shard a message of a connection is for. It is called from many goroutines. Nil = the first.
	Pick func(b []byte) int
	// Admit says who may connect to a listener; nil = everybody. It is called from many goroutines.
	Admit func(listener uint8, a netip.Addr) bool
	// Limits bound what connections may take; zero values mean the defaults.
	Limits Limits
	// Roots are whose certificates are trusted when we connect to a peer by TLS; nil = those of the system.
	Roots *x509.CertPool
	// Inherited are bound sockets that whoever started the process has handed over. Each is for the listener that has its
	// address and kind; Open closes them, having made its own of them.
	Inherited []*os.File
	// Log may be nil.
	Log *zap.Logger
}

// Limits bound what connections may take. A zero value means the default.
type Limits struct {
	// Conns is how many connections there may be; 20000. Those that we make are not refused.
	Conns int
	// ConnsPerSource is how many may come from one IPv4 address or IPv6 /64; 200.
	ConnsPerSource int
	// Idle is how long a connection on which nothing is exchanged lasts; 15 minutes.
	Idle time.Duration
	// Lifetime is how long a connection lasts at all; 24 hours. It ends in a pause, or half a minute later.
	Lifetime time.Duration
	// Patience is how long a handshake, a message or a connect may take from its first byte, and how long who connects may
	// say nothing at all; 10 seconds.
	Patience time.Duration
	// Queue is how many bytes may wait for a peer that reads too slowly; 1 MiB. Past it the connection is closed.
	Queue int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Conns:          cmp.Or(l.Conns, 20_000),
		ConnsPerSource: cmp.Or(l.ConnsPerSource, 200),
		Idle:           cmp.Or(l.Idle, 15*time.Minute),
		Lifetime:       cmp.Or(l.Lifetime, 24*time.Hour),
		Patience:       cmp.Or(l.Patience, 10*time.Second),
		Queue:          cmp.Or(l.Queue, 1<<20),
	}
}

// Security is the certificates of a listener for TLS or WSS.
type Security struct {
	// Pairs are its certificates; a client that asks for a name (RFC 6066 §3) gets the first one that is for it, others the first.
	Pairs []Pair
	// ClientCA is a file with the certificates that those of clients are checked by; "" = none is asked for.
	ClientCA string
	// RequireClient refuses clients without a certificate.
	RequireClient bool
}

// Pair is the files of a certificate chain and its key, in PEM.
type Pair struct{ Certificate, Key string }

// ConnStats is a reading of the counters of all connections. All but Open count from the start.
type ConnStats struct {
	Open     int    // connections now, those under way included
	Accepted uint64 // taken from peers
	Dialled  uint64 // made to peers
	Refused  uint64 // closed at once: over a limit
	Failed   uint64 // handshakes and connects that failed
	Broken   uint64 // closed because of what the peer sent: no message, too long, too slow
	Overrun  uint64 // closed because the peer did not read
}
