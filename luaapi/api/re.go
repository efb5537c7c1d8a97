package api

func reModule() Module {
	text := value("text", "string", "what is looked through")
	pattern := value("pattern", "string", "an RE2 expression of at most 1000 bytes")
	return Module{
		Name: "re", Doc: "Regular expressions of the RE2 kind, with alternatives, counts and Unicode. The recommended way to look into texts: the work grows with the " +
			"length of the text only, and an expression is read once. Write them in `[[…]]`. Expressions have no back references.",
		Functions: []Function{{
			Name: "match", Doc: "The groups of the first match, the whole match if the expression has none; nil if there is no match. A group that takes no part is nil.",
			Params: values(text, pattern, value("init?", "integer", "where to start, from 1; negative = from the end")), Returns: returns("string?", "string?"),
			Errors: "for an expression that does not compile", Use: `local user, host = re.match(uri, [[^sips?:([^@]+)@([^;]+)]])`,
		}, {
			Name: "find", Doc: "Where the first match starts and ends, then its groups; nil if there is no match.",
			Params: values(text, pattern, value("init?", "integer", "where to start, from 1; negative = from the end")), Returns: returns("integer?", "integer?", "string?"),
			Errors: "for an expression that does not compile", Use: `local first, last = re.find(text, [[\d+]])`,
		}, {
			Name: "gmatch", Doc: "A function for a loop over all matches: it returns what `re.match` does.", Params: values(text, pattern),
			Returns: returns("fun(): string?, string?"), Errors: "for an expression that does not compile", Use: `for name, value in re.gmatch(params, [[(\w+)=(\w+)]]) do log.info(name .. " is " .. value) end`,
		}, {
			Name: "gsub", Doc: "The text with its matches replaced, and how many there were. In a string `$1` or `${1}` is group 1, `$0` the match, `$$` a dollar sign; `$1x` means a group of the " +
				"name `1x`, so write `${1}x`. A function gets the groups, a table is looked into with the first one; false or nil keeps the match.",
			Params:  values(text, pattern, value("replacement", "string|number|table|function", "what takes the place of a match"), value("n?", "integer", "how many at most")),
			Returns: returns("string", "integer"), Errors: "for an expression that does not compile, and a text longer than 65536 bytes", Use: `local e164 = re.gsub(number, "^0([1-9])", "+49$1")`,
		}, {
			Name: "split", Doc: "The parts between the matches.", Params: values(text, pattern, value("n?", "integer", "how many parts at most; the last holds the rest")),
			Returns: returns("string[]"), Errors: "for an expression that does not compile", Use: `local parts = re.split("100, 101;102", "[,;] *")`,
		}},
	}
}
