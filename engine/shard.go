package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/guard"
	"tandem/engine/ident"
	"tandem/engine/leg"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// Shard owns a part of the calls. All its methods are called on one goroutine.
type Shard struct {
	cfg     Config
	base    trace.Sink // that of the configuration; cfg has the one in use
	scripts Scripts
	out     transaction.Sender
	index   int
	shards  int
	// siblings are all shards of the engine; another one's state is touched through cfg.Post only.
	siblings []*Shard

	heap  clock.Heap
	ids   *ident.Source
	layer *transaction.Layer

	operations int              // that calls await
	held       int              // bytes that calls hold, estimated
	calls      map[string]*call // by Call-ID and From tag of the caller's INVITE
	dialogs    map[string]*side // by our tag and the peer's
	parting    map[string]*side // those that are over but for our BYE, likewise

	watches    map[string]*watch // by our tag towards the notifiers
	subscribed map[string]*end   // by our tag and the peer's

	past past

	loopKey [sha256.Size]byte // of the marks in our Vias
	ways    *leg.Ways         // of dialogs

	msg     message.Message // of the datagram at hand
	buf     []byte          // what is being built
	key     []byte          // of a dialog, likewise
	now     clock.Time      // of the event at hand
	current *call           // the call that the event at hand is about, for recovery
	refused error           // why a datagram did not arrive, if the event at hand is about that
	stats   Stats

	guard *guard.Guard // nil without cfg.Guard

	auth      *auth.Checker       // nil without cfg.Auth
	memory    auth.Memory         // of all shards: nonces and failures
	contacts  location.Reader     // of all users
	registrar *location.Registrar // of the users of this shard
	leases    clock.Heap          // when registrations end: nobody waits for that
	allow     string              // the methods that are not answered 405

	disbelief bool // that identities of a source are not believed was said

	help *emergencies
	let  bool // the request at hand passes lists and limits

	draining bool   // nothing new is taken
	ending   bool   // there is no time left to wait for anybody
	idle     func() // to be called when the last call is over

	looped, unreached, unacked, unsent, bounded, bans, malformed, denials, unregistered rationed // warnings
}

// Stats counts what a shard did since it was made.
type Stats struct {
	// Received and Sent count datagrams.
	Received, Sent uint64
	// Calls counts calls begun, Answered those that were answered, Panics events that failed by a bug.
	Calls, Answered, Panics uint64
	// Overload counts calls refused because a bound was reached.
	Overload uint64
	// TurnedAway counts requests refused because the engine is about to stop.
	TurnedAway uint64
	// Denied counts messages of sources that a list keeps out, Banned those of sources that are banned, Bans the bans, Untrusted the refusals
	// that nothing was kept of.
	Denied, Banned, Bans, Untrusted uint64
	// Challenges counts requests that were answered by asking for credentials, Failures those whose credentials were wrong.
	Challenges, Failures uint64
	// Sources are those that are banned now.
	Sources []guard.Ban
	// Active is how many calls there are, Contacts how many contacts are registered.
	Active, Contacts int
	// Transactions and Timers are how many there are.
	Transactions, Timers int
	// Operations is how many are awaited.
	Operations int
	// Bad counts datagrams that were no usable SIP message, by reason.
	Bad map[string]uint64
}

func newShard(cfg Config, scripts Scripts, memory auth.Memory, contacts *location.Table, index, shards int) *Shard {
	seed := cfg.Seed
	seed[0] ^= byte(index)
	seed[1] ^= byte(index >> 8)
	sh := &Shard{
		cfg: cfg, base: cfg.Trace, scripts: scripts, index: index, shards: shards,
		ids:     ident.NewSource(seed, cfg.Node),
		calls:   map[string]*call{},
		dialogs: map[string]*side{}, parting: map[string]*side{},
		watches: map[string]*watch{}, subscribed: map[string]*end{},
		loopKey: loopKey(cfg.Seed),
		stats:   Stats{Bad: map[string]uint64{}},
		memory:  memory, contacts: contacts,
		help: newEmergencies(),
	}
	sh.ways = &leg.Ways{Reach: sh.choose, Find: sh.find}
	sh.layer = transaction.New(&sh.heap, sh, sh.ids, sh, cfg.Timers)
	sh.layer.Large = sh.large
	if cfg.Contacts != nil {
		sh.contacts = cfg.Contacts
	}
	sh.registrar = location.NewRegistrar(contacts, &sh.leases)
	sh.goBy(cfg.Rules)
	return sh
}

