package api

const scheduleType Type = "tandem.schedule"

func scheduleModule() Module {
	return Module{
		Name: "schedule", Doc: "Opening hours by weekly periods, dates, recurrence rules and iCalendar files, in the clock of a time zone.",
		Functions: []Function{{
			Name: "new", Doc: "Opening hours. Make them once, when the script loads.", Params: values(value("options", "tandem.schedule_options", "when it is open")),
			Returns: returns(scheduleType), Errors: "for a zone, a period, a date, a rule or a file that cannot be read",
			Use: `local office = schedule.new { zone = "Europe/Berlin", open = { "Mon-Fri 08:00-17:00" }, closed = { "12-25..12-26" } }`,
		}},
	}
}

func scheduleClasses() []Class {
	at := value("time", "tandem.time|integer", "`call.time`, or seconds since 1970")
	return []Class{{
		Name: "schedule", Type: scheduleType, Module: "schedule", Doc: "What `schedule.new` makes.",
		Methods: []Function{{
			Name: "is_open", Doc: "Whether it is open.", Params: values(at), Returns: returns("boolean"), Use: "if office:is_open(call.time) then return plan.to \"sip:100@192.0.2.11\" end",
		}, {
			Name: "next_change", Doc: "When that changes next, in seconds since 1970; nil if it does not within 400 days.", Params: values(at), Returns: returns("integer?"),
			Use: "office:next_change(call.time)",
		}},
	}, {
		Name: "schedule options", Type: "tandem.schedule_options", Module: "schedule", Kind: Options, Doc: "The table of `schedule.new`.",
		Fields: values(
			value("zone", "string", "a name of the time zone database, `\"Europe/Berlin\"`"),
			value("open?", "string[]", "weekly periods: `\"Mon-Fri 08:00-17:00\"`, `\"Sat,Sun 22:00-06:00\"`, `\"daily 00:00-24:00\"`"),
			value("closed?", "string[]", "goes before `open`: `\"2026-12-24\"`, `\"12-24\"` for each year, either with hours, `\"2026-12-24..2027-01-02\"`"),
			value("extra?", "string[]", "goes before `closed`: open all the same, written like it"),
			value("rules?", "string[]", "days on which it is closed, as recurrence rules (RFC 5545) with DTSTART and RRULE in two lines"),
			value("calendars?", "string[]", "iCalendar files (RFC 5545) of the script root, `\"holidays.ics\"`: closed during their events, but for those that are transparent or cancelled"),
		),
	}}
}
