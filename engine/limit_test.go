package engine_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/sim"
)

// Past the bound new calls are refused with Retry-After; the call that is up goes on.
func TestOverload(t *testing.T) {
	for name, limit := range map[string]func(c *engine.Config){
		"calls":        func(c *engine.Config) { c.MaxCalls = 1 },
		"transactions": func(c *engine.Config) { c.MaxTransactions = 2 },
		"bytes":        func(c *engine.Config) { c.MaxBytes = 8 << 10 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.11")), 1, limit)
			a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
			first := r.place(sim.CallSpec{HangupAfter: seconds(120)})
			r.net.Run(at(500 * time.Millisecond))
			second := r.place(sim.CallSpec{})
			info := first.Request(at(10*time.Second), "INFO", nil, nil)
			r.run()
			if !first.Answered() || info.Code() != 200 || len(a.Received("BYE")) != 1 {
				t.Errorf("the first call: answered %v, INFO %d", first.Answered(), info.Code())
			}
			if second.Final() != 503 || len(header(t, r.caller.Received("503")[0], "Retry-After")) != 1 {
				t.Errorf("the second call got %d", second.Final())
			}
			if n := r.eng.Shards()[0].Stats().Overload; n != 1 {
				t.Errorf("counted %d", n)
			}
		})
	}
}

// A flood of INVITEs keeps the memory under the bound: what is refused leaves nothing behind.
func TestFloodStaysUnderTheBound(t *testing.T) {
	const bound = 16 << 20
	s := always(to("sip:bob@192.0.2.11"))
	e := engine.New(engine.Config{
		Clock: clock.NewVirtual(start), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}}, Rules: engine.Rules{MaxBytes: bound},
	}, s, 1)
	sh := e.Shards()[0]
	sh.Connect(&wire{last: map[string][]byte{}})
	caller := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.100:5060")}
	before := heap()
	const calls = 20000
	for i := range calls {
		sh.Receive(0, caller, fmt.Appendf(nil, benchInvite, i, len(benchSDP), benchSDP))
	}
	after := heap()
	st := sh.Stats()
	if st.Active == 0 || st.Overload == 0 || st.Active+int(st.Overload) != calls {
		t.Errorf("%d calls kept, %d refused, of %d", st.Active, st.Overload, calls)
	}
	if after > before && after-before > bound {
		t.Errorf("%d calls hold %d bytes, %d each; the bound is %d", st.Active, after-before, (after-before)/uint64(st.Active), bound)
	}
	t.Logf("%d calls hold %d bytes each", st.Active, (after-before)/uint64(st.Active))
	runtime.KeepAlive(e)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
