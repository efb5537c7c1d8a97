package scenario

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
	"tandem/luaapi"
)

// Options say how a scenario is run.
type Options struct {
	// Program is the script; with probes for values if Values is set, which writes down what it sees.
	Program *luaapi.Program
	Values  bool
	// Lines counts statements, if Program has probes for lines.
	Lines []uint64
	// Seed decides identifiers and faults where the scenario says none.
	Seed uint64
	// MaxVirtual is how long the network may take, in virtual time; 0 = 24 h.
	MaxVirtual time.Duration
	// Others answers for the targets that no line of the scenario speaks of; nil = nothing is there.
	Others *Answer
	// Decide ends each call with the script's decision: nothing is called.
	Decide bool
	// Settings are those of the engine.
	Settings Settings
	// Shared is told of writes into tables that calls share; nil = nobody is.
	Shared func(luaapi.SharedWrite)
	// Work says what operations come to before lines http do; false = it does not know. nil = it never does.
	Work func(op *plan.Operation) (sim.Outcome, bool)
}

// The addresses of the network: the engine, the callers, and hosts with names.
var (
	tandem  = netip.MustParseAddrPort("192.0.2.1:5060")
	callers = netip.MustParseAddr("203.0.113.1")
	hosts   = netip.MustParseAddr("198.18.0.1") // RFC 2544 §C.2.2
)

// Zero is the instant at which the INVITE of a call placed at once is at the engine.
const Zero = clock.Time(sim.Latency)

// defaultMaxVirtual is the virtual time that a run may take unless the options say otherwise; maxEnding what it may take to end calls.
const (
	defaultMaxVirtual = 24 * time.Hour
	maxEnding         = time.Hour
)

// Leg is an INVITE that the engine sent.
type Leg struct {
	// Name is the phone's, else the user called, else the address. User is the user of the Request-URI.
	Name, User string
	// Host is that of its target: a name, or To without the usual port.
	Host   string
	At     clock.Time
	To     netip.AddrPort
	callID string
	call   string
	said   *Phone
}

// Run is a scenario that has run.
type Run struct {
	Scenario *Scenario
	// Calls are the calls in the order of the scenario.
	Calls []*Placed
	// Faults are the rules that hold in every call and do not in these. Missing are targets where nothing is.
	Faults, Missing []string
	// Unasked are requests that scripts awaited and no line speaks of.
	Unasked []string
	// Raised are the errors of handlers: "invite: main.lua:12: …".
	Raised []string
	// Logs are what the script logged, and what went wrong in it, as lines.
	Logs []string
	// Virtual is how long it took until nothing happened any more, in virtual time.
	Virtual time.Duration
	// Scripts are what served the calls, for coverage.
	Scripts engine.Scripts

	opt      Options
	net      *sim.Network
	engine   *engine.Engine
	rec      trace.Recorder
	legs     []*Leg
	stations map[netip.AddrPort]*station
	callers  map[netip.AddrPort]*sim.Phone
	byName   map[string]netip.AddrPort // hosts
	plans    map[string]*plan.Node     // by call
	turns    map[*Phone]int
	events   []trace.Event
}

// Placed is a call as it was placed.
type Placed struct {
	*sim.Call
	Said *Call
	run  *Run
	from string // what its caller is called
}

// station is what sits at an address.
type station struct {
	phone *sim.Phone
	users []string // that were called there
}

// Run runs a scenario. An error is one of loading the script, or of a network that comes to no rest.
func (s *Scenario) Run(opt Options) (*Run, error) {
	r := &Run{
		Scenario: s, opt: opt, stations: make(map[netip.AddrPort]*station), callers: make(map[netip.AddrPort]*sim.Phone), byName: make(map[string]netip.AddrPort),
		plans: make(map[string]*plan.Node), turns: make(map[*Phone]int),
	}
	for _, c := range s.Calls {
		if err := c.known(opt.Settings); err != "" {
			return nil, s.fail(c.Line, "%s", err)
		}
	}
	if r.opt.MaxVirtual <= 0 {
		r.opt.MaxVirtual = defaultMaxVirtual
	}
	at, seed := s.At, opt.Seed
	if at.IsZero() {
		at = DefaultDate
	}
	if s.Seeded {
		seed = s.Seed
	}
	r.net = sim.NewNetwork(at, seed)
	core, logs := observer.New(zapcore.InfoLevel)
	if err := r.start(seed, zap.New(core, zap.WithClock(ticks{r.net}))); err != nil {
		return nil, err
	}
	for _, l := range s.Links {
		if l.Phone == "" {
			r.net.Impair(l.Faults)
		}
	}
	r.place()
	err := r.net.RunToQuiescence(r.opt.MaxVirtual)
	r.Virtual = time.Duration(r.net.Now())
	r.events = slices.Clone(r.rec.Events())
	begin := at.Add(time.Duration(Zero)) // t = 0
	for _, e := range logs.All() {
		r.Logs = append(r.Logs, stamp(e.Time.Sub(begin))+" "+LogLine(&e))
		if handler, ok := e.ContextMap()["handler"].(string); ok && e.Level == zapcore.ErrorLevel {
			r.Raised = append(r.Raised, handler+": "+e.Message)
		}
	}
	if err != nil {
		r.Faults = append(r.Faults, err.Error())
		return r, nil
	}
	if !opt.Decide {
		r.end()
	}
	return r, nil
}

