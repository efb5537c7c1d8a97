// Package metrics shows Prometheus what the scripts of a running engine do: over HTTP, at /metrics.
//
// Nothing is kept here: every read asks the script host for its status, whose counters the shards own.
package metrics

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tandem/luaapi"
)

// Server answers on a TCP address.
type Server struct {
	http http.Server
	addr net.Addr
	done chan error
}

// timeout bounds how long a reader may take for its request.
const timeout = 10 * time.Second

// Heard counts what was not heard of sources, and connections, from the start; Banned, Open and Contacts are those of now.
type Heard struct {
	Denied, Dropped, Bans, Untrusted                    uint64
	Challenges, Failures                                uint64
	Accepted, Dialled, Refused, Failed, Broken, Overrun uint64
	Banned, Open, Contacts                              int
}

// Configuration is what is known of the configuration and its file.
type Configuration struct {
	// Loaded, Unchanged and Refused count the readings since the start by what came of them.
	Loaded, Unchanged, Refused uint64
	// Broken says that the file is refused now, Waiting how many of its keys take effect after a restart, Read when the one was read that holds.
	Broken  bool
	Waiting int
	Read    time.Time
}

// Serve listens on IP:PORT and shows what status, heard and conf return; heard says false when nothing can be told now.
func Serve(addr string, status func() luaapi.Status, heard func() (Heard, bool), conf func() Configuration) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics on %s: %w", addr, err)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(scripts{status}, sources{heard}, configuration{conf})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	s := &Server{addr: l.Addr(), done: make(chan error, 1)}
	s.http = http.Server{Handler: mux, ReadHeaderTimeout: timeout}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// URL is where the metrics are.
func (s *Server) URL() string { return "http://" + s.addr.String() + "/metrics" }

// Close stops the server.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tandem_"+name, help, labels, nil)
}

var (
	generationInfo = describe("generation_info", "The script generation that serves new calls.", "generation", "sha256")
	generationLive = describe("generations_live", "Script generations that serve or have calls.")
	calls          = describe("generation_calls", "Calls that run a script generation now.", "generation")
	callsTotal     = describe("generation_calls_total", "Calls that ever ran a live script generation.", "generation")
	reloads        = describe("reloads_total", "Reloads by result.", "result")
	refused        = describe("reload_refused", "1 if the scripts on disk are refused.")
	canaryRuns     = describe("canary_running", "1 if a new generation is on trial.")
	canaryShare    = describe("canary_share", "The share of new calls that the generation on trial gets.", "generation", "sha256")
	canaryCalls    = describe("canary_calls", "Calls that were judged since the trial began.", "generation")
	canaryFailed   = describe("canary_calls_failed", "Those of them in which a handler failed or the script answered 5xx.", "generation")
	handlerErrors  = describe("handler_errors_total", "Calls of a handler that failed.", "handler")
	handlerBudget  = describe("handler_over_budget_total", "Calls of a handler that were stopped by its budget.", "handler")

	denied    = describe("messages_denied_total", "Messages of sources that an access list keeps out.")
	dropped   = describe("messages_banned_total", "Messages of sources that were banned.")
	bans      = describe("bans_total", "Bans of sources, by scanning, too many requests or wrong credentials.")
	banned    = describe("sources_banned", "Sources that are banned now.")
	untrusted = describe("refusals_stateless_total", "Refusals to sources that nothing shows yet to be what they say, sent once.")

	challenges = describe("challenges_total", "Requests that were answered by asking for credentials.")
	failures   = describe("credentials_refused_total", "Requests with wrong credentials.")

	configReads   = describe("configuration_reads_total", "How often the configuration was read since the start, by result.", "result")
	configRefused = describe("configuration_refused", "1 if the configuration on disk is refused.")
	configWaiting = describe("configuration_waiting", "Keys of the configuration on disk that take effect after a restart.")
	configRead    = describe("configuration_read_timestamp_seconds", "When the configuration was read that holds, in seconds since 1970.")

	contacts = describe("contacts_registered", "Contacts that users have registered now.")

	connsOpen     = describe("connections", "Connections of TCP, TLS, WS and WSS that are open now.")
	connsAccepted = describe("connections_accepted_total", "Connections that peers have opened.")
	connsDialled  = describe("connections_dialled_total", "Connections that were opened to peers.")
	connsClosed   = describe("connections_closed_total", "Connections that were not kept: refused by a limit, failed to open, broken by what the peer sent, overrun since it did not read.", "why")

	handlerBudgets      = describe("handler_budget_instructions", "What a handler may run.")
	handlerInstructions = describe("handler_instructions_max", "The most instructions that one call of a handler has run.", "handler")
	handlerBytes        = describe("handler_bytes_max", "The most bytes that one call of a handler has made.", "handler")
)

