package transport

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/plan"
)

var update = flag.Bool("update", false, "write docs/torture.md anew")

// torture is a message of RFC 4475 or RFC 5118.
type torture struct {
	rfc, name string
	section   string
	says      string // what the RFC wants of an element like ours
	want      string // what of Tandem's doings is that, as a regular expression
	note      string
}

// desk is a script that lets every request go on to one target.
type desk struct{ engine.Script }

func (d desk) Acquire(int, []byte) engine.Script                      { return d }
func (desk) Release(engine.Call)                                      {}
func (desk) Generation() uint64                                       { return 1 }
func (desk) Ended(engine.Call)                                        {}
func (desk) Cancelled(engine.Call) *plan.Reply                        { return nil }
func (desk) Replied(engine.Call, int)                                 {}
func (desk) Invite(engine.Call) *plan.Node                            { return toDesk() }
func (desk) Register(engine.Call, *engine.Registration) *plan.Node    { return nil }
func (desk) Request(engine.Call) *plan.Node                           { return toDesk() }
func (desk) Exhausted(engine.Call, *plan.Step, int) *plan.Node        { return nil }
func (desk) Handler(engine.Call, plan.Outcome, *plan.Step) *plan.Node { return nil }

func toDesk() *plan.Node {
	return &plan.Node{Kind: plan.KindTarget, Target: &plan.Target{URI: "sip:desk@192.0.2.11", Key: "desk", User: "desk"}}
}

// heard notes what an engine sends.
type heard struct{ list []string }

func (h *heard) Send(_ flow.Flow, b []byte) {
	line, _, _ := strings.Cut(string(b), "\r\n")
	if response, ok := strings.CutPrefix(line, "SIP/2.0 "); ok {
		line = response
	} else {
		line, _, _ = strings.Cut(line, " ")
		line += " goes on"
	}
	if !slices.Contains(h.list, line) {
		h.list = append(h.list, line)
	}
}

