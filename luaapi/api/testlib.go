package api

const (
	testHeaders Type = "tandem.test.headers"
	behaviour   Type = "tandem.test.behaviour"
	messageList Type = "tandem.test.messages"
)

func testAliases() []Alias {
	return []Alias{{Module: "test", Type: testHeaders, Is: "table<string, string|number|(string|number)[]>", Doc: "Header fields by name; a list of values is as many fields."}}
}

func testModule() Module {
	why := value("why?", "string|number", "an explanation for the report")
	return Module{
		Name: "test", Tests: true,
		Doc: "Tests of scripts: phones, calls and time are virtual, the engine is the real one. Files `*_test.lua` have it, and `tandem test` runs them.",
		Functions: append([]Function{{
			Name: "script", Doc: "A script under test: a folder with main.lua, or one file, relative to the test file. With a function: what a phone does with a call; it is called when the INVITE comes and writes the steps down.",
			Params:  values(value("path", "string|fun(phone: tandem.test.phone, call: tandem.test.offered)", "the script, or the steps")),
			Returns: returns("tandem.test.pbx|tandem.test.behaviour"), Use: `t.script "main.lua"`,
		}, {
			Name: "test", Doc: "Declares a test. It runs in a Lua state of its own.",
			Params: values(value("name", "string", "unlike every other in the file"), value("fn", "fun()", "the test")),
			Use:    `t.test("busy", function() … end)`,
		}, {
			Name: "table", Doc: "Declares a test for each case of a table; it is named by its key, by its field `name`, or by its number.",
			Params: values(value("name", "string", "what stands before the names of the cases"), value("cases", "table", "a list, or cases by name"), value("fn", "fun(case: any)", "the test")),
			Use:    `t.table("numbers", { inland = { to = "100", want = "100" } }, function(case) … end)`,
		}, {
			Name: "property", Doc: "Declares a test that runs for 100 random cases, each in a Lua state of its own. The first case that fails is made simpler, as long as it fails by the same, and shown; as a test in words too, where words can say it.",
			Params: values(value("name", "string", "unlike every other in the file"), value("generators", "table<string, tandem.test.generator|any[]>", "what makes each value of a case; of a list one item is taken"), value("fn", "fun(case: table)", "the test")),
			Use:    `t.property("somebody is called", { to = { "100", "101" }, desk = t.behaviour() }, function(case) … end)`,
		}, {
			Name: "integer", Doc: "Makes whole numbers for `t.property`.",
			Params:  values(value("lowest", "integer", "the smallest one"), value("highest", "integer", "the largest one")),
			Returns: returns("tandem.test.generator"), Use: "t.integer(1, 30)",
		}, {
			Name: "digits", Doc: "Makes strings of digits for `t.property`, numbers as people dial them.",
			Params:  values(value("shortest", "integer", "digits at least").in("", Range{Max: 100, Whole: true}), value("longest", "integer", "digits at most").in("", Range{Max: 100, Whole: true})),
			Returns: returns("tandem.test.generator"), Use: "t.digits(2, 12)",
		}, {
			Name: "behaviour", Doc: "Makes anything that a phone may do, for `t.property`: never, status, after, silent, late.",
			Returns: returns("tandem.test.generator"), Use: "t.behaviour()",
		}, {
			Name: "stub", Doc: "What the table has stands in the place of what a module has, in the scripts of the networks that are made from now on. Its functions run in the state of the test. For module `http` the table says what servers answer, by `\"GET http://192.0.2.5/route\"`; the list of the requests made is returned.",
			Params: values(value("module", "string", "the name that scripts require"), value("table", "table", "the functions and values that are replaced")),
			Use:    `t.stub("hours", { open = function() return false end })`,
		}, {
			Name: "golden", Doc: "Fails unless the messages of the call so far are those of its ladder in `testdata/`; `tandem test --update` writes it.",
			Params: values(value("call", "tandem.test.call", "the call")), Use: "t.golden(call)",
		}, {
			Name: "skip", Doc: "Ends the test; it counts as skipped.", Params: values(value("why?", "string", "the reason")), Use: `t.skip "later"`,
		}, {
			Name: "eq", Doc: "Fails unless both are equal; tables are if they hold equal values under equal keys.",
			Params: values(value("got", "any", "what is there"), value("want", "any", "what should be"), why), Use: `t.eq(call:final(), 486)`,
		}, {
			Name: "ne", Doc: "Fails if both are equal.",
			Params: values(value("got", "any", "what is there"), value("unwanted", "any", "what should not be"), why), Use: `t.ne(call:final(), 200)`,
		}, {
			Name: "ok", Doc: "Fails if the value is nil or false.", Params: values(value("value", "any", "what is there"), why), Use: `t.ok(call:answered_by())`,
		}, {
			Name: "match", Doc: "Fails unless the text matches a Lua pattern.",
			Params: values(value("text", "any", "a string or number; anything else does not match"), value("pattern", "string", "a Lua pattern"), why), Use: `t.match(desk:received("INVITE"):raw(), "X%-Queue")`,
		}, {
			Name: "raises", Doc: "Fails unless the function raises an error, one that matches a Lua pattern if there is one. Returns the error.",
			Params: values(value("fn", "fun()", "what should fail"), value("pattern?", "string", "a Lua pattern")), Returns: returns("any"),
			Use: `t.raises(function() error "x" end, "x")`,
		}, {
			Name: "at", Doc: "A time in a call: so long after its INVITE was at the engine, by 0.01 s more or less.",
			Params: values(value("call", "tandem.test.call", "the call"), value("seconds", "number", "after its INVITE").in("s", Range{}),
				value("options?", "tandem.test.at_options", "")),
			Returns: returns("tandem.test.moment"), Use: `t.at(call, 20):received(desk, "CANCEL")`,
		}}, behaviours()...),
	}
}

