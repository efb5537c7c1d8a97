package api

const (
	callType   Type = "tandem.call"
	branchType Type = "tandem.branch"
)

var (
	callParam   = value("call", callType, "the call")
	branchParam = value("branch", branchType, "the step that it is about")
)

// handlers are those of the table that a script returns, in the order in which a call meets them.
func handlers() []Handler {
	hs := []Handler{{
		Name: "invite", When: "a new call", Params: values(callParam), Decides: true, Returns: "a plan; nil is 404",
	}, {
		Name: "ringing", When: "the first 101-198 of a target", Params: values(callParam, branchParam), Returns: "nothing",
	}}
	hs = append(hs, failureHandlers()...)
	return append(hs, Handler{
		Name: "redirected", When: "a 3xx of a target; `branch.contacts` are its contacts by descending q",
		Params: values(callParam, branchParam), Decides: true, Returns: "a plan in its place, `plan.follow()`; nil is the target's policy",
	}, Handler{
		Name: "exhausted", When: "the plan ended without an answer; `call.best` is the best response", Params: values(callParam),
		Decides: true, Returns: "a plan; nil sends the best response",
	}, Handler{
		Name: "answered", When: "the first 2xx won", Params: values(callParam, branchParam), Returns: "nothing",
	}, Handler{
		Name: "cancelled", When: "the caller gave up", Params: values(callParam), Decides: true,
		Returns: "`plan.reject(487, phrase, headers)`: what the 487 to the caller says; nil sends a plain one",
	}, Handler{
		Name: "ended", When: "the call is over", Params: values(callParam), Returns: "nothing",
	}, Handler{
		Name: "missed", When: "a user's call that nobody took", Params: values(callParam, value("who", "string", "the user")),
		Returns: "nothing", Later: true,
	}, Handler{
		Name: "refer", When: "a transfer request",
		Params:  values(callParam, value("leg", `"caller"|"callee"`, "who asks"), value("target", "tandem.uri", "the URI of Refer-To")),
		Decides: true, Returns: "`plan.pass()`, `plan.reject(…)`; nil passes",
	}, Handler{
		Name: "request", When: "OPTIONS with a user, MESSAGE, SUBSCRIBE, PUBLISH, NOTIFY, REFER outside a dialog",
		Params: values(value("req", callType, "the request")), Decides: true,
		Returns: "`plan.to` (of a user one contact after the other, by descending q), `plan.serial`, `plan.reject`; nil is 405, 489 to SUBSCRIBE and PUBLISH, or 200 to OPTIONS. The NOTIFYs and refreshes of a SUBSCRIBE or REFER that was routed pass by themselves",
	}, Handler{
		Name: "register", When: "a REGISTER of a user who has identified himself; `req.user`, `req.contacts` and `req.expires` say what it asks for",
		Params: values(value("req", callType, "the request")), Decides: true,
		Returns: "`plan.accept { expires = … }`, `plan.reject(…)`; nil lets the configuration decide",
	})
}

// failureHandlers are those of the outcomes. A step without an edge of its own for an outcome asks them.
func failureHandlers() []Handler {
	var hs []Handler
	for _, o := range outcomes() {
		hs = append(hs, Handler{
			Name: o.Name, When: "a step failed: " + o.Doc, Params: values(callParam, branchParam),
			Decides: true, Returns: "a plan in its place; nil leaves it failed", Later: o.Later,
		})
	}
	return hs
}

// outcomes are how a step can fail: the keys of option on, and the names of handlers.
func outcomes() []Value {
	const step = "tandem.step"
	return values(
		value("busy?", step, "486 or 600"),
		value("no_answer?", step, "its time was over and it had rung, or 480, 487 or 408 after it rang"),
		value("timeout?", step, "its time was over and nothing had rung, or 408 without ringing"),
		value("offline?", step, "480 without ringing, 410 or 430; of a user: no contact is registered, one answers 404, or its connection is gone"),
		value("rejected?", step, "403, 603, 606, 607 or 608"),
		value("failed?", step, "any other final response, or it could not be reached"),
		value("limited?", step, "no slot was free").later(),
		value("denied?", step, "it is not allowed").later(),
	)
}

// routeKeys are the keys of the table that a script returns which are no handlers.
func routeKeys() []Value {
	return values(
		value("fallback?", "tandem.step", "a plan, or a function of the call: takes calls whose `invite` or `exhausted` failed"),
		value("defaults?", "tandem.target_options", "options for every target"),
	)
}
