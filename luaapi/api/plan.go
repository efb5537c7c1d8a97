package api

import "slices"

const (
	nodeType     Type = "tandem.node"
	stepType     Type = "tandem.step"
	addedHeaders Type = "table<string, string|number>"
)

func planModule() Module {
	list := value("list", "tandem.group_options", "the steps, and the options of the group")
	return Module{
		Name: "plan", Doc: "Plans say where a call goes. A plan is a value: make it once and return it for every call, or make it in the handler.",
		Functions: []Function{{
			Name: "to", Doc: "One target.",
			Params:  values(value("target", "string|tandem.uri", "a SIP URI, or a URI of the call such as `call.ruri`; by the transport that it says, else as DNS does, else UDP; or `\"user:100\"`: all contacts that user 100 has registered, as one step"), value("options?", "tandem.target_options", "how it is called")),
			Returns: returns(nodeType), Errors: "when the URI cannot be dialled", Use: `plan.to("sip:100@192.0.2.11", { ring = 20 })`,
		}, {
			Name: "serial", Doc: "Steps one after the other until one answers.", Params: values(list),
			Returns: returns(nodeType), Errors: "at a nil in the list", Use: `plan.serial { plan.to "sip:100@192.0.2.11", plan.to "sip:101@192.0.2.12" }`,
		}, {
			Name: "parallel", Doc: "Steps together; the first answer wins.", Params: values(list),
			Returns: returns(nodeType), Errors: "at a nil in the list, and at a `delay` that is not below the `ring` of the group",
			Use: `plan.parallel { plan.to "sip:100@192.0.2.11", plan.to "sip:101@192.0.2.12", ring = 25 }`,
		}, {
			Name: "reject", Doc: "Ends the call with a response.",
			Params: values(
				value("code", "integer", "the response").in("", Range{Min: 300, Max: 699, Whole: true}),
				value("phrase?", "string", "the reason phrase; the usual one if it is left out"),
				value("headers?", addedHeaders, "header fields of the response")),
			Returns: returns(nodeType), Use: `plan.reject(480, "Please call again later", { ["Retry-After"] = 600 })`,
		}, {
			Name: "redirect", Doc: "Ends the call with 302 and contacts.",
			Params:  values(value("contacts", "tandem.contacts", "where to call instead, in this order")),
			Returns: returns(nodeType), Errors: "when there is no contact", Use: `plan.redirect { "sip:a@192.0.2.11", { uri = "sip:b@192.0.2.12", q = 0.5 } }`,
		}, {
			Name: "await", Doc: "Waits for an operation. It starts when the step is reached; what the function returns takes the await's place. A failure and a timeout are `result.err`.",
			Params: values(
				value("operation", operationType, "what is waited for: `http.get(…)`"),
				value("fn", "fun(call: tandem.call, result: tandem.http_result): tandem.node?", "decides by what came of it; never called if the call or the step ends first")),
			Returns: returns(nodeType), Use: `plan.await(http.get "http://192.0.2.5/route", function(call, result) return plan.to(result.body or "sip:100@192.0.2.11") end)`,
		}, {
			Name: "divert", Doc: "Calls somebody else in place of who was called: Diversion (RFC 5806) and History-Info (RFC 7044) say so in each INVITE of the plan. A call that goes in a circle, or was diverted too often, is not sent (482).",
			Params: values(
				value("target", "string|tandem.uri|tandem.step", "a target, or a plan"),
				value("options?", "tandem.divert_options", "who diverts and why")),
			Returns: returns(nodeType), Errors: "when the URI cannot be dialled", Use: `plan.divert("sip:voicemail@192.0.2.20", { by = "100", reason = "no-answer" })`,
		}, {
			Name: "accept", Doc: "The registration is carried out. Only `route.register` may return it.",
			Params:  values(value("options?", "tandem.accept_options", "how")),
			Returns: returns(nodeType), Use: "plan.accept { expires = 300 }",
		}, {
			Name: "follow", Doc: "The contacts of a 3xx in the branch's place. Only `route.redirected` may return it.",
			Returns: returns(nodeType), Use: "plan.follow()",
		}, {
			Name: "pass", Doc: "The transfer request goes on to the other leg. Only `route.refer` may return it.",
			Returns: returns(nodeType), Use: "plan.pass()",
		}},
	}
}