// Connect says where the shard's datagrams go.
func (sh *Shard) Connect(out transaction.Sender) { sh.out = out }

// Stats returns the counters. Like every method of a Shard it is called on the shard's goroutine.
func (sh *Shard) Stats() Stats {
	s := sh.stats
	s.Bad = make(map[string]uint64, len(sh.stats.Bad))
	for k, v := range sh.stats.Bad {
		s.Bad[k] = v
	}
	clients, servers := sh.layer.Len()
	s.Untrusted = sh.layer.Counters.Forgotten
	if sh.guard != nil {
		s.Sources = sh.guard.Bans(sh.now)
	}
	s.Contacts = sh.registrar.Len()
	s.Active, s.Transactions, s.Timers, s.Operations = len(sh.calls), clients+servers, sh.heap.Len(), sh.operations
	return s
}

// Leaks says what is left although nothing should be: "" if nothing is.
func (sh *Shard) Leaks() string {
	clients, servers := sh.layer.Len()
	dialogs, subscriptions := len(sh.dialogs)+len(sh.parting)+len(sh.subscribed), len(sh.watches)
	if clients+servers+len(sh.calls)+dialogs+subscriptions+sh.heap.Len()+sh.operations+sh.held == 0 {
		return ""
	}
	return fmt.Sprintf("shard %d: %d client and %d server transactions, %d calls, %d dialogs, %d subscriptions, %d timers, %d operations, %d bytes",
		sh.index, clients, servers, len(sh.calls), dialogs, subscriptions, sh.heap.Len(), sh.operations, sh.held)
}

// Next returns when Tick is wanted.
func (sh *Shard) Next() (clock.Time, bool) {
	at, ok := sh.heap.Next()
	if end, has := sh.leases.Next(); has && (!ok || end < at) {
		return end, true
	}
	return at, ok
}

// Rests reports whether nothing is to be done but to let registrations end.
func (sh *Shard) Rests() bool { return sh.heap.Len() == 0 }

// Tick runs what is due.
func (sh *Shard) Tick(now clock.Time) {
	sh.now = now
	for !sh.runTimers(now) {
	}
}

// runTimers returns false if a timer panicked and others may be due still.
func (sh *Shard) runTimers(now clock.Time) (done bool) {
	defer sh.rescue()
	sh.current = nil
	sh.leases.Run(now)
	sh.heap.Run(now)
	return true
}

