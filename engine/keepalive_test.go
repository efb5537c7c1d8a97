package engine_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/guard"
)

// RFC 5626 §8: what a phone asks by STUN over UDP is answered with where it is seen; what is none is not, nor is anybody where nobody registers. The octets of the responses
// are those of RFC 5769 §2.2 and §2.3, which has the same transaction and addresses.
func TestRFC_090_STUN(t *testing.T) {
	const (
		cookie      = "2112a442"
		transaction = "b7e7a701bc34d686fa87dfae"
		request     = "00010000" + cookie + transaction
	)
	v4, v6 := netip.MustParseAddrPort("192.0.2.1:32853"), netip.MustParseAddrPort("[2001:db8:1234:5678:11:2233:4455:6677]:32853")
	flooding := guarded(guard.Config{Rate: 1, Burst: 1, Ban: time.Minute})
	for name, c := range map[string]struct {
		from   netip.AddrPort
		asks   string
		change []func(*engine.Config)
		tcp    bool
		want   string
	}{
		"IPv4":              {from: v4, asks: request, want: "0101000c" + cookie + transaction + "002000080001a147e112a643"},
		"IPv6":              {from: v6, asks: request, want: "01010018" + cookie + transaction + "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"},
		"with an attribute": {from: v4, asks: "00010008" + cookie + transaction + "8022000474657374", want: "0101000c" + cookie + transaction + "002000080001a147e112a643"},
		"indication":        {from: v4, asks: "00110000" + cookie + transaction},
		"response":          {from: v4, asks: "01010000" + cookie + transaction},
		"other cookie":      {from: v4, asks: "0001000021121212" + transaction},
		"cut short":         {from: v4, asks: "00010008" + cookie + transaction},
		"too short":         {from: v4, asks: "0001"},
		"TCP":               {from: v4, asks: request, tcp: true},
		"nobody registers":  {from: v4, asks: request, change: []func(*engine.Config){func(c *engine.Config) { c.Register = nil }}},
		"too many":          {from: v4, asks: request, want: "0101000c" + cookie + transaction + "002000080001a147e112a643", change: []func(*engine.Config){flooding}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := engine.Config{Clock: clock.NewVirtual(start), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}}}
			for _, f := range append([]func(*engine.Config){registrar}, c.change...) {
				f(&cfg)
			}
			out := &sent{}
			sh := engine.New(cfg, always(nil), 1).Shards()[0]
			sh.Connect(out)
			b, err := hex.DecodeString(c.asks)
			if err != nil {
				t.Fatal(err)
			}
			f := flow.Flow{Remote: c.from}
			if c.tcp {
				f.Transport = flow.TCP
			}
			sh.Receive(1, f, b)
			if name == "too many" {
				sh.Receive(2, f, b)
			}
			if got := strings.Join(out.all, " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if bans := sh.Stats().Bans; (bans == 1) != (name == "too many") {
				t.Errorf("%d bans", bans)
			}
		})
	}
}

// sent keeps what is sent, in hexadecimal digits.
type sent struct{ all []string }

func (s *sent) Send(_ flow.Flow, b []byte) { s.all = append(s.all, hex.EncodeToString(b)) }