// day is the longest time of a test.
var day = Range{Max: 24 * 60 * 60}

func behaviours() []Function {
	return []Function{{
		Name: "after", Doc: "180 at once, 200 after some seconds.", Params: values(value("seconds", "number", "until the answer").in("s", day)),
		Returns: returns(behaviour), Use: "t.after(2)",
	}, {
		Name: "status", Doc: "A final response: at once, or if seconds are given after ringing so long.",
		Params: values(value("code", "integer", "the response").in("", Range{Min: 200, Max: 699, Whole: true}),
			value("seconds?", "number", "of ringing").in("s", day), value("headers?", testHeaders, "header fields of the response")),
		Returns: returns(behaviour), Use: "t.status(486)",
	}, {
		Name: "late", Doc: "180 at once, then 200 after some seconds, whether a CANCEL came or not.", Params: values(value("seconds", "number", "until the answer").in("s", day)),
		Returns: returns(behaviour), Use: "t.late(21)",
	}, {
		Name: "never", Doc: "180 at once, then nothing.", Returns: returns(behaviour), Use: "t.never()",
	}, {
		Name: "silent", Doc: "Nothing at all.", Returns: returns(behaviour), Use: "t.silent()",
	}}
}

func testClasses() []Class {
	cs := append(testObjects(), testOptions()...)
	for i := range cs {
		cs[i].Module = "test"
	}
	return cs
}

