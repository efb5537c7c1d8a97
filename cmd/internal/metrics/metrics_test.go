package metrics

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tandem/luaapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// read returns what a server shows.
func read(t *testing.T, st luaapi.Status) string {
	t.Helper()
	s, err := Serve("127.0.0.1:0", func() luaapi.Status { return st }, func() (Heard, bool) {
		return Heard{Denied: 1, Dropped: 2, Bans: 3, Untrusted: 4, Banned: 5, Open: 6, Accepted: 7, Dialled: 8, Refused: 9, Failed: 10, Broken: 11, Overrun: 12, Challenges: 13, Failures: 14, Contacts: 15}, true
	}, func() Configuration {
		return Configuration{Loaded: 16, Unchanged: 17, Refused: 18, Broken: true, Waiting: 19, Read: time.UnixMilli(20500)}
	})
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v\n%s", resp.Status, err, body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return string(body)
}

func TestMetrics(t *testing.T) {
	st := luaapi.Status{
		Generation: 7, Hash: "0123456789ab", Budget: 1000,
		Generations: []luaapi.GenerationStatus{{Number: 7, Calls: 3, Total: 50}, {Number: 8, Calls: 1, Total: 4}},
		Results:     map[luaapi.Result]uint64{luaapi.Loaded: 6, luaapi.Refused: 2, luaapi.RolledBack: 1},
		Canary: &luaapi.CanaryStatus{
			Generation: 8, Hash: "ba9876543210", Share: 0.05, Old: luaapi.Tally{Judged: 40, Failed: 1}, New: luaapi.Tally{Judged: 3, Failed: 2},
		},
		Handlers: []luaapi.HandlerStatus{{
			Name: "invite", Calls: 10, Errors: 2, OverBudget: 1, Instructions: 900, Bytes: 4096,
		}},
	}
	got := read(t, st)
	for _, want := range []string{
		`tandem_generation_info{generation="7",sha256="0123456789ab"} 1`, "tandem_generations_live 2",
		`tandem_configuration_reads_total{result="loaded"} 16`, `tandem_configuration_reads_total{result="unchanged"} 17`, `tandem_configuration_reads_total{result="refused"} 18`,
		"tandem_configuration_refused 1", "tandem_configuration_waiting 19", "tandem_configuration_read_timestamp_seconds 20.5",
		`tandem_generation_calls{generation="7"} 3`, `tandem_generation_calls_total{generation="8"} 4`,
		`tandem_reloads_total{result="loaded"} 6`, `tandem_reloads_total{result="rolled back"} 1`, `tandem_reloads_total{result="tried"} 0`,
		"tandem_reload_refused 0", "tandem_canary_running 1", `tandem_canary_share{generation="8",sha256="ba9876543210"} 0.05`,
		`tandem_canary_calls{generation="7"} 40`, `tandem_canary_calls_failed{generation="8"} 2`,
		`tandem_handler_errors_total{handler="invite"} 2`, `tandem_handler_over_budget_total{handler="invite"} 1`,
		"tandem_messages_denied_total 1", "tandem_messages_banned_total 2", "tandem_bans_total 3", "tandem_refusals_stateless_total 4", "tandem_challenges_total 13", "tandem_credentials_refused_total 14", "tandem_contacts_registered 15",
		"tandem_connections 6", "tandem_connections_accepted_total 7", "tandem_connections_dialled_total 8", `tandem_connections_closed_total{why="refused"} 9`,
		`tandem_connections_closed_total{why="failed"} 10`, `tandem_connections_closed_total{why="broken"} 11`, `tandem_connections_closed_total{why="overrun"} 12`,
		"tandem_sources_banned 5", "tandem_handler_budget_instructions 1000", `tandem_handler_instructions_max{handler="invite"} 900`, `tandem_handler_bytes_max{handler="invite"} 4096`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if got := read(t, luaapi.Status{Generation: 1, Refused: luaapi.Refusal{Generation: 2}}); strings.Contains(got, "canary_share") ||
		!strings.Contains(got, "tandem_canary_running 0\n") || !strings.Contains(got, "tandem_reload_refused 1\n") {
		t.Errorf("without a canary:\n%s", got)
	}
}

func TestAddressInUse(t *testing.T) {
	status := func() luaapi.Status { return luaapi.Status{} }
	none := func() Configuration { return Configuration{} }
	s, err := Serve("127.0.0.1:0", status, func() (Heard, bool) { return Heard{}, false }, none)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Serve(s.addr.String(), status, func() (Heard, bool) { return Heard{}, false }, none); err == nil || !strings.Contains(err.Error(), s.addr.String()) {
		t.Errorf("got %v", err)
	}
}
