package server

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tandem/cmd/internal/admin"
	"tandem/cmd/internal/metrics"
	"tandem/engine"
	"tandem/engine/guard"
	"tandem/luaapi"
)

// Status is what `tandem status` shows.
type Status struct {
	Version   string   `json:"version"`
	Uptime    float64  `json:"uptime_s"`
	Listeners []string `json:"listeners"`
	Metrics   string   `json:"metrics,omitempty"`
	Shards    int      `json:"shards"`
	Calls     Calls    `json:"calls"`
	// Contacts are those that users have registered.
	Contacts int      `json:"contacts"`
	Messages Messages `json:"messages"`
	// Connections are those of TCP, TLS, WS and WSS.
	Connections Connections `json:"connections"`
	Abuse       Abuse       `json:"abuse"`
	Script      Script      `json:"script"`
	// Configuration is nil if it is not read again.
	Configuration *admin.Configuration `json:"configuration,omitempty"`
	Handlers      []Handler            `json:"handlers"`
	BadInput      map[string]uint64    `json:"bad_input,omitempty"`
	Panics        uint64               `json:"panics"`
	Record        *Record              `json:"record,omitempty"`
	// Followers is how many follow the calls.
	Followers  int          `json:"followers,omitempty"`
	Generation []Generation `json:"generations"`
}

// Record counts the calls that were recorded, and the events that were lost since the file was too slow.
type Record struct {
	Written uint64 `json:"written"`
	Dropped uint64 `json:"dropped"`
}

// Calls counts calls.
type Calls struct {
	Active   int    `json:"active"`
	Total    uint64 `json:"total"`
	Answered uint64 `json:"answered"`
	Overload uint64 `json:"overload"`
	// Operations are those that plan.await waits for now.
	Operations int `json:"operations"`
	// TurnedAway were refused because the engine is about to stop.
	TurnedAway uint64 `json:"turned_away"`
}

// Messages counts datagrams and what they keep.
type Messages struct {
	Received     uint64 `json:"received"`
	Sent         uint64 `json:"sent"`
	Dropped      uint64 `json:"dropped"`
	Transactions int    `json:"transactions"`
	Timers       int    `json:"timers"`
}

// Connections counts connections; the names are those of transport.ConnStats.
type Connections struct {
	Open     int    `json:"open"`
	Accepted uint64 `json:"accepted"`
	Dialled  uint64 `json:"dialled"`
	Refused  uint64 `json:"refused"`
	Failed   uint64 `json:"failed"`
	Broken   uint64 `json:"broken"`
	Overrun  uint64 `json:"overrun"`
}

// write writes for people what there is of it.
func (c *Connections) write(w *strings.Builder) {
	if c.Accepted+c.Dialled+c.Refused+c.Failed == 0 {
		return
	}
	fmt.Fprintf(w, "streams   %d connections, %d accepted, %d made; %d refused by a limit, %d failed, %d closed for what came, %d for what was not read\n",
		c.Open, c.Accepted, c.Dialled, c.Refused, c.Failed, c.Broken, c.Overrun)
}

// Abuse counts what was not heard, and says who is banned.
type Abuse struct {
	// Denied are messages of sources that a list keeps out, Banned those of sources that are banned, Bans the bans.
	Denied uint64 `json:"denied"`
	Banned uint64 `json:"banned"`
	Bans   uint64 `json:"bans"`
	// Untrusted are refusals that were sent once and not kept, because nothing showed that their source is what it says.
	Untrusted uint64 `json:"untrusted"`
	// Challenges are requests whose senders were asked for credentials, Failures those that had wrong ones.
	Challenges uint64 `json:"challenges"`
	Failures   uint64 `json:"failures"`
	// Sources are those that are banned now, the longest ban first, at most maxBans; More is how many more there are.
	Sources []Ban `json:"sources,omitempty"`
	More    int   `json:"more,omitempty"`
}

// Ban is a source that is not heard.
type Ban struct {
	Source string  `json:"source"`
	Why    string  `json:"why"`
	Left   float64 `json:"left_s"`
}

// maxBans is how many banned sources the status names.
const maxBans = 20

// banned notes the banned sources of all shards, each once.
func (a *Abuse) banned(shards []engine.Stats) {
	longest := map[netip.Addr]guard.Ban{}
	for i := range shards {
		for _, b := range shards[i].Sources {
			if b.Left > longest[b.Source].Left {
				longest[b.Source] = b
			}
		}
	}
	for _, source := range slices.SortedFunc(maps.Keys(longest), func(x, y netip.Addr) int {
		return cmp.Or(cmp.Compare(longest[y].Left, longest[x].Left), x.Compare(y))
	}) {
		if len(a.Sources) == maxBans {
			a.More++
			continue
		}
		b := longest[source]
		a.Sources = append(a.Sources, Ban{source.String(), b.Why, b.Left.Seconds()})
	}
}

