package check

// Rule is a kind of finding.
type Rule struct {
	// ID is what disable comments and --explain name it by.
	ID string
	// Says is what the rule finds, in a line.
	Says string
	// Why says what happens otherwise and what to do.
	Why string
	// Bad and Good are examples: a script, or lines of one.
	Bad, Good string
	// Fixed says that comments cannot disable it: the script does not load.
	Fixed bool
}

var (
	ruleSyntax = &Rule{
		ID: "syntax", Says: "the file is no Lua 5.1", Fixed: true,
		Why: "A file that does not compile is never loaded. Further mistakes are looked for in the functions after the first one.",
		Bad: "local x = = 1", Good: "local x = 1",
	}
	ruleLoad = &Rule{
		ID: "load", Says: "the script does not load", Fixed: true,
		Why: "The files were run as far as they run before the first call, and that failed.",
		Bad: "local hours = nil\nreturn { invite = hours.open }", Good: "local hours = require \"hours\"\nreturn { invite = hours.open }",
	}
	ruleHandler = &Rule{
		ID: "unknown-handler", Says: "the table of handlers has a key that is none", Fixed: true,
		Why: "The set of handlers is closed, so that a misspelt one is not a call that nobody answers: the script does not load.",
		Bad: "return { inivte = function(call) return nil end }", Good: "return { invite = function(call) return nil end }",
	}
	ruleNotCalled = &Rule{
		ID: "not-called", Says: "this release does nothing with that name",
		Why: "The name is known, but nothing in this release calls the handler or asks the edge.",
		Bad: "return { missed = function(call, who) end }", Good: "return { ended = function(call) end }",
	}
	ruleModule = &Rule{
		ID: "unknown-module", Says: "require names a module that is not there",
		Why: "Modules are files below the script root, named with dots, and those of Tandem. `require` of another one raises an error.",
		Bad: `local hours = require "lib/huors"`, Good: `local hours = require "lib.hours"`,
	}
	ruleFunction = &Rule{
		ID: "unknown-function", Says: "a module or an object has no such function",
		Why: "Reading a function that a module of Tandem does not have raises an error; one of `string`, `table` or `math` is nil, and calling it raises one.",
		Bad: `plan.too "sip:100@192.0.2.11"`, Good: `plan.to "sip:100@192.0.2.11"`,
	}
	ruleField = &Rule{
		ID: "unknown-field", Says: "a value has no such field",
		Why: "Reading a field that `call`, `branch` or a URI does not have raises an error. In the plain tables that Tandem makes it is nil.",
		Bad: "function route.invite(call) print(call.form) end", Good: "function route.invite(call) print(call.from) end",
	}
	ruleOption = &Rule{
		ID: "unknown-option", Says: "a table of options has a key that is none",
		Why: "Unknown options raise an error where they are given, so that a misspelt one is not ignored.",
		Bad: `plan.to("sip:100@192.0.2.11", { rings = 20 })`, Good: `plan.to("sip:100@192.0.2.11", { ring = 20 })`,
	}
	ruleArity = &Rule{
		ID: "arity", Says: "a call has too few or too many arguments",
		Why: "A missing argument is nil, and most functions refuse that. One too many is ignored.",
		Bad: "plan.reject()", Good: "plan.reject(480)",
	}
	ruleType = &Rule{
		ID: "type", Says: "a value is of the wrong type, out of range, or none of the words that are known",
		Why: "The call raises an error.",
		Bad: `plan.to("sip:100@192.0.2.11", { ring = "20" })`, Good: `plan.to("sip:100@192.0.2.11", { ring = 20 })`,
	}
	ruleTarget = &Rule{
		ID: "target", Says: "a text is no URI that can be dialled",
		Why: "plan.to raises an error.",
		Bad: `plan.to "100@192.0.2.11"`, Good: `plan.to "sip:100@192.0.2.11"`,
	}
	ruleUser = &Rule{
		ID: "unknown-user", Says: "a target is a user whom tandem.toml does not name",
		Why: "Nobody can register as a user that is no [[user]] of the configuration: the target is always offline. Looked at where the tandem.toml beside the script names users.",
		Bad: `plan.to "user:nobody"`, Good: `plan.to "user:100"`,
	}
	rulePattern = &Rule{
		ID: "pattern", Says: "a pattern is malformed",
		Why: "The function raises an error when it is called: Lua's patterns in `string`, RE2 expressions in `re`.",
		Bad: `call.ruri.user:match("[0-9")`, Good: `call.ruri.user:match("[0-9]")`,
	}
	ruleColon = &Rule{
		ID: "colon", Says: "a method is called with a dot, or a function with a colon",
		Why: "`call:hangup()` hands the call to the function, `call.hangup()` does not; `plan:to(x)` hands it the module as first argument.",
		Bad: "call.hangup()", Good: "call:hangup()",
	}
	ruleReadOnly = &Rule{
		ID: "read-only", Says: "an assignment to a field of a module or of an object",
		Why: "Modules, `call`, `branch` and URIs cannot be written: it raises an error. What belongs to a call is kept in `call.vars`.",
		Bad: "call.language = \"nl\"", Good: "call.vars.language = \"nl\"",
	}
	ruleGlobalWrite = &Rule{
		ID: "global-write", Says: "an assignment to a global",
		Why: "Globals are read-only: it raises an error. Mostly `local` is missing.",
		Bad: "phone = plan.to \"sip:100@192.0.2.11\"", Good: "local phone = plan.to \"sip:100@192.0.2.11\"",
	}
	ruleGlobal = &Rule{
		ID: "undefined-global", Says: "a global that is not there",
		Why: "It is nil: calling it or reading its fields raises an error. Mostly a local is misspelt, or stands further down.",
		Bad: "local desk = 1\nreturn dsek", Good: "local desk = 1\nreturn desk",
	}
	ruleSandbox = &Rule{
		ID: "sandbox", Says: "a part of Lua's library that scripts do not have",
		Why: "Scripts cannot read files, run programs, load code from texts or block: one of them would hold up every call of its shard.",
		Bad: "local now = os.time()", Good: "local now = call.time.unix",
	}
	ruleDialect = &Rule{
		ID: "dialect", Says: "something that another Lua, or another language, has",
		Why: "Scripts are Lua 5.1. What later Luas brought is an error, or silently means something else.",
		Bad: "local half = n // 2", Good: "local half = math.floor(n / 2)",
	}
	ruleLeak = &Rule{
		ID: "leak", Says: "a function assigns to a local of the file", Fixed: true,
		Why: "The value would go from call to call, and differ between shards: the script does not load. Keep what belongs to a call in `call.vars`. Tests may do it.",
		Bad: "local last\nfunction route.invite(call) last = call.id end", Good: "function route.invite(call) call.vars.last = call.id end",
	}
	ruleUnused = &Rule{
		ID: "unused-local", Says: "a local is never read",
		Why: "Something was forgotten, or is left over. A name that starts with `_` says that it is meant so.",
		Bad: "local desk = 1\nreturn {}", Good: "return {}",
	}
	ruleShadow = &Rule{
		ID: "shadowed-local", Says: "a local hides another one of the same name",
		Why: "What is read below is the inner one; mostly one of them was to be assigned to.",
		Bad: "local phone = 1\ndo local phone = 2 end", Good: "local phone = 1\ndo local other = 2 end",
	}
	ruleUnreachable = &Rule{
		ID: "unreachable", Says: "a statement is never reached",
		Why: "All that stands before it returns, breaks, raises an error or loops for ever.",
		Bad: "error \"no\"\nprint \"yes\"", Good: "print \"yes\"\nerror \"no\"",
	}
	ruleEndless = &Rule{
		ID: "endless", Says: "a loop has no end",
		Why: "A handler that runs it spends its budget, and its call is answered 500. Leave the loop with break or return, or count with `for`.",
		Bad: "while true do print(1) end", Good: "for _ = 1, 3 do print(1) end",
	}
	ruleNoReturn = &Rule{
		ID: "no-return", Says: "a path through invite ends without a decision",
		Why:  "The call is answered 404. If that is meant, write `return nil`, or say it with `plan.reject(404)`.",
		Bad:  "function route.invite(call)\n  if call.ruri.user == \"100\" then return desk end;\nend",
		Good: "function route.invite(call)\n  if call.ruri.user == \"100\" then return desk end\n  return plan.reject(404)\nend",
	}
	ruleObserver = &Rule{
		ID: "observer-return", Says: "a handler that only observes returns something",
		Why: "What `ringing`, `answered`, `cancelled` and `ended` return is ignored, and logged as an error.",
		Bad: "function route.ended(call) return plan.reject(500) end", Good: "function route.ended(call) print(call.id) end",
	}
	ruleMisplaced = &Rule{
		ID: "misplaced", Says: "plan.follow, plan.pass or plan.accept stands where it has no meaning",
		Why: "plan.follow() may be returned by `redirected` only, plan.pass() by `refer` only, plan.accept() by `register` only, which returns nothing but that and plan.reject(…); anywhere else it is an error.",
		Bad: "function route.invite(call) return plan.pass() end", Good: "function route.refer(call, leg, target) return plan.pass() end",
	}
	ruleDropped = &Rule{
		ID: "dropped-plan", Says: "a plan is made and not used",
		Why: "A plan is a value and does nothing by itself: return it, or put it into another one.",
		Bad: "function route.busy(call, branch) plan.to \"sip:101@192.0.2.12\" end", Good: "function route.busy(call, branch) return plan.to \"sip:101@192.0.2.12\" end",
	}
	ruleNilItem = &Rule{
		ID: "nil-item", Says: "a list of steps holds nil",
		Why: "It is an error at its line: a step that was meant is missing.",
		Bad: "plan.serial { desk, nil, mailbox }", Good: "plan.serial { desk, mailbox }",
	}
	ruleRingTwice = &Rule{
		ID: "ring-twice", Says: "a device is rung twice by one plan",
		Why: "Members of a parallel group that are equal ring once. A device that has rung alone and rings again with all: its user hears two calls and the " +
			"caller waits for both; ring the group at once.",
		Bad:  `plan.serial { plan.to "sip:100@192.0.2.11", plan.parallel { plan.to "sip:100@192.0.2.11", plan.to "sip:101@192.0.2.12" } }`,
		Good: `plan.parallel { plan.to "sip:100@192.0.2.11", plan.to "sip:101@192.0.2.12" }`,
	}
	ruleLateDelay = &Rule{
		ID: "late-delay", Says: "a delay is not below the time that its group rings",
		Why:  "The member would never start: it is an error when the plan is made.",
		Bad:  `plan.parallel { plan.to("sip:100@192.0.2.11", { delay = 30 }), ring = 25 }`,
		Good: `plan.parallel { plan.to("sip:100@192.0.2.11", { delay = 10 }), ring = 25 }`,
	}
	ruleWide = &Rule{
		ID: "wide-parallel", Says: "more than 12 devices ring at once",
		Why: "Every one costs an INVITE, a ringing phone and a CANCEL, and the caller's Max-Breadth is divided among them. Ring groups one after the other, or delay some.",
	}
	ruleVoicemail = &Rule{
		ID: "early-voicemail", Says: "a mailbox stands before the end of a plan",
		Why: "A mailbox answers at once, so that what follows it, or rings beside it, is never heard. It belongs at the end of a serial. Mailboxes are told " +
			"by their names: voicemail, mailbox, vm.",
		Bad:  `plan.serial { plan.to "sip:voicemail@192.0.2.20", plan.to "sip:100@192.0.2.11" }`,
		Good: `plan.serial { plan.to "sip:100@192.0.2.11", plan.to "sip:voicemail@192.0.2.20" }`,
	}
	ruleCentral = &Rule{
		ID: "long-central", Says: "a central number is longer than the extensions",
		Why: "Calls are forwarded to the central number within the exchange, so it is an extension: a longer one is taken for a number of the public network. " +
			"number.plan raises an error.",
		Bad:  `local number = require "number"; local site = number.plan { country = "49", internal = { 3 }, central = "0891234" }`,
		Good: `local number = require "number"; local site = number.plan { country = "49", internal = { 3 }, central = "900" }; site:dialled "100"`,
	}
	ruleDisable = &Rule{
		ID: "disable", Says: "a comment disables a rule that is not there or cannot be disabled", Fixed: true,
		Why: "`-- tandem: disable=RULE` at the end of a line is for that line, on a line of its own for the next one, and before all code for the file. " +
			"Rules of what does not load cannot be disabled.",
		Bad: "-- tandem: disable=unusedlocal", Good: "-- tandem: disable=unused-local",
	}
)

// Rules are all rules, in the order of the reference: what does not load, what fails, what is hardly meant, plans.
var Rules = []*Rule{
	ruleSyntax, ruleLoad, ruleHandler, ruleLeak, ruleDisable,
	ruleModule, ruleFunction, ruleField, ruleOption, ruleArity, ruleType, ruleTarget, rulePattern, ruleColon, ruleReadOnly,
	ruleGlobalWrite, ruleGlobal, ruleSandbox, ruleDialect, ruleMisplaced, ruleNilItem,
	ruleNotCalled, ruleUnused, ruleShadow, ruleUnreachable, ruleEndless, ruleNoReturn, ruleObserver, ruleDropped,
	ruleRingTwice, ruleLateDelay, ruleWide, ruleVoicemail, ruleCentral, ruleUser,
}

// RuleNamed returns the rule of an id, nil if there is none.
func RuleNamed(id string) *Rule {
	for _, r := range Rules {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// RuleNames returns the ids of all rules.
func RuleNames() []string {
	ids := make([]string, len(Rules))
	for i, r := range Rules {
		ids[i] = r.ID
	}
	return ids
}