func planAliases() []Alias {
	return []Alias{{
		Module: "plan", Type: stepType, Is: "tandem.node|fun(call: tandem.call, branch?: tandem.branch): tandem.node?",
		Doc: "A step of a plan. Where a plan may stand, a function may stand that returns one; it is called when it is reached.",
	}}
}

// common are the options that targets and groups have.
func common() []Value {
	return values(
		value("ring?", "number", "how long it may ring; a group's covers everything inside").in("s", Range{Above: true, Max: maxSeconds}),
		value("delay?", "number", "how long it waits, from the start of the group, in a serial from the previous failure").in("s", Range{Max: maxSeconds}),
		value("name?", "string", "shown in traces; of a group: `branch.group`"),
		value("on?", "tandem.edges", "what takes its place when it fails, by outcome"),
	)
}

// maxSeconds is the longest time that an option may give.
const maxSeconds = 1_000_000

func planClasses() []Class {
	return []Class{{
		Name: "plan", Type: nodeType, Module: "plan", Doc: "A plan: what the functions of module `plan` return, and handlers may.",
	}, {
		Name: "target options", Type: "tandem.target_options", Kind: Options, Module: "plan",
		Doc:    "How a target is called; `route.defaults` are such options for every target.",
		Fields: targetOptions(),
	}, {
		Name: "group options", Type: "tandem.group_options", Kind: Options, Module: "plan", Items: stepType,
		Doc: "The list that a group is made of: its steps, and its options by name.",
		Fields: append(common(),
			value("each?", "tandem.each_options", "options that its members leave unset"),
			value("hold?", "boolean", "delayed members wait although no member runs").or("false"),
		),
	}, {
		Name: "diversion", Type: "tandem.divert_options", Kind: Options, Module: "plan", Doc: "Who diverts a call and why.",
		Fields: append(common(),
			value("by?", "string|tandem.uri", "who diverts: a URI, or a user at the host of the Request-URI; without it whoever was called, by the caller or by the diversion before"),
			value("reason?", `"user-busy"|"no-answer"|"unavailable"|"unconditional"|"deflection"`, "why; without it as the step before has failed, `unconditional` if none has"),
			value("max?", "integer", "how many diversions the call may have, this one and those before it came in included").in("", Range{Min: 1, Max: 99, Whole: true}).or("5"),
			value("send_181?", "boolean", "the caller hears 181 Call Is Being Forwarded, once").or("false"),
			value("dialect?", `"minisipserver"`, "that 181 has its form of Call-Info"),
		),
	}, {
		Name: "acceptance", Type: "tandem.accept_options", Kind: Options, Module: "plan", Doc: "How a registration is carried out.",
		Fields: values(value("expires?", "integer", "how long its contacts last, whatever they ask for; `max_expires` of the configuration bounds it").in("s", Range{Min: 1, Max: maxSeconds, Whole: true})),
	}, {
		Name: "codecs", Type: "tandem.codec_options", Kind: Options, Module: "plan", Items: "string",
		Doc:    "The codecs that an offer may have, in the order of preference. DTMF and comfort noise stay beside them.",
		Fields: values(value("first?", "boolean", "only the first of them that is offered stays").or("false")),
	}, {
		Name: "each", Type: "tandem.each_options", Kind: Options, Module: "plan", Doc: "Options that the members of a group leave unset.",
		Fields: eachOptions(),
	}, {
		Name: "auth", Type: "tandem.auth_options", Kind: Options, Module: "plan", Doc: "Credentials of a target's own.",
		Fields: values(value("user", "string", "the user name"), value("password?", "string", "the password")),
	}, {
		Name: "from", Type: "tandem.from_options", Kind: Options, Module: "plan", Doc: "What is changed of a From; what is left out stays as it came in.",
		Fields: values(value("user?", "string", "the user part"), value("host?", "string", "a name or an address, with a port if wanted"), value("display?", "string|false", "the display name; `false` is none")),
	}, {
		Name: "on", Type: "tandem.edges", Kind: Options, Module: "plan", Doc: "Plans by outcome: what takes the place of a step that fails so.",
		Fields: outcomes(),
	}, {
		Name: "contacts", Type: "tandem.contacts", Kind: Options, Module: "plan", Items: "string|tandem.uri|tandem.contact_options",
		Doc: "The list of contacts of a redirection.",
	}, {
		Name: "contact options", Type: "tandem.contact_options", Kind: Options, Module: "plan", Doc: "A contact with a preference.",
		Fields: values(
			value("uri", "string|tandem.uri", "where to"),
			value("q?", "number", "the preference (RFC 3261 §20.10)").in("", Range{Max: 1}).or("1"),
			value("user?", "string", "is ignored: `branch.contacts` have it"),
		),
	}}
}

