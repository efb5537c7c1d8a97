package api

const operationType Type = "tandem.operation"

func httpModule() Module {
	u, options := value("url", "string", "begins with http:// or https://"), value("options?", "tandem.http_options", "what is asked, and for how long")
	return Module{
		Name: "http", Doc: "Questions to HTTP servers. Calling a function asks nobody: it makes an operation, which `plan.await` starts when the plan gets there.",
		Functions: []Function{{
			Name: "get", Doc: "GET.", Params: values(u, options), Returns: returns(operationType), Errors: "for a URL that is none",
			Use: `http.get("http://192.0.2.5/route", { query = { to = call.to.user }, timeout = 0.5 })`,
		}, {
			Name: "post", Doc: "POST.", Params: values(u, options), Returns: returns(operationType), Errors: "for a URL that is none",
			Use: `http.post("http://192.0.2.5/calls", { body = json.encode { from = call.from.user } })`,
		}, {
			Name: "request", Doc: "Any other method.", Params: values(value("method", "string", "the method"), u, options), Returns: returns(operationType),
			Errors: "for a URL or a method that is none", Use: `http.request("PUT", "http://192.0.2.5/calls/1", { body = "up" })`,
		}},
	}
}

func httpClasses() []Class {
	return []Class{{
		Name: "operation", Type: operationType, Module: "plan", Doc: "Work that takes time, as a function such as `http.get` describes it. `plan.await` starts it.",
	}, {
		Name: "result", Type: "tandem.result", Module: "plan", Kind: Record, Open: "any", Doc: "What came of an operation: these, and what its module says.",
		Fields: values(
			value("err?", "string", "why nothing came of it, `\"timeout\"` or what went wrong; nil if something did"),
			value("elapsed", "number", "since the step was reached").in("s", Range{}),
		),
	}, {
		Name: "http result", Type: "tandem.http_result", Module: "http", Kind: Record, Doc: "What a server answered.",
		Fields: values(
			value("err?", "string", "why there is no answer, `\"timeout\"` or what went wrong; nil if there is one, whatever its status"),
			value("elapsed", "number", "since the step was reached").in("s", Range{}),
			value("status?", "integer", "the status"),
			value("headers?", "table<string, string[]>", "lists of values by name, in any case; empty for what is not there"),
			value("body?", "string", "the body"),
		),
	}, {
		Name: "http options", Type: "tandem.http_options", Module: "http", Kind: Options, Doc: "What a request has beside its URL.",
		Fields: values(
			value("timeout?", "number", "how long the plan waits").in("s", Range{Min: 0.001, Max: 60}).or("2"),
			value("headers?", addedHeaders, "header fields"),
			value("query?", "table<string, string|number>", "added to the URL, escaped: the safe place for what comes from a caller"),
			value("body?", "string|number", "the body of the request"),
			value("max_body?", "integer", "the longest body of an answer, in bytes").in("", Range{Max: 65536, Whole: true}).or("65536"),
			value("redirects?", "integer", "how many are followed; with 0 a 3xx is the answer").in("", Range{Max: 10, Whole: true}).or("5"),
		),
	}}
}

func jsonModule() Module {
	return Module{
		Name: "json", Doc: "Texts of JSON to Lua values and back.",
		Functions: []Function{{
			Name: "decode", Doc: "The value of a text; of one that is no JSON, nil and what is wrong, with line and column. In an object null is nothing, elsewhere it is `json.null`.",
			Params: values(value("text", "string", "JSON")), Returns: returns("any", "string?"), Use: `local answer, err = json.decode(result.body)`,
		}, {
			Name: "encode", Doc: "The text of a value, names in order; of one that has no form in JSON, nil and what is wrong.",
			Params: values(value("value", "any", "what is written")), Returns: returns("string?", "string?"), Use: `json.encode { from = call.from.user }`,
		}, {
			Name: "array", Doc: "Marks a table as an array, for when it is empty, and returns it.",
			Params: values(value("list", "table", "the items")), Returns: returns("table"), Errors: "for a table that has a metatable", Use: `json.encode { targets = json.array {} }`,
		}},
		Fields: values(value("null", "any", "stands for `null` in an array, and for a text that is nothing else")),
	}
}
