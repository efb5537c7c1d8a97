package trace

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tandem/engine/clock"
	"tandem/engine/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	caller = netip.MustParseAddrPort("192.0.2.1:5060")
	desk   = netip.MustParseAddrPort("192.0.2.11:5060")
	group  = netip.MustParseAddrPort("192.0.2.13:5060")
	vm     = netip.MustParseAddrPort("192.0.2.20:5060")
)

var names = map[netip.AddrPort]string{caller: "caller", desk: "100", group: "200", vm: "voicemail"}

// script writes events one after the other.
type script struct {
	now    clock.Time
	events []Event
}

func (s *script) at(ms int) *script {
	s.now = clock.Time(time.Duration(ms) * time.Millisecond)
	return s
}

func (s *script) add(k Kind, who netip.AddrPort, raw string) *script {
	s.events = append(s.events, Event{At: s.now, Kind: k, Remote: who, Bytes: []byte(raw)})
	return s
}

func (s *script) got(who netip.AddrPort, raw string) *script  { return s.add(Received, who, raw) }
func (s *script) sent(who netip.AddrPort, raw string) *script { return s.add(Sent, who, raw) }

func (s *script) note(line int, text string) *script {
	e := Event{At: s.now, Kind: Note, Call: "a", Text: text}
	if line > 0 {
		e.Pos = plan.Pos{File: "main.lua", Line: line}
	}
	s.events = append(s.events, e)
	return s
}

func fields(callID, method, toTag string, extra ...string) string {
	if toTag != "" {
		toTag = ";tag=" + toTag
	}
	more := strings.Join(extra, "\r\n")
	if more != "" {
		more += "\r\n"
	}
	return fmt.Sprintf("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%s%s\r\nFrom: <sip:a@example.net>;tag=1\r\nTo: <sip:100@pbx.example>%s\r\n"+
		"Call-ID: %s\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n", callID, method, toTag, callID, method, more)
}

// req is a request of the leg with that Call-ID; a method with a slash is in a dialog.
func req(callID, method, uri string, extra ...string) string {
	method, inDialog := strings.CutSuffix(method, "/")
	tag := ""
	if inDialog {
		tag = "t"
	}
	return method + " " + uri + " SIP/2.0\r\n" + fields(callID, method, tag, extra...)
}

func resp(callID string, code int, method string) string {
	return fmt.Sprintf("SIP/2.0 %d X\r\n", code) + fields(callID, method, "t")
}

// busy is the call of the contract's example: busy desk phone, then the group, which answers.
func busy() *script {
	s := &script{}
	s.at(5000).got(caller, req("a", "INVITE", "sip:100@pbx.example"))
	s.sent(caller, resp("a", 100, "INVITE"))
	s.note(5, "invite → serial{100, parallel{200, 201+5s}, voicemail}")
	s.sent(desk, req("b", "INVITE", "sip:100@192.0.2.11"))
	s.at(5002).got(desk, resp("b", 100, "INVITE")).got(desk, resp("b", 486, "INVITE"))
	s.sent(desk, req("b", "ACK/", "sip:100@192.0.2.11"))
	s.note(0, "busy: 486 of 100").note(9, "next step")
	s.sent(group, req("c", "INVITE", "sip:200@192.0.2.13"))
	s.at(5500).sent(group, req("c", "INVITE", "sip:200@192.0.2.13"))
	s.at(6500).sent(group, req("c", "INVITE", "sip:200@192.0.2.13"))
	s.at(6501).got(group, resp("c", 180, "INVITE")).sent(caller, resp("a", 180, "INVITE"))
	s.sent(vm, req("d", "INVITE", "sip:alice%40home@192.0.2.20"))
	s.at(9001).got(group, resp("c", 200, "INVITE"))
	s.sent(group, req("c", "ACK/", "sip:200@192.0.2.13")).sent(caller, resp("a", 200, "INVITE"))
	s.sent(vm, req("d", "CANCEL", "sip:vm@192.0.2.20", `Reason: SIP;cause=200;text="Call completed elsewhere"`))
	s.at(9003).got(caller, req("a", "ACK/", "sip:tandem@192.0.2.2"))
	s.at(20003).note(0, "over")
	s.at(21003).got(caller, req("a", "BYE/", "sip:tandem@192.0.2.2", "Reason: Q.850;cause=16, SIP ; cause=200", "Reason: odd"))
	s.note(0, "ended ✓")
	return s
}

