package server

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"tandem/cmd/internal/config"
)

const relay = `
local plan = require "plan"
return { invite = function(call) return plan.to "sip:desk@%s" end }`

// A server that is about to stop lets a call end and begins none.
func TestDrain(t *testing.T) {
	phone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	c, _ := configured(t, strings.Replace(relay, "%s", phone.LocalAddr().String(), 1))
	s := start(t, c)
	caller := dial(t, s)
	caller.send("INVITE", "up", "")
	buf := make([]byte, 65536)
	_ = phone.SetReadDeadline(time.Now().Add(patience)) // fails only when closed
	if _, _, err := phone.ReadFrom(buf); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { s.Drain(t.Context(), time.Hour); close(over) }()
	other := dial(t, s)
	for n := 0; ; n++ { // until every shard has heard of it
		other.send("OPTIONS", fmt.Sprint("ping", n), "") // each a transaction of its own: an old one has its old answer
		if line, _ := other.final(); line == "SIP/2.0 503 Service Unavailable" {
			break
		}
	}
	select {
	case <-over:
		t.Fatal("the call did not hold it")
	default:
	}
	caller.send("CANCEL", "up", "")
	for line := ""; line != "SIP/2.0 487 Request Terminated"; {
		line, _ = caller.final()
	}
	if st := status(t, s); st.Calls.TurnedAway == 0 || !strings.Contains(st.String(), "stopping") {
		t.Errorf("%+v", st.Calls)
	}
	ended(t, over)
}

// Calls that last too long, or somebody in a hurry, end the waiting.
func TestDrainEnds(t *testing.T) {
	for name, wait := range map[string]func(s *Server){
		"time": func(s *Server) { s.Drain(context.Background(), time.Millisecond) },
		"hurry": func(s *Server) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			s.Drain(ctx, time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			phone, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer phone.Close()
			c, _ := configured(t, strings.Replace(relay, "%s", phone.LocalAddr().String(), 1))
			s := start(t, c)
			dial(t, s).send("INVITE", "up", "")
			_ = phone.SetReadDeadline(time.Now().Add(patience)) // fails only when closed
			if _, _, err := phone.ReadFrom(make([]byte, 65536)); err != nil {
				t.Fatal(err)
			}
			over := make(chan struct{})
			go func() { wait(s); close(over) }()
			ended(t, over)
		})
	}
}

func ended(t *testing.T, over <-chan struct{}) {
	t.Helper()
	select {
	case <-over:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

// The service manager hears when the server is ready, alive, reloading and stopping.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	_ = manager.SetReadDeadline(time.Now().Add(patience)) // fails only when closed
	hear := func(want string) {
		t.Helper()
		for buf := make([]byte, 1000); ; {
			n, err := manager.Read(buf)
			if err != nil {
				t.Fatalf("%s: %v", want, err)
			}
			if strings.HasPrefix(string(buf[:n]), want) {
				return
			}
		}
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	c, _ := configured(t, busy)
	s, err := Start(t.Context(), Options{Config: c, Log: zap.NewNop(), Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	hear("READY=1")
	hear("WATCHDOG=1")
	s.Reload(t.Context())
	hear("RELOADING=1\nMONOTONIC_USEC=")
	hear("READY=1")
	hear("WATCHDOG=1")
	s.Drain(t.Context(), time.Hour)
	hear("STOPPING=1")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A start that fails late leaves no socket behind.
func TestLateFailure(t *testing.T) {
	c, _ := configured(t, busy)
	c.Admin = filepath.Join(t.TempDir(), "no", "such", "folder")
	udp, err := net.ListenPacket("udp", "127.0.0.73:0") // where nobody has TCP connections, which keep their ports for a minute
	if err != nil {
		t.Fatal(err)
	}
	at := udp.LocalAddr().String()
	udp.Close()
	c.Listeners = []config.Listener{{Address: "udp:" + at}, {Address: "tcp:" + at}}
	if s, err := Start(t.Context(), Options{Config: c, Log: zap.NewNop(), Shards: 2}); err == nil {
		t.Fatal(s.Close())
	}
	if udp, err = net.ListenPacket("udp", at); err != nil {
		t.Errorf("the UDP socket is open: %v", err)
	} else {
		udp.Close()
	}
	tcp, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatalf("the TCP socket is open: %v", err)
	}
	tcp.Close()
}
