package server

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/cmd/internal/follow"
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
	until(t, s, func(st *Status) bool { return st.Calls.Active == 2 })
	list, err := s.Calls(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if c := list[0]; c.ID != "first" || list[1].ID != "second" || c.From != "sip:alice@example.net" || c.To != "sip:100@pbx.example" || c.State != "trying" ||
		c.Source != "udp:"+caller.conn.LocalAddr().String() || len(c.Branches) != 1 || !strings.HasPrefix(c.Branches[0].Target, "sip:desk@127.0.0.1") {
		t.Errorf("%+v", list)
	}
	if n, err := s.End(t.Context(), "third"); n != 0 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	if n, err := s.End(t.Context(), "first"); n != 1 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	caller.asked = "\r\nCall-ID: first\r\n"
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

// Who follows is told of a call whichever shard has it, once, with what the script decided.
func TestFollow(t *testing.T) {
	for name, record := range map[string]string{"alone": "", "recorded": filepath.Join(t.TempDir(), "calls.jsonl")} {
		t.Run(name, func(t *testing.T) {
			c, _ := configured(t, busy)
			c.Record.File = record
			s := start(t, c)
			l, err := s.Follow(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if st := status(t, s); st.Followers != 1 {
				t.Errorf("%d follow", st.Followers)
			}
			caller := dial(t, s)
			for _, id := range []string{"a", "b", "c", "d"} {
				caller.call(id)
				select {
				case got := <-l.Calls():
					want := "INVITE sip:100@pbx.example SIP/2.0; main.lua:3 invite → reject 486; final 486; SIP/2.0 486 Busy Here; ended; ACK sip:100@pbx.example SIP/2.0"
					if text := told(got); got.ID != id || got.Final != 486 || text != want {
						t.Errorf("%s %d %s", got.ID, got.Final, text)
					}
				case <-time.After(patience):
					t.Fatal("no call")
				}
			}
			if record != "" && s.record.Written() == 0 {
				t.Error("nothing is recorded any more")
			}
		})
	}
}

// told is what a call was, event by event; a response that was sent again, since the caller was slow to take it, is told once.
func told(c *follow.Call) string {
	var all []string
	for _, e := range c.Events {
		first, _, _ := strings.Cut(e.Message, "\r\n")
		all = append(all, strings.TrimSpace(e.Where+" "+e.Text+first))
	}
	return strings.Join(slices.Compact(all), "; ")
}