func TestLadder(t *testing.T) {
	parties := &script{}
	parties.got(caller, req("a", "INVITE", "sip:100@pbx.example"))
	for i := range 11 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}), uint16(5059+max(1, min(i, 2))))
		parties.sent(a, req(fmt.Sprint("leg", i), "INVITE", "sip:u@192.0.2.9"))
	}
	trunk := (&script{}).got(caller, req("a", "INVITE", "sip:100@pbx.example")).sent(caller, req("b", "INVITE", "sip:0049@192.0.2.1")).
		at(2).got(caller, resp("b", 200, "INVITE")).sent(caller, resp("a", 200, "INVITE"))
	two := (&script{}).got(caller, req("a", "INVITE", "sip:1@h")).sent(desk, req("b", "INVITE", "sip:1@h")).
		at(9).got(desk, req("c", "INVITE", "sip:2@h")).sent(caller, req("d", "INVITE", "sip:2@h"))
	wide, wideNames := &script{}, map[netip.AddrPort]string{caller: "caller", desk: "受付1", group: "受付2", vm: "留守番電話"}
	wide.got(caller, req("a", "INVITE", "sip:100@pbx.example")).sent(desk, req("b", "INVITE", "sip:%E5%8F%97@192.0.2.11")).
		sent(group, req("c", "INVITE", "sip:200@192.0.2.13")).at(2).got(desk, resp("b", 486, "INVITE")).note(4, "→ 留守番電話").
		sent(vm, req("d", "INVITE", "sip:%E5%8F%97@192.0.2.20"))
	long := (&script{}).got(caller, req("a", "INVITE", "sip:100@pbx.example")).sent(desk, req("b", "INVITE", "sip:100@192.0.2.11"))
	for i := range 100 {
		long.at(1000*i).got(desk, req("b", "INFO/", fmt.Sprintf("sip:%d@192.0.2.1", i)))
	}
	odd := (&script{}).sent(vm, req("r", "OPTIONS", "sip:192.0.2.20")).at(1).got(vm, "\r\n\r\n").got(vm, "HELO garbage").
		got(vm, req("m", "MESSAGE", "sip:a%00b@h")).got(vm, req("n", "MESSAGE", "tel:+49123")).got(vm, req("n", "REGISTER", "urn:x")).note(0, "last")

	for _, c := range []struct {
		name string
		s    *script
		o    Options
	}{
		{"busy", busy(), Options{}},
		{"busy_ascii", busy(), Options{ASCII: true}},
		{"busy_all", busy(), Options{Trying: true, Repeats: true}},
		{"busy_noack", busy(), Options{HideAck: true, Self: "pbx"}},
		{"busy_width80", busy(), Options{Width: 80}},
		{"busy_width40", busy(), Options{Width: 40, ASCII: true}},
		{"parties", parties, Options{}},
		{"parties_width", parties, Options{Width: 120}},
		{"parties_width80", parties, Options{Width: 80}},
		{"wide", wide, Options{Names: wideNames}},
		{"wide_width", wide, Options{Names: wideNames, Width: 50}},
		{"rows", long, Options{Rows: 24}},
		{"rows_marked", long, Options{Rows: 24, Mark: 60, MarkText: "◀── here"}},
		{"marked_width80", busy(), Options{Width: 80, Mark: 2, MarkText: "◀── departs from the golden ladder"}},
		{"trunk", trunk, Options{}},
		{"two_calls", two, Options{}},
		{"odd", odd, Options{}},
		{"empty", &script{}, Options{}},
		{"only_note", (&script{}).note(3, "here"), Options{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.o.Names == nil {
				c.o.Names = names
			}
			golden(t, c.name, Ladder(c.s.events, c.o))
			o := Options{Names: c.o.Names, HideNotes: true, Trying: c.o.Trying, Repeats: c.o.Repeats, Self: c.o.Self}
			if diff := cmp.Diff(Arrows(c.s.events, o), ReadLadder(Ladder(c.s.events, o))); diff != "" {
				t.Errorf("-drawn +read:\n%s%s", diff, Ladder(c.s.events, o))
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".ladder")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs\ngot\n%swant\n%s", file, got, want)
	}
}

// Every row of a drawing has its lifelines and arrow heads in the same columns, and none is wider than asked.
func TestLadderColumns(t *testing.T) {
	for width := 0; width <= 160; width += 5 {
		out := Ladder(busy().events, Options{Names: names, Width: width})
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		columns := lifelines(lines[len(lines)-1])
		for i := len(lines) - 1; len(columns) != 5; i-- { // the last lines may be notes
			columns = lifelines(lines[i])
		}
		if n := utf8.RuneCountInString(lines[0]); width >= 50 && n > width {
			t.Errorf("width %d: %d wide: %s", width, n, lines[0])
		}
		for _, l := range lines[1:] {
			for _, x := range lifelines(l) {
				if !slices.Contains(columns, x) {
					t.Fatalf("width %d: a lifeline at %d\n%s", width, x, out)
				}
			}
			if n := utf8.RuneCountInString(l); width >= 50 && n > width {
				t.Errorf("width %d: %d wide: %s\n%s", width, n, l, out)
			}
		}
	}
}

func lifelines(l string) (at []int) {
	for i, r := range []rune(l) {
		if r == '│' {
			at = append(at, i)
		}
	}
	return at
}

func TestDeparture(t *testing.T) {
	all := Arrows(busy().events, Options{Names: names})
	other := slices.Clone(all)
	other[2].Label = "603"
	for _, c := range []struct {
		name string
		a, b []Arrow
		want int
	}{
		{"equal", all, all, 0},
		{"none", nil, nil, 0},
		{"another message", all, other, 3},
		{"one too many", all, all[:4], 5},
		{"one is missing", all[:4], all, 5},
		{"all are missing", nil, all, 1},
	} {
		if got := Departure(c.a, c.b); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// The mark stands on the row that was counted, notes or not.
func TestMark(t *testing.T) {
	for n, a := range Arrows(busy().events, Options{Names: names}) {
		for _, hide := range []bool{false, true} {
			out := Ladder(busy().events, Options{Names: names, Mark: n + 1, MarkText: "here", HideNotes: hide})
			var marked []string
			for line := range strings.Lines(out) {
				if strings.Contains(line, "here") {
					marked = append(marked, line)
				}
			}
			if len(marked) != 1 || !strings.Contains(marked[0], " "+a.Label+" ") {
				t.Errorf("%s is not the row of %q", a, marked)
			}
		}
	}
}
