package api

func activityModule() Module {
	return Module{
		Name: "activity", Doc: "What devices have done, for groups that choose by it. It is the same on all shards and over reloads, and begins anew when Tandem starts.",
		Functions: []Function{{
			Name: "of", Doc: "What a device has done since a script first asked about it: ask when the script loads.",
			Params: values(value("target", "string|tandem.uri", "its SIP URI, or a user, as in `plan.to`")), Returns: returns("tandem.activity"),
			Errors: "for what is neither a SIP URI nor a user", Use: `if activity.of("sip:100@192.0.2.11").up == 0 then return plan.to "sip:100@192.0.2.11" end`,
		}, {
			Name: "turn", Doc: "How often the turn of a name was taken before, from 0: whose turn it is in a group of n is `activity.turn(name) % n + 1`.",
			Params: values(value("name", "string", "whose turns they are")), Returns: returns("integer"), Use: `local first = activity.turn("sales") % 3 + 1`,
		}},
	}
}

func activityClasses() []Class {
	return []Class{{
		Name: "activity", Type: "tandem.activity", Module: "activity", Doc: "What a device has done, at the time it was asked about.",
		Fields: values(
			value("up", "integer", "calls that it has answered and that are not over"),
			value("taken", "integer", "calls that it has answered"),
			value("ended", "integer", "which of the calls of all such devices was its last one to end, from 1: the lowest has been idle longest; 0 if none has"),
		),
	}}
}
