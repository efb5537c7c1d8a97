package tests

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/message"
)

// The programs beside the engine have processes, and schedulers, of their own: the test's program with one of these variables.
const (
	setupsVia   = "TANDEM_TEST_SETUPS"       // measures the setup of calls through an engine at that address
	stormAt     = "TANDEM_TEST_STORM"        // makes TLS handshakes with that address for ever
	stormServer = "TANDEM_TEST_STORM_SERVER" // makes them for whoever asks, with the certificate in that file and the key in the one named after the colon
)

func init() {
	for name, program := range map[string]func(string) error{setupsVia: measureSetups, stormAt: storm, stormServer: serveStorm} {
		if arg := os.Getenv(name); arg != "" {
			fmt.Println("ended:", program(arg))
			os.Exit(0)
		}
	}
}

// BenchmarkCallsInStorm compares how long the setup of a call by UDP takes, INVITE to 200, at the 95th percentile: in a calm, while TLS handshakes
// are made as fast as they can be with the engine, and while they are made with another process. What is above the last is the engine's own doing;
// the rest is that there are no more processors. Whoever calls, and whoever makes handshakes, is another machine in earnest: where it is allowed the
// one waits for no processor, and the other gets what nobody else wants.
func BenchmarkCallsInStorm(b *testing.B) {
	cert, key := certificate(b, host)
	e, addrs := runListeners(b, `local plan = require "plan"
return { invite = function(call) return plan.to("sip:100@`+stormPhone+`") end }`, cert, key, "udp", "tls")
	elsewhere := beside(b, stormServer+"="+cert+":"+key).waitLine(`at (\S+)`)[1]
	under := func(to string) time.Duration {
		p := beside(b, stormAt+"="+to)
		defer p.kill()
		return setups(b, addrs["udp"])
	}
	const rounds = 7 // of which the middle counts, since others use the machine too
	for b.Loop() {
		var calm, other, rough []time.Duration
		before := status(b, e).Connections.Accepted
		for range rounds {
			calm, other, rough = append(calm, setups(b, addrs["udp"])), append(other, under(elsewhere)), append(rough, under(addrs["tls"]))
		}
		middle := func(took []time.Duration) float64 {
			slices.Sort(took)
			return float64(took[len(took)/2].Microseconds())
		}
		b.ReportMetric(middle(rough)/middle(calm), "p95-ratio")
		b.ReportMetric(middle(rough)/middle(other), "p95-ratio-to-elsewhere")
		b.ReportMetric(middle(calm), "calm-p95-µs")
		b.ReportMetric(middle(other), "elsewhere-p95-µs")
		b.ReportMetric(middle(rough), "storm-p95-µs")
		b.ReportMetric(float64((status(b, e).Connections.Accepted-before)/rounds), "handshakes-in-3-s")
	}
	e.stop()
}

// beside starts the test's program as one of the programs above.
func beside(b *testing.B, variable string) *process {
	b.Helper()
	words := []string{"env", variable, "GOMAXPROCS=1", os.Args[0]}
	class := []string{"chrt", "--fifo", "1"}
	if !strings.HasPrefix(variable, setupsVia) {
		class = []string{"chrt", "--idle", "0"}
	}
	if exec.Command(class[0], append(class[1:], "true")...).Run() == nil {
		words = append(class, words...)
	}
	return startProcess(b, variable, b.TempDir(), words[0], words[1:]...)
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // nothing else ends it
	<-p.done
}

// setups returns the 95th percentile of the setups of 500 calls, 200 a second, after 100 that do not count.
func setups(b *testing.B, via string) time.Duration {
	b.Helper()
	p := beside(b, setupsVia+"="+via)
	defer p.kill()
	p95, err := time.ParseDuration(p.waitLine(`p95 (\S+)`)[1])
	if err != nil {
		b.Fatal(err)
	}
	return p95
}

// stormPhone is where the calls go to.
const stormPhone = "127.0.0.41:7001"