func testObjects() []Class {
	what := value("what?", "string|integer", `a method, the code of a response to an INVITE, "200 BYE", or nothing for all; retransmissions are left out`)
	who := value("who", "tandem.test.phone|tandem.test.call", "a phone, or the caller")
	list := func(name, doc string, ps ...Value) Function {
		return Function{Name: name, Doc: doc, Params: ps, Returns: returns(messageList)}
	}
	return []Class{{
		Name: "pbx", Type: "tandem.test.pbx", Doc: "A script under test.",
		Methods: []Function{{
			Name: "network", Doc: "A network with the engine on it, running the script.",
			Params: values(value("options", "tandem.test.network_options", "")), Returns: returns("tandem.test.network"),
			Use: `pbx:network { at = "2026-11-23 10:15 Europe/Amsterdam" }`,
		}, {
			Name: "decide", Doc: "What the script's `invite` decides about a call, without calling anybody; nil for no plan.",
			Params: values(value("options", "tandem.test.decide_options", "")), Returns: returns("tandem.test.decision?"),
			Use: `pbx:decide { from = "sip:alice@example.net", to = "sip:100@pbx.example" }`,
		}},
	}, {
		Name: "network", Type: "tandem.test.network", Doc: "A virtual network with the engine on it.",
		Methods: []Function{{
			Name: "phone", Doc: "A phone at an address in 192.0.2.0/24.", Params: values(value("options", "tandem.test.phone_options", "")),
			Returns: returns("tandem.test.phone"), Use: `net:phone { "sip:100@192.0.2.11", answers = t.after(2) }`,
		}, {
			Name: "engine", Doc: "Another Tandem on the network, which runs another script: a second tier. Ladders are those of the engine that is called.",
			Params: values(value("options", "tandem.test.engine_options", "")), Use: `net:engine { t.script "trunk.lua", at = "192.0.2.60" }`,
		}, {
			Name: "call", Doc: "Places a call, now or at a time of the network.", Params: values(value("options", "tandem.test.call_options", "")),
			Returns: returns("tandem.test.call"), Use: `net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example" }`,
		}, {
			Name: "run", Doc: "Runs until nothing happens any more, or to a time of the network.",
			Params: values(value("seconds?", "number", "the time").in("s", day)), Use: "net:run()",
		}, {
			Name: "link", Doc: "What the links to and from a phone or a caller do from now on; without one, what all links do.",
			Params: values(value("who", "tandem.test.phone|tandem.test.call|tandem.test.link_options", "a phone, a call, or the options for all links"), value("options?", "tandem.test.link_options", "")),
			Use:    "net:link(desk, { loss = 0.1, delay = 0.05 })",
		}, {
			Name: "lose", Doc: "The next messages that a phone or a caller sends do not arrive, copies counted.",
			Params: values(who, what, value("times?", "integer", "how many").in("", Range{Min: 1, Max: 1 << 20, Whole: true}).or("1")), Use: "net:lose(desk, 200)",
		}, {
			Name: "errors", Doc: "The errors that handlers of the script have raised so far, as `invite: main.lua:12: …`. Those that a test has not looked at so fail it.",
			Returns: returns("string[]"), Use: "t.match(net:errors()[1], 'main.lua:12')",
		}},
	}, {
		Name: "phone", Type: "tandem.test.phone", Doc: "A phone on a network.",
		Methods: []Function{list("received", "Messages that the phone received.", what), list("sent", "Messages that the phone sent.", what), {
			Name: "unregister", Doc: "Takes the phone's contact back, at once.", Errors: "when it has not registered", Use: "desk:unregister()",
		}},
	}, {
		Name: "call of a test", Type: "tandem.test.call", Doc: "A call that a test placed.",
		Methods: []Function{{
			Name: "answered_by", Doc: "The phone that answered, nil if none did.", Returns: returns("tandem.test.phone?"),
		}, {
			Name: "order", Doc: "The users that were called, in order, as the Request-URIs named them.", Returns: returns("string[]"),
		}, {
			Name: "final", Doc: "The code of the final response that the caller got, nil if none came.", Returns: returns("integer?"),
		}, list("received", "Messages that the caller received.", what), list("sent", "Messages that the caller sent.", what)},
	}, messagesClass(), {
		Name: "moment", Type: "tandem.test.moment", Doc: "A time in a call.",
		Methods: []Function{
			list("received", "Fails unless the phone, or the caller, received such a message of the call at that time; returns those it received.", who, what),
			list("sent", "Fails unless the phone, or the caller, sent such a message of the call at that time; returns those it sent.", who, what),
			list("answered", "Fails unless the caller got the answer at that time."),
			list("ended", "Fails unless the call ended at that time: refused, or by the BYE of either side."),
		},
	}, {
		Name: "decision", Type: "tandem.test.decision", Kind: Record, Doc: "A plan as tests look at it; the members of a group are its items.",
		Fields: values(value("kind", "string", "to, serial, parallel, reject, redirect, function or await"), value("text", "string", "the plan on one line"),
			value("targets", "string[]", "all URIs, in order"), value("uri?", "string", "of a target"), value("code?", "integer", "of a response"),
			value("phrase?", "string", "of a response"), value("name?", "string", "its option"), value("ring?", "number", "its option").in("s", day), value("delay?", "number", "its option").in("s", day),
			value("where?", "string", "the line of the script"), value("error?", "string", "what `invite` has raised; the plan is the fallback's then, or a 500")),
		Items: "tandem.test.decision",
	}, {
		Name: "generator", Type: "tandem.test.generator", Doc: "What makes the values of a case of `t.property`.",
	}, {
		Name: "behaviour", Type: behaviour, Doc: "What a phone does with a call.",
	}, offeredClass()}
}

