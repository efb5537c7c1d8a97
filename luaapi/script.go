package luaapi

import (
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	"tandem/engine"
	"tandem/engine/plan"
	"tandem/luaapi/mod"
	planmod "tandem/luaapi/mod/plan"
)

var _ engine.Script = (*vm)(nil)

// Release ends a call's use of the script.
func (v *vm) Release(c engine.Call) {
	if c != nil {
		if cv, ok := c.Data().(*callValue); ok {
			cv.judge()
			v.hungUp(cv) // if a bug has ended the call, nobody has said so
			v.leave(cv)
		}
	}
	v.drop()
}

// drop takes back a call that was counted. The last one of a generation that is not served lets go of it.
func (v *vm) drop() {
	if v.calls.Add(-1) == 0 && v.host != nil && !v.host.served.Load().serves(v.gen) {
		v.host.poke()
	}
}

// begin counts a call that the script is asked about for the first time.
func (v *vm) begin(c engine.Call) *callValue {
	cv := v.callOf(c)
	if a := v.arm.Load(); a != nil {
		cv.arm = a
		a.begun.Add(1)
	}
	return cv
}

// Replied notes a 5xx that the script made.
func (v *vm) Replied(c engine.Call, code int) {
	if code >= 500 && code <= 599 {
		v.callOf(c).fail()
	}
}

// Generation is the number of the script version, from 1.
func (v *vm) Generation() uint64 { return v.generation }

// failed500 is the decision when a script fails and has no fallback, at the place of the error.
func failed500(err error) *plan.Node {
	return &plan.Node{Kind: plan.KindReject, Name: "after an error", Pos: newError(err, plan.Pos{}).Pos, Reply: &plan.Reply{Code: 500}}
}

// Invite decides about a new call.
func (v *vm) Invite(c engine.Call) *plan.Node {
	cv := v.begin(c)
	n, err := v.decide(hInvite, cv, nil)
	if err != nil {
		return v.fallback(cv, err)
	}
	return n
}

// Exhausted asks what to do when the plan has ended without an answer.
func (v *vm) Exhausted(c engine.Call, _ *plan.Step, _ int) *plan.Node {
	cv := v.callOf(c)
	n, err := v.decide(hExhausted, cv, nil)
	if err != nil {
		return v.fallback(cv, err)
	}
	return n
}

// Handler asks the route handler of an outcome.
func (v *vm) Handler(c engine.Call, o plan.Outcome, failed *plan.Step) *plan.Node {
	if o == plan.NoOutcome || o >= plan.NumOutcomes {
		return nil
	}
	n, _ := v.decide(handlerOf(o), v.callOf(c), failed)
	return n
}

// Redirected asks what a 3xx of a target does.
func (v *vm) Redirected(c engine.Call, s *plan.Step) *plan.Node {
	n, _ := v.decide(hRedirected, v.callOf(c), s)
	return n
}

// Deferred calls a function that stands in a plan.
func (v *vm) Deferred(c engine.Call, fn plan.Callback, failed *plan.Step) *plan.Node {
	f, ok := fn.(*lua.LFunction)
	if !ok {
		return nil
	}
	cv := v.callOf(c)
	v.handler(hFunction, cv)
	n, _ := v.ask(hFunction, cv, f, v.branch(failed))
	return n
}

// Awaited calls the function of an await with what came of its operation.
// An error in it is one of the handler that the await stands for.
func (v *vm) Awaited(c engine.Call, n *plan.Node, r *plan.Result) *plan.Node {
	fn, ok := n.Func.(*lua.LFunction)
	if !ok {
		return nil
	}
	cv := v.callOf(c)
	v.handler(hAwait, cv)
	ret, err := v.call(hAwait, cv, fn, v.result(r))
	if err == nil {
		may := hAwait
		if r.Place == plan.PlaceRedirected {
			may = hRedirected
		}
		var d *plan.Node
		if d, err = decision(may, fn, ret); err == nil {
			return d
		}
	}
	v.fail(hAwait, cv, err, planmod.Function(fn))
	switch {
	case r.Place != plan.PlaceStart && r.Place != plan.PlaceExhausted:
		return nil
	case cv.fellBack: // it may be the fallback's own
		return failed500(err)
	}
	return v.fallback(cv, err)
}