// targetOptions are the options of one target.
func targetOptions() []Value {
	return append(common(),
		value("on_6xx?", `"stop"|"branch"`, "what a 6xx does: it ends the plan, or counts as this branch's failure").or(`"stop"`),
		value("headers?", "table<string, string|number|false>", "header fields that are set, or with `false` taken away"),
		value("cancel_headers?", addedHeaders, "header fields of a CANCEL to it at the end of its `ring`, or of a group's, or when the plan drops it; where another answered or the caller gave up, a Reason says so instead"),
		value("order?", `"together"|"q"`, "of a user: whether all contacts ring together, or those of the highest q first and the others when they have failed").or(`"together"`),
		value("redirect?", `"deny"|"follow"|"pass"`, "what a 3xx does when no handler decides").or(`"deny"`),
		value("auth?", `"pass"|tandem.auth_options`, "who answers 401 and 407: the caller, or this leg with credentials of its own"),
		value("early_media?", `"first"|"all"|"none"`, "what the caller is shown before the answer: the first early dialog with SDP, all under tags of their own, or none").or(`"first"`),
		value("prack?", `"supported"|"off"|"required"`, "reliable provisionals on this leg (RFC 3262)").or(`"supported"`),
		value("max_duration?", "number", "how long the call may last from its answer; then both sides get a BYE").in("s", Range{Above: true, Max: maxSeconds}),
		value("send_181?", "boolean", "the caller hears 181 Call Is Being Forwarded when this target is called").or("false"),
		value("dialect?", `"minisipserver"`, "that 181 has its form of Call-Info"),
		value("params?", "table<string, string|number|true>", "parameters added to the Request-URI, and to the To that follows it; one that is `true` has no value"),
		value("to?", `"keep"|string|tandem.uri`, "the URI in To, or `\"keep\"`: the To that came in; without it To is the Request-URI, of a user the address of record that the phone has registered"),
		value("from?", "tandem.from_options", "what is changed of the caller's From, for as long as the call lasts"),
		value("display?", "string|false", "the display name in From; `false` is none"),
		value("codecs?", "tandem.codec_options", "the codecs that offers to this target may have, in this order; answers pass as they are. Without any of them in the offer the target fails with 488"),
		value("clip?", "string|tandem.uri|false", "the URI in P-Asserted-Identity, for as long as the call lasts; `false` takes it away; not for a target that is not trusted, if the caller wants privacy"),
		value("colp?", "string|tandem.uri|false", "the URI in P-Asserted-Identity of what the caller gets from this target, for as long as the call lasts: whom it is connected to; `false` takes it away"),
		value("trusted?", "boolean", "whether the target belongs to the trust domain; without it `trusted` of the configuration says so by its network"),
		value("privacy?", `"id"|"user"|"header"|"history"|("id"|"user"|"header"|"history")[]`, "what the caller wants to keep from those who are not trusted, beside what its Privacy says; a caller that says `none` keeps nothing"),
	)
}

// eachOptions are those of targets that each may give: all but the name.
func eachOptions() []Value {
	return slices.DeleteFunc(targetOptions(), func(v Value) bool { return v.Name == "name" })
}
