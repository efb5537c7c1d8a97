package resolve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zone is a name server of a test. Records of a name that begins with "!" are its behaviour.
type zone struct {
	mu      sync.Mutex
	records map[string][]dns.RR // by name and type
	names   map[string]bool
	rcode   map[string]int
	asked   map[string]int
	hold    chan struct{} // answers wait for it, if set
	mute    map[string]chan struct{}
	addr    string
	tcp     atomic.Int32
}

func newZone(t *testing.T, records ...string) *zone {
	t.Helper()
	z := &zone{records: map[string][]dns.RR{}, names: map[string]bool{}, rcode: map[string]int{}, asked: map[string]int{}}
	for _, text := range records {
		z.add(t, text)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.71:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	z.addr = pc.LocalAddr().String()
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: z}, {Listener: l, Handler: z}} {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = s.ActivateAndServe()
		}()
		<-up
		t.Cleanup(func() {
			_ = s.Shutdown()
			<-done
		})
	}
	return z
}

func (z *zone) add(t *testing.T, text string) {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	h := rr.Header()
	k := fmt.Sprint(h.Name, h.Rrtype)
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[k] = append(z.records[k], rr)
	z.names[h.Name] = true
}

// ServeDNS answers a question.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	name, hold := q.Question[0].Name, z.hold
	what := fmt.Sprint(dns.TypeToString[q.Question[0].Qtype], " ", name)
	z.asked[what]++
	if mute := z.mute[what]; mute != nil {
		hold = mute
	}
	m := new(dns.Msg)
	m.SetReply(q)
	m.Answer = z.records[fmt.Sprint(name, q.Question[0].Qtype)]
	switch {
	case z.rcode[name] != 0:
		m.Rcode, m.Answer = z.rcode[name], nil
	case !z.names[name]:
		m.Rcode = dns.RcodeNameError
	}
	if len(m.Answer) == 0 {
		m.Ns = z.records["soa.6"]
	}
	z.mu.Unlock()
	if _, tcp := w.RemoteAddr().(*net.TCPAddr); tcp {
		z.tcp.Add(1)
	} else if strings.HasPrefix(name, "long.") {
		m.Answer, m.Truncated = nil, true
	}
	if hold != nil {
		<-hold
	}
	_ = w.WriteMsg(m)
}

func (z *zone) times(what string) int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked[what]
}

// resolver asks the zone and knows names of a machine's own.
func (z *zone) resolver(t *testing.T, reach func(t flow.Transport, v6 bool) bool) *Resolver {
	t.Helper()
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost # here\n192.0.2.99 own.example alias\n::1 localhost\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Servers: []string{z.addr}, Hosts: hosts, Reach: reach})
	if err != nil {
		t.Fatal(err)
	}
	r.cache.conf = &dns.ClientConfig{Ndots: 1, Search: []string{"search.example"}}
	r.pick = func(int) int { return 0 }
	r.lag = Timeout
	return r
}

func find(r *Resolver, uri string) string {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		return err.Error()
	}
	q, err := QuestionOf(&u)
	if err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	hops, err := r.Find(ctx, q, nil)
	if err != nil {
		return err.Error()
	}
	var list []string
	for _, h := range hops {
		s := strings.ToLower(h.Transport.String()) + ":" + h.Remote.String()
		if h.Name != "" {
			s += "/" + h.Name
		}
		list = append(list, s)
	}
	return strings.Join(list, " ")
}

var records = []string{
	"naptr.example. 60 NAPTR 50 50 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.naptr.example.",
	"naptr.example. 60 NAPTR 90 50 \"s\" \"SIP+D2T\" \"\" _sip._tcp.naptr.example.",
	"naptr.example. 60 NAPTR 100 50 \"s\" \"SIP+D2U\" \"\" _sip._udp.naptr.example.",
	"naptr.example. 60 NAPTR 10 50 \"s\" \"SIP+D2S\" \"\" _sip._sctp.naptr.example.",
	"naptr.example. 60 NAPTR 10 50 \"u\" \"E2U+sip\" \"!^.*$!sip:x@y!\" .",
	"_sips._tcp.naptr.example. 60 SRV 0 0 5081 a.example.",
	"_sip._tcp.naptr.example. 60 SRV 0 0 5080 a.example.",
	"_sip._udp.naptr.example. 60 SRV 20 0 5060 b.example.",
	"_sip._udp.naptr.example. 60 SRV 10 0 5070 a.example.",
	"a.example. 60 A 192.0.2.1",
	"b.example. 60 A 192.0.2.2",
	"b.example. 60 AAAA 2001:db8::2",
	"srv.example. 60 A 192.0.2.9",
	"_sip._udp.srv.example. 60 SRV 0 0 5090 b.example.",
	"_sip._tcp.srv.example. 60 SRV 0 0 5091 a.example.",
	"none.example. 60 A 192.0.2.9",
	"_sip._udp.none.example. 60 SRV 0 0 0 .",
	"gone.example. 60 A 192.0.2.9",
	"_sip._udp.gone.example. 60 SRV 0 0 5060 nowhere.example.",
	"_sip._udp.gone.example. 60 SRV 1 0 5060 a.example.",
	"plain.example. 60 A 192.0.2.3",
	"plain.example. 60 AAAA 2001:db8::3",
	"alias.example. 60 CNAME plain.example.",
	"six.example. 60 AAAA 2001:db8::6",
	"box.search.example. 60 A 192.0.2.4",
	"long.example. 60 A 192.0.2.5",
	"soa. 60 SOA ns. mail. 1 2 3 4 20",
}

