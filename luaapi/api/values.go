package api

// valueClasses are what handlers are given.
func valueClasses() []Class {
	return []Class{callClass(), branchClass(), uriClass(), sourceClass(), timeClass(), responseClass(), contactClass(), headersClass()}
}

func callClass() Class {
	return Class{
		Name: "call", Type: callType, Doc: "A call, or a request outside a dialog (`req`).",
		Fields: values(
			value("id", "string", "the Call-ID of the caller's leg: what the log names the call by"),
			value("method", "string", "of the request"),
			value("body", "string", "of the request"),
			value("from", "tandem.uri", "the From"),
			value("to", "tandem.uri", "the To"),
			value("ruri", "tandem.uri", "the Request-URI"),
			value("headers", "tandem.headers", "`headers[\"Diversion\"]` is a list of raw values, empty if there are none; any case, compact forms too"),
			value("source", "tandem.source", "where the request came from"),
			value("emergency", "boolean", "whether it is a call to a number of `emergency` of the configuration, or to `urn:service:sos`"),
			value("identity?", "tandem.uri", "whom a trusted source asserts the caller to be, by P-Asserted-Identity or else Remote-Party-ID; nil from others"),
			value("preferred?", "tandem.uri", "whom the caller wants to be shown as, by P-Preferred-Identity: nobody has checked it, and it goes no further"),
			value("privacy", "string[]", "the values of Privacy, in small letters"),
			value("diversion", entriesType, "the entries of Diversion, the last diversion first; the list is the call's own"),
			value("history", entriesType, "the entries of History-Info, the first target first; the list is the call's own"),
			value("retarget?", "string", "why the call came to whom it is for now: the last `ms-retarget-reason` of its history, else the reason of the last diversion"),
			value("secondary", "boolean", "whether it is somebody else's call: `retarget` is `team-call`, `delegation` or `acd`"),
			value("user?", "string", "of a REGISTER: whose contacts they are; nil for other requests"),
			value("contacts?", "tandem.contact[]", "of a REGISTER: those to be added, refreshed or removed"),
			value("expires?", "number", "of a REGISTER: how long the longest of them is to last, 0 to remove them; nil if it only asks what there is").in("s", Range{}),
			value("time", "tandem.time", "when it came"),
			value("best?", branchType, "the best response so far, as a branch; nil if there is none"),
			value("round", "integer", "how often `exhausted` was asked"),
			value("pending", "integer", "branches that run"),
			value("vars", "table", "a table of your own that lives as long as the call"),
		),
		Methods: []Function{
			{
				Name: "progress", Doc: "Sends a provisional response to the caller.",
				Params: values(value("code", "integer", "the response").in("", Range{Min: 101, Max: 199, Whole: true}), value("headers?", addedHeaders, "header fields of it")),
				Errors: "when the call is over or answered", Use: "call:progress(182, { [\"X-Queue\"] = \"3\" })",
			},
			{
				Name: "hangup", Doc: "Ends the call: BYE to both sides, or 480 before it is answered.",
				Params: values(value("phrase?", "string", "the reason phrase")), Errors: "when the call is over", Use: "call:hangup()",
			},
			{
				Name: "log", Doc: "Writes a line in the log that carries the call.",
				Params: values(value("text", "any", "what happened"), value("fields?", "table<string, any>", "values by name")),
				Errors: "when the call is over", Use: `call:log("no such user", { user = call.ruri.user })`,
			},
		},
	}
}

func branchClass() Class {
	return Class{
		Name: "branch", Type: branchType, Doc: "A step of the plan: a target, or a group by its best failed branch.",
		Fields: values(
			value("uri?", "tandem.uri", "the target"),
			value("user?", "string", "the user part of the target"),
			value("name?", "string", "its option `name`"),
			value("group?", "string", "the `name` of the group around it"),
			value("code?", "integer", "the code it failed with"),
			value("phrase?", "string", "the reason phrase; without a response, why it was not reached"),
			value("outcome?", "string", "how it failed: `busy`, `no_answer`, …"),
			value("cause?", "integer", "the Q.850 cause"),
			value("reasons", "string[]", "the raw values of Reason"),
			value("response?", "tandem.response", "the final response; nil if none came"),
			value("contacts", "tandem.contact[]", "of a 3xx, by descending q"),
			value("elapsed", "number", "how long it ran").in("s", Range{}),
			value("rang", "boolean", "whether it rang"),
			value("attempt", "integer", "1 and up by replacement"),
			value("synthetic", "boolean", "whether no peer sent the code"),
		),
	}
}

func uriClass() Class {
	return Class{
		Name: "URI", Type: "tandem.uri", Doc: "A URI; `tostring` gives its text, and `plan.to` takes it.",
		Fields: values(
			value("scheme?", "string", "`sip`, `tel`, …, in lower case"),
			value("user?", "string", "the user part, unescaped"),
			value("host?", "string", "the host"),
			value("port?", "integer", "the port, nil if it names none"),
			value("params", "table<string, string|true>", "its parameters by name in lower case; one without a value is `true`"),
			value("display?", "string", "the display name, without quotes"),
			value("tag?", "string", "the tag of a From or To"),
		),
	}
}

func sourceClass() Class {
	return Class{
		Name: "source", Type: "tandem.source", Doc: "Where a request came from; `tostring` gives `udp:192.0.2.1:5060`.",
		Fields: values(
			value("ip?", "string", "the address"),
			value("port", "integer", "the port"),
			value("transport", "string", "`udp`"),
			value("user?", "string", "the user of ours whose credentials it has, by digest; nil if it was not asked for any"),
			value("trusted", "boolean", "whether its network is one of `trusted` of the configuration"),
		),
	}
}

func timeClass() Class {
	return Class{
		Name: "time", Type: "tandem.time", Kind: Record, Doc: "A date as Lua's `os.date(\"*t\")` gives it, with `unix` and `zone`.",
		Fields: values(
			value("year", "integer", "2026"), value("month", "integer", "1 to 12"), value("day", "integer", "1 to 31"),
			value("hour", "integer", "0 to 23"), value("min", "integer", "0 to 59"), value("sec", "integer", "0 to 60"),
			value("wday", "integer", "1 (Sunday) to 7"), value("yday", "integer", "1 to 366"),
			value("isdst", "boolean", "daylight saving time"), value("unix", "integer", "since 1970 in UTC").in("s", Range{}),
			value("zone", "string", "the name of the time zone"),
		),
	}
}

func responseClass() Class {
	return Class{
		Name: "response", Type: "tandem.response", Doc: "A final response.",
		Fields: values(
			value("code", "integer", "300 to 699"),
			value("phrase?", "string", "the reason phrase"),
			value("headers", "tandem.headers", "lists of raw values by name"),
		),
	}
}

func contactClass() Class {
	return Class{
		Name: "contact", Type: "tandem.contact", Kind: Record, Doc: "A contact of a 3xx, or of a REGISTER.",
		Fields: values(
			value("uri", "string", "where to"),
			value("user?", "string", "its user part"),
			value("q", "number", "the preference, 0 to 1"),
			value("expires?", "number", "of a REGISTER: how long it is to last, 0 to remove it").in("s", Range{}),
		),
	}
}

func headersClass() Class {
	return Class{
		Name: "headers", Type: "tandem.headers", Open: "string[]",
		Doc: "The header fields of a message: `headers[\"Diversion\"]` is a list of raw values, empty if there are none.",
	}
}
