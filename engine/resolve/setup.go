package resolve

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// setupLook is how often, at most, the machine's setup is looked at for a change.
	setupLook = 5 * time.Second
	// serverBehind is how long a server that did not answer is asked after the others.
	serverBehind = 30 * time.Second
)

// setup is which servers are asked, and by which names.
type setup struct {
	file string // of the machine's setup, which is read again when it changes; "" = the servers were named

	lock    sync.Mutex
	conf    *dns.ClientConfig
	servers []string
	down    map[string]time.Time // servers that did not answer, until when they are asked after the others
	looked  time.Time
	stamp   string // of the file
}

// begin reads the file, and takes the servers that are named in place of those there.
func (s *setup) begin(file string, servers []string) error {
	s.file, s.down = file, map[string]time.Time{}
	s.conf = &dns.ClientConfig{Servers: []string{"127.0.0.1"}, Port: "53", Ndots: 1, Attempts: 2}
	s.read()
	if len(servers) == 0 {
		return nil
	}
	s.file, s.servers = "", nil
	for _, text := range servers {
		at, err := serverAddr(text)
		if err != nil {
			return err
		}
		s.servers = append(s.servers, at)
	}
	return nil
}

// read reads the file; one that cannot be read, or names no server, changes nothing.
func (s *setup) read() {
	s.stamp = stampOf(s.file)
	if conf, err := dns.ClientConfigFromFile(s.file); err == nil && (len(conf.Servers) > 0 || len(s.servers) == 0) {
		s.conf = conf
	}
	s.servers = nil
	for _, at := range s.conf.Servers {
		s.servers = append(s.servers, net.JoinHostPort(at, s.conf.Port))
	}
}

func stampOf(file string) string {
	fi, err := os.Stat(file)
	if err != nil {
		return ""
	}
	return fmt.Sprint(fi.ModTime().UnixNano(), fi.Size())
}

// look reads the file again if it has changed; s.lock is held.
func (s *setup) look(now time.Time) {
	if s.file == "" || now.Sub(s.looked) < setupLook {
		return
	}
	s.looked = now
	if stampOf(s.file) != s.stamp {
		s.read()
	}
}

// names returns what a name may stand for, by the search list.
func (s *setup) names(name string, now time.Time) []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.look(now)
	return s.conf.NameList(name)
}

// order returns the servers in the order to ask them.
func (s *setup) order(now time.Time) []string {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.look(now)
	list := slices.Clone(s.servers)
	slices.SortStableFunc(list, func(a, b string) int {
		switch x, y := now.Before(s.down[a]), now.Before(s.down[b]); {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	})
	return list
}

// answered notes whether a server has answered.
func (s *setup) answered(server string, yes bool, now time.Time) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if yes {
		delete(s.down, server)
	} else {
		s.down[server] = now.Add(serverBehind)
	}
}

// serverAddr reads an address with or without a port.
func serverAddr(s string) (string, error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(a, 53).String(), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return "", fmt.Errorf("%q is no name server: give an IP address, with a port if it is not 53", s)
	}
	return ap.String(), nil
}
