package plan

import (
	"fmt"
	"slices"
	"strings"

	"tandem/engine/plan"
	"tandem/luaapi/spell"
)

// kin are words that other systems have for options.
var kin = map[string]string{
	"timeout": "ring", "ring_time": "ring", "ringtime": "ring", "ring_timeout": "ring", "leg_timeout": "ring", "duration": "ring",
	"wait": "delay", "after": "delay", "start": "delay", "leg_delay_start": "delay", "callerid": "display", "caller_id": "clip",
}

// OptionHint returns what an unknown option of a target or a group was meant to be, as the end of a message; "" if nobody can say.
// known are the options that there are.
func OptionHint(name string, known []string) string {
	if k := kin[strings.ToLower(name)]; slices.Contains(known, k) {
		return fmt.Sprintf("; did you mean %q?", k)
	}
	if o, ok := plan.OutcomeNamed(strings.TrimPrefix(strings.TrimPrefix(name, "on"), "_")); ok && slices.Contains(known, "on") {
		return fmt.Sprintf("; write on = { %s = … }", o)
	}
	return spell.Hint(name, known)
}