// Receive takes a datagram; b is read, and may be written to, during the call only.
func (sh *Shard) Receive(now clock.Time, f flow.Flow, b []byte) {
	defer sh.rescue()
	sh.now, sh.current, sh.let = now, nil, false
	sh.stats.Received++
	unheard := sh.guard != nil && !sh.hears(now, f)
	if unheard && !sh.mayBeUrgent(f, b) {
		sh.countUnheard(f)
		return
	}
	if !unheard && sh.keepAlive(f, b) {
		return
	}
	m := &sh.msg
	err := m.Parse(b)
	if err == nil {
		err = m.Validate()
	}
	if err == nil && !m.Has(message.ContentLength) && (f.Transport == flow.TCP || f.Transport == flow.TLS) {
		err = errUnframed // RFC 3261 §20.14; a WebSocket has frames of its own (RFC 7118 §5)
	}
	if sh.shards > 1 && err == nil && sh.cfg.Forward != nil {
		if owner := int(ident.Slot(m.CallID())) % sh.shards; owner != sh.index {
			sh.stats.Received-- // the owner counts it
			sh.cfg.Forward(owner, f, b)
			return
		}
	}
	if sh.cfg.Trace != nil && len(m.Bytes()) > 0 {
		sh.cfg.Trace.Trace(trace.Event{At: now, Kind: trace.Received, Remote: f.Remote, Bytes: b})
	}
	if err != nil && !unheard {
		sh.refuse(m, f, err)
		return
	}
	switch {
	case unheard && (err != nil || !sh.isUrgent(m, f)):
		sh.countUnheard(f)
		return
	case !unheard && m.IsRequest() && sh.guard != nil && !sh.takes(m, f):
		return
	}
	if !m.IsRequest() && !sh.ours(m.TopVia()) {
		sh.stats.Bad["sent-by"]++
		return
	}
	sh.layer.Receive(now, m, f)
}

// errUnframed is what a message fails by whose end in its stream nobody can know.
var errUnframed = &message.Error{Status: 400, What: "no Content-Length"}

// ours reports whether a Via names one of our listeners: a response under any other is discarded (RFC 3261 §18.1.2).
func (sh *Shard) ours(v *message.ViaValue) bool {
	var room [5]byte
	port := strconv.AppendUint(room[:0], uint64(v.Port), 10)
	for i := range sh.cfg.Locals {
		by, n := sh.cfg.Locals[i].SentBy, len(v.Host)
		if n > len(by) || by[:n] != string(v.Host) && !strings.EqualFold(by[:n], string(v.Host)) {
			continue
		}
		if by = by[n:]; by == "" && v.Port == 0 || len(by) > 1 && by[0] == ':' && by[1:] == string(port) {
			return true
		}
	}
	return false
}

// refuse counts a datagram that cannot be used and answers it, stateless, if it can be answered (RFC 3261 §16.3 step 1,
// §8.2.7). Keep-alives (RFC 5626 §4.4.1) are neither.
func (sh *Shard) refuse(m *message.Message, f flow.Flow, err error) {
	if len(bytes.Trim(m.Bytes(), "\r\n\x00")) == 0 {
		return
	}
	var e *message.Error
	if !errors.As(err, &e) {
		e = &message.Error{Status: 400, What: "unknown"}
	}
	sh.stats.Bad[e.What]++
	if m.Answerable() {
		sh.reply(m, f, e.Status, "Bad Request: "+e.What)
	}
}

// reply answers a request without a transaction. The tag is made from the request, so that a repeated request gets the same
// answer (RFC 3261 §8.2.7).
func (sh *Shard) reply(m *message.Message, f flow.Flow, code int, phrase string) {
	if code != 400 {
		phrase = ""
	}
	b := m.AppendResponse(sh.buf[:0], code, phrase, statelessTag(m), f.Remote)
	b = message.AppendBody(sh.appendProduct(b, "Server"), nil)
	sh.buf = b
	sh.Send(transaction.ReplyFlow(m, f), sh.layer.Modest(m, f, b))
}

func statelessTag(m *message.Message) []byte {
	h := uint64(14695981039346656037)
	for _, part := range [][]byte{m.CallID(), m.FromTag(), m.TopVia().Branch} {
		for _, c := range part {
			h = (h ^ uint64(c)) * 1099511628211
		}
	}
	return fmt.Appendf(nil, "s%016x", h)
}

// Send counts, traces and sends bytes.
func (sh *Shard) Send(f flow.Flow, b []byte) {
	sh.stats.Sent++
	if sh.cfg.Trace != nil {
		sh.cfg.Trace.Trace(trace.Event{At: sh.now, Kind: trace.Sent, Remote: f.Remote, Bytes: b})
	}
	sh.out.Send(f, b)
}