func messagesClass() Class {
	return Class{
		Name: "list of messages", Type: messageList, Doc: "Messages that somebody sent or received; all but `count`, `nth`, `last` and `copies` look at the first.",
		Methods: []Function{{
			Name: "nth", Doc: "A list of the n-th message only; fails if there are not so many.", Params: values(value("n", "integer", "from 1").in("", Range{Min: 1, Max: 1 << 20, Whole: true})),
			Returns: returns(messageList), Use: `desk:received("INVITE"):nth(2)`,
		}, {
			Name: "last", Doc: "A list of the last message only.", Returns: returns(messageList),
		}, {
			Name: "copies", Doc: "The messages and their retransmissions, which are left out otherwise, in order.",
			Returns: returns(messageList), Use: `desk:received("INVITE"):copies():count()`,
		}, {
			Name: "uri", Doc: "The Request-URI, nil of a response. With an expected value, fails if it is another one, and returns the messages.",
			Params: values(value("expected?", "string", "what it should be")), Returns: returns("any"), Use: `desk:received("INVITE"):uri("sip:100@192.0.2.11")`,
		}, {
			Name: "count", Doc: "How many there are.", Returns: returns("integer"),
		}, {
			Name: "header", Doc: "The value of a header field, a list if it is there several times, nil if it is not there. With an expected value, fails if it is another one (nil: if it is there), and returns the messages.",
			Params:  values(value("name", "string", "the header field"), value("expected?", "string|number|table", "what it should be")),
			Returns: returns("any"), Use: `desk:received("CANCEL"):header("Reason", nil)`,
		}, {
			Name: "body", Doc: "The body.", Returns: returns("string"),
		}, {
			Name: "raw", Doc: "The message as it was on the wire.", Returns: returns("string"),
		}, {
			Name: "at", Doc: "When it was sent or received, in seconds since t = 0 of the network.", Returns: returns("number"),
		}},
	}
}

