package api

// What the plans for people are made of is described in the Lua files themselves; their tables hold entries and names of the script's own.

const (
	listType  Type = "table"
	madeSteps Type = "fun(call: tandem.call): tandem.node?"
)

func followMeModule() Module {
	return Module{
		Name: "follow_me", Library: true, Doc: "A person's numbers, each with its hours, and the order in which they ring.",
		Functions: []Function{{
			Name: "new", Doc: "Makes a step: a function that may stand wherever a plan may. Entries are `{ target, when = schedule, share = percent }` with options of `plan.to`; `order` is " +
				"`sequential`, `simultaneous`, `random` or `percent`; `ring` is for entries without their own (20); `own` is an entry that rings first, alone, and diverts the call when it fails; " +
				"`otherwise` is the plan for a call outside all hours (480).",
			Params: values(value("options", listType, "the entries, `order`, `ring`, `own` and `otherwise`")), Returns: returns(madeSteps), Errors: "for another order, and an entry without a target",
			Use: `local bob = follow_me.new { { "sip:100@192.0.2.11", ring = 10 }, { "sip:mobile@192.0.2.31", when = office } }`,
		}},
	}
}

func sequenceModule() Module {
	entries := value("entries", "table[]", "`{ uri, mode = \"immediate\"|\"delayed\", expires = 30, valid = \"01FE:13B0\", internal = true, enabled = true, allowed = function }`")
	return Module{
		Name: "sequence", Library: true, Doc: "Call sequences as sipXecs has them: entries at the same time or if there is no response, and a mailbox at the end.",
		Functions: []Function{{
			Name: "new", Doc: "Makes a step of entries; `mailbox` is the target at the end, `may_mailbox` a function of the call that says whether there is one, `by` whose it is, `policy` `last` or " +
				"`any` (an extension on the way that is busy or away gets to its own mailbox), `max_parallel` how many ring together at most (12).",
			Params: values(value("options", listType, "the entries, and the options")), Returns: returns(madeSteps), Errors: "for another policy",
			Use: `local bob = sequence.new { { "sip:100@192.0.2.11" }, { "sip:333@192.0.2.13", mode = "delayed", expires = 25 }, mailbox = "sip:100@192.0.2.40" }`,
		}, {
			Name: "q", Doc: "The q values of entries, from 1 downwards and above 0.8.", Params: values(entries), Returns: returns("string[]"), Use: `sequence.q { { "sip:1@h" }, { "sip:2@h", mode = "delayed" } }`,
		}, {
			Name: "contacts", Doc: "Entries as contacts: `<sip:333@h;sipx-noroute=Voicemail?expires=25>;q=0.95`.",
			Params:  values(entries, value("options?", listType, "`recursion = false` adds `sipx-userforward=false`")),
			Returns: returns("string[]"), Use: `sequence.contacts(entries)`,
		}, {
			Name: "parse", Doc: "The entries of such contacts.", Params: values(value("contacts", "string[]", "contacts with expires and q")), Returns: returns("table[]"), Errors: "for what is no contact",
			Use: `sequence.parse { "<sip:444@sipfoundry.org?expires=45>;q=1.0" }`,
		}, {
			Name: "is_valid", Doc: "Whether a time lies in pairs of minutes since Sunday 00:00 UTC, in hexadecimal; false for a text that cannot be read.",
			Params: values(value("text", "string", "`01FE:13B0`"), value("unix", "number", "the time").in("s", Range{})), Returns: returns("boolean"), Use: `sequence.is_valid("01FE:13B0", call.time.unix)`,
		}},
	}
}

func huntModule() Module {
	return Module{
		Name: "hunt", Library: true, Doc: "Hunt groups: members ring one after the other.",
		Functions: []Function{{
			Name: "new", Doc: "Makes a step of members, targets or `{ target, weight = 2 }` with options of `plan.to`. `strategy` is `linear`, `circular`, `longest-idle`, `fewest-calls`, `random` or " +
				"`weighted`; each rings for `ring` seconds (10). The step stands within a plan; a handler returns what it makes, `return sales(call)`. Groups of the same `name` take turns together; it is that of their members if left out.",
			Params: values(value("options", listType, "the members, `strategy`, `ring` and `name`")), Returns: returns(madeSteps), Errors: "for another strategy, and a group without members",
			Use: `local sales = hunt.new { "sip:201@192.0.2.21", "sip:202@192.0.2.22", strategy = "circular", ring = 12 }`,
		}},
	}
}