// start puts the engine on the network.
func (r *Run) start(seed uint64, log *zap.Logger) error {
	probes := luaapi.Probes{Lines: r.opt.Lines}
	if r.opt.Values {
		probes.Saw = r.saw
	}
	scripts, err := r.opt.Program.Serve(luaapi.Options{
		Budget: r.opt.Settings.Instructions, Memory: r.opt.Settings.Bytes, RaiseBudget: luaapi.RaiseBudget,
		Emergency: r.opt.Settings.Emergency,
		Probes:    probes, Logger: log, Now: r.net.Clock().Date,
		Random: func(_ uint64, shard int) rand.Source { return rand.NewPCG(seed, uint64(shard)) },
		Shared: r.opt.Shared,
	})
	if err != nil {
		return err
	}
	r.Scripts = scripts
	var b [32]byte
	binary.BigEndian.PutUint64(b[24:], seed)
	decisions := Decisions{Only: r.opt.Decide, Seen: func(c engine.Call, n *plan.Node) { r.plans[c.ID()] = n }}
	r.engine = engine.New(engine.Config{
		Clock: r.net.Clock(), Seed: b, Locals: []engine.Local{{SentBy: tandem.String(), Addr: tandem.Addr()}},
		Log: log, Trace: r, Product: "Tandem", Resolver: r, Operations: r.net.AttachOperations(r.work), Contacts: registered{r},
		Rules: engine.Rules{Trusted: r.opt.Settings.Trusted, Emergency: r.opt.Settings.Emergency, Auth: r.opt.Settings.Auth},
	}, decisions.Of(scripts), 1)
	shard := r.engine.Shards()[0]
	r.net.AttachEngine([]sim.Listener{{Addr: tandem}}, 1, r.engine.ShardOf, func(_ int, out sim.Sender) sim.Node {
		shard.Connect(out)
		return shard
	})
	return nil
}

// place places the calls.
func (r *Run) place() {
	from := make(map[string]netip.AddrPort)
	for i, c := range r.Scenario.Calls {
		at := c.Via
		if !at.IsValid() || at == tandem {
			if _, known := from[c.From]; !known {
				from[c.From] = netip.AddrPortFrom(nth(callers, len(from)), 5060)
			}
			at = from[c.From]
		}
		p := r.callers[at]
		if p == nil {
			name := "caller"
			if len(r.callers) > 0 {
				name += fmt.Sprint(len(r.callers) + 1)
			}
			p = r.net.AttachPhone(sim.PhoneConfig{Name: name, URI: uriAt(c.From, at), Addr: at, Seed: uint64(i)})
			r.callers[at] = p
		}
		spec := sim.CallSpec{From: c.Caller(r.opt.Settings), To: c.To, RequestURI: c.RequestURI, CallID: c.CallID, Dest: flow.Flow{Remote: tandem}, Headers: c.Headers, CancelAfter: c.Cancel, HangupAfter: c.Hangup, VanishAfter: c.Vanish, Login: c.login(r.opt.Settings)}
		r.Calls = append(r.Calls, &Placed{p.Call(clock.Time(c.After), spec), c, r, p.Name()})
	}
}

// known says why the caller cannot have the credentials that he is told to have; "" = he can.
func (c *Call) known(s Settings) string {
	_, has := s.Passwords[c.User]
	switch {
	case c.User+c.Password == "" || has:
	case s.Auth == nil:
		return "nobody is asked for credentials here: name users in tandem.toml"
	case c.Password == "":
		return sprintf("there is no user %s: say its password too", c.User)
	case c.User == "" && s.Login(c.Caller(s)) == nil:
		return sprintf("password without user: %s is no user of ours", c.Caller(s))
	}
	return ""
}