// write writes what there is of it for people.
func (a *Abuse) write(w *strings.Builder) {
	if a.Denied+a.Bans+a.Untrusted > 0 {
		fmt.Fprintf(w, "abuse     %d messages denied, %d bans, %d messages of banned sources, %d refusals not kept\n", a.Denied, a.Bans, a.Banned, a.Untrusted)
	}
	if a.Challenges+a.Failures > 0 {
		fmt.Fprintf(w, "users     %d requests asked for credentials, %d wrong ones\n", a.Challenges, a.Failures)
	}
	for _, b := range a.Sources {
		left := time.Duration(b.Left * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(w, "          %s is banned for %s more: %s\n", b.Source, left, b.Why)
	}
	if a.More > 0 {
		fmt.Fprintf(w, "          and %d more\n", a.More)
	}
}

// Script is the version that serves new calls, and why the one on disk does not.
type Script struct {
	Generation uint64    `json:"generation"`
	Hash       string    `json:"sha256"`
	Since      time.Time `json:"since"`
	Refused    string    `json:"refused,omitempty"`
	// Findings are all that a check or the tests found in what was refused.
	Findings []string `json:"findings,omitempty"`
	// Result is that of the last reload, at Loaded.
	Result luaapi.Result `json:"result"`
	Loaded time.Time     `json:"loaded"`
	// Canary is the version on trial, Verdict what the last one came to.
	Canary  *admin.Canary `json:"canary,omitempty"`
	Verdict string        `json:"verdict,omitempty"`
	// Previous is the generation that a rollback goes back to, 0 = none.
	Previous uint64 `json:"previous,omitempty"`
}

// Generation is a version that calls run.
type Generation struct {
	Number uint64 `json:"number"`
	Hash   string `json:"sha256"`
	Active int64  `json:"active"`
	Total  uint64 `json:"total"`
}

// Handler counts the calls of one script handler.
type Handler struct {
	Name       string `json:"name"`
	Calls      uint64 `json:"calls"`
	Errors     uint64 `json:"errors"`
	OverBudget uint64 `json:"over_budget"`
	// Instructions and Bytes are the most that one call has used of its budgets.
	Instructions uint64 `json:"max_instructions"`
	Bytes        uint64 `json:"max_bytes"`
}

// Status returns what the server does, for the admin socket.
func (s *Server) Status(ctx context.Context) (any, error) {
	shards, err := s.stats(ctx)
	if err != nil {
		return nil, err
	}
	st := Status{Version: s.product, Uptime: time.Since(s.started).Seconds(), Shards: len(shards), Followers: s.feed.Len()}
	for _, l := range s.addrs {
		st.Listeners = append(st.Listeners, l.String())
	}
	if s.metrics != nil {
		st.Metrics = s.metrics.URL()
	}
	if s.record != nil {
		st.Record = &Record{s.record.Written(), s.record.Dropped()}
	}
	for i := range shards {
		st.add(&shards[i])
	}
	st.Abuse.banned(shards)
	for _, sock := range s.sockets {
		t := sock.Stats()
		st.Messages.Dropped += t.SendDrops + t.QueueDrops + t.KernelDrops
	}
	if len(s.sockets) > 0 {
		st.Connections = Connections(s.sockets[0].Connections())
	}
	st.script(s.host.Status())
	st.Configuration = s.conf.status()
	return st, nil
}

// heard is what the metrics show of sources and connections.
func (s *Server) heard() (metrics.Heard, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	st, err := s.Status(ctx)
	if err != nil {
		return metrics.Heard{}, false
	}
	a, c := st.(Status).Abuse, st.(Status).Connections
	return metrics.Heard{
		Denied: a.Denied, Dropped: a.Banned, Bans: a.Bans, Untrusted: a.Untrusted, Challenges: a.Challenges, Failures: a.Failures, Banned: len(a.Sources) + a.More,
		Open: c.Open, Accepted: c.Accepted, Dialled: c.Dialled, Refused: c.Refused, Failed: c.Failed, Broken: c.Broken, Overrun: c.Overrun,
		Contacts: st.(Status).Contacts,
	}, true
}

func (st *Status) add(e *engine.Stats) {
	st.Calls.Active += e.Active
	st.Contacts += e.Contacts
	st.Calls.Total += e.Calls
	st.Calls.Answered += e.Answered
	st.Calls.Overload += e.Overload
	st.Calls.Operations += e.Operations
	st.Calls.TurnedAway += e.TurnedAway
	st.Abuse.Denied += e.Denied
	st.Abuse.Banned += e.Banned
	st.Abuse.Bans += e.Bans
	st.Abuse.Untrusted += e.Untrusted
	st.Abuse.Challenges += e.Challenges
	st.Abuse.Failures += e.Failures
	st.Messages.Received += e.Received
	st.Messages.Sent += e.Sent
	st.Messages.Transactions += e.Transactions
	st.Messages.Timers += e.Timers
	st.Panics += e.Panics
	for what, n := range e.Bad {
		if st.BadInput == nil {
			st.BadInput = map[string]uint64{}
		}
		st.BadInput[what] += n
	}
}

func (st *Status) script(h luaapi.Status) {
	st.Script = Script{
		Generation: h.Generation, Hash: h.Hash, Since: h.Since, Refused: h.Refused.Error, Findings: findings(h.Refused),
		Result: h.Last.Result, Loaded: h.Last.At, Canary: canary(h.Canary), Previous: h.Previous,
	}
	if v := h.Verdict; v.Generation > 0 {
		st.Script.Verdict = fmt.Sprintf("generation %d %s: %s", v.Generation, v.Result, v.Reason)
	}
	for _, g := range h.Generations {
		st.Generation = append(st.Generation, Generation{Number: g.Number, Hash: g.Hash, Active: g.Calls, Total: g.Total})
	}
	for _, c := range h.Handlers {
		st.Handlers = append(st.Handlers, Handler(c))
	}
}

// writeConfiguration writes for people when the configuration was read, and what of it does not hold.
func (st *Status) writeConfiguration(w *strings.Builder) {
	c := st.Configuration
	if c == nil {
		return
	}
	fmt.Fprintf(w, "config    read at %s\n", c.Read.Format(time.DateTime))
	if c.Error != "" {
		fmt.Fprintf(w, "refused   configuration: %s\n", c.Error)
	}
	for _, place := range c.Waiting {
		fmt.Fprintf(w, "          %s takes effect after a restart\n", place)
	}
}

// String returns the status for people: a line for each matter.
func (st *Status) String() string {
	w := &strings.Builder{}
	up := time.Duration(st.Uptime * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(w, "%s, up %s, %d shards, listening on %s\n", st.Version, up, st.Shards, strings.Join(st.Listeners, " "))
	fmt.Fprintf(w, "calls     %d up, %d in all, %d answered, %d refused for overload\n",
		st.Calls.Active, st.Calls.Total, st.Calls.Answered, st.Calls.Overload)
	if st.Contacts > 0 {
		fmt.Fprintf(w, "contacts  %d registered\n", st.Contacts)
	}
	if n := st.Calls.Operations; n > 0 {
		fmt.Fprintf(w, "awaiting  %d operations\n", n)
	}
	if st.Calls.TurnedAway > 0 {
		fmt.Fprintf(w, "stopping  %d requests turned away\n", st.Calls.TurnedAway)
	}
	fmt.Fprintf(w, "messages  %d received, %d sent, %d dropped\n", st.Messages.Received, st.Messages.Sent, st.Messages.Dropped)
	st.Connections.write(w)
	st.Abuse.write(w)
	fmt.Fprintf(w, "script    generation %d, sha256 %s, since %s\n", st.Script.Generation, st.Script.Hash, st.Script.Since.Format(time.DateTime))
	fmt.Fprintf(w, "reload    %s at %s\n", st.Script.Result, st.Script.Loaded.Format(time.DateTime))
	if st.Script.Refused != "" {
		fmt.Fprintf(w, "refused   %s\n", st.Script.Refused)
	}
	st.writeConfiguration(w)
	if c := st.Script.Canary; c != nil {
		fmt.Fprintf(w, "canary    %s\n", c)
		fmt.Fprintf(w, "          %d of %d calls failed, %d of %d in generation %d\n", c.Failed, c.Calls, c.OldFailed, c.OldCalls, st.Script.Generation)
	}
	if st.Script.Verdict != "" {
		fmt.Fprintf(w, "canary    %s\n", st.Script.Verdict)
	}
	for _, g := range st.Generation {
		if g.Number != st.Script.Generation && (st.Script.Canary == nil || g.Number != st.Script.Canary.Generation) {
			fmt.Fprintf(w, "          generation %d still has %s\n", g.Number, count(g.Active, "call"))
		}
	}
	for _, h := range st.Handlers {
		fmt.Fprintf(w, "handler   %-10s %s, %s, %d over budget, at most %s, %d KB\n",
			h.Name, count(h.Calls, "call"), count(h.Errors, "error"), h.OverBudget, count(h.Instructions, "instruction"), (h.Bytes+1023)/1024)
	}
	whats := make([]string, 0, len(st.BadInput))
	for what := range st.BadInput {
		whats = append(whats, what)
	}
	slices.Sort(whats)
	for _, what := range whats {
		fmt.Fprintf(w, "bad input %s: %d\n", what, st.BadInput[what])
	}
	if st.Panics > 0 {
		were := "were"
		if st.Panics == 1 {
			were = "was"
		}
		fmt.Fprintf(w, "bugs      %s %s ended by a bug in Tandem; see the log\n", count(st.Panics, "call"), were)
	}
	return w.String()
}

// count writes so many things.
func count[N int64 | uint64](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