func measureSetups(via string) error {
	phone, err := net.ListenPacket("udp", stormPhone)
	if err != nil {
		return err
	}
	go answerCalls(phone)
	caller, err := net.Dial("udp", via)
	if err != nil {
		return err
	}
	var took []time.Duration
	tick := time.NewTicker(5 * time.Millisecond)
	for i := range 600 {
		<-tick.C
		one, err := setup(caller, i)
		if err != nil {
			return err
		}
		took = append(took, one)
	}
	took = took[100:]
	slices.Sort(took)
	fmt.Println("p95", took[len(took)*95/100])
	return nil
}

// answerCalls answers every INVITE and every BYE with 200.
func answerCalls(c net.PacketConn) {
	d := make([]byte, 65536)
	for {
		n, from, err := c.ReadFrom(d)
		if err != nil {
			return
		}
		var m message.Message
		if m.Parse(d[:n]) != nil || m.Method() == message.ACK {
			continue
		}
		b := m.AppendResponse(nil, 200, "", []byte("callee"), netip.AddrPort{})
		b = message.AppendBody(message.AppendField(b, "Contact", "<sip:100@"+stormPhone+">"), nil)
		_, _ = c.WriteTo(b, from) // the caller's wait ends the program if it gets lost
	}
}

// setup places a call, ends it and returns how long it took until it was answered.
func setup(c net.Conn, n int) (took time.Duration, err error) {
	request := func(method string, seq int, toTag []byte) []byte {
		b := message.AppendRequestLine(nil, method, "sip:100@"+c.RemoteAddr().String())
		to := "<sip:100@pbx.example>"
		if toTag != nil {
			to += ";tag=" + string(toTag)
		}
		for _, f := range [][2]string{
			{"Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bK%d.%d.%s", c.LocalAddr(), os.Getpid(), n, method)},
			{"From", "<sip:alice@example.net>;tag=a"},
			{"To", to},
			{"Call-ID", fmt.Sprintf("%d.%d", os.Getpid(), n)},
			{"CSeq", fmt.Sprintf("%d %s", seq, method)},
			{"Max-Forwards", "70"},
			{"Contact", fmt.Sprintf("<sip:alice@%s>", c.LocalAddr())},
		} {
			b = message.AppendField(b, f[0], f[1])
		}
		return message.AppendBody(b, nil)
	}
	start := time.Now()
	_ = c.SetDeadline(start.Add(patience))
	if _, err = c.Write(request("INVITE", 1, nil)); err != nil {
		return 0, err
	}
	tag, err := answered(c, "1 INVITE")
	if took = time.Since(start); err != nil {
		return 0, err
	}
	for _, b := range [][]byte{request("ACK", 1, tag), request("BYE", 2, tag)} {
		if _, err = c.Write(b); err != nil {
			return 0, err
		}
	}
	_, err = answered(c, "2 BYE")
	return took, err
}

// answered waits for the final response to a request and returns its To tag.
func answered(c net.Conn, cseq string) (toTag []byte, err error) {
	for d := make([]byte, 65536); ; {
		n, err := c.Read(d)
		if err != nil {
			return nil, err
		}
		var m message.Message
		switch err := m.Parse(d[:n]); {
		case err != nil:
			return nil, err
		case m.Status() < 200 || string(m.Get(message.CSeq)) != cseq:
		case m.Status() != 200:
			return nil, fmt.Errorf("%s", d[:n])
		default:
			return bytes.Clone(m.ToTag()), nil
		}
	}
}

func storm(at string) error {
	for {
		c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		c.Close()
	}
}

func serveStorm(files string) error {
	cert, key, _ := strings.Cut(files, ":")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", "127.0.0.42:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return err
	}
	fmt.Println("at", l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			_ = c.(*tls.Conn).Handshake() // whatever it comes to
			_, _ = c.Read(make([]byte, 1))
			c.Close()
		}()
	}
}