// suffer hands bytes to an engine as datagrams or messages of a connection, and returns what comes of each at once.
func suffer(t *testing.T, tr flow.Transport, v6 bool, parts ...[]byte) string {
	t.Helper()
	var out heard
	clk := clock.NewVirtual(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	locals := []engine.Local{
		{SentBy: "192.0.2.1:5060", Addr: netip.MustParseAddr("192.0.2.1")},
		{SentBy: "192.0.2.1:5060", Addr: netip.MustParseAddr("192.0.2.1"), Transport: flow.TCP},
		{SentBy: "[2001:db8::10]:5060", Addr: netip.MustParseAddr("2001:db8::10")},
		{SentBy: "[2001:db8::10]:5060", Addr: netip.MustParseAddr("2001:db8::10"), Transport: flow.TCP},
	}
	sh := engine.New(engine.Config{Clock: clk, Locals: locals}, desk{}, 1).Shards()[0]
	sh.Connect(&out)
	f := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.200:5060"), Transport: tr}
	if v6 {
		f.Remote, f.Listener = netip.MustParseAddrPort("[2001:db8::9:1]:5060"), 2
	}
	if tr == flow.TCP {
		f.Conn = 1
		f.Listener++
	}
	for _, b := range parts {
		sh.Receive(0, f, bytes.Clone(b))
	}
	sh.Tick(clock.Time(100 * time.Millisecond))
	if n := sh.Stats().Panics; n > 0 {
		t.Errorf("%d panics", n)
	}
	if len(out.list) == 0 {
		return "nothing"
	}
	return strings.Join(out.list, ", ")
}

// cutUp cuts a stream like a connection that says nothing more: its messages, and what is made of the rest.
func cutUp(b []byte) (parts [][]byte, end string) {
	var r framer
	r.feed(bytes.Clone(b))
	for {
		switch kind, m := r.next(); kind {
		case frameFull:
			parts = append(parts, bytes.Clone(m))
		case frameBroken:
			return append(parts, bytes.Clone(m)), "; closed"
		case frameNone:
			r.keep()
			if r.begun() {
				return append(parts, bytes.Clone(r.held)), "; closed, when no more has come for 10 s"
			}
			return parts, ""
		}
	}
}

func (x *torture) read(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "message", "testdata", "rfc"+x.rfc, x.name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tortures are all messages of both RFCs. Those that are valid reach the desk, or what the engine says to their method.
var tortures = []torture{
	{"4475", "wsinv", "3.1.1.1", "Well-formed: no element fails on it", "^481", "It is of a dialog that there is not"},
	{"4475", "intmeth", "3.1.1.2", "Well-formed: an unknown method", "^405", ""},
	{"4475", "esc01", "3.1.1.3", "Valid escapes", "^100 Trying, INVITE goes on", ""},
	{"4475", "escnull", "3.1.1.4", "Valid: escaped NUL", registered, ""},
	{"4475", "esc02", "3.1.1.5", "Valid: % that is no escape, an unknown method", "^405", ""},
	{"4475", "lwsdisp", "3.1.1.6", "Should be accepted", "^OPTIONS goes on", ""},
	{"4475", "longreq", "3.1.1.7", "Valid: long values", "^100 Trying, INVITE goes on", ""},
	{"4475", "dblreq", "3.1.1.8", "In a datagram, what follows the body is ignored", registered, "In a stream a second request follows, and after that what is none; the second has no Contact"},
	{"4475", "semiuri", "3.1.1.9", "Valid: semicolon in the user part", "^OPTIONS goes on", ""},
	{"4475", "transports", "3.1.1.10", "Valid: unknown transports", "^OPTIONS goes on", ""},
	{"4475", "mpart01", "3.1.1.11", "Valid: a binary body", "^MESSAGE goes on", ""},
	{"4475", "unreason", "3.1.1.12", "Valid response", "^nothing", ofNothing},
	{"4475", "noreason", "3.1.1.13", "Valid response", "^nothing", ofNothing},
	{"4475", "badinv01", "3.1.2.1", "Should respond 400", "^400", ""},
	{"4475", "clerr", "3.1.2.2", "Should respond 400; in a stream wait, then close", "^400", ""},
	{"4475", "ncl", "3.1.2.3", "Should respond with an error; close a stream", "^400", ""},
	{"4475", "scalar02", "3.1.2.4", "Should respond 400", "^400", ""},
	{"4475", "scalarlg", "3.1.2.5", "A response, discarded", "^nothing", ""},
	{"4475", "quotbal", "3.1.2.6", "Should return 400", "^400", ""},
	{"4475", "ltgtruri", "3.1.2.7", "Reasonable to reject with 400", "^400", ""},
	{"4475", "lwsruri", "3.1.2.8", "Should respond 400", "^400", ""},
	{"4475", "lwsstart", "3.1.2.9", "Acceptable to reject", "^400", ""},
	{"4475", "trws", "3.1.2.10", "Acceptable to reject", "^400", ""},
	{"4475", "escruri", "3.1.2.11", "400, or ignore the escaped headers", "^100 Trying, INVITE goes on", "They do not go on: the Request-URI is the target's"},
	{"4475", "baddate", "3.1.2.12", "Not to be rejected by who does not use the Date", "^100 Trying, INVITE goes on", ""},
	{"4475", "regbadct", "3.1.2.13", "Reasonable to respond 400", "^400", ""},
	{"4475", "badaspec", "3.1.2.14", "Reasonable to reject with 400", "^400", ""},
	{"4475", "baddn", "3.1.2.15", "Reasonable to reject with 400", "^400", "The archive of the RFC lacks its last line end"},
	{"4475", "badvers", "3.1.2.16", "Should respond 505", "^505", ""},
	{"4475", "mismatch01", "3.1.2.17", "400", "^400", ""},
	{"4475", "mismatch02", "3.1.2.18", "Should respond 501, or 400", "^(501|400)", ""},
	{"4475", "bigcode", "3.1.2.19", "A response, dropped", "^nothing", ""},
	{"4475", "badbranch", "3.2.1", "400, or take it for a request of RFC 2543", "^(400|OPTIONS goes on)", ""},
	{"4475", "insuf", "3.3.1", "Ideally 400", "^400", ""},
	{"4475", "unkscm", "3.3.2", "416", "^416", ""},
	{"4475", "novelsc", "3.3.3", "416", "^416", ""},
	{"4475", "unksm2", "3.3.4", "400 by the registrar", "^(400|405)", noRegistrar},
	{"4475", "bext01", "3.3.5", "420", "^420", ""},
	{"4475", "invut", "3.3.6", "415 by who does not know the body", "^100 Trying, INVITE goes on", "Bodies pass, and so does the callee's 415"},
	{"4475", "regaut01", "3.3.7", "401 by the registrar", "^(401|405)", noRegistrar},
	{"4475", "multi01", "3.3.8", "400", "^400", ""},
	{"4475", "mcl01", "3.3.9", "Should respond with an error; close a stream", "^400", ""},
	{"4475", "bcast", "3.3.10", "A response, to be dropped", "^nothing", ofNothing},
	{"4475", "zeromf", "3.3.11", "483, or process it", "^(483|200)", "OPTIONS that may go no further is answered here, RFC 3261 §11"},
	{"4475", "cparam01", "3.3.12", "Valid", registered, ""},
	{"4475", "cparam02", "3.3.13", "Valid", registered, ""},
	{"4475", "regescrt", "3.3.14", "Valid", registered, ""},
	{"4475", "sdp01", "3.3.15", "406 by who answers calls but not in that form", "^100 Trying, INVITE goes on", "Accept passes to the callee"},
	{"4475", "inv2543", "3.4.1", "Should be accepted, where RFC 2543 is served", "^100 Trying, INVITE goes on", "It has no Contact: the caller is talked to under the From. A stream needs Content-Length"},
	{"4475", "test", "none", "In the archive only; no SIP", "^nothing", "Neither CSeq nor Via: no answer would find its request"},
	{"5118", "ipv6-good", "4.1", "Valid", registered, ""},
	{"5118", "ipv6-bad", "4.2", "Should respond 400", "^400", ""},
	{"5118", "port-ambiguous", "4.3", "Well-formed", registered, ""},
	{"5118", "port-unambiguous", "4.4", "Valid", registered, ""},
	{"5118", "via-received-param-with-delim", "4.5", "To be processed", "^481", "It is of a dialog that there is not"},
	{"5118", "via-received-param-no-delim", "4.5", "Valid", "^200", ""},
	{"5118", "ipv6-in-sdp", "4.6", "Valid", "^100 Trying, INVITE goes on", lengths},
	{"5118", "mult-ip-in-header", "4.7", "Valid", "^481", "It is of a dialog that there is not"},
	{"5118", "mult-ip-in-sdp", "4.8", "Valid", "^100 Trying, INVITE goes on", lengths},
	{"5118", "ipv4-mapped-ipv6", "4.9", "Valid", "^100 Trying, INVITE goes on", lengths},
	{"5118", "ipv6-bug-abnf-3-colons", "4.10", "May be accepted", "^(400|OPTIONS goes on)", "The Request-URI of what goes on is the target's"},
	{"5118", "ipv6-correct-abnf-2-colons", "4.10", "Valid", "^OPTIONS goes on", ""},
}

const (
	registered  = "^(200|405)" // by a registrar, and where there is none
	noRegistrar = "Nobody registers without users in the configuration: 405"
	ofNothing   = "It answers nothing that was sent"
	lengths     = "Its Content-Length in the RFC counts other line ends; here it is that of the body"
)

// does says what Tandem does with a message, by datagram and by stream.
func (x *torture) does(t *testing.T) (udp, tcp string) {
	b := x.read(t)
	parts, end := cutUp(b)
	udp, tcp = suffer(t, flow.UDP, x.rfc == "5118", b), suffer(t, flow.TCP, x.rfc == "5118", parts...)+end
	if tcp == udp {
		tcp = "the same"
	}
	return udp, tcp
}

// Every message of RFC 4475 and RFC 5118 gets from the engine what the RFC says, over datagrams and over streams. The table
// that users read is made of what is seen here.
func TestTorture(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("# What bad messages get\n\nGenerated from `engine/transport/torture_test.go`: `go test ./engine/transport -run TestTorture -update`.\n\n" +
		"The messages of RFC 4475 (torture tests) and RFC 5118 (IPv6), handed to the whole engine as a datagram and on a connection. \"Goes on\" means\n" +
		"that the request was routed to the target of the script. A request that is dropped could not have been answered.\n\n" +
		"| RFC | § | Message | The RFC says | Over UDP | Over TCP | Holds | Note |\n|---|---|---|---|---|---|---|---|\n")
	for i := range tortures {
		x := &tortures[i]
		t.Run(x.name, func(t *testing.T) {
			udp, tcp := x.does(t)
			holds := "yes"
			if !regexp.MustCompile(x.want).MatchString(udp) {
				holds = "no"
			}
			if holds == "no" {
				t.Errorf("got %s; the RFC: %s", udp, x.says)
			}
			if request := !bytes.HasPrefix(x.read(t), []byte("SIP/")); request && x.name != "test" && strings.Contains(udp+tcp, "nothing") {
				t.Errorf("a request is dropped: %s; %s", udp, tcp)
			}
			fmt.Fprintf(&doc, "| %s | %s | `%s` | %s | %s | %s | %s | %s |\n", x.rfc, x.section, x.name, x.says, udp, tcp, holds, x.note)
		})
	}
	path := filepath.Join("..", "..", "docs", "torture.md")
	if *update {
		if err := os.WriteFile(path, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != doc.String() {
		t.Errorf("docs/torture.md is not up to date (%v): go test ./engine/transport -run TestTorture -update", err)
	}
}

// No message is left out.
func TestTortureComplete(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "message", "testdata", "rfc*", "*.dat"))
	if err != nil || len(files) != len(tortures) {
		t.Errorf("%d files, %d messages in the table, %v", len(files), len(tortures), err)
	}
}
