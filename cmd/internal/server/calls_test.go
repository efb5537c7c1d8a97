package server

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// ringing returns a server with a call that its script has sent to a phone which has read the INVITE.
func ringing(t *testing.T, id string) (*Server, *peer) {
	t.Helper()
	phone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close() })
	c, _ := configured(t, strings.Replace(relay, "%s", phone.LocalAddr().String(), 1))
	s := start(t, c)
	caller := dial(t, s)
	caller.send("INVITE", id, "")
	_ = phone.SetReadDeadline(time.Now().Add(patience)) // fails only when closed
	if _, _, err := phone.ReadFrom(make([]byte, 65536)); err != nil {
		t.Fatal(err)
	}
	return s, caller
}

// The calls of all shards are listed, and end by hand.
func TestCalls(t *testing.T) {
	s, caller := ringing(t, "first")
	caller.send("INVITE", "second", "")
	for ctx := t.Context(); ; {
		list, err := s.Calls(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) < 2 {
			continue // the second has not come yet
		}
		c := list[0]
		if c.ID != "first" || list[1].ID != "second" || c.From != "sip:alice@example.net" || c.To != "sip:100@pbx.example" || c.State != "trying" ||
			c.Source != "udp:"+caller.conn.LocalAddr().String() || len(c.Branches) != 1 || !strings.HasPrefix(c.Branches[0].Target, "sip:desk@127.0.0.1") {
			t.Errorf("%+v", list)
		}
		break
	}
	if n, err := s.End(t.Context(), "third"); n != 0 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	if n, err := s.End(t.Context(), "first"); n != 1 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	if line, _ := caller.final(); line != "SIP/2.0 480 Ended by hand" {
		t.Error(line)
	}
	if list, err := s.Calls(t.Context()); err != nil || len(list) != 1 || list[0].ID != "second" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestCallsOfAClosedServer(t *testing.T) {
	c, _ := configured(t, busy)
	s := start(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Close()
	if _, err := s.Calls(ctx); err == nil {
		t.Error("a closed server has calls")
	}
	if _, err := s.End(ctx, "a"); err == nil {
		t.Error("a closed server ends calls")
	}
}