// RFC 3263 §4.1, §4.2.
func TestFind(t *testing.T) {
	z := newZone(t, records...)
	z.mu.Lock()
	z.rcode["refused.example."] = dns.RcodeRefused
	z.mu.Unlock()
	all := z.resolver(t, nil)
	udp4 := z.resolver(t, func(t flow.Transport, v6 bool) bool { return t == flow.UDP && !v6 })
	for name, c := range map[string]struct {
		r         *Resolver
		uri, want string
	}{
		"number":                {all, "sip:192.0.2.1", "udp:192.0.2.1:5060"},
		"number, sips":          {all, "sips:[2001:db8::1]:5070", "tls:[2001:db8::1]:5070"},
		"NAPTR":                 {all, "sip:naptr.example", "tls:192.0.2.1:5081/naptr.example tcp:192.0.2.1:5080 udp:192.0.2.1:5070 udp:192.0.2.2:5060 udp:[2001:db8::2]:5060"},
		"NAPTR, sips":           {all, "sips:naptr.example", "tls:192.0.2.1:5081/naptr.example"},
		"NAPTR, UDP only":       {udp4, "sip:naptr.example", "udp:192.0.2.1:5070 udp:192.0.2.2:5060"},
		"transport":             {all, "sip:naptr.example;transport=tcp", "tcp:192.0.2.1:5080"},
		"transport, sips":       {all, "sips:naptr.example;transport=tcp", "tls:192.0.2.1:5081/naptr.example"},
		"port":                  {all, "sip:plain.example:5099", "udp:192.0.2.3:5099 udp:[2001:db8::3]:5099"},
		"port, SRV is not used": {all, "sip:srv.example:5060", "udp:192.0.2.9:5060"},
		"port and transport":    {all, "sip:srv.example:5060;transport=tls", "tls:192.0.2.9:5060/srv.example"},
		"SRV without NAPTR":     {all, "sip:srv.example", "udp:192.0.2.2:5090 udp:[2001:db8::2]:5090 tcp:192.0.2.1:5091"},
		"SRV, UDP only":         {udp4, "sip:srv.example", "udp:192.0.2.2:5090"},
		"service not there":     {all, "sip:none.example", "look up none.example: the service is not available there"},
		"SRV without address":   {all, "sip:gone.example", "udp:192.0.2.1:5060"},
		"address only":          {all, "sip:plain.example", "udp:192.0.2.3:5060 udp:[2001:db8::3]:5060"},
		"address only, sips":    {all, "sips:plain.example", "tls:192.0.2.3:5061/plain.example tls:[2001:db8::3]:5061/plain.example"},
		"IPv6 only":             {all, "sip:six.example", "udp:[2001:db8::6]:5060"},
		"IPv6 not spoken":       {udp4, "sip:six.example", "look up six.example: no address"},
		"TLS not spoken":        {udp4, "sips:plain.example", "look up plain.example: there is no listener for the transport: tls"},
		"capitals":              {all, "sip:PLAIN.example:5060", "udp:192.0.2.3:5060 udp:[2001:db8::3]:5060"},
		"maddr":                 {all, "sip:x.example;maddr=a.example", "udp:192.0.2.1:5060"},
		"search list":           {all, "sip:box", "udp:192.0.2.4:5060"},
		"own name":              {all, "sip:own.example", "udp:192.0.2.99:5060"},
		"own name, transport":   {all, "sip:alias;transport=tcp", "tcp:192.0.2.99:5060"},
		"localhost":             {udp4, "sip:localhost", "udp:127.0.0.1:5060"},
		"cut short":             {udp4, "sip:long.example:5060", "udp:192.0.2.5:5060"},
		"no name":               {all, "sip:unknown.example", "look up unknown.example: no address"},
		"bad transport":         {all, "sips:a.example;transport=udp", "sips with transport=udp is not spoken"},
		"no URI of SIP":         {all, "tel:+15551234", "not a SIP URI"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := find(c.r, c.uri); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if got := find(udp4, "sip:refused.example:5060"); !strings.Contains(got, "says REFUSED") {
		t.Errorf("refused: %s", got)
	}
	if z.tcp.Load() == 0 {
		t.Error("the answer that was cut short was not asked for by TCP")
	}
}

// RFC 2782: by priority, and by chance according to the weights.
func TestWeigh(t *testing.T) {
	s := &search{r: &Resolver{}}
	srv := func(priority, weight uint16, target string) *dns.SRV {
		return &dns.SRV{Priority: priority, Weight: weight, Target: target}
	}
	first := map[string]int{}
	n := uint64(1)
	s.r.pick = func(k int) int {
		n = n*6364136223846793005 + 1442695040888963407
		return int(n>>33) % k
	}
	const rounds = 10_000
	for range rounds {
		list := s.weigh([]*dns.SRV{srv(2, 9, "last"), srv(1, 0, "zero"), srv(1, 30, "some"), srv(1, 70, "most")})
		if list[3].Target != "last" {
			t.Fatalf("%s is last", list[3].Target)
		}
		first[list[0].Target]++
	}
	for target, share := range map[string]float64{"zero": 0.01, "some": 0.3, "most": 0.69} {
		if got := float64(first[target]) / rounds; got < share-0.03 || got > share+0.03 {
			t.Errorf("%s is first in %.2f, want %.2f", target, got, share)
		}
	}
}

// Answers are used again until they are too old, negative ones too, and asked for once by all who wait.
func TestCache(t *testing.T) {
	z := newZone(t, records...)
	r := z.resolver(t, func(t flow.Transport, v6 bool) bool { return t == flow.UDP && !v6 })
	now := time.Now()
	r.now = func() time.Time { return now }
	for range 3 {
		find(r, "sip:plain.example:5060")
		find(r, "sip:unknown.example.:5060")
	}
	if a, b := z.times("A plain.example."), z.times("A unknown.example."); a != 1 || b != 1 {
		t.Errorf("asked %d and %d times", a, b)
	}
	now = now.Add(21 * time.Second) // the negative answer holds for 20
	find(r, "sip:plain.example:5060")
	find(r, "sip:unknown.example.:5060")
	if a, b := z.times("A plain.example."), z.times("A unknown.example."); a != 1 || b != 2 {
		t.Errorf("asked %d and %d times", a, b)
	}
	now = now.Add(40 * time.Second)
	find(r, "sip:plain.example:5060")
	if a := z.times("A plain.example."); a != 2 {
		t.Errorf("asked %d times", a)
	}
	z.mu.Lock()
	z.hold = make(chan struct{})
	z.mu.Unlock()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { find(r, "sip:b.example:5060") })
	}
	z.mu.Lock()
	close(z.hold)
	z.mu.Unlock()
	all.Wait()
	if a := z.times("A b.example."); a != 1 {
		t.Errorf("50 at once asked %d times", a)
	}
}

