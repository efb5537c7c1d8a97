package api

// libraryModules are the modules that are written in Lua, in scripts/, and shipped inside Tandem. A file of the script of such a name takes the place of one.
func libraryModules() []Module {
	return []Module{diversionModule(), historyModule(), followMeModule(), forwardModule(), sequenceModule(), huntModule(), lcrModule(), teamModule(), flowModule()}
}

func libraryClasses() []Class {
	return []Class{{
		Name: "reader", Type: "tandem.diversion_reader", Module: "diversion", Kind: Options, Doc: "How `diversion.reader` finds whom a call was meant for.",
		Fields: values(
			value("from?", "string[]", "which header wins, `\"diversion\"` or `\"history\"`").or(`{ "diversion", "history" }`),
			value("pick?", `"last"|"first"`, "who diverted the call to us, or who was called first").or(`"last"`),
			value("pattern?", "fun(entry: tandem.entry): string?", "what takes the number out of an entry, such as a `number.xcc_pattern`; its user part if left out"),
			value("rules?", "function[]", "translations (`number.translate`) that the number goes through, one after the other"),
		),
	}}
}

func listFunctions(module, field string) []Function {
	list := value("list", entriesType, "entries")
	return []Function{{
		Name: "parse", Doc: "The entries of header values, as in `call." + field + "`.", Params: values(value("values", "string|string[]", "values of the header")),
		Returns: returns(entriesType), Use: module + `.parse("<sip:100@pbx.example>;index=1")`,
	}, {
		Name: "value", Doc: "A list as a header value; `false`, which takes the header away, for an empty list. Entries that nobody changed are as they came.",
		Params: values(list), Returns: returns("string|false"), Use: `plan.to("sip:100@192.0.2.11", { headers = { Diversion = diversion.value(list) } })`,
	}, {
		Name: "normalise", Doc: "A list with the numbers that a function gives; for nil the entry stays as it is.",
		Params:  values(list, value("change", "fun(number: string, entry: tandem.entry): string?", "such as a `number.translate`")),
		Returns: returns(entriesType), Use: module + ".normalise(call." + field + ", e164)",
	}}
}

func diversionModule() Module {
	list := value("list", entriesType, "entries, the last diversion first")
	return Module{
		Name: "diversion", Library: true,
		Doc: "Who diverted a call: lists of Diversion entries as in `call.diversion`. Nothing is changed in place; what is changed comes back as a new list.",
		Functions: append(listFunctions("diversion", "diversion"), Function{
			Name: "new", Doc: "An entry for one more diversion.", Params: values(value("by", "string|tandem.uri", "who diverts"), value("fields?", "tandem.entry_changes", "`reason` and what else there is to say")),
			Returns: returns(entryType), Errors: "for what is no URI", Use: `diversion.new(call.ruri, { reason = "user-busy" })`,
		}, Function{
			Name: "add", Doc: "The list with an entry before all others.", Params: values(list, value("entry", entryType, "the last diversion")), Returns: returns(entriesType),
			Use: `diversion.add(call.diversion, diversion.new(call.ruri, { reason = "no-answer" }))`,
		}, Function{
			Name: "count", Doc: "How many diversions a list stands for.", Params: values(list), Returns: returns("integer"), Use: "diversion.count(call.diversion)",
		}, Function{
			Name: "to_history", Doc: "The history that says the same of a call that goes to `target` now.", Params: values(list, value("target", "string|tandem.uri", "where the call goes")),
			Returns: returns(entriesType), Use: "diversion.to_history(call.diversion, call.ruri)",
		}, Function{
			Name: "reader", Doc: "Makes a function that finds whom a call was meant for: of a call it returns the number and its entry, nil if there is none.",
			Params: values(value("options?", "tandem.diversion_reader", "which header wins, and how the number is read")), Returns: returns("fun(call: tandem.call): string?, tandem.entry?"),
			Use: `local meant = diversion.reader { pattern = number.xcc_pattern "default" }`,
		}),
	}
}

func historyModule() Module {
	list := value("list", entriesType, "entries, the first target first")
	return Module{
		Name: "history", Library: true,
		Doc: "How a call came to its target: lists of History-Info entries as in `call.history`. Nothing is changed in place; what is changed comes back as a new list.",
		Functions: append(listFunctions("history", "history"), Function{
			Name: "forward", Doc: "The list with an entry for a request to `target`, and one for the Request-URI that came in if it has none.",
			Params: values(list, value("ruri", "string|tandem.uri", "the Request-URI that came in"), value("target", "string|tandem.uri", "the one that is sent"),
				value("kind?", `"rc"|"mp"|"np"`, "how it was found: the same user, another one, nothing changed").or(`"rc"`),
				value("n?", "integer", "which of the requests sent it is").in("", Range{Min: 1, Whole: true}).or("1")),
			Returns: returns(entriesType), Use: `history.forward(call.history, call.ruri, "sip:100@192.0.2.11")`,
		}, Function{
			Name: "failed", Doc: "The list with its last request as one that has failed.", Params: values(list, value("code", "integer", "the response").in("", Range{Min: 300, Max: 699, Whole: true}), value("phrase?", "string", "its reason phrase")),
			Returns: returns(entriesType), Use: "history.failed(list, 486)",
		}, Function{
			Name: "to_diversion", Doc: "The Diversion entries that say the same, the last diversion first.", Params: values(list), Returns: returns(entriesType), Use: "history.to_diversion(call.history)",
		}, Function{
			Name: "anonymised", Doc: "The list as it may leave the domain.", Params: values(list, value("all?", "boolean", "all entries, and not only those that ask for it").or("false")),
			Returns: returns(entriesType), Use: "history.anonymised(call.history)",
		}),
	}
}
