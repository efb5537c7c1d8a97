package engine_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/rfc.md anew")

// rfcRow is a row of docs/rfc.md. Its tests are the functions of this package and of transport that have its number: TestRFC_025_….
type rfcRow struct {
	n      int
	where  string // RFC and section
	says   string
	status string
	note   string // what is missing, or how it is meant
}

// The status of a row. What does not hold has a note; what comes later names the issue that brings it.
const (
	holds  = "holds"
	partly = "partly"
	no     = "no"
	later  = "later"
)

const users = "Users, trunks, rights, limits and records"

var rfcRows = []rfcRow{
	{1, "3261 §16.3", "A request that fails the syntax we need is refused with 400, not dropped or forwarded", holds, ""},
	{2, "3261 §16.3", "An unknown scheme in the Request-URI: 416", holds, ""},
	{3, "3261 §16.3", "Max-Forwards 0 goes no further: 483; OPTIONS is answered", holds, ""},
	{4, "3261 §16.3, 5393 §4.2.2", "A request that has come in a loop: 482", holds, ""},
	{5, "3261 §16.3", "Unknown tags in Proxy-Require: 420, listed in Unsupported", holds, ""},
	{6, "3261 §16.3", "Credentials are checked before forwarding where policy asks", holds, "By digest, of requests that begin something outside a dialog; `[auth]` says of whom"},
	{7, "3261 §16.4", "A Request-URI that a strict router has replaced", holds, "No Record-Route of ours exists to come back as Request-URI; strict routers beyond us are served"},
	{8, "3261 §16.4", "The Route that names us is removed", holds, "A leg never takes over a Route"},
	{9, "3261 §16.4", "An maddr in the Request-URI that names us is removed", holds, "The script does not see it"},
	{10, "3261 §16.5", "No URI is twice in the target set", holds, ""},
	{11, "3261 §16.6", "Each branch has its own copy; fields of one name keep their order", holds, ""},
	{12, "3261 §16.6", "The Request-URI is the target's, without headers and method", holds, ""},
	{13, "3261 §16.6", "Max-Forwards is one less, 70 if there was none", holds, ""},
	{14, "3261 §16.6, §12.1", "No Record-Route of ours; each leg follows its own route set", holds, ""},
	{15, "3261 §16.6, 5393", "Our Via with a branch that is unique, one for each fork", holds, ""},
	{16, "3261 §16.6", "Content-Length over streams", holds, "Every message has one, whatever the transport"},
	{17, "3261 §16.6, §16.8", "Timer C over three minutes, restarted by 101-199", holds, ""},
	{18, "3261 §16.7", "A response matches by top Via branch and CSeq method", holds, ""},
	{19, "3261 §16.7", "Our Via is removed; a response without another goes no further", holds, ""},
	{20, "3261 §16.7", "A 6xx cancels the other branches", holds, ""},
	{21, "3261 §16.7", "Provisionals pass; one 2xx goes to the caller", holds, "Other 2xx are acknowledged and ended"},
	{22, "3261 §16.7", "A 100 is not forwarded", holds, ""},
	{23, "3261 §16.7", "Nothing after a final response", holds, "A 2xx that comes then is acknowledged and ended"},
	{24, "3261 §16.7", "The best response", holds, ""},
	{25, "3261 §16.7", "503 of a target becomes 500", holds, ""},
	{26, "3261 §16.7", "401 and 407 are answered by the leg; they pass, all of them, only if asked for, else 403", holds, "MD5 and SHA-2, without auth-int"},
	{27, "3261 §16.7", "After a 2xx or 6xx all pending branches are cancelled", holds, ""},
	{28, "3261 §16.7", "CANCEL only after a provisional of its branch", holds, ""},
	{29, "3261 §16.7", "Tags of our own for each leg; tags and route set stay", holds, ""},
	{30, "3261 §16.8", "Timer C: CANCEL if there was a provisional, else as 408", holds, ""},
	{31, "3261 §16.9", "A transport error is a 503 of its branch only", holds, ""},
	{32, "3261 §16.10", "CANCEL: 200 at once, CANCELs of our own to pending branches", holds, ""},
	{33, "3261 §16.10", "CANCEL without context: 481, nothing is kept", holds, ""},
	{34, "3261 §9.2", "CANCEL matches by branch, sent-by and method", holds, ""},
	{35, "3261 §9.2", "487 for what was cancelled; no effect after a final response", holds, ""},
	{36, "3261 §9.1", "CANCEL has the fields of its INVITE", holds, ""},
	{37, "3261 §17.1.1.3", "The ACK to a refusal has the fields of its INVITE", holds, ""},
	{38, "3261 §17.2.1", "100 within 200 ms", holds, ""},
	{39, "3261 §17.2.1", "A refusal is repeated until its ACK, for 64*T1", holds, ""},
	{40, "3261 §17.2.3", "A copy of a request is not delivered", holds, ""},
	{41, "3261 §17.2.3", "Requests of RFC 2543 match by their fields", holds, ""},
	{42, "3261 §17.2.4, §17.1.4", "A transport failure ends what it hits and leaves nothing", holds, "A connection that closes fails the requests on it that nothing was heard of; its call goes on by another one. That the transport tells of it has its tests in `engine/transport`"},
	{43, "3261 §8.2.1", "Unknown methods: 405 with Allow", holds, "Inside a dialog they pass: the other peer decides"},
	{44, "3261 §8.2.2.2", "The same request by another path: 482", holds, "As long as the transaction of the first is there"},
	{45, "3261 §8.2.2.3", "Unknown Require: 420 and Unsupported, but not in CANCEL and ACK", holds, ""},
	{46, "3261 §8.2.3", "A body that is not understood: 415 with Accept", holds, "We end no media: bodies pass, and so does the callee's 415"},
	{47, "3261 §8.2.6.2", "What a response copies; one To tag, not in 100", holds, ""},
	{48, "3261 §8.2.7", "Stateless answers: no provisional, no repeats, one tag, ACK ignored", holds, ""},
	{49, "3261 §10.3", "Who may register an address", holds, ""},
	{50, "3261 §10.3", "Contact: * only alone and with Expires: 0", holds, ""},
	{51, "3261 §10.3", "An old CSeq changes no binding; an update is whole or not at all", holds, ""},
	{52, "3261 §10.3", "200 lists all bindings; too brief: 423", holds, ""},
	{53, "3261 §12.2.2", "A lower CSeq: 500; an unknown dialog: 481", holds, ""},
	{54, "3261 §12.2, 6141 §4.6", "Contact of a target refresh replaces the remote target", holds, "Once it is accepted"},
	{55, "3261 §13.3.1.4", "A 2xx is repeated until its ACK; after 64*T1 BYE", holds, ""},
	{56, "3261 §13.2.2.4", "Every 2xx is acknowledged, what is not wanted ended", holds, ""},
	{57, "3261 §14.2", "A second INVITE while one is pending: 500 or 491", holds, ""},
	{58, "3261 §14.1", "A re-INVITE that fails leaves the session, but for 408 and 481", holds, ""},
	{59, "3261 §15.1.2", "BYE outside a dialog: 481; inside it ends pending requests with 487", holds, ""},
	{60, "3261 §18.1.1", "Large requests go over a congestion-controlled transport", holds, ""},
	{61, "3261 §18.1.1", "Datagrams up to 65535 octets are taken", holds, ""},
	{62, "3261 §18.2.1", "received says where a request came from", holds, ""},
	{63, "3261 §18.2.2", "Responses use the connection of their request, or a new one", holds, "That a new one is made has its tests in `engine/transport`"},
	{64, "3261 §18.3", "UDP: octets after the body are dropped; a body cut short is refused", holds, ""},
	{65, "3261 §18.3", "Streams: Content-Length frames", holds, "`docs/torture.md` shows what is broken; the framing itself has its tests in `engine/transport`"},
	{66, "3261 §7.3.1", "All spellings of fields mean the same", holds, ""},
	{67, "3261 §19.1.4", "URI equality", partly, "For targets; addresses of record: " + users + ". A parameter that only one URI has tells them apart, for it may name a line: with §19.1.4 ringing one line would keep another from ringing"},
	{68, "3261 §20.8", "Call-IDs are compared octet by octet", holds, ""},
	{69, "3261 §22.4, 7616", "Nonces: lifetime, count, stale", holds, "The nonce is bound to the source that was asked. Port and parameters of `uri` may differ from the Request-URI; a response without `qop` is good once"},
	{70, "3261 §22.1", "Challenges are stateless", holds, "Nothing is kept of the request; to a source in doubt the 407 names as many algorithms as half as many octets more than it sent have room for"},
	{71, "3261 §26.2.2", "sips: TLS on every hop or failure", holds, "Of the hop before us too: only a request that came by TLS or WSS gets a sips Contact"},
	{72, "5393 §4.1", "Loops are detected before forking", holds, ""},
	{73, "5393 §4.2.1", "What the mark in a branch depends on", holds, "The source address as well. It is keyed: another process, or one that was restarted, does not know it"},
	{74, "5393 §5.3.3", "Max-Breadth is divided; too small: 440", partly, "A branch given up at ring expiry is alive until its final response, but what it had of the breadth goes to the next step at once: that one is to start at ring expiry and would wait 32 s for a phone that is silent"},
	{75, "5393", "Forking loops stay within Max-Breadth and end", holds, ""},
	{76, "4320 §4.1", "Only 100 to a request other than INVITE, at 3.5 s", holds, ""},
	{77, "4320 §4.2", "No 408 to a request other than INVITE", holds, ""},
	{78, "4320 §4.2", "Late responses to them are not forwarded", holds, ""},
	{79, "4321", "A target that was silent is remembered for the next request", holds, "Of a name with several places; the resolver puts it behind the others for a minute."},
	{80, "6026 §6", "A 2xx leaves both transactions for 64*T1", holds, ""},
	{81, "6026 §6", "A response without a transaction is not forwarded", holds, ""},
	{82, "6026 §7.1, §8.7", "An error in sending a response leaves the transaction", holds, ""},
	{83, "6026 §7.1", "The leg repeats a 2xx, not the transaction", holds, ""},
	{84, "6026 §7.2, §8.4", "A repeated 2xx is acknowledged again and not relayed", holds, ""},
	{85, "3262 §3", "PRACK is a matter of each leg; no reliable 100", holds, ""},
	{86, "3262 §3", "Reliable provisionals: repeats, 5xx, 481, RSeq", holds, ""},
	{87, "3262 §4, §5", "The 2xx waits for the PRACK; one offer", holds, ""},
	{88, "3581 §4", "rport and received; the response goes to the source", holds, ""},
	{89, "5923 §8, §9", "Connection reuse only where the peer is known", holds, "A connection that was accepted is used for answers and for its own dialogs; by TLS, requests to an address go out on one that we have opened, whose certificate is for it. `alias` asks for more and is not heeded"},
	{90, "5626 §4.4.1, §5.4, §8", "Keep-alives on streams, by STUN over UDP; flow tokens", holds, "Over UDP where phones register. We make no flow tokens: as a user agent on both sides we stand in no route"},
	{91, "4028 §8.1", "Min-SE is 90 s; too small: 422", holds, ""},
	{92, "4028 §8.2, §9", "The refresher agreed on; without refresh both legs end", holds, ""},
	{93, "3326 §2", "Which Reason goes where", holds, ""},
	{94, "6228 §6", "199 for early dialogs that are over", holds, ""},
	{95, "3960 §3", "Each early dialog keeps its session description", holds, ""},
	{96, "3665, 5359", "The flows", partly, "3665 §3.3 (the caller is asked for credentials) has its test in `tests`. 5359 §2.10, §2.11, §2.14 to §2.19 are matters of phones and scripts"},
	{97, "5806 §4", "Diversion", holds, "Of calls that a plan diverts; what came in is never changed unless the script wants it"},
	{98, "7044 §9", "History-Info", partly, "In the INVITEs of calls that a plan diverts. Responses: a callee's entries pass, ours are neither merged with them nor added (§9.3 step 3, §9.4). Private entries are anonymous for who is not trusted (§10.1.2)"},
	{99, "3325 §5, 3323", "P-Asserted-Identity at the edge of trust", holds, "Trust is by network and by target. Remote-Party-ID is held to the same. `session` is not provided: media do not pass through. The Identity header passes (8224 §11), but for `user`"},
	{100, "3263 §4", "Failover between servers", holds, ""},
	{101, "7339, 6357", "Overload: new calls first", later, users + ". Bounds on calls and transactions are there: 503 with Retry-After"},
	{102, "3261 §8.1.3.4, §16.5", "3xx: only what the script allows, each URI once, no sips to sip", holds, ""},
	{103, "3264 §4, §8", "One offer at a time; the version rises with each change", holds, ""},
	{104, "3311 §5.2", "UPDATE while an offer is open: 491 or 500", holds, ""},
	{105, "6141 §3", "A re-INVITE that fails rolls back", holds, ""},
	{106, "3515 §2.4, 6665", "REFER: 202, NOTIFY with the real progress", holds, "They pass: who is referred places the call"},
	{107, "3891 §3", "Replaces names a dialog of ours", holds, "Of the dialogs that are over the latest 512 are remembered, for each shard"},
	{108, "3892", "Referred-By passes and is not made up", holds, ""},
	{109, "3261 §13.3.1.1", "A provisional at least every minute", holds, ""},
	{110, "4028 §7.4", "422 of a callee: again with a larger interval", holds, ""},
	{111, "3261 §13.2.1", "INVITE without an offer: the ACK waits for the answer", holds, ""},
	{112, "7332", "Loops through other back-to-back user agents end", holds, ""},
	{113, "3608", "Service-Route of a registration is used", later, users},
	{114, "7989", "Session-ID from end to end", partly, "It passes in both directions with every message that passes, which is all that §7 asks of who keeps no state of it. Without that state our own BYE and responses must have none, and do not; nor has the CANCEL, which ought to repeat that of the INVITE, and the final response of a fork has that of the branch that was best, not the nil one"},
	{115, "3261 §8.2.7", "Untrusted sources get stateless answers", holds, "In `tandem run`. A refusal after a provisional is kept and repeated: who has heard one sends no more copies"},
}

