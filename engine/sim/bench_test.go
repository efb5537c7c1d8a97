package sim

import (
	"testing"
	"time"
)

// BenchmarkCall is a whole call between two phones: INVITE, 180, 200, ACK, BYE, 200 and the timers after it.
func BenchmarkCall(b *testing.B) {
	n := NewNetwork(start, 1)
	alice := n.AttachPhone(PhoneConfig{Name: "alice", Addr: aliceAddr})
	bob := n.AttachPhone(PhoneConfig{Name: "bob", Addr: bobAddr})
	spec := CallSpec{To: "sip:bob@192.0.2.11", Dest: toBob, HangupAfter: new(time.Second)}
	b.ReportAllocs()
	for b.Loop() {
		call := alice.Call(n.Now(), spec)
		if err := n.RunToQuiescence(time.Hour); err != nil {
			b.Fatal(err)
		}
		if !call.Answered() || call.Up() {
			b.Fatal("the call did not go as it should")
		}
		if len(alice.Calls()) == 100 {
			alice.Forget()
			bob.Forget()
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkDatagram is one datagram from a node to another.
func BenchmarkDatagram(b *testing.B) {
	n := NewNetwork(start, 1)
	alice := n.AttachPhone(PhoneConfig{Name: "alice", Addr: aliceAddr})
	bob := n.AttachPhone(PhoneConfig{Name: "bob", Addr: bobAddr})
	payload := make([]byte, 800)
	b.ReportAllocs()
	for b.Loop() {
		alice.out.Send(toBob, payload)
		if err := n.RunToQuiescence(time.Hour); err != nil {
			b.Fatal(err)
		}
		bob.Forget()
	}
}
