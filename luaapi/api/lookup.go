package api

const lookupTable Type = "tandem.lookup_table"

func lookupModule() Module {
	return Module{
		Name: "lookup", Doc: "Tables from files of the script root, found by a key or by the longest prefix of a number. They are read when the script loads, and again with it when the file changes.",
		Functions: []Function{{
			Name: "csv", Doc: "A table of a CSV file, whose first line names the columns. All values are strings.",
			Params:  values(value("file", "string", "a path in the script root"), value("options", "tandem.lookup_options", "how rows are found")),
			Returns: returns(lookupTable), Errors: "at the line of the file that is wrong, and in functions",
			Use: `local routes = lookup.csv("routes.csv", { key = "prefix" })`,
		}, {
			Name: "json", Doc: "A table of a JSON file, a list of objects with strings, numbers and booleans.",
			Params:  values(value("file", "string", "a path in the script root"), value("options", "tandem.lookup_options", "how rows are found")),
			Returns: returns(lookupTable), Errors: "at the line of the file that is wrong, and in functions",
			Use: `local people = lookup.json("people.json", { key = "extension" })`,
		}},
	}
}

func lookupClasses() []Class {
	row := Type("tandem.lookup_row")
	return []Class{{
		Name: "lookup table", Type: lookupTable, Module: "lookup", Doc: "What `lookup.csv` and `lookup.json` make. It cannot be written.",
		Methods: []Function{{
			Name: "get", Doc: "The row of a key, nil if there is none.", Params: values(value("key", "string|number", "the key")), Returns: returns(row + "?"), Use: `people:get(call.ruri.user)`,
		}, {
			Name: "prefix", Doc: "The row with the longest key that a number begins with, nil if there is none.",
			Params: values(value("number", "string|number", "the number")), Returns: returns(row + "?"), Use: `routes:prefix(call.ruri.user)`,
		}, {
			Name: "count", Doc: "How many rows it has.", Returns: returns("integer"), Use: `routes:count()`,
		}},
	}, {
		Name: "row", Type: row, Module: "lookup", Doc: "A row: its fields are the columns of the file. Another name is an error.", Open: "any",
	}, {
		Name: "lookup options", Type: "tandem.lookup_options", Module: "lookup", Kind: Options, Doc: "How a file is read.",
		Fields: values(
			value("key", "string", "the column that rows are found by"),
			value("separator?", "string", "of a CSV file: the character between values").or(`","`),
		),
	}}
}