// The table is whole, says the truth about the tests, and stands in docs/rfc.md: go test ./engine -run TestRFCTable -update.
func TestRFCTable(t *testing.T) {
	tests := rfcTests(t)
	for i, row := range rfcRows {
		own := tests[row.n]
		delete(tests, row.n)
		switch {
		case row.n != i+1:
			t.Errorf("row %d stands in place %d", row.n, i+1)
		case !slices.Contains([]string{holds, partly, no, later}, row.status):
			t.Errorf("row %d: status %q", row.n, row.status)
		case row.status == later && !strings.HasPrefix(row.note, users):
			t.Errorf("row %d: later, but with which issue?", row.n)
		case row.status != holds && row.note == "":
			t.Errorf("row %d: %s, and no reason", row.n, row.status)
		case len(own) == 0 && (row.status == holds || row.status == partly):
			t.Errorf("row %d: %s, and no test", row.n, row.status)
		}
	}
	if len(rfcRows) != 115 || len(tests) > 0 {
		t.Errorf("%d rows; tests of no row: %v", len(rfcRows), tests)
	}
	path, doc := filepath.Join("..", "docs", "rfc.md"), rfcDocument(rfcTests(t))
	if *update {
		if err := os.WriteFile(path, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != doc {
		t.Errorf("docs/rfc.md is not up to date (%v): go test ./engine -run TestRFCTable -update", err)
	}
}

// rfcTests returns the names of the TestRFC_ functions by row.
func rfcTests(t *testing.T) map[int][]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := filepath.Glob("transport/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, streams...)
	name, rows := regexp.MustCompile(`^TestRFC_(\d{3})_[A-Z]`), map[int][]string{}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "TestRFC_") {
				continue
			}
			m := name.FindStringSubmatch(fn.Name.Name)
			if m == nil {
				t.Errorf("%s: %s has no row in its name", path, fn.Name.Name)
				continue
			}
			n, _ := strconv.Atoi(m[1])
			rows[n] = append(rows[n], fn.Name.Name)
		}
	}
	return rows
}

// rfcDocument writes docs/rfc.md.
func rfcDocument(tests map[int][]string) string {
	var b strings.Builder
	b.WriteString("# What the RFCs ask for\n\nGenerated from `engine/rfc_table_test.go`: `go test ./engine -run TestRFCTable -update`.\n\n" +
		"Tandem is a back-to-back user agent: what the RFCs ask of proxies holds as far as a caller and a callee can see it. Each row that\n" +
		"holds, wholly or partly, has tests in `engine`; `later` names the issue that brings it.\n\n")
	total := map[string]int{}
	for _, row := range rfcRows {
		total[row.status]++
	}
	fmt.Fprintf(&b, "Of %d rows %d hold, %d partly; %d do not, %d come later.\n\n", len(rfcRows), total[holds], total[partly], total[no], total[later])
	b.WriteString("| # | RFC | What | Status | Tests | Note |\n|---|---|---|---|---|---|\n")
	for _, row := range rfcRows {
		names := ""
		for _, n := range tests[row.n] {
			names += "`" + n + "` "
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", row.n, row.where, row.says, row.status, strings.TrimSpace(names), row.note)
	}
	return b.String()
}