// scripts collects the metrics of a script host.
type scripts struct{ status func() luaapi.Status }

// Describe sends nothing: what there is depends on the status.
func (scripts) Describe(chan<- *prometheus.Desc) {}

// Collect sends what the status says now.
func (s scripts) Collect(out chan<- prometheus.Metric) {
	st := s.status()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(generationInfo, 1, number(st.Generation), st.Hash)
	gauge(generationLive, float64(len(st.Generations)))
	for _, g := range st.Generations {
		gauge(calls, float64(g.Calls), number(g.Number))
		count(callsTotal, g.Total, number(g.Number))
	}
	for _, r := range luaapi.Results {
		count(reloads, st.Results[r], string(r))
	}
	gauge(refused, one(st.Refused.Generation > 0))
	gauge(canaryRuns, one(st.Canary != nil))
	if c := st.Canary; c != nil {
		gauge(canaryShare, c.Share, number(c.Generation), c.Hash)
		for g, t := range map[uint64]luaapi.Tally{c.Generation: c.New, st.Generation: c.Old} {
			gauge(canaryCalls, float64(t.Judged), number(g))
			gauge(canaryFailed, float64(t.Failed), number(g))
		}
	}
	gauge(handlerBudgets, float64(st.Budget))
	for _, h := range st.Handlers {
		count(handlerErrors, h.Errors, h.Name)
		count(handlerBudget, h.OverBudget, h.Name)
		gauge(handlerInstructions, float64(h.Instructions), h.Name)
		gauge(handlerBytes, float64(h.Bytes), h.Name)
	}
}

// sources collects what was not heard, and connections.
type sources struct{ heard func() (Heard, bool) }

// Describe sends nothing, like that of scripts.
func (sources) Describe(chan<- *prometheus.Desc) {}

// Collect sends the counters.
func (s sources) Collect(out chan<- prometheus.Metric) {
	h, ok := s.heard()
	if !ok {
		return
	}
	for d, n := range map[*prometheus.Desc]uint64{denied: h.Denied, dropped: h.Dropped, bans: h.Bans, untrusted: h.Untrusted, challenges: h.Challenges, failures: h.Failures} {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n))
	}
	out <- prometheus.MustNewConstMetric(banned, prometheus.GaugeValue, float64(h.Banned))
	out <- prometheus.MustNewConstMetric(contacts, prometheus.GaugeValue, float64(h.Contacts))
	out <- prometheus.MustNewConstMetric(connsOpen, prometheus.GaugeValue, float64(h.Open))
	out <- prometheus.MustNewConstMetric(connsAccepted, prometheus.CounterValue, float64(h.Accepted))
	out <- prometheus.MustNewConstMetric(connsDialled, prometheus.CounterValue, float64(h.Dialled))
	for why, n := range map[string]uint64{"refused": h.Refused, "failed": h.Failed, "broken": h.Broken, "overrun": h.Overrun} {
		out <- prometheus.MustNewConstMetric(connsClosed, prometheus.CounterValue, float64(n), why)
	}
}

// configuration collects what is known of the file.
type configuration struct{ state func() Configuration }

// Describe sends nothing, like that of scripts.
func (configuration) Describe(chan<- *prometheus.Desc) {}

// Collect sends it.
func (c configuration) Collect(out chan<- prometheus.Metric) {
	st := c.state()
	for r, n := range map[luaapi.Result]uint64{luaapi.Loaded: st.Loaded, luaapi.Unchanged: st.Unchanged, luaapi.Refused: st.Refused} {
		out <- prometheus.MustNewConstMetric(configReads, prometheus.CounterValue, float64(n), string(r))
	}
	out <- prometheus.MustNewConstMetric(configRefused, prometheus.GaugeValue, one(st.Broken))
	out <- prometheus.MustNewConstMetric(configWaiting, prometheus.GaugeValue, float64(st.Waiting))
	out <- prometheus.MustNewConstMetric(configRead, prometheus.GaugeValue, float64(st.Read.UnixMilli())/1000)
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
