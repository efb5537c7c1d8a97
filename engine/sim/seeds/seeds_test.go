package seeds

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem/engine/message"
)

var (
	seedsFlag = flag.Int("seeds", 2000, "how many seeds TestSeeds runs")
	seedFlag  = flag.Int64("seed", -1, "the one seed that TestSeeds runs")
	fromFlag  = flag.Uint64("from", 0, "the first seed")
)

// TestSeeds runs seeds and prints the first that fails, shrunk. Whatever it is to find has to occur in them.
func TestSeeds(t *testing.T) {
	from, n := *fromFlag, uint64(*seedsFlag)
	if *seedFlag >= 0 {
		from, n = uint64(*seedFlag), 1
	}
	var next, failed atomic.Uint64
	next.Store(from)
	failed.Store(from + n)
	var seen sights
	var lock sync.Mutex
	var wg sync.WaitGroup
	for range min(2, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			var mine sights
			for s := next.Add(1) - 1; s < failed.Load(); s = next.Add(1) - 1 {
				if attempt(s, &mine) != nil {
					lower(&failed, s)
				}
				if done := s - from; done > 0 && done%100_000 == 0 {
					t.Logf("%d seeds", done)
				}
			}
			lock.Lock()
			seen.add(&mine)
			lock.Unlock()
		})
	}
	wg.Wait()
	if s := failed.Load(); s < from+n {
		t.Fatalf("seed %d %s\nrerun  go test ./engine/sim/seeds -run TestSeeds -seed %d", s, Try(s).Shrink(4000), s)
	}
	t.Logf("%d seeds: %s", n, seen.String())
	if missing := seen.missing(); n >= 2000 && len(missing) > 0 {
		t.Errorf("never seen: %s", strings.Join(missing, ", "))
	}
}

