package engine_test

import (
	"testing"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
)

// A datagram counts once, whichever shard it came to first.
func TestReceivedOnce(t *testing.T) {
	var e *engine.Engine
	cfg := engine.Config{
		Clock: clock.NewVirtual(start), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}},
		Forward: func(shard int, f flow.Flow, b []byte) { e.Shards()[shard].Receive(0, f, b) },
	}
	e = engine.New(cfg, always(nil), 2)
	for _, sh := range e.Shards() {
		sh.Connect(nowhere{})
	}
	got := uint64(0)
	for _, sh := range e.Shards() {
		sh.Receive(0, flow.Flow{Remote: victim}, []byte(written{method: "OPTIONS", uri: "sip:pbx.example"}.String()))
	}
	for _, sh := range e.Shards() {
		got += sh.Stats().Received
	}
	if got != 2 {
		t.Errorf("%d received, want 2", got)
	}
}
