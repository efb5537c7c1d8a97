package api

const (
	entryType   Type = "tandem.entry"
	entriesType Type = "tandem.entry[]"
)

func identityModule() Module {
	list := value("list", entriesType, "entries")
	return Module{
		Name: "identity", Doc: "Entries of Diversion (RFC 5806) and History-Info (RFC 7044): what modules `diversion` and `history` are written with. " +
			"An entry is the text that was received, with views on it; what changes one gives another that differs there and nowhere else.",
		Functions: []Function{{
			Name: "parse", Doc: "The entries of header values, comma lists split; what is malformed is among them, `invalid`.",
			Params: values(value("values", "string|string[]", "values of a header")), Returns: returns(entriesType), Use: `identity.parse(call.headers["Diversion"])`,
		}, {
			Name: "diversion", Doc: "A Diversion entry.",
			Params:  values(value("by", "string|tandem.uri", "the URI that diverts"), value("fields?", "tandem.entry_changes", "the rest of it")),
			Returns: returns(entryType), Errors: "for what is no URI, and no value of a parameter", Use: `identity.diversion("sip:100@pbx.example", { reason = "user-busy", counter = 1 })`,
		}, {
			Name: "to_history", Doc: "The history that says what diversions say of a call that goes to `target` now (RFC 7544).",
			Params: values(list, value("target", "string|tandem.uri", "where the call goes")), Returns: returns(entriesType), Use: `identity.to_history(call.diversion, call.ruri)`,
		}, {
			Name: "to_diversion", Doc: "The diversions that a history tells of, the last one first.", Params: values(list), Returns: returns(entriesType), Use: `identity.to_diversion(call.history)`,
		}, {
			Name: "forward", Doc: "A history with an entry for a request to `target`, and one for the Request-URI that came in if it has none (RFC 7044 §9).",
			Params: values(list, value("ruri", "string|tandem.uri", "the Request-URI that came in"), value("target", "string|tandem.uri", "the one that is sent"),
				value("kind?", `"rc"|"mp"|"np"`, "how it was found: the same user, another one, nothing changed").or(`"rc"`),
				value("n?", "integer", "which of the requests sent it is").in("", Range{Min: 1, Whole: true}).or("1")),
			Returns: returns(entriesType), Use: `identity.forward(call.history, call.ruri, "sip:100@192.0.2.11", "mp")`,
		}, {
			Name: "anonymised", Doc: "A list as it may leave the domain: without address and name where privacy is asked for (RFC 7044 §10.1.2).",
			Params: values(list, value("all?", "boolean", "all of them").or("false")), Returns: returns(entriesType), Use: `identity.anonymised(call.history)`,
		}, {
			Name: "value", Doc: "A list as the value of a header; `false`, which takes the header away, for an empty one.",
			Params: values(list), Returns: returns("string|false"), Use: `identity.value(call.history)`,
		}},
	}
}

func identityClasses() []Class {
	return []Class{{
		Name: "entry", Type: entryType, Module: "identity",
		Doc: "An entry of Diversion or History-Info; `tostring` gives its text. Of one that is `invalid` only `raw` is there.",
		Fields: values(
			value("raw", "string", "the text, byte for byte"),
			value("invalid", "boolean", "whether it is no address with parameters"),
			value("uri?", "string", "the address, without headers in it"),
			value("user?", "string", "its user part, unescaped; of a tel URI the number"),
			value("host?", "string", "its host"),
			value("display?", "string", "the display name, without quotes"),
			value("reason?", "string", "Diversion: why, in lower case: `user-busy`, `no-answer`, `unavailable`, `unconditional`, `deflection`, …"),
			value("counter", "integer", "Diversion: how many diversions it stands for; 1 if it does not say"),
			value("limit?", "integer", "Diversion: how many it allows for the call"),
			value("screen?", "string", "Diversion: `yes` or `no`"),
			value("privacy?", "string", "Diversion: `full`, `name`, `uri` or `off`; History-Info: the Privacy inside the URI"),
			value("private", "boolean", "whether it asks not to be shown outside"),
			value("index?", "string", "History-Info: its place, `1.2`"),
			value("kind?", `"rc"|"mp"|"np"`, "History-Info: how it was found: the same user, another user, nothing changed"),
			value("mapped_from?", "string", "History-Info: the index of the entry that it was found from"),
			value("reasons", "table[]", "History-Info: the Reasons inside the URI, escaped or not: `{ { protocol = \"SIP\", cause = 486, text = \"Busy Here\" } }`"),
			value("retarget?", "string", "History-Info: `ms-retarget-reason` in lower case: `forwarding`, `team-call`, `delegation`, `acd`"),
			value("phone?", "string", "History-Info: `ms-target-phone`"),
		),
		Methods: []Function{{
			Name: "with", Doc: "An entry that differs; parameters keep their place, new ones come last.", Params: values(value("changes", "tandem.entry_changes", "what differs")),
			Returns: returns(entryType), Errors: "for an invalid entry, and for what cannot stand there", Use: `entry:with { user = "+49301234567", counter = 2 }`,
		}, {
			Name: "failed", Doc: "An entry of a request that has failed, with the Reason inside its URI (RFC 7044 §10.2).",
			Params:  values(value("code", "integer", "the response").in("", Range{Min: 300, Max: 699, Whole: true}), value("phrase?", "string", "its reason phrase")),
			Returns: returns(entryType), Use: `entry:failed(486)`,
		}},
	}, {
		Name: "entry changes", Type: "tandem.entry_changes", Module: "identity", Kind: Options, Doc: "What differs in an entry; `false` takes a parameter away.",
		Fields: values(
			value("user?", "string|number", "the user part, or the number of a tel URI, as it stands in a URI"),
			value("uri?", "string", "the address"),
			value("display?", "string|false", "the display name; `false` is none"),
			value("reason?", "string|false", "Diversion: why"),
			value("counter?", "integer|false", "Diversion: how many diversions it stands for"),
			value("limit?", "integer|false", "Diversion: how many it allows"),
			value("privacy?", "string|false", "Diversion: `full`, `name`, `uri` or `off`"),
			value("screen?", "string|false", "Diversion: `yes` or `no`"),
			value("index?", "string|false", "History-Info: its place"),
			value("rc?", "string|false", "History-Info: the index that it was found from, the same user"),
			value("mp?", "string|false", "History-Info: the same, another user"),
			value("np?", "string|false", "History-Info: the same, nothing changed"),
			value("retarget?", "string|false", "History-Info: `ms-retarget-reason`"),
			value("phone?", "string|false", "History-Info: `ms-target-phone`"),
		),
	}}
}