func lower(a *atomic.Uint64, v uint64) {
	for old := a.Load(); v < old && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

// The same seed is the same run, another one is not.
func TestSameAgain(t *testing.T) {
	for seed := range uint64(50) {
		a, b := Run(seed, 3), Run(seed, 3)
		if a.Digest != b.Digest || fmt.Sprint(a.Outcomes()) != fmt.Sprint(b.Outcomes()) {
			t.Errorf("seed %d: two runs differ", seed)
		}
		if c := Run(seed+1000, 3); c.Digest == a.Digest {
			t.Errorf("seeds %d and %d are the same run", seed, seed+1000)
		}
	}
}

// spoiled returns what the book says of the first seed in which a twist is found out, "" if it is in none of them.
func spoiled(spoil twist) string {
	for seed := range uint64(300) {
		if r, _ := Draw(seed).run(1, nil, spoil); len(r.Violations) > 0 {
			return strings.Join(r.Violations, "\n")
		}
	}
	return ""
}

func request(m *message.Message, method message.Method) bool {
	return m.IsRequest() && m.Method() == method
}

func replaced(b []byte, old, with string) []byte {
	return []byte(strings.Replace(string(b), old, with, 1))
}

// drop keeps one message in so many that want asks for from being sent.
func drop(want func(m *message.Message) bool) twist {
	return func(_ *world, m *message.Message, b []byte) []byte {
		if want(m) {
			return nil
		}
		return b
	}
}

// change changes the messages that want asks for.
func change(want func(m *message.Message) bool, with func(m *message.Message, b []byte) []byte) twist {
	return func(_ *world, m *message.Message, b []byte) []byte {
		if want(m) {
			return with(m, b)
		}
		return b
	}
}

func response(lo, hi int) func(m *message.Message) bool {
	return func(m *message.Message) bool {
		return m.Status() >= lo && m.Status() <= hi && m.Method() == message.INVITE
	}
}

// Every rule finds what goes against it: here the engine's messages are spoilt on their way out.
func TestRulesFind(t *testing.T) {
	is := func(method message.Method) func(m *message.Message) bool {
		return func(m *message.Message) bool { return request(m, method) }
	}
	initial := func(m *message.Message) bool { return request(m, message.INVITE) && m.ToTag() == nil }
	swap := func(old, with string) func(*message.Message, []byte) []byte {
		return func(_ *message.Message, b []byte) []byte { return replaced(b, old, with) }
	}
	code := func(c string) func(*message.Message, []byte) []byte {
		return func(_ *message.Message, b []byte) []byte { return append(append(slices.Clone(b[:8]), c...), b[11:]...) }
	}
	for name, c := range map[string]struct {
		spoil twist
		want  string
	}{
		"no ACK":             {drop(is(message.ACK)), "got no ACK"},
		"no BYE":             {drop(is(message.BYE)), "BYE"},
		"no CANCEL":          {drop(is(message.CANCEL)), "not by the contract: CANCEL"},
		"no INVITE":          {drop(initial), "not by the contract: INVITE"},
		"no final":           {drop(response(300, 699)), "got no final response"},
		"no 2xx":             {drop(response(200, 299)), "a 2xx too many"},
		"no provisional":     {drop(response(180, 183)), "not by the contract: provisional"},
		"no Reason":          {change(is(message.CANCEL), swap("Reason", "X-Reason")), "not by the contract: CANCEL"},
		"other final":        {change(response(486, 486), swap("SIP/2.0 486", "SIP/2.0 480")), "not by the contract: final"},
		"another final":      {again(response(300, 599), code("699")), "after the final one"},
		"two at once":        {again(response(300, 699), swap("", "")), "sent again at the wrong time"},
		"request twice":      {again(is(message.BYE), swap("", "")), "sent again at the wrong time"},
		"provisional late":   {again(response(200, 699), code("183")), "after the final one"},
		"no copies":          {uncopied(), "was sent again 0 times"},
		"early CANCEL":       {hasty, "CANCEL before a provisional response"},
		"From changed":       {change(response(100, 699), swap("From: <", "From: \"x\" <")), "From or CSeq"},
		"To changed":         {change(response(180, 699), swap("To: <", "To: \"x\" <")), "To of"},
		"tag changed":        {changing(response(180, 199)), "not by the contract"},
		"Via lost":           {change(response(100, 699), swap("Via: SIP/2.0/TCP", "X-Via: SIP/2.0/TCP")), "other Vias"},
		"no received":        {change(response(100, 699), swap(";received=", ";recv=")), "received"},
		"ACK to nobody":      {change(is(message.ACK), swap("To: <", "To: \"x\" <")), "ACK"},
		"other body":         {change(initial, swap("s=-", "s=x")), "description"},
		"field lost":         {change(initial, swap("Subject", "X-Subject")), "did not pass"},
		"Max-Forwards":       {change(initial, swap("Max-Forwards: 69", "Max-Forwards: 70")), "Max-Forwards"},
		"Content-Length":     {change(initial, swap("Content-Length: ", "Content-Length: 1")), "Content-Length"},
		"header injected":    {change(initial, swap("Subject: a call", "Subject: a call\nX: y")), "CRLF"},
		"shared Call-ID":     {change(initial, shared), "identifier"},
		"CSeq not raised":    {change(is(message.BYE), swap("CSeq: 2 BYE", "CSeq: 1 BYE")), "CSeq"},
		"BYE to who it is":   {change(is(message.BYE), swap("BYE sip:p", "BYE sip:q")), "not to the Contact"},
		"sent by another":    {change(is(message.BYE), swap("UDP 192.0.2.1:", "UDP 192.0.2.2:")), "Via"},
		"answer of nobody":   {change(response(200, 299), swap("s=-", "s=x")), "description of nobody"},
		"no next target":     {dropNext(), "went to no further target"},
		"no NOTIFY":          {drop(is(message.NOTIFY)), "NOTIFY was not passed on"},
		"NOTIFY of nobody":   {change(is(message.NOTIFY), swap("From: <sip:200@pbx.example>;tag=", "From: <sip:200@pbx.example>;tag=x")), "answered 481"},
		"state changed":      {change(is(message.NOTIFY), swap("active", "pending")), "does not follow from"},
		"other MESSAGE":      {change(is(message.MESSAGE), swap("Subject: no call", "Subject: a call")), "does not follow from"},
		"no 481":             {change(code481(message.NOTIFY), code("200")), "expected 481"},
		"no 100":             {drop(func(m *message.Message) bool { return m.Status() == 100 && m.Method() != message.INVITE }), "got no 100"},
		"reliable 200 to us": {change(is(message.INFO), swap("s=-", "s=x")), "the body of INFO changed"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := spoiled(c.spoil); !strings.Contains(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func code481(method message.Method) func(m *message.Message) bool {
	return func(m *message.Message) bool { return m.Status() == 481 && m.Method() == method }
}

// dropNext keeps requests outside calls from going to any target but the first.
func dropNext() twist {
	return drop(func(m *message.Message) bool {
		return m.IsRequest() && outsideOf(m) >= 0 && !strings.Contains(string(m.RequestURI()), ".0@")
	})
}

// again sends a message a second time, changed.
func again(want func(m *message.Message) bool, with func(m *message.Message, b []byte) []byte) twist {
	return func(w *world, m *message.Message, b []byte) []byte {
		if want(m) {
			w.spoilt(b)
			return with(m, b)
		}
		return b
	}
}

// uncopied sends nothing twice.
func uncopied() twist {
	seen := map[string]bool{}
	return func(_ *world, _ *message.Message, b []byte) []byte {
		if seen[string(b)] {
			return nil
		}
		seen[string(b)] = true
		return b
	}
}

// hasty sends a CANCEL right behind the INVITE.
func hasty(w *world, m *message.Message, b []byte) []byte {
	if request(m, message.INVITE) && m.ToTag() == nil {
		w.spoilt(b)
		return m.AppendCancel(nil)
	}
	return b
}

// changing gives each provisional another tag.
func changing(want func(m *message.Message) bool) twist {
	n := 0
	return change(want, func(m *message.Message, b []byte) []byte {
		n++
		return replaced(b, ";tag="+string(m.ToTag()), fmt.Sprintf(";tag=%d", n))
	})
}

// shared gives the INVITE of a branch the tag of the caller's.
func shared(m *message.Message, b []byte) []byte {
	n, _ := callOf(m)
	return replaced(b, ";tag="+string(m.FromTag()), fmt.Sprintf(";tag=f%d", n))
}

// A Spec that fails shrinks to what it fails by, and what is printed says so.
func TestShrink(t *testing.T) {
	fails := func(s *Spec) *Failure {
		for _, c := range s.Calls {
			if c.Plan != nil && strings.Contains((&Spec{Calls: []callSpec{{Plan: c.Plan}}}).String(), "Hold: true") {
				return &Failure{s, 1, []string{"1s: call 0: it holds"}}
			}
		}
		return nil
	}
	for seed := range uint64(2000) {
		f := fails(Draw(seed))
		if f == nil {
			continue
		}
		want := "&Spec{Calls: []callSpec{\n\tcallSpec{Plan: &step{Hold: true}}}}"
		if got := f.shrink(10000, fails).Spec.String(); got != want {
			t.Fatalf("seed %d shrank to\n%s", seed, got)
		}
		return
	}
	t.Fatal("nothing to shrink")
}

// Failures of one kind are those that differ in times, calls and numbers only.
func TestKind(t *testing.T) {
	kind := func(v string) string { return (&Failure{Violations: []string{v}}).kind() }
	a, b := `1.5s: call 0: leg 1: ACK "x"`, `20ms: call 3: leg 12: ACK "y"`
	if kind(a) != kind(b) || kind(a) == kind(`1.5s: call 0: leg 1: BYE "x"`) {
		t.Errorf("%q, %q", kind(a), kind(b))
	}
}

func TestPrint(t *testing.T) {
	s := &Spec{Phones: []phoneSpec{{Does: []behaviour{{
		Acts: []act{{Wait: 2 * time.Second, Code: 200, Wrong: torn}}, Cancelled: crosses,
	}}}}}
	want := "&Spec{Phones: []phoneSpec{\n\tphoneSpec{Does: []behaviour{\n\t\tbehaviour{Acts: []act{\n" +
		"\t\t\tact{Wait: 2000000000 /* 2s */, Code: 200, Wrong: torn}}, Cancelled: crosses}}}}}"
	if got := s.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// BenchmarkSeeds is a seed with one and with three shards.
func BenchmarkSeeds(b *testing.B) {
	b.ReportAllocs()
	seed := uint64(0)
	for b.Loop() {
		if f := Try(seed); f != nil {
			b.Fatalf("seed %d: %v", seed, f.Violations)
		}
		seed++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "seeds/s")
}