func offeredClass() Class {
	inDialog := values(value("options?", "tandem.test.request_options", ""))
	return Class{
		Name: "call that a phone is offered", Type: "tandem.test.offered", Doc: "A call in a function that says what a phone does with it: `t.script`, or option `answered` of `net:call`.",
		Methods: []Function{{
			Name: "ring", Doc: "180.", Params: values(value("options?", "tandem.test.response_options", "")), Use: "call:ring()",
		}, {
			Name: "send", Doc: "A response.",
			Params: values(value("code", "integer", "the response").in("", Range{Min: 100, Max: 699, Whole: true}), value("options?", "tandem.test.response_options", "")),
			Use:    "call:send(183, { sdp = true })",
		}, {
			Name: "answer", Doc: "200, with the phone's session description.", Params: values(value("options?", "tandem.test.response_options", "")), Use: "call:answer()",
		}, {
			Name: "wait", Doc: "Time until the next step.", Params: values(value("seconds", "number", "").in("s", day)), Use: "call:wait(5)",
		}, {
			Name: "bye", Doc: "BYE.", Params: inDialog, Use: "call:bye()",
		}, {
			Name: "reinvite", Doc: "A re-INVITE with the phone's session description.", Params: inDialog, Use: "call:reinvite()",
		}, {
			Name: "hold", Doc: "A re-INVITE that puts the other side on hold.", Params: inDialog, Use: "call:hold()",
		}, {
			Name: "resume", Doc: "A re-INVITE that takes it back.", Params: inDialog, Use: "call:resume()",
		}, {
			Name: "refer", Doc: "REFER: a transfer.", Params: append(values(value("uri", "string", "whom the other side is to call")), inDialog...), Use: `call:refer("sip:102@pbx.example")`,
		}, {
			Name: "request", Doc: "Another request in the dialog.", Params: append(values(value("method", "string", "INFO, UPDATE, MESSAGE, NOTIFY, OPTIONS, INVITE or REFER")), inDialog...),
			Use: `call:request("INFO", { body = "Signal=5", type = "application/dtmf-relay" })`,
		}, {
			Name: "retransmit", Doc: "The last response once more.",
		}, {
			Name: "vanish", Doc: "The phone is gone from the network, as when its power fails.",
		}, {
			Name: "ignore_cancel", Doc: "From here on a CANCEL is answered, but does not end the call: a step that does must follow.",
		}, {
			Name: "header", Doc: "A header field of the INVITE: its value, a list if it is there several times, nil if it is not there.",
			Params: values(value("name", "string", "the header field")), Returns: returns("string|string[]|nil"), Use: `call:header("From")`,
		}},
	}
}

