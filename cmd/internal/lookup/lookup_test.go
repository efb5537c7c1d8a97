package lookup

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"tandem/cmd/internal/exit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers every question for an address with the one given.
func server(t *testing.T, a string) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.72:0")
	if err != nil {
		t.Fatal(err)
	}
	up, down := make(chan struct{}), make(chan struct{})
	s := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(up) }}
	s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			rr, _ := dns.NewRR(q.Question[0].Name + " 60 A " + a)
			m.Answer = append(m.Answer, rr)
		}
		_ = w.WriteMsg(m)
	})
	go func() {
		defer close(down)
		_ = s.ActivateAndServe()
	}()
	<-up
	t.Cleanup(func() {
		_ = s.Shutdown()
		<-down
	})
	return pc.LocalAddr().String()
}

// M11 of docs/behaviours.md: the answers of two name servers are compared.
func TestRun(t *testing.T) {
	one, same, other := server(t, "192.0.2.1"), server(t, "192.0.2.1"), server(t, "192.0.2.2")
	for name, c := range map[string]struct {
		target string
		o      Options
		err    string
		says   []string
	}{
		"host":        {"pbx.example", Options{Server: one}, "", []string{"NAPTR pbx.example.: none", "SRV _sip._udp.pbx.example.: none", "pbx.example. 60 IN A 192.0.2.1", "1  udp:192.0.2.1:5060"}},
		"host, port":  {"pbx.example:5070", Options{Server: one}, "", []string{"1  udp:192.0.2.1:5070"}},
		"URI":         {"sips:a@pbx.example", Options{Server: one}, "", []string{"1  tls:192.0.2.1:5061 (certificate for pbx.example)"}},
		"address":     {"2001:db8::1", Options{Server: one}, "", []string{"1  udp:[2001:db8::1]:5060"}},
		"same":        {"pbx.example", Options{Server: one, Against: same}, "", []string{"both lead to the same places"}},
		"another":     {"pbx.example", Options{Server: one, Against: other}, "the name servers differ", []string{"only the first:  udp:192.0.2.1:5060", "only the second: udp:192.0.2.2:5060"}},
		"no URI":      {"a b", Options{Server: one}, `"a b" is no host name and no SIP URI`, nil},
		"no server":   {"pbx.example", Options{Server: "ns"}, `"ns" is no name server`, nil},
		"another one": {"pbx.example", Options{Server: one, Against: "ns"}, `"ns" is no name server`, nil},
		"a dead one":  {"pbx.example", Options{Server: one, Against: "127.0.0.1:1"}, ErrDiffer.Error(), []string{"error: ", "only the first:  udp:192.0.2.1:5060"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c.o.Hosts = "none"
			err := Run(t.Context(), &out, c.target, c.o)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			if usage := strings.Contains(c.err, " is no "); usage != (exit.Status(err) == exit.Usage && errors.As(err, new(*exit.Error))) {
				t.Errorf("exit status %d of %v", exit.Status(err), err)
			}
			for _, s := range c.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("does not say %q:\n%s", s, out.String())
				}
			}
			if c.o.Against == other && !errors.Is(err, ErrDiffer) {
				t.Errorf("got %v", err)
			}
		})
	}
}
