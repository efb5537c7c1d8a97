package api

const sitePlanType Type = "tandem.site_plan"

func numberModule() Module {
	e164 := value("e164", "string", "a number in E.164 form, with its plus")
	return Module{
		Name: "number", Doc: "Telephone numbers: what they are, and how others want them written. Patterns are RE2; in replacements `$1` is group 1.",
		Functions: []Function{{
			Name: "plan", Doc: "A site's numbering plan.", Params: values(value("options", "tandem.site_plan_options", "what is dialled there")),
			Returns: returns(sitePlanType), Errors: "for a country that does not exist, what is not made of digits, and a central number that is longer than extensions",
			Use: `local site = number.plan { country = "49", area = "30", internal = { 3, 4 }, outside = "0" }`,
		}, {
			Name: "translate", Doc: "Makes a function of rules: it returns the number as the first rule that matches writes it, and whether one did. Emergency numbers stay: 112, 911 and those of the configuration.",
			Params:  values(value("rules", "string[][]", "`{ { pattern, replacement }, … }`")),
			Returns: returns("fun(number: string): string, boolean"), Errors: "for a pattern that does not compile, and a group that it does not have",
			Use: `local e164 = number.translate { { [[^00(\d+)$]], "+$1" } }`,
		}, {
			Name: "xcc_pattern", Doc: "Makes a function of an XccDiversionPattern as administrators write it: of a Diversion or History-Info entry it returns the number, nil if there is none.",
			Params:  values(value("pattern", "string", "`EXTRACTION]||[PATTERN||REPLACEMENT]||[…`; `default` is the usual extraction")),
			Returns: returns("fun(entry: string|table): string?"), Errors: "for a pattern that does not compile",
			Use: `local diverted = number.xcc_pattern [==[default]||[^00([1-9][0-9]{3,})$||+49$1]==]`,
		}, {
			Name: "valid", Doc: "Whether the numbering plans of the world have such a number.", Params: values(e164), Returns: returns("boolean"), Use: `number.valid("+49301234567")`,
		}, {
			Name: "region", Doc: "The region of a number, nil if it has none.", Params: values(e164), Returns: returns("string?"), Use: `number.region("+49301234567")  -- "DE"`,
		}, {
			Name: "to_sip", Doc: "The SIP URI that stands for a tel URI, with `user=phone` (RFC 3261 §19.1.6); other URIs as they are.",
			Params: values(value("tel", "string", "a tel URI"), value("host", "string", "the host of the SIP URI")), Returns: returns("string"), Use: `number.to_sip("tel:+49301234567", "gw.example")`,
		}, {
			Name: "to_tel", Doc: "The tel URI of the number in a SIP URI that has `user=phone` or a plus; other URIs as they are.",
			Params: values(value("uri", "string", "a SIP URI")), Returns: returns("string"), Use: `number.to_tel("sip:+49301234567@gw.example")`,
		}},
	}
}

func numberClasses() []Class {
	n := value("number", "string", "visual separators do not count")
	return []Class{{
		Name: "numbering plan", Type: sitePlanType, Module: "number", Doc: "What `number.plan` makes.",
		Methods: []Function{{
			Name: "dialled", Doc: "What a phone of the site means: the number, and `internal`, `external` (then in E.164 form), `emergency` (never rewritten) or `unknown` (as it came).",
			Params: values(n), Returns: returns("string", "string"), Use: `local to, kind = site:dialled(call.ruri.user)`,
		}, {
			Name: "received", Doc: "The same for a number that a trunk sends, without the digits for an outside line.",
			Params: values(n), Returns: returns("string", "string"), Use: `local from = site:received(call.from.user)`,
		}, {
			Name: "format", Doc: "An E.164 number as a trunk wants it; all else stays as it is.",
			Params:  values(value("number", "string", "in E.164 form"), value("form", `"e164"|"digits"|"international"|"national"|"subscriber"`, "how it is written")),
			Returns: returns("string"), Errors: "for another form", Use: `site:format("+49301234567", "national")  -- "0301234567"`,
		}, {
			Name: "emergency", Doc: "Whether it is an emergency number of the site or its country.", Params: values(n), Returns: returns("boolean"), Use: `site:emergency("112")`,
		}},
	}, {
		Name: "numbering plan options", Type: "tandem.site_plan_options", Module: "number", Kind: Options, Doc: "The table of `number.plan`.",
		Fields: values(
			value("country", "string", "a country code, `\"49\"`, or a region, `\"DE\"`"),
			value("area?", "string", "the area code without the national prefix; leave it out where whole numbers are dialled"),
			value("internal?", "integer[]", "the lengths of extensions, 1 to 12"),
			value("outside?", "string", "the digits for an outside line").or(`""`),
			value("national?", "string", "the prefix of national numbers; the country's if left out"),
			value("international?", "string", "the prefix of international numbers; the country's if left out"),
			value("central?", "string", "the number that calls are forwarded to, such as the pilot number of a follow-me service: an extension, no longer than the longest"),
			value("emergency?", "string[]", "emergency numbers beside 112, 911, the country's and those of the configuration"),
		),
	}}
}
