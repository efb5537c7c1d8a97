package luatest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/sim"
	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/scenario"
)

// tandem is where the engine sits, firstCaller where the first caller does; phones may be anywhere between.
var (
	phones      = netip.MustParsePrefix("192.0.2.0/24") // RFC 5737 §3: TEST-NET-1
	tandem      = netip.MustParseAddrPort("192.0.2.1:5060")
	firstCaller = netip.MustParseAddr("192.0.2.200")
)

const maxCallers = 55 // addresses from firstCaller on

const maxShards = 16

// pbx is a script under test.
type pbx struct {
	r    *run
	prog *luaapi.Program
	name string // as the test names it
	root string // its folder, or its one file

	settings scenario.Settings
}

// String is what failures call it.
func (p *pbx) String() string { return "pbx " + p.name }

// network is a virtual network with the engine on it, running the script.
type network struct {
	r        *run
	seed     uint64
	sim      *sim.Network
	engines  []*engine.Engine
	others   []netip.AddrPort // where those but the first are
	tape     *tape
	phones   []*phone
	from     map[string]*sim.Phone // callers by their From
	calls    []*call
	ran      bool
	watched  bool
	invites  map[string]bool // that scripted phones were offered
	hosts    []string        // that targets named and no address is known of
	losses   []*loss
	sights   int       // that were written down
	date     time.Time // at which it starts
	unsaid   bool      // something was done to it that tests in words do not know
	raised   []string  // errors of handlers
	expected int       // so many of them the test has looked at
	pbx      *pbx
	counted  *luaapi.Program // the script as it runs, if lines are counted
	lines    []uint64        // how often they ran
	scripts  engine.Scripts
	users    map[string]string // that the test names, with their passwords
	settings scenario.Settings
	broken   *lua.ApiError // what a function of t.script raised first
}

// String is what failures call it.
func (n *network) String() string { return "network" }

// network is pbx:network { at =, seed =, shards = }.
func (r *run) network(L *lua.LState) int {
	p := self[*pbx](L, "pbx:network {}")
	a := argsOf(L, "pbx:network")
	t := a.table(2, "pbx:network {}")
	a.known(t, 0, "at", "seed", "shards", "users")
	n := r.newNetwork(a, t)
	if err := n.start(p, n.seed, int(a.whole(t, "shards", 1, maxShards, 1)), nil); err != nil {
		a.fail("%s does not load: %v", p.name, err)
	}
	r.nets = append(r.nets, n)
	L.Push(object(L, n, r.class.network))
	return 1
}

// newNetwork makes a network without an engine, by options at and seed.
func (r *run) newNetwork(a *args, t *lua.LTable) *network {
	if r.test == nil {
		a.fail("stands in a test, or in a function that tests call")
	}
	at := scenario.DefaultDate
	if s := a.text(t, "at"); s != "" {
		var err error
		if at, err = scenario.ParseDate(s); err != nil {
			a.fail("at: %v", err)
		}
	}
	seed := uint64(a.whole(t, "seed", 0, 1<<53, float64(r.networkSeed()>>11)))
	return &network{r: r, seed: seed, date: at, users: a.users(t), unsaid: t.RawGetString("users") != lua.LNil, sim: sim.NewNetwork(at, seed), tape: r.suite.w.tape(), from: make(map[string]*sim.Phone)}
}

// start puts the engine on the network. wrap, if there is one, stands between it and the script.
func (n *network) start(p *pbx, seed uint64, shards int, wrap func(engine.Scripts) engine.Scripts) error {
	n.pbx = p
	if n.users != nil {
		own, err := p.settings.WithUsers(n.users)
		if err != nil {
			return err
		}
		n.settings = own
	} else {
		n.settings = p.settings
	}
	prog, probes, err := n.probed(p.prog)
	if err != nil {
		return err
	}
	opt := n.options(p, seed, shards)
	opt.Probes = probes
	scripts, err := prog.Serve(opt)
	if err != nil {
		return err
	}
	n.scripts = scripts
	if wrap != nil {
		scripts = wrap(scripts)
	}
	var sink trace.Sink
	if n.r.written() {
		sink = n.tape
	}
	n.attach(n.settings, tandem, seed, shards, scripts, sink)
	return nil
}