// Caller returns the From of the call: who is given as a user only, and is one of ours, calls from the first of our domains.
func (c *Call) Caller(s Settings) string {
	user, bare := strings.CutSuffix(strings.TrimPrefix(c.From, "sip:"), "@"+FromHost)
	if !bare || s.Auth == nil || len(s.Auth.Domains) == 0 || !s.Auth.Users.Has([]byte(user)) {
		return c.From
	}
	return "sip:" + user + "@" + s.Auth.Domains[0]
}

// login is what the caller says to challenges.
func (c *Call) login(s Settings) *Login {
	own := s.Login(c.Caller(s))
	user, password := c.User, c.Password
	if user == "" && own != nil {
		user = own.User
	}
	if user == "" {
		return nil
	}
	return NewLogin(user, cmp.Or(password, s.Passwords[user]))
}

// nth is the n-th address after the first one.
func nth(a netip.Addr, n int) netip.Addr {
	for range n {
		a = a.Next()
	}
	return a
}

// uriAt is a URI with the user of another one at an address.
func uriAt(uri string, at netip.AddrPort) string {
	bare := uri
	if na, err := message.ParseNameAddr([]byte(uri)); err == nil {
		bare = string(na.URI)
	}
	if u, err := message.ParseURI([]byte(bare)); err == nil && len(u.User) > 0 {
		return "sip:" + string(u.User) + "@" + at.String()
	}
	return "sip:" + at.String()
}

// end ends what is up, waits for rest and takes note of the rules that are broken.
func (r *Run) end() {
	for range 2 { // a call that was to be placed later is placed now, and ended then
		for _, c := range r.Calls {
			if c.Up() {
				c.Bye(r.net.Now())
			} else {
				c.Cancel(r.net.Now())
			}
		}
		r.release()
		if err := r.net.RunToQuiescence(r.opt.MaxVirtual + maxEnding); err != nil {
			r.Faults = append(r.Faults, err.Error())
			return
		}
	}
	for _, f := range r.net.Check() {
		what, _, _ := strings.Cut(f, " (Call-ID ") // which the ladder does not show
		r.Faults = append(r.Faults, what)
	}
	if p := r.engine.Shards()[0].Stats().Panics; p > 0 {
		r.Faults = append(r.Faults, fmt.Sprintf("tandem: a bug in Tandem ended %d calls; the log says where", p))
	}
}

// release ends, from the callees' side, the calls whose caller is gone.
func (r *Run) release() {
	for _, c := range r.Calls {
		if c.Said.Vanish == nil {
			continue
		}
		for _, l := range c.Legs() {
			st := r.stations[l.To]
			if st == nil || st.phone == nil {
				continue
			}
			for _, in := range st.phone.Incoming() {
				if in.Up() && in.CallID() == l.callID {
					in.Bye(r.net.Now())
				}
			}
		}
	}
}

// maxSights bounds how much of what a script saw is kept.
const maxSights = 2000

// saw writes down what a handler looked at.
func (r *Run) saw(s luaapi.Sight) {
	if s.Index() || len(r.rec.Events()) > maxSights {
		return
	}
	r.rec.Trace(trace.Event{At: r.net.Now(), Kind: trace.Saw, Call: s.Call, Pos: s.Pos, Text: s.String()})
}

// Trace keeps what the engine tells of, and sees to it that there is a phone where an INVITE goes.
func (r *Run) Trace(e trace.Event) {
	r.rec.Trace(e)
	if e.Kind == trace.Leg {
		r.leg(&e)
	}
}

// Resolve gives every host an address of its own.
func (r *Run) Resolve(_ int, u *message.URI, done func(now clock.Time, hops []flow.Hop, err error)) {
	host := strings.ToLower(string(u.Host))
	done(r.net.Now(), []flow.Hop{{Remote: r.addressOf(host), Name: host}}, nil)
}

// addressOf is the address of a name.
func (r *Run) addressOf(name string) netip.AddrPort {
	at, ok := r.byName[name]
	if !ok {
		at = netip.AddrPortFrom(nth(hosts, len(r.byName)), 5060)
		r.byName[name] = at
	}
	return at
}