func forwardModule() Module {
	return Module{
		Name: "forward", Library: true, Doc: "Call forwarding of a line: always, while it is busy, when nobody answers, while it cannot be reached; do not disturb.",
		Functions: []Function{{
			Name: "new", Doc: "Makes a step of a line, `{ target, ring = 20, always =, busy =, no_answer =, offline =, dnd = }` with options of `plan.to`. Who gets a call is a target, a plan or another step. `dnd` is " +
				"true or a function of the call: calls go as if the line were busy, or get 486.",
			Params: values(value("options", listType, "the line, and who gets its calls")), Returns: returns(madeSteps), Errors: "without a line",
			Use: `local bob = forward.new { "sip:100@192.0.2.11", ring = 15, busy = "sip:101@192.0.2.12", no_answer = "sip:voicemail@192.0.2.40" }`,
		}},
	}
}

func lcrModule() Module {
	return Module{
		Name: "lcr", Library: true, Doc: "Least-cost routing by the rate tables of carriers.",
		Functions: []Function{{
			Name: "new", Doc: "Makes a function of a number, written as the tables write theirs, with a plus or without: it returns a plan that asks the carriers whose table has a prefix of it, the cheapest first; nil when none has. A carrier is `{ host, rates =, rate =, " +
				"format = }` with options of `plan.to`: a `lookup` table, its column, and a function that writes the number as the carrier wants it. Who is busy, does not answer or refuses is asked once.",
			Params:  values(value("options", listType, "the carriers, `rate` (the column, `\"rate\"`), `max` (how many are asked), `ring` over all of them, and `refuse`, the highest rate")),
			Returns: returns("fun(number: string): tandem.node?"), Errors: "for a carrier without a host or rates",
			Use: `local out = lcr.new { { "gw1.example", rates = lookup.csv("alpha.csv", { key = "prefix" }) }, { "gw2.example", rates = lookup.csv("beta.csv", { key = "prefix" }) } }`,
		}},
	}
}

func flowModule() Module {
	return Module{
		Name: "flow", Library: true, Doc: "Call flows as data: nodes that call somebody, and what comes next by how that went (monitor-events).",
		Functions: []Function{{
			Name: "new", Doc: "Makes a plan of nodes by name, the first one named by `start`: `{ target, monitor = { busy = \"NODE\" }, divert = true }` with options of `plan.to`. A node without " +
				"`monitor` ends the flow.",
			Params: values(value("nodes", listType, "the nodes by name, and `start`")), Returns: returns(nodeType), Errors: "for a node that is not there, and a circle",
			Use: `local main = flow.new { start = "desk", desk = { "sip:100@192.0.2.11", monitor = { busy = "front" } }, front = { "sip:101@192.0.2.12" } }`,
		}},
	}
}

func teamModule() Module {
	owner, target := value("owner", "string", "the SIP URI of the person"), value("target", "string", "the SIP URI that is called")
	why := value("why?", `"team-call"|"delegation"|"forwarding"`, "the `ms-retarget-reason`").or(`"team-call"`)
	return Module{
		Name: "team", Library: true, Doc: "Team calls: the colleagues of a person ring with the person's own phones, at once or after a while, and their phones are told whose call it is.",
		Functions: []Function{{
			Name: "new", Doc: "The plan of a team call. `owner` is the URI of the person, `own` the plan of their phones, `members` the URIs of the team; it rings from `delay` seconds on (0), and " +
				"all of it for `ring`. `name`, `on` and `hold` are the options of the group.",
			Params: values(value("options", listType, "the person and the team")), Returns: returns(nodeType), Errors: "for a team without members",
			Use: `team.new { owner = "sip:anna@pbx.example", own = plan.to "sip:100@192.0.2.11", members = { "sip:101@192.0.2.12" }, delay = 10, ring = 30 }`,
		}, {
			Name: "retarget", Doc: "Makes a step that calls somebody for a person; To stays who was called.",
			Params:  values(owner, target, why, value("options?", "tandem.target_options", "how it is called")),
			Returns: returns("fun(call: tandem.call): tandem.node"), Use: `team.retarget("sip:anna@pbx.example", "sip:101@192.0.2.12", "delegation")`,
		}, {
			Name: "headers", Doc: "The header fields that tell a phone whose call it is: History-Info, and Referred-By of a team call.",
			Params:  values(value("call", "tandem.call", "the call"), owner, target, why),
			Returns: returns("table<string, string>"), Use: `team.headers(call, "sip:anna@pbx.example", "sip:101@192.0.2.12", "team-call")`,
		}},
	}
}