// options are those of a script's host.
func (n *network) options(p *pbx, seed uint64, shards int) luaapi.Options {
	return luaapi.Options{
		Budget: p.settings.Instructions, Memory: p.settings.Bytes, RaiseBudget: luaapi.RaiseBudget,
		Emergency: p.settings.Emergency,
		Shards:    shards, Logger: zap.New(&logCore{r: n.r, net: n}), Now: n.sim.Clock().Date,
		Random: func(_ uint64, shard int) rand.Source { return rand.NewPCG(seed, uint64(shard)) },
		Stubs:  n.r.stubs,
		Shared: func(w luaapi.SharedWrite) { n.r.notes = sharedNotes(n.r.notes, p.root, w) },
	}
}

// attach puts an engine on the network.
func (n *network) attach(s scenario.Settings, at netip.AddrPort, seed uint64, shards int, scripts engine.Scripts, sink trace.Sink) {
	e := engine.New(engine.Config{
		Clock: n.sim.Clock(), Seed: spread(seed), Locals: []engine.Local{{SentBy: at.String(), Addr: at.Addr()}},
		Log: zap.New(&logCore{r: n.r, net: n}), Legs: legs{n.tape}, Trace: sink, Product: "Tandem", Resolver: n,
		Operations: n.sim.AttachOperations(n.work),
		Rules:      engine.Rules{Trusted: s.Trusted, Emergency: s.Emergency, Auth: s.Auth, Register: s.Registrations()},
	}, scripts, shards)
	n.engines = append(n.engines, e)
	n.sim.AttachEngine([]sim.Listener{{Addr: at}}, shards, e.ShardOf, func(i int, out sim.Sender) sim.Node {
		e.Shards()[i].Connect(out)
		return e.Shards()[i]
	})
}

// other is net:engine { pbx, at = "192.0.2.60" }.
func (r *run) other(L *lua.LState) int {
	const example = `net:engine { t.script "trunk.lua", at = "192.0.2.60" }`
	n := self[*network](L, example)
	a := argsOf(L, "net:engine")
	t := a.table(2, example)
	a.known(t, 1, "at")
	ud, _ := t.RawGetInt(1).(*lua.LUserData)
	if ud == nil {
		a.fail("the first item must be a script; write %s", example)
	}
	p, ok := ud.Value.(*pbx)
	if !ok {
		a.fail("the first item must be a script, got %s; write %s", show(ud), example)
	}
	host := a.text(t, "at")
	if host == "" {
		a.fail("at is missing; write %s", example)
	}
	uri := "sip:" + host
	at := a.address(n, a.uri("at", uri), uri)
	seed := n.seed + uint64(len(n.engines)) // identifiers of its own
	scripts, err := p.prog.Serve(n.options(p, seed, 1))
	if err != nil {
		a.fail("%s does not load: %v", p.name, err)
	}
	n.unsaid = true
	n.attach(p.settings, at, seed, 1, scripts, nil)
	n.others = append(n.others, at)
	return 0
}

// networkSeed gives each network of a test a seed of its own, which no other test has a part in.
func (r *run) networkSeed() uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d\n%s\n%d", r.seed, r.test.name, len(r.nets))
	return h.Sum64()
}

// spread makes the seed of the engine's identifiers.
func spread(seed uint64) (b [32]byte) {
	binary.BigEndian.PutUint64(b[24:], seed)
	return b
}