// A server that does not answer is followed by the next one.
func TestDeadServer(t *testing.T) {
	t.Parallel()
	z := newZone(t, records...)
	dead, err := net.ListenPacket("udp", "127.0.0.71:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	r := z.resolver(t, nil)
	r.cache.servers = append([]string{dead.LocalAddr().String()}, r.cache.servers...)
	r.cache.udp.Timeout = 500 * time.Millisecond // for the one that answers too
	if got := find(r, "sip:a.example:5060"); got != "udp:192.0.2.1:5060" {
		t.Errorf("got %s", got)
	}
}

// silence is a name server that says nothing and counts the questions.
func silence(t *testing.T) (addr string, asked func() int) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.71:0")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 2000); ; n.Add(1) {
			if _, _, err := c.ReadFrom(b); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return c.LocalAddr().String(), func() int { return int(n.Load()) }
}

// A server that does not answer is not asked first again for a while: a look-up of many questions would wait for it at each.
func TestDeadServerBehind(t *testing.T) {
	t.Parallel()
	z := newZone(t, records...)
	dead, asked := silence(t)
	r := z.resolver(t, nil)
	now := time.Now()
	r.now = func() time.Time { return now }
	r.cache.servers = []string{dead, z.addr}
	find(r, "sip:a.example:5060") // A and AAAA at the same time
	before := asked()
	if before == 0 {
		t.Error("it was not asked at all")
	}
	if got, want := find(r, "sip:srv.example"), "udp:192.0.2.2:5090 udp:[2001:db8::2]:5090 tcp:192.0.2.1:5091"; got != want {
		t.Errorf("got %s", got)
	}
	if n := asked(); n != before {
		t.Errorf("asked %d times more", n-before)
	}
	now = now.Add(serverBehind)
	find(r, "sip:plain.example:5060")
	if asked() == before {
		t.Error("it was not asked again")
	}
}