func testOptions() []Class {
	headers := value("headers?", testHeaders, "header fields that are added")
	options := func(name string, t Type, doc string, fields ...Value) Class {
		return Class{Name: name, Type: t, Kind: Options, Doc: doc, Fields: fields}
	}
	users := value("users?", "table<string, string>", "passwords of users by name, beside those of the configuration: who calls as one is asked for credentials, and knows them")
	replies := value("replies?", "table<string, integer|false|tandem.test.reply_options>", "what it answers to requests in calls and outside, by method: a code, `{ code =, after =, headers = }`, or `false` for nothing")
	phone := options("net:phone", "tandem.test.phone_options", "A phone; the first item is its URI.",
		value("answers?", "tandem.test.behaviour|tandem.test.behaviour[]", "what it does; of a list, one after the other for one call after the other, the last one again and again").or("t.after(2)"),
		value("name?", "string", "what it is called"),
		value("registers?", "boolean|tandem.test.register_options", "it registers its address, so that `plan.to \"user:100\"` rings it: at once when it is made, with the password of the user, and again in time").or("false"), replies)
	phone.Items = "string"
	engine := options("net:engine", "tandem.test.engine_options", "Another engine; the first item is its script.",
		value("at", "string", "its address in 192.0.2.0/24, with a port if it is another than 5060"))
	engine.Items = "tandem.test.pbx"
	return []Class{
		engine,
		options("t.at", "tandem.test.at_options", "How exact a time is.", value("within?", "number", "more or less").in("s", day).or("0.01")),
		options("pbx:network", "tandem.test.network_options", "A network.",
			value("at?", "string", `the date at which it starts: "2026-11-23 10:15 Europe/Amsterdam"`),
			value("seed?", "integer", "decides everything random").in("", Range{Max: 1 << 53, Whole: true}),
			value("shards?", "integer", "of the engine").in("", Range{Min: 1, Max: 16, Whole: true}).or("1"), users),
		phone,
		options("net:call", "tandem.test.call_options", "A call.",
			value("from", "string", "who calls: a SIP URI, with a display name if wanted"), value("to", "string", "who is called"), headers,
			value("ruri?", "string", "the Request-URI, where it is another one than that of To"),
			value("cancel?", "number", "when the caller gives up, from the INVITE").in("s", day),
			value("hangup?", "number", "when the caller hangs up, from the answer").in("s", day),
			value("vanish?", "number", "when the caller is gone from the network, from the INVITE").in("s", day),
			value("answered?", "fun(call: tandem.test.offered)", "what the caller does once the call is answered, step by step"),
			value("user?", "string|false", "the user whose credentials the caller has, `false`: none").or("the user of the configuration that `from` names"),
			value("password?", "string", "what the caller says that the password is").or("the user's own"),
			value("ack?", "boolean", "false: the answer is never acknowledged").or("true"),
			value("sdp?", "boolean|string", "false: the INVITE has no session description; or another one"), replies,
			value("at?", "number", "when it is placed, on the network's clock").in("s", day)),
		options("a registration", "tandem.test.register_options", "How a phone registers.",
			value("user?", "string", "whose phone it is").or("the user of its URI"),
			value("password?", "string", "what the phone says that the password is; with a wrong one it gets 401 and is not registered").or("the user's own"),
			value("expires?", "integer", "how long its contact is to last").in("s", Range{Min: 1, Max: maxSeconds, Whole: true}).or("3600"),
			value("q?", "number", "its preference").in("", Range{Max: 1}).or("1"),
			value("refresh?", "boolean", "false: its contact expires").or("true")),
		options("a response", "tandem.test.response_options", "A response of a phone.", headers,
			value("sdp?", "boolean|string", "`true`: the phone's own description, `false`: none, or another one"), value("phrase?", "string", "the reason phrase"),
			value("reliable?", "boolean", "a provisional is sent reliably (RFC 3262)").or("false"), value("tag?", "string", "the To-tag, of another dialog than the phone's own")),
		options("a reply", "tandem.test.reply_options", "What a phone answers to a request.",
			value("code", "integer", "the response").in("", Range{Min: 200, Max: 699, Whole: true}), value("after?", "number", "how long it takes").in("s", day), headers),
		options("a request in a call", "tandem.test.request_options", "A request that a phone sends in a call.", headers,
			value("sdp?", "boolean|string", "`true`: the phone's own description, `false`: none, or another one"),
			value("body?", "string", "another body"), value("type?", "string", "its Content-Type")),
		options("an HTTP answer", "tandem.test.http_answer", "What a server answers, for `t.stub(\"http\", …)`.",
			value("status?", "integer", "the status").in("", Range{Min: 100, Max: 599, Whole: true}).or("200"), value("body?", "string", "the body"), headers,
			value("after?", "number", "how long it takes").in("s", day).or("0.01"), value("err?", "string", "there is no answer, for this reason")),
		options("net:link", "tandem.test.link_options", "What links do to messages.",
			value("loss?", "number", "the share that is lost").in("", Range{Max: 1}), value("duplicate?", "number", "the share that arrives twice").in("", Range{Max: 1}),
			value("delay?", "number", "longer under way by").in("s", day), value("jitter?", "number", "and by up to so much more, by chance").in("s", day),
			value("down?", "boolean", "nothing arrives; of one phone or caller only")),
		options("pbx:decide", "tandem.test.decide_options", "A call that is only decided about.",
			value("from", "string", "who calls"), value("to", "string", "who is called"), headers,
			value("at?", "string", `the date: "2026-11-23 10:15 Europe/Amsterdam"`), value("seed?", "integer", "decides everything random").in("", Range{Max: 1 << 53, Whole: true}), users),
	}
}
