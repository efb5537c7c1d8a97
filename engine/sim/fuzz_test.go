package sim

import (
	"testing"
	"time"

	"tandem/engine/clock"
)

// Whatever a phone receives, in the midst of a call too, it comes to rest.
func FuzzReceive(f *testing.F) {
	r := newRig(&testing.T{})
	r.bob.Behave(Behaviour{Progress().Reliably(), Answer().In(time.Second), Ask("INVITE").In(time.Second), Bye().In(time.Second)})
	r.call(CallSpec{Headers: []Header{{"Supported", "100rel"}}})
	if err := r.net.RunToQuiescence(time.Hour); err != nil {
		f.Fatal(err)
	}
	for _, l := range append(r.alice.Log(), r.bob.Log()...) {
		f.Add(l.Raw)
	}
	f.Add([]byte("INVITE sip:bob@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: sip:a\r\nTo: sip:b\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nRecord-Route: ,\r\n\r\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := newRig(t)
		r.bob.Behave(Behaviour{Progress().Reliably(), Answer().In(time.Second), Ask("UPDATE"), Bye().In(time.Second)})
		r.call(CallSpec{Headers: []Header{{"Supported", "100rel"}}})
		for _, at := range []float64{0.5, 1.5, 2.5} {
			r.alice.SendRaw(clock.Time(at*float64(time.Second)), toBob, raw)
		}
		r.run()
		r.net.Check()
	})
}