// result is the second argument of the function of an await.
func (v *vm) result(r *plan.Result) *lua.LTable {
	var t *lua.LTable
	switch o, ok := r.Value.(mod.Outcome); {
	case r.Err != nil:
		t = v.L.CreateTable(0, 2)
		t.RawSetString("err", lua.LString(r.Err.Error()))
	case ok:
		t = o.Table(v.L)
	default:
		t = v.L.CreateTable(0, 1)
	}
	t.RawSetString("elapsed", lua.LNumber(r.Elapsed.Seconds()))
	return t
}

// Refer decides about a transfer request.
func (v *vm) Refer(c engine.Call, leg, target string) *plan.Node {
	cv := v.callOf(c)
	fn := v.handler(hRefer, cv)
	if fn == nil {
		return nil
	}
	n, _ := v.ask(hRefer, cv, fn, lua.LString(leg), &v.uri([]byte(target)).ud)
	return n
}

// Request decides about a request outside a dialog. There is no call to fall back for: an error is answered 500.
func (v *vm) Request(c engine.Call) *plan.Node {
	cv := v.begin(c)
	n, err := v.decide(hRequest, cv, nil)
	if err != nil {
		return failed500(err)
	}
	if n != nil && n.Reply != nil {
		v.Replied(c, n.Reply.Code)
	}
	return n
}

// Register decides about a REGISTER. An error is answered 500: nobody is registered by mistake.
func (v *vm) Register(c engine.Call, r *engine.Registration) *plan.Node {
	cv := v.begin(c)
	cv.registration = r
	n, err := v.decide(hRegister, cv, nil)
	if err != nil {
		return failed500(err)
	}
	if n != nil && n.Kind == plan.KindReject {
		v.Replied(c, n.Reply.Code)
	}
	return n
}

// Ringing tells the script of the first 101-198 of a target.
func (v *vm) Ringing(c engine.Call, s *plan.Step) { v.tell(hRinging, v.callOf(c), s) }

// Answered tells the script that a branch has won.
func (v *vm) Answered(c engine.Call, s *plan.Step) {
	cv := v.callOf(c)
	v.tell(hAnswered, cv, s)
	cv.judge()
	if s != nil && s.Target != nil {
		cv.line = v.opt.activity.Answered(lineOf(s.Target))
	}
	v.establish(cv)
}

// lineOf is what hunting knows a target by: a user, wherever he is registered, or a device.
func lineOf(t *plan.Target) string {
	if t.Binding != nil {
		return "user:" + t.User
	}
	return t.Key
}

// Cancelled tells the script that the caller gave up; it may say how the 487 is to look.
func (v *vm) Cancelled(c engine.Call) *plan.Reply {
	n, err := v.decide(hCancelled, v.callOf(c), nil)
	if err != nil || n == nil {
		return nil
	}
	return n.Reply
}

// Ended tells the script that the call is over. The script cannot use it any more.
func (v *vm) Ended(c engine.Call) {
	cv := v.callOf(c)
	v.hungUp(cv)
	v.tell(hEnded, cv, nil)
	cv.c = nil
}

// hungUp counts the end of a call for the device that answered it, once.
func (v *vm) hungUp(cv *callValue) {
	if cv.line != nil {
		v.opt.activity.Ended(cv.line)
		cv.line = nil
	}
}

// decide asks a handler for a plan. An error has been logged.
func (v *vm) decide(h handler, cv *callValue, s *plan.Step) (*plan.Node, error) {
	fn := v.handler(h, cv)
	if fn == nil {
		return nil, nil
	}
	return v.ask(h, cv, fn, v.branch(s))
}

func (v *vm) ask(h handler, cv *callValue, fn *lua.LFunction, args ...lua.LValue) (*plan.Node, error) {
	v.plan.Made()
	ret, err := v.call(h, cv, fn, args...)
	if made := v.plan.Made(); made != nil && ret == lua.LNil && err == nil {
		v.forgotten(h, cv, made.Pos)
	}
	var n *plan.Node
	if err == nil {
		n, err = decision(h, fn, ret)
	}
	if err != nil {
		v.fail(h, cv, err, planmod.Function(fn))
	}
	return n, err
}

