package transport

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// handed returns a socket as a process is handed it: its descriptor, bound, and the address.
func handed(t *testing.T, network, addr string) (*os.File, string) {
	t.Helper()
	var file interface{ File() (*os.File, error) }
	at := ""
	if network == "udp" {
		c, err := net.ListenPacket(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() // the file is another descriptor of the same socket
		file, at = c.(*net.UDPConn), c.LocalAddr().String()
	} else {
		l, err := net.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		file, at = l.(*net.TCPListener), l.Addr().String()
	}
	f, err := file.File()
	if err != nil {
		t.Fatal(err)
	}
	return f, at
}

// dup returns another descriptor of a socket.
func dup(t *testing.T, f *os.File) *os.File {
	t.Helper()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "socket")
}

// Sockets that were handed over serve like bound ones; what comes between two owners waits for the second.
func TestInherited(t *testing.T) {
	udp, at := handed(t, "udp", "127.0.0.61:0")
	tcp, tcpAt := handed(t, "tcp", "127.0.0.61:0")
	defer udp.Close()
	defer tcp.Close()
	pbx, phone := netip.MustParseAddrPort(at), dial(t, "127.0.0.61:0")
	for _, says := range []string{"to the first", "to the second"} {
		t.Run(says, func(t *testing.T) {
			write(t, phone, pbx, []byte(says)) // before anybody reads
			shards, bound := openConfig(t, Config{
				Listens: listens(t, "udp:"+at, "tcp:"+tcpAt), Shards: 3, Inherited: []*os.File{dup(t, udp), dup(t, tcp)},
			})
			if bound[0].String() != at || bound[1].String() != tcpAt {
				t.Errorf("bound %v", bound)
			}
			for _, s := range shards { // without SO_REUSEPORT the peer's address says which
				s.receive = s.echo
			}
			run(t, shards...)
			if got, from := read1(t, phone); got != says || from != pbx {
				t.Errorf("%q from %v", got, from)
			}
			// A shard that does not read the socket sends by it.
			shards[2].Post(func(clock.Time) { shards[2].Send(flow.Flow{Remote: addrOf(phone)}, []byte("two")) })
			if got, from := read1(t, phone); got != "two" || from != pbx {
				t.Errorf("%q from %v", got, from)
			}
			conn, err := net.Dial("tcp", tcpAt)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			say(t, conn, framed("by TCP"))
			hear(t, conn, framed("by TCP"))
		})
	}
}

func TestInheritedMisfits(t *testing.T) {
	for name, c := range map[string]struct {
		network, listen string
		sockets, shards int
		want            string
	}{
		"another address":    {"udp", "udp:127.0.0.1:5999", 1, 1, "no listener has that address"},
		"another kind":       {"tcp", "udp:", 1, 1, "no listener has that address"},
		"more than shards":   {"udp", "udp:", 2, 1, "2 sockets were handed over for "},
		"more TCP listeners": {"tcp", "tcp:", 2, 3, "2 sockets were handed over for one address"},
	} {
		t.Run(name, func(t *testing.T) {
			f, at := handed(t, c.network, "127.0.0.61:0")
			files := []*os.File{f}
			for len(files) < c.sockets {
				files = append(files, dup(t, f))
			}
			if strings.HasSuffix(c.listen, ":") {
				c.listen += at
			}
			_, _, err := Open(Config{Listens: listens(t, c.listen), Shards: c.shards, Inherited: files})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if slices.ContainsFunc(files, func(f *os.File) bool { _, err := f.Stat(); return err == nil }) {
				t.Error("a socket is left open")
			}
		})
	}
}
