package api

import "strings"

// lib makes a function of the standard library. params are "s: string, n?: number".
func lib(name, params string, result Type, doc string) Function {
	f := Function{Name: name, Doc: doc}
	if result != "" {
		f.Returns = returns(result)
	}
	for p := range strings.SplitSeq(params, ", ") {
		if n, t, ok := strings.Cut(p, ": "); ok {
			f.Params = append(f.Params, value(n, Type(t), ""))
		}
	}
	return f
}

// standardModules are what scripts have of Lua 5.1's library.
func standardModules() []Module {
	ms := []Module{globals(), stringModule(), tableModule(), mathModule()}
	for i := range ms {
		ms[i].Standard = true
	}
	return ms
}

func globals() Module {
	return Module{
		Name: "_G", Doc: "The global functions. There are no others, and scripts cannot write globals.",
		Fields: values(value("_G", "table", "the globals, read-only"), value("_VERSION", "string", "`Lua 5.1`")),
		Functions: []Function{
			lib("assert", "v: any, message?: any, ...: any", "any", "Raises an error if v is nil or false; else returns its arguments."),
			lib("error", "message: any, level?: number", "", "Raises an error; level 1 puts the place of the caller before a message that is a string."),
			lib("getmetatable", "object: any", "any", "The metatable of a value."),
			lib("ipairs", "t: table", "function", "For loops over t[1], t[2], … to the first nil."),
			lib("next", "table: table, index?: any", "any", "The key that follows another one, and its value."),
			lib("pairs", "t: table", "function", "For loops over all keys of a table; a metamethod `__pairs` is not asked."),
			lib("pcall", "f: any, ...: any", "boolean", "Calls f; returns false and the error if it raises one. It does not catch an exhausted budget."),
			lib("print", "...: any", "", "Writes a line of level info in the log."),
			lib("rawequal", "v1: any, v2: any", "boolean", "Compares without metamethods."),
			lib("rawget", "table: table, index: any", "any", "Reads without metamethods."),
			lib("rawset", "table: table, index: any, value: any", "table", "Writes without metamethods; never into a module."),
			lib("require", "name: string", "any", "A module: a file of the script root (`lib.hours` is lib/hours.lua), or one of Tandem. It runs once."),
			lib("select", "index: number|string, ...: any", "any", "The arguments from an index on, or with `\"#\"` their number."),
			lib("setmetatable", "table: table, metatable: table|nil", "table", "Gives a table a metatable."),
			lib("tonumber", "e: any, base?: number", "number?", "A number of a string, nil if it is none."),
			lib("tostring", "e: any", "string", "The text of a value."),
			lib("type", "v: any", "string", "The name of a value's type."),
			lib("unpack", "list: table, i?: number, j?: number", "any", "The items of a list, up to 8000."),
			lib("xpcall", "f: any, handler: any", "boolean", "pcall with a function that is given the error."),
		},
	}
}

func stringModule() Module {
	return Module{
		Name: "string", Doc: "Functions of strings; also methods: `s:match(\"%d+\")`. A string has at most 65 536 bytes, and matching takes from the budget.",
		Functions: []Function{
			lib("byte", "s: string|number, i?: number, j?: number", "integer", "The codes of bytes."),
			lib("char", "...: number", "string", "A string of bytes."),
			lib("find", "s: string|number, pattern: string|number, init?: number, plain?: any", "integer?", "Where a pattern matches first: start, end, captures."),
			lib("format", "format: string, ...: any", "string", "A text by a format, as C has it."),
			lib("gmatch", "s: string|number, pattern: string|number", "function", "For loops over the matches."),
			lib("gsub", "s: string|number, pattern: string|number, repl: string|number|table|function, n?: number", "string", "Replaces matches; returns how many, too."),
			lib("len", "s: string|number", "integer", "The length in bytes."),
			lib("lower", "s: string|number", "string", "A to Z in lower case."),
			lib("match", "s: string|number, pattern: string|number, init?: number", "string?", "The captures of the first match, or all of it."),
			lib("rep", "s: string|number, n: number", "string", "A string n times; there is no separator as in Lua 5.2."),
			lib("reverse", "s: string|number", "string", "The bytes from last to first."),
			lib("sub", "s: string|number, i: number, j?: number", "string", "The bytes from i to j; negative ones count from the end."),
			lib("upper", "s: string|number", "string", "a to z in upper case."),
		},
	}
}

func tableModule() Module {
	return Module{
		Name: "table", Doc: "Functions of lists.",
		Functions: []Function{
			lib("concat", "list: table, sep?: string|number, i?: number, j?: number", "string", "The items of a list in one string."),
			lib("getn", "list: table", "integer", "#list."),
			lib("insert", "list: table, position_or_value: any, value?: any", "", "Adds an item at the end, or before a position."),
			lib("maxn", "list: table", "number", "The largest key that is a number above 0."),
			lib("remove", "list: table, position?: number", "any", "Takes out the last item, or that at a position."),
			lib("sort", "list: table, less?: function", "", "Sorts a list in place."),
		},
	}
}

func mathModule() Module {
	m := Module{
		Name: "math", Doc: "Functions of numbers. `math.random` takes its randomness from the engine, so that a test owns it; there is no `randomseed`.",
		Fields: values(value("huge", "number", "infinity"), value("pi", "number", "π")),
	}
	for name, doc := range map[string]string{
		"abs": "|x|.", "acos": "Arc cosine.", "asin": "Arc sine.", "atan": "Arc tangent.", "ceil": "Up to a whole number.",
		"cos": "Cosine.", "cosh": "Hyperbolic cosine.", "deg": "Radians in degrees.", "exp": "e to the power of x.",
		"floor": "Down to a whole number.", "log": "Natural logarithm.", "log10": "Logarithm to base 10.", "rad": "Degrees in radians.",
		"sin": "Sine.", "sinh": "Hyperbolic sine.", "sqrt": "Square root.", "tan": "Tangent.", "tanh": "Hyperbolic tangent.",
	} {
		m.Functions = append(m.Functions, lib(name, "x: number", "number", doc))
	}
	m.Functions = append(m.Functions,
		lib("atan2", "y: number, x: number", "number", "Arc tangent of y/x, by the signs of both."),
		lib("fmod", "x: number, y: number", "number", "The remainder, with the sign of x."),
		lib("frexp", "x: number", "number", "Mantissa and exponent."),
		lib("ldexp", "m: number, e: number", "number", "m times 2 to the power of e."),
		lib("max", "x: number, ...: number", "number", "The largest."),
		lib("min", "x: number, ...: number", "number", "The smallest."),
		lib("mod", "x: number, y: number", "number", "The remainder: fmod."),
		lib("modf", "x: number", "number", "The whole part and the fraction."),
		lib("pow", "x: number, y: number", "number", "x to the power of y."),
		lib("random", "m?: number, n?: number", "number", "From 0 to below 1; with one number a whole one from 1 to m; with two from m to n."),
	)
	sortFunctions(m.Functions)
	return m
}