// run is net:run() and net:run(seconds).
func (r *run) runNetwork(L *lua.LState) int {
	n := self[*network](L, "net:run()")
	a := argsOf(L, "net:run")
	n.ran = true
	var err error
	if L.GetTop() < 2 || L.Get(2) == lua.LNil {
		err = n.sim.RunToQuiescence(r.suite.w.MaxVirtual)
	} else {
		until := clock.Time(a.duration("the time to run to", L.Get(2))) + zero
		if until < n.sim.Now() {
			a.fail("the network is at %g s already", seconds(n.sim.Now()))
		}
		err = n.sim.Run(until)
	}
	switch {
	case n.broken != nil:
		L.Error(n.broken.Object, 0)
	case errors.Is(err, sim.ErrStuck):
		a.fail("%v", err)
	case err != nil:
		a.fail("%v; end what goes on, run to a time as net:run(20) does, or allow more with --max-virtual", err)
	}
	return 0
}

// errors is net:errors(): what handlers have raised so far, which is then no failure of the test.
func (*run) errors(L *lua.LState) int {
	n := self[*network](L, "net:errors()")
	t := L.CreateTable(len(n.raised), 0)
	for _, e := range n.raised {
		t.Append(lua.LString(e))
	}
	n.expected = len(n.raised)
	L.Push(t)
	return 1
}

// zero is the instant at which the INVITE of a call placed at once is at the engine: t = 0.
const zero = clock.Time(sim.Latency)

// maxEnding is how long a network may take to come to rest once all calls were ended.
const maxEnding = time.Hour

// finish ends what is up, waits for rest and returns what went against the rules that hold in every call.
func (n *network) finish() []string {
	for range 2 { // a call that was to be placed later is placed now, and ended then
		for _, c := range n.calls {
			if c.sim.Up() {
				c.sim.Bye(n.sim.Now())
			} else {
				c.sim.Cancel(n.sim.Now())
			}
		}
		n.release()
		if err := n.sim.RunToQuiescence(n.r.suite.w.MaxVirtual + maxEnding); err != nil {
			return []string{err.Error()}
		}
	}
	var faults []string
	for _, f := range n.sim.Check() {
		what, _, _ := strings.Cut(f, " (Call-ID ") // which the ladder does not show
		faults = append(faults, what)
	}
	for _, e := range n.engines {
		for i, sh := range e.Shards() {
			if p := sh.Stats().Panics; p > 0 {
				faults = append(faults, fmt.Sprintf("tandem: a bug in Tandem ended %d calls of shard %d; the log says where", p, i))
			}
		}
	}
	return faults
}

// release ends, from the callee's side, calls whose caller is gone.
func (n *network) release() {
	for _, c := range n.calls {
		if !c.caller.Vanished() {
			continue
		}
		for _, p := range n.phones {
			for _, in := range p.sim.Incoming() {
				if in.Up() && c.owns([]byte(in.CallID())) {
					in.Bye(n.sim.Now())
				}
			}
		}
	}
}

// Resolve knows no names: the phones of a test have addresses.
func (n *network) Resolve(_ int, u *message.URI, done func(now clock.Time, hops []flow.Hop, err error)) {
	if host := string(u.Host); !slices.Contains(n.hosts, host) {
		n.hosts = append(n.hosts, host)
	}
	done(n.sim.Now(), nil, errNoName)
}

var errNoName = errors.New("tests have no names of hosts")

// missing returns where INVITEs of a call were to go and no phone is: addresses, and hosts that are none.
func (c *call) missing() []string {
	n := c.net
	all := slices.Clone(n.hosts)
	for _, i := range n.tape.byCall[c.sim.CallID()] {
		l := &n.tape.legs[i]
		if t := title(l.to); n.phoneAt(l.to) == nil && !slices.Contains(n.others, l.to) && !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	return all
}

// title names an address as tests do: without the usual port.
func title(a netip.AddrPort) string {
	if a.Port() == 5060 {
		return a.Addr().String()
	}
	return a.String()
}

// phoneAt returns the phone at an address, nil if there is none.
func (n *network) phoneAt(a netip.AddrPort) *phone {
	for _, p := range n.phones {
		if p.sim.Addr() == a {
			return p
		}
	}
	return nil
}

// toTandem is how callers reach the engine.
var toTandem = flow.Flow{Remote: tandem}