// forgotten warns, once for a place, of a handler that made a plan and returned nothing: a "return" is missing, and nothing else would say so.
func (v *vm) forgotten(h handler, cv *callValue, at plan.Pos) {
	if v.warned[at] {
		return
	}
	if v.warned == nil {
		v.warned = make(map[plan.Pos]bool)
	}
	v.warned[at] = true
	fields := []zap.Field{zap.String("handler", h.String()), zap.String("at", at.String())}
	if cv.c != nil {
		fields = append(fields, zap.String("call", cv.c.ID()))
	}
	v.opt.Logger.Warn(fmt.Sprintf("%s: %s made this plan and returned nothing; is \"return\" missing before it?", at, h), fields...)
}

// decision turns what a handler returned into a plan.
func decision(h handler, fn *lua.LFunction, ret lua.LValue) (*plan.Node, error) {
	if ret == lua.LNil {
		return nil, nil
	}
	what := h.String()
	switch h {
	case hFunction:
		what = "a function in a plan"
	case hAwait:
		what = "the function of an await"
	}
	n := planmod.Node(ret)
	switch {
	case n == nil && h == hRegister:
		return nil, &Error{Pos: planmod.Function(fn), Message: "register must return plan.accept(…), plan.reject(…) or nil, got " + typeName(ret)}
	case n == nil:
		e := &Error{Pos: planmod.Function(fn), Message: fmt.Sprintf("%s must return a plan, got %s", what, typeName(ret))}
		if s, ok := ret.(lua.LString); ok {
			e.Message += fmt.Sprintf("; write plan.to %q", string(s))
		} else if mod.OperationOf(ret) != nil {
			e.Message += "; write plan.await(operation, function(call, result) … end)"
		} else if ret.Type() == lua.LTFunction {
			e.Message += "; call it: return f(call)"
		}
		return nil, e
	case h == hRequest && waits(n):
		return nil, &Error{Pos: n.Pos, Message: "request cannot wait in this release: return plan.to, plan.serial of targets or plan.reject"}
	case h == hRegister && n.Kind != plan.KindAccept && n.Kind != plan.KindReject:
		return nil, &Error{Pos: n.Pos, Message: "register must return plan.accept(…), plan.reject(…) or nil, not a plan of calls"}
	case n.Kind == plan.KindAccept && h != hRegister:
		return nil, &Error{Pos: n.Pos, Message: fmt.Sprintf("%s returned plan.accept(), which only register may", what)}
	case n.Kind == plan.KindPass && h != hRefer:
		return nil, &Error{Pos: n.Pos, Message: fmt.Sprintf("%s returned plan.pass(), which only refer may", what)}
	case h == hCancelled && (n.Kind != plan.KindReject || n.Reply.Code != 487):
		return nil, &Error{Pos: n.Pos, Message: "cancelled may return plan.reject(487, …) only: the caller has given up (RFC 3261 §9.2)"}
	case h == hRefer && n.Kind != plan.KindPass && n.Kind != plan.KindReject:
		return nil, &Error{Pos: n.Pos, Message: "refer must return plan.pass() or plan.reject(…)"}
	case n.Kind == plan.KindFollow && h != hRedirected:
		return nil, &Error{Pos: n.Pos, Message: fmt.Sprintf("%s returned plan.follow(), which only redirected may", what)}
	}
	return n, nil
}

// waits reports whether a plan has an await at its top, or among the members of its group.
func waits(n *plan.Node) bool {
	return n.Kind == plan.KindAwait || slices.ContainsFunc(n.Members, waits)
}

// tell calls a handler that observes.
func (v *vm) tell(h handler, cv *callValue, s *plan.Step) {
	fn := v.handler(h, cv)
	if fn == nil {
		return
	}
	ret, err := v.call(h, cv, fn, v.branch(s))
	if err == nil && ret != lua.LNil {
		err = &Error{
			Pos:     planmod.Function(fn),
			Message: fmt.Sprintf("%s observes and returns nothing, got %s, which is ignored", h, typeName(ret)),
		}
	}
	if err != nil {
		v.fail(h, cv, err, planmod.Function(fn))
	}
}

// fallback decides about a call whose handler has failed with err.
func (v *vm) fallback(cv *callValue, failed error) *plan.Node {
	cv.fellBack = true
	v.handler(hFallback, cv)
	if v.route.fallbackFn == nil {
		if v.route.fallback != nil {
			return v.route.fallback
		}
		return failed500(failed)
	}
	n, err := v.ask(hFallback, cv, v.route.fallbackFn)
	switch {
	case err != nil:
		return failed500(err)
	case n == nil:
		return failed500(failed)
	}
	return n
}
