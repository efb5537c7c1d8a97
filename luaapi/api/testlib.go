package api

const (
	testHeaders Type = "tandem.test.headers"
	behaviour   Type = "tandem.test.behaviour"
	messageList Type = "tandem.test.messages"
)

func testAliases() []Alias {
	return []Alias{{Type: testHeaders, Is: "table<string, string|number|(string|number)[]>", Doc: "Header fields by name; a list of values is as many fields."}}
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
		}},
	}, {
		Name: "network", Type: "tandem.test.network", Doc: "A virtual network with the engine on it.",
		Methods: []Function{{
			Name: "phone", Doc: "A phone at an address in 192.0.2.0/24.", Params: values(value("options", "tandem.test.phone_options", "")),
			Returns: returns("tandem.test.phone"), Use: `net:phone { "sip:100@192.0.2.11", answers = t.after(2) }`,
		}, {
			Name: "call", Doc: "Places a call, now or at a time of the network.", Params: values(value("options", "tandem.test.call_options", "")),
			Returns: returns("tandem.test.call"), Use: `net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example" }`,
		}, {
			Name: "run", Doc: "Runs until nothing happens any more, or to a time of the network.",
			Params: values(value("seconds?", "number", "the time").in("s", day)), Use: "net:run()",
		}},
	}, {
		Name: "phone", Type: "tandem.test.phone", Doc: "A phone on a network.",
		Methods: []Function{list("received", "Messages that the phone received.", what), list("sent", "Messages that the phone sent.", what)},
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
		Name: "behaviour", Type: behaviour, Doc: "What a phone does with a call.",
	}, offeredClass()}
}

func messagesClass() Class {
	return Class{
		Name: "list of messages", Type: messageList, Doc: "Messages that somebody sent or received; all but `count` look at the first.",
		Methods: []Function{{
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
	return Class{
		Name: "call that a phone is offered", Type: "tandem.test.offered", Doc: "A call that a phone is offered, in a function of `t.script`.",
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
			Name: "bye", Doc: "BYE.", Params: values(value("options?", "tandem.test.bye_options", "")), Use: "call:bye()",
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
	phone := options("net:phone", "tandem.test.phone_options", "A phone; the first item is its URI.",
		value("answers?", "tandem.test.behaviour|tandem.test.behaviour[]", "what it does; of a list, one after the other for one call after the other, the last one again and again").or("t.after(2)"),
		value("name?", "string", "what it is called"))
	phone.Items = "string"
	return []Class{
		options("t.at", "tandem.test.at_options", "How exact a time is.", value("within?", "number", "more or less").in("s", day).or("0.01")),
		options("pbx:network", "tandem.test.network_options", "A network.",
			value("at?", "string", `the date at which it starts: "2026-11-23 10:15 Europe/Amsterdam"`),
			value("seed?", "integer", "decides everything random").in("", Range{Max: 1 << 53, Whole: true}),
			value("shards?", "integer", "of the engine").in("", Range{Min: 1, Max: 16, Whole: true}).or("1")),
		phone,
		options("net:call", "tandem.test.call_options", "A call.",
			value("from", "string", "who calls: a SIP URI, with a display name if wanted"), value("to", "string", "who is called"), headers,
			value("cancel?", "number", "when the caller gives up, from the INVITE").in("s", day),
			value("hangup?", "number", "when the caller hangs up, from the answer").in("s", day),
			value("at?", "number", "when it is placed, on the network's clock").in("s", day)),
		options("a response", "tandem.test.response_options", "A response of a phone.", headers,
			value("sdp?", "boolean|string", "`true`: the phone's own description, `false`: none, or another one"), value("phrase?", "string", "the reason phrase")),
		options("call:bye", "tandem.test.bye_options", "A BYE of a phone.", headers),
	}
}