// While no server answers, what was known goes on to hold (RFC 8767).
func TestStale(t *testing.T) {
	t.Parallel()
	z := newZone(t, records...)
	dead, _ := silence(t)
	r := z.resolver(t, func(t flow.Transport, v6 bool) bool { return t == flow.UDP && !v6 })
	now := time.Now()
	r.now = func() time.Time { return now }
	const want = "udp:192.0.2.3:5060"
	ask := func() string { return find(r, "sip:plain.example:5060") }
	if got := ask(); got != want {
		t.Fatalf("got %s", got)
	}
	r.cache.servers, r.cache.udp.Timeout = []string{dead}, 50*time.Millisecond
	for _, later := range []time.Duration{time.Minute, time.Hour, 22 * time.Hour} {
		now = now.Add(later)
		if got := ask(); got != want {
			t.Errorf("after %v: %s", later, got)
		}
	}
	now = now.Add(2 * time.Hour)
	if got := ask(); !strings.Contains(got, "timeout") {
		t.Errorf("a day after its end: %s", got)
	}
	r.cache.servers, r.cache.udp.Timeout = []string{z.addr}, Timeout
	now = now.Add(time.Minute)
	if got := ask(); got != want {
		t.Errorf("with the server again: %s", got)
	}
}

// Who waits for a server that is silent has what was known before (RFC 8767 §5).
func TestStaleMeanwhile(t *testing.T) {
	t.Parallel()
	z := newZone(t, records...)
	dead, _ := silence(t)
	r := z.resolver(t, func(t flow.Transport, v6 bool) bool { return t == flow.UDP && !v6 })
	now := time.Now()
	r.now = func() time.Time { return now }
	find(r, "sip:plain.example:5060")
	now = now.Add(time.Minute)
	r.cache.servers, r.cache.udp.Timeout = []string{dead}, Timeout
	if got := find(r, "sip:plain.example:5060"); got != "udp:192.0.2.3:5060" {
		t.Errorf("got %s", got)
	}
	r.cache.mu.Lock()
	e := r.cache.entries[key{"plain.example.", dns.TypeA}]
	r.cache.mu.Unlock()
	<-e.done
}

// silent has the zone not answer about a name until the test ends.
func (z *zone) silent(t *testing.T, what string) {
	t.Helper()
	never := make(chan struct{})
	z.mu.Lock()
	z.mute = map[string]chan struct{}{what: never}
	z.mu.Unlock()
	t.Cleanup(func() { close(never) })
}

