// Package luaapi is the script host: it loads Lua scripts, runs them in a sandbox beside the engine, and swaps them
// for newer ones while calls are up.
//
// A Snapshot is what was read from disk, a Program its compiled form; both are immutable and shared. A generation is
// one program as it serves: it has a Lua state for every shard, which only that shard's goroutine touches. The Host
// owns the generations and hands out the newest; a call keeps the one it started with. Only the Host has a lock, and
// no call ever takes it. What scripts see is the Lua reference; no RFC lives here but the header and URI views of
// RFC 3261 §19.1, §20 and RFC 3326.
package luaapi

import (
	"context"
	crand "crypto/rand"
	"io/fs"
	"math/rand/v2"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	activitymod "tandem/luaapi/mod/activity"
	httpmod "tandem/luaapi/mod/http"
)

// The limits of a script.
const (
	// DefaultBudget is how many VM instructions a handler may run, DefaultLoadBudget how many the files of the
	// script may while they load.
	DefaultBudget     = 100_000
	DefaultLoadBudget = 10_000_000
	// DefaultMemory is how many bytes a handler may make, DefaultLoadMemory how many the files of the script may while they load: strings,
	// tables, functions, also those that are dropped again. Tables count for about what they take.
	DefaultMemory     = 16 << 20
	DefaultLoadMemory = 48 << 20
	// MaxString is the longest string that a script may make, in bytes: as long as a SIP message can be. It bounds what one
	// instruction can cost, such as a comparison or "..", since the budget counts instructions.
	MaxString = 1 << 16
	// DefaultTestTime is how long the tests of a new version may take.
	DefaultTestTime = 30 * time.Second
)

// RaiseBudget is Options.RaiseBudget for budgets that a configuration file gives.
const RaiseBudget = "budget in tandem.toml"

// Options say how scripts run. The zero value is ready to use.
type Options struct {
	// Shards is the number of shards, 1 if not set.
	Shards int
	// Budget and LoadBudget are in instructions of the machine, as the meter counts them; 0 = DefaultBudget and DefaultLoadBudget.
	Budget, LoadBudget int
	// RaiseBudget says how users raise Budget, for the error of a handler that exceeds it: "budget in tandem.toml". "" = they
	// cannot.
	RaiseBudget string
	// Memory and LoadMemory are in bytes; 0 = DefaultMemory and DefaultLoadMemory.
	Memory, LoadMemory int
	// Emergency are emergency numbers that module number leaves as they are, beside 112, 911 and those of countries.
	Emergency []string
	// Logger takes what scripts log and what is wrong with them; nil = nothing is logged.
	Logger *zap.Logger
	// Random returns the source of math.random for one shard's state of a generation. It is called from shards too.
	// Nil = seeded by the system.
	Random func(generation uint64, shard int) rand.Source
	// Now dates generations for the status; nil = the machine's clock.
	Now func() time.Time
	// Require is what a new version must pass beyond loading; "" = RequireLoad. The version that the Host starts with must load.
	Require Requirement
	// Check says what is wrong with a version; nil = nothing is looked for.
	Check func(*Snapshot) []Finding
	// Test runs the tests beside the scripts on a program and says which fail; it is an error if there are none, or they
	// cannot be run. Nil = there are no tests. It has TestTime, 0 = DefaultTestTime.
	Test     func(context.Context, *Program) ([]Finding, error)
	TestTime time.Duration
	// Canary tries every new version on a share of the calls; the zero value = no canary.
	Canary Canary
	// Post makes a function run on a shard's goroutine, between two events. Without it no generation is retired.
	Post func(shard int, fn func())
	// HTTP does the requests of module http; nil = one with the zero httpmod.Config.
	HTTP *httpmod.Client
	// Library holds the Lua modules that are shipped with Tandem; nil = those of package scripts.
	Library fs.FS
	// Probes take what the probes of a program see, for tests; only one goroutine may run such a program.
	Probes Probes
	// Shared is told when a handler writes into a table that was made when the script was loaded, for tests; nil = nobody is. The shard's
	// goroutine calls it.
	Shared func(SharedWrite)
	// Stubs take the place of modules of those names, for tests.
	Stubs map[string]Stub

	activity *activitymod.Book // of all states of a host
}

// Stub makes what stands in the place of a module in a state. What it does not have itself it may ask the module for.
type Stub func(L *lua.LState, module func(key lua.LValue) lua.LValue) lua.LValue

func (o Options) withDefaults() Options {
	o.Shards = max(o.Shards, 1)
	if o.Budget <= 0 {
		o.Budget = DefaultBudget
	}
	if o.LoadBudget <= 0 {
		o.LoadBudget = DefaultLoadBudget
	}
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	if o.LoadMemory <= 0 {
		o.LoadMemory = DefaultLoadMemory
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TestTime <= 0 {
		o.TestTime = DefaultTestTime
	}
	if o.HTTP == nil {
		o.HTTP = plainHTTP()
	}
	if o.Random == nil {
		o.Random = systemRandom
	}
	if o.activity == nil {
		o.activity = &activitymod.Book{}
	}
	return o
}

// plainHTTP is the client of hosts that were given none.
var plainHTTP = sync.OnceValue(func() *httpmod.Client {
	c, err := httpmod.NewClient(httpmod.Config{})
	if err != nil {
		panic(err) // nothing is configured that could be wrong
	}
	return c
})

func systemRandom(uint64, int) rand.Source {
	var seed [32]byte
	crand.Read(seed[:]) // it never fails
	return rand.NewChaCha8(seed)
}
