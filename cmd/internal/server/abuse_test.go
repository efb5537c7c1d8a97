package server

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"tandem/cmd/internal/config"
)

// A scanner is banned, and the status says so.
func TestScannerIsBanned(t *testing.T) {
	c, _ := configured(t, busy)
	c.Listeners = append(c.Listeners, config.Listener{Address: "udp:127.0.0.2:0"})
	s := start(t, c)
	p := dial(t, s)
	p.agent = "User-Agent: friendly-scanner\r\n"
	p.send("OPTIONS", "scan", "")
	st := until(t, s, func(st *Status) bool { return st.Abuse.Bans == 1 && len(st.Abuse.Sources) == 1 })
	text := st.String()
	if !strings.Contains(text, "127.0.0.1 is banned for 5m0s more: scanner\n") && !strings.Contains(text, "127.0.0.1 is banned for 4m") {
		t.Errorf("status:\n%s", text)
	}
	if h, ok := s.heard(); !ok || h.Bans != 1 || h.Banned != 1 {
		t.Errorf("metrics %+v %v", h, ok)
	}
}

// Whom a list keeps out cannot connect; where none does, everybody can.
func TestListKeepsOut(t *testing.T) {
	for _, action := range []string{"allow", "deny"} {
		c, _ := configured(t, busy)
		c.Listeners = []config.Listener{{Address: "tcp:127.0.0.1:0"}}
		c.ACL = []config.ACL{{Action: action, Networks: []string{"127.0.0.0/8"}}}
		s := start(t, c)
		if err := pinged(s.Addrs()[0].Addr.String()); (err == nil) != (action == "allow") {
			t.Errorf("%s: %v", action, err)
		}
		line := map[string]string{"allow": " 1 accepted, 0 made; 0 refused by a limit", "deny": " 0 accepted, 0 made; 1 refused by a limit"}[action]
		if st := status(t, s); !strings.Contains(st.String(), line) {
			t.Errorf("%s: the status does not say%s:\n%s", action, line, st.String())
		}
	}
}

// A source that a list denies is heard with an emergency call, over TCP too, and with nothing else.
func TestHelpPassesListByTCP(t *testing.T) {
	c, _ := configured(t, busy)
	c.Listeners = []config.Listener{{Address: "tcp:127.0.0.1:0"}}
	c.ACL = []config.ACL{{Action: "deny", Networks: []string{"127.0.0.0/8"}}}
	c.Emergency = []string{"100"}
	s := start(t, c)
	conn, err := net.Dial("tcp", s.Addrs()[0].Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, conn: conn}
	p.send("OPTIONS", "who", "")
	p.send("INVITE", "help", "")
	var heard strings.Builder
	for buf := make([]byte, 4096); !strings.Contains(heard.String(), "SIP/2.0 486 "); {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, heard.String())
		}
		heard.Write(buf[:n])
	}
	if strings.Contains(heard.String(), "1 OPTIONS") {
		t.Errorf("OPTIONS was answered:\n%s", heard.String())
	}
}

// pinged sends a keep-alive and waits for its answer; the connection may be reset as soon as it is made.
func pinged(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "\r\n\r\n"); err != nil {
		return err
	}
	_, err = io.ReadFull(conn, make([]byte, 2))
	return err
}