// A name about which no answer comes keeps nobody from what is known of the others.
func TestSilentName(t *testing.T) {
	more := append([]string{
		"_sip._udp.half.example. 60 SRV 0 0 5060 c.example.",
		"_sip._udp.half.example. 60 SRV 1 0 5060 a.example.",
		"c.example. 60 A 192.0.2.7",
		"c.example. 60 AAAA 2001:db8::7",
	}, records...)
	for name, c := range map[string]struct{ silent, uri, want string }{
		"the address of one":    {"A c.example.", "sip:half.example", "udp:[2001:db8::7]:5060 udp:192.0.2.1:5060"},
		"one kind of addresses": {"AAAA c.example.", "sip:c.example:5060", "udp:192.0.2.7:5060"},
		"a transport's service": {"SRV _sip._udp.srv.example.", "sip:srv.example", "tcp:192.0.2.1:5091"},
		"all of it":             {"A plain.example.", "sip:plain.example:5060;transport=tls", "tls:[2001:db8::3]:5060/plain.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			z := newZone(t, more...)
			z.silent(t, c.silent)
			r := z.resolver(t, nil)
			r.cache.udp.Timeout = Timeout
			r.lag = lag
			if got := find(r, c.uri); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Those who wait for a dead server do not keep others from what is known.
func TestManyQuestions(t *testing.T) {
	z := newZone(t, records...)
	r := z.resolver(t, func(t flow.Transport, v6 bool) bool { return t == flow.UDP && !v6 })
	find(r, "sip:plain.example:5060")
	r.cache.underWay = maxQuestions
	if got := find(r, "sip:plain.example:5060"); got != "udp:192.0.2.3:5060" {
		t.Errorf("known: %s", got)
	}
	if got := find(r, "sip:b.example:5060"); !strings.Contains(got, "questions are under way already") {
		t.Errorf("not known: %s", got)
	}
	r.cache.underWay = 0
}

// The machine's setup may change.
func TestSetupChanges(t *testing.T) {
	one, two := newZone(t, "box.one.example. 60 A 192.0.2.1"), newZone(t, "box.two.example. 60 A 192.0.2.2")
	file := filepath.Join(t.TempDir(), "resolv.conf")
	save := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("nameserver 192.0.2.1\nsearch one.example\n")
	r, err := New(Config{Setup: file, Hosts: file, Reach: func(t flow.Transport, v6 bool) bool { return t == flow.UDP && !v6 }})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.cache.order(time.Now()); len(got) != 1 || got[0] != "192.0.2.1:53" {
		t.Fatalf("servers %v", got)
	}
	now := time.Now()
	r.now = func() time.Time { return now }
	step := func(port, text, want string) {
		t.Helper()
		save(text)
		now = now.Add(setupLook)
		r.cache.order(now)
		r.cache.servers = []string{port}
		if got := find(r, "sip:box:5060"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	step(one.addr, "nameserver 192.0.2.1\nsearch one.example\n", "udp:192.0.2.1:5060")
	step(two.addr, "nameserver 192.0.2.99\nsearch two.example\n# longer\n", "udp:192.0.2.2:5060")
	step(two.addr, "", "udp:192.0.2.2:5060") // half a file is none
}

// A place that did not answer goes behind the others for a while.
func TestUnanswered(t *testing.T) {
	z := newZone(t, records...)
	r := z.resolver(t, func(t flow.Transport, v6 bool) bool { return t == flow.UDP && !v6 })
	now := time.Now()
	r.now = func() time.Time { return now }
	const usual, behind = "udp:192.0.2.1:5070 udp:192.0.2.2:5060", "udp:192.0.2.2:5060 udp:192.0.2.1:5070"
	r.Unanswered(flow.Hop{Remote: netip.MustParseAddrPort("192.0.2.1:5070")})
	if got := find(r, "sip:naptr.example"); got != behind {
		t.Errorf("got %s", got)
	}
	now = now.Add(Behind)
	if got := find(r, "sip:naptr.example"); got != usual {
		t.Errorf("got %s", got)
	}
}

func TestResolvePosts(t *testing.T) {
	z := newZone(t, records...)
	r := z.resolver(t, nil)
	r.cfg.Post = func(shard int, fn func(clock.Time)) {
		if shard != 3 {
			t.Errorf("posted to shard %d", shard)
		}
		fn(7)
	}
	got := make(chan string, 1)
	ask := func(uri string) string {
		u, err := message.ParseURI([]byte(uri))
		if err != nil {
			t.Fatal(err)
		}
		r.Resolve(3, &u, func(now clock.Time, hops []flow.Hop, err error) { got <- fmt.Sprint(now, hops, err) })
		return <-got
	}
	if s := ask("sip:a.example:5060"); s != "7 [udp:192.0.2.1:5060] <nil>" && !strings.Contains(s, "192.0.2.1:5060") {
		t.Errorf("got %s", s)
	}
	for range maxLookups {
		r.lookups <- struct{}{}
	}
	if s := ask("sip:a.example:5060"); !strings.Contains(s, "under way already") {
		t.Errorf("got %s", s)
	}
}

func TestServers(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "2001:db8::1": "[2001:db8::1]:53", "[2001:db8::1]:99": "[2001:db8::1]:99",
	} {
		if got, err := serverAddr(in); got != want || err != nil {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	if _, err := New(Config{Servers: []string{"ns.example"}}); err == nil || !strings.Contains(err.Error(), "is no name server") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkCached(b *testing.B) {
	r, err := New(Config{Servers: []string{"192.0.2.1"}})
	if err != nil {
		b.Fatal(err)
	}
	rr, _ := dns.NewRR("a.example. 60 A 192.0.2.1")
	e := &entry{done: make(chan struct{}), rrs: []dns.RR{rr}, until: time.Now().Add(time.Hour)}
	close(e.done)
	r.cache.entries[key{"a.example.", dns.TypeA}] = e
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.cache.get(context.Background(), "a.example", dns.TypeA); err != nil {
			b.Fatal(err)
		}
	}
}
