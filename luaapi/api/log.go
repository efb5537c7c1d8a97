package api

func logModule() Module {
	level := func(name string) Function {
		return Function{
			Name: name, Doc: "Writes a line of level " + name + ".",
			Params: values(value("text", "any", "what happened"), value("fields?", "table<string, any>", "values by name; tables inside it are written out, up to 256 values in all")),
			Use:    "log." + name + `("new call", { from = call.from.user })`,
		}
	}
	return Module{
		Name: "log", Doc: "Lines in Tandem's log, with the id of the call that is being handled and the place in the script.",
		Functions: []Function{level("info"), level("warn"), level("error")},
	}
}