// SendFailed takes the news that a datagram could not be delivered.
func (sh *Shard) SendFailed(now clock.Time, f flow.Flow, err error) {
	defer sh.rescue()
	sh.now, sh.current, sh.refused = now, nil, err
	if f.Conn != 0 {
		sh.registrar.Disconnected(f.Conn) // before scripts are asked what is to be done
	}
	if errors.Is(err, flow.ErrLost) {
		sh.layer.Lost(now, f)
		return
	}
	sh.layer.SendFailed(now, f)
}

// undelivered says why nothing arrives by f, while SendFailed tells of it.
func (sh *Shard) undelivered(f flow.Flow) string {
	if i := int(f.Listener); i < len(sh.cfg.Locals) && sh.cfg.Locals[i].Addr.IsLoopback() && !f.Remote.Addr().IsLoopback() {
		transport, _, _ := strings.Cut(f.String(), ":")
		return fmt.Sprintf("the listener at %s reaches this machine only: listen on another address, --listen %s:IP:PORT", sh.cfg.Locals[i].Addr, transport)
	}
	if sh.refused == nil || errors.Is(sh.refused, syscall.ECONNREFUSED) {
		return "nothing listens at " + f.String()
	}
	return f.String() + " cannot be reached: " + sh.refused.Error()
}

// rescue keeps a bug in the handling of one event from ending more than its call.
func (sh *Shard) rescue() {
	r := recover()
	if r == nil {
		return
	}
	sh.stats.Panics++
	c := sh.current
	id := ""
	if c != nil {
		id = c.id
	}
	sh.cfg.Log.Error("a bug in Tandem ended a call", zap.String("call", id), zap.Any("panic", r), zap.ByteString("stack", debug.Stack()))
	if c == nil {
		return
	}
	defer func() {
		if recover() != nil {
			c.forget()
		}
	}()
	c.abort()
}

func (sh *Shard) appendProduct(dst []byte, field string) []byte {
	if sh.cfg.Product == "" {
		return dst
	}
	return message.AppendField(dst, field, sh.cfg.Product)
}

// warnings is how many warnings of a kind that callers can cause are logged a second; more are counted.
const warnings = 10

// rationed logs warnings of one kind: a dead gateway, or a loop, at a thousand calls a second must not fill the disk.
type rationed struct {
	second clock.Time
	n      int
}

// warn logs a warning, or counts it; more says of those counted what they were.
func (r *rationed) warn(sh *Shard, more, text string, fields ...zap.Field) {
	if second := sh.now / clock.Time(time.Second); second != r.second {
		if n := r.n - warnings; n > 0 {
			sh.cfg.Log.Warn(more, zap.Int("not logged", n))
		}
		r.second, r.n = second, 0
	}
	if r.n++; r.n <= warnings {
		sh.cfg.Log.Warn(text, fields...)
	}
}

// unreachable logs that a target could not be called.
func (sh *Shard) unreachable(call, target, why string) {
	sh.unreached.warn(sh, "more targets could not be reached", "target not reached",
		zap.String("call", call), zap.String("target", target), zap.String("why", why))
}

// EndCalls ends every call, because the engine stops: BYE to both sides of those that are up, CANCEL and 503 to those that ring. It
// returns how many there were, and is the last that is asked of the shard.
func (sh *Shard) EndCalls(now clock.Time) int {
	defer sh.rescue()
	sh.now, sh.ending = now, true
	sh.partAll()
	keys := slices.Sorted(maps.Keys(sh.calls))
	for _, k := range keys {
		if c := sh.calls[k]; c != nil {
			sh.current = c
			c.stop()
		}
	}
	return len(keys)
}

// note traces a decision.
func (sh *Shard) note(c *call, e trace.Event) {
	e.At, e.Kind, e.Call, e.User = sh.now, trace.Note, c.id, c.user
	sh.cfg.Trace.Trace(e)
}
