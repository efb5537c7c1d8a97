package luaapi

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/luaapi/mod"
	logmod "tandem/luaapi/mod/log"
	planmod "tandem/luaapi/mod/plan"
	"tandem/luaapi/pattern"
)

// vm is one generation of the script as one shard runs it: an engine.Script. Its Lua state belongs to the shard's
// goroutine; before the generation goes live, to the goroutine that makes it.
type vm struct {
	prog       *Program
	opt        *Options
	generation uint64
	shard      int
	host       *Host       // nil if nothing is ever reloaded
	gen        *generation // likewise
	stats      *shardStats // of the shard, whatever the generation

	// calls are the calls that run this generation, total those that ever did. The status reads them.
	calls atomic.Int64
	total atomic.Uint64
	// arm counts calls for a canary; nil = none runs.
	arm atomic.Pointer[arm]
	// established are the calls that were answered; the shard owns the list.
	established *callValue

	L         *lua.LState
	shares    *shares
	meter     meter
	plan      *planmod.Module
	log       *logmod.Writer
	kept      kept
	modules   map[string]lua.LValue // that were required
	requiring []string
	patterns  map[patternKey]*pattern.Pattern
	random    *rand.Rand
	lastURI   *uriValue // whose parts were asked for last
	lastParts message.URI
	route     route

	current  *callValue        // the call being handled
	depth    int               // handlers that run: call:hangup() can bring the next one about
	operands map[int][]Operand // that probes have seen, by condition
	warned   map[plan.Pos]bool // plans that were made and not returned
	broken   bool              // the state is not to be trusted after a panic
	second   int64             // of the latest errors, since 1970
	errors   int               // in it
}

var _ context.Context = (*meter)(nil)

// newVM loads a program for a shard.
func newVM(p *Program, opt *Options, generation uint64, shard int, stats *shardStats) (*vm, error) {
	v := &vm{prog: p, opt: opt, generation: generation, shard: shard, stats: stats}
	v.log = &logmod.Writer{Logger: opt.Logger, Call: v.callID, Cost: v.charge}
	if err := v.load(); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *vm) callID() string {
	if v.current == nil || v.current.c == nil {
		return ""
	}
	return v.current.c.ID()
}

// load makes a new state and runs the script's entry file in it.
func (v *vm) load() error {
	v.broken = true // until it is done
	v.meter.shared = nil
	L := v.sandbox()
	if err := v.stub(L); err != nil {
		return err
	}
	entry := v.prog.chunks[""]
	v.requiring = []string{moduleName(entry.file)}
	v.meter.start(v.opt.LoadBudget, v.opt.LoadMemory, "")
	L.Push(L.NewFunctionFromProto(entry.proto))
	if err := L.PCall(0, 1, nil); err != nil {
		return newError(err, plan.Pos{File: entry.file})
	}
	ret := L.Get(-1)
	L.SetTop(0)
	v.requiring = nil
	r, err := v.readRoute(ret)
	if err != nil {
		return err
	}
	L.Push(L.NewFunction(func(L *lua.LState) int { v.plan.Loaded(L, entry.file, r.defaults); return 0 }))
	if err := L.PCall(0, 0, nil); err != nil {
		return newError(err, plan.Pos{File: entry.file})
	}
	v.route, v.broken = r, false
	v.share(ret)
	return nil
}

// DryLoad runs the files of a program as far as they run before the first call, and says what is wrong.
func (p *Program) DryLoad(opt Options) error {
	opt = opt.withDefaults()
	_, err := newVM(p, &opt, 0, 0, &shardStats{})
	return err
}

// handler returns the function of a handler, nil if the script has none. A state that a panic has spoilt is replaced
// first.
func (v *vm) handler(h handler, cv *callValue) *lua.LFunction {
	if v.broken && v.depth == 0 {
		if err := v.load(); err != nil {
			e := newError(err, plan.Pos{})
			e.Message = "the script cannot be loaded again after a panic: " + e.Message
			v.fail(h, cv, e, plan.Pos{})
		}
	}
	if h < numRoutes {
		return v.route.handlers[h]
	}
	return nil
}

// call runs a function of the script for a call and returns what it returned. args follow the call as its arguments; those
// that are nil are left out.
func (v *vm) call(h handler, cv *callValue, fn *lua.LFunction, args ...lua.LValue) (lua.LValue, error) {
	s := v.stats.of(h)
	s.calls.Add(1)
	outer, meter := v.current, v.meter
	v.current = cv
	v.meter.start(v.opt.Budget, v.opt.Memory, v.opt.RaiseBudget)
	v.depth++
	ret, err := v.run(fn, &cv.ud, args...)
	v.depth--
	cv.rest()
	s.used(v.meter.spent())
	if stop := v.meter.stop(); stop != nil {
		if errors.Is(stop, errBudget) {
			s.budget.Add(1)
		}
		if err == nil { // caught by pcall as the last thing that the handler did
			err = &Error{Pos: planmod.Function(fn), Message: stop.Error()}
		}
	}
	v.current, v.meter = outer, meter
	return ret, err
}

// run calls a function under protection and leaves the stack as it was.
func (v *vm) run(fn *lua.LFunction, self *lua.LUserData, args ...lua.LValue) (lua.LValue, error) {
	L := v.L
	base, n := L.GetTop(), 1
	L.Push(fn)
	L.Push(self)
	for _, arg := range args {
		if arg != nil {
			L.Push(arg)
			n++
		}
	}
	err := L.PCall(n, 1, nil)
	ret := lua.LNil
	if err == nil {
		ret = L.Get(-1)
		L.Pop(1)
	}
	if L.GetTop() != base || panicked(err) {
		v.broken = true
	}
	return ret, err
}

// panicked reports whether an error is a Go panic that may have left the state in disorder. A full call stack is one
// by its form only.
func panicked(err error) bool {
	api, ok := err.(*lua.ApiError) //nolint:errorlint // PCall wraps nothing, and this is asked for every call
	return ok && api.Type == lua.ApiErrorPanic && api.Object.String() != stackFull
}

// fail logs and counts an error of a handler.
func (v *vm) fail(h handler, cv *callValue, err error, at plan.Pos) {
	v.stats.of(h).errors.Add(1)
	cv.fail()
	e := newError(err, at)
	e.in(h.String())
	fields := []zap.Field{
		zap.String("handler", h.String()), zap.String("at", e.Pos.String()), zap.Uint64("generation", v.generation),
	}
	if cv.c != nil {
		fields = append(fields, zap.String("call", cv.c.ID()))
	}
	if e.Trace != "" {
		fields = append(fields, zap.String("trace", e.Trace))
	}
	if v.mayTell(cv) {
		v.opt.Logger.Error(e.Error(), fields...)
	}
}

// maxErrors is how many errors of handlers are logged a second: callers can cause them, and must not fill the disk.
const maxErrors = 10

// mayTell reports whether one more error is logged. The second is that in which the latest call came: all that there is of time here.
func (v *vm) mayTell(cv *callValue) bool {
	if cv.c == nil {
		return true
	}
	if second := cv.c.Date().Unix(); second > v.second {
		if n := v.errors - maxErrors; n > 0 {
			v.opt.Logger.Error("more handlers failed", zap.Int("not logged", n))
		}
		v.second, v.errors = second, 0
	}
	v.errors++
	return v.errors <= maxErrors
}

func typeName(lv lua.LValue) string { return mod.TypeName(lv) }
