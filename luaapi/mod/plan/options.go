package plan

import (
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/identity"
	"tandem/engine/plan"
	"tandem/luaapi/api"
	"tandem/luaapi/machine"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// option is one option of a target, a group or a group's `each`.
type option uint8

const (
	optRing option = iota
	optDelay
	optName
	optOn
	optOn6xx
	optHeaders
	optRedirect
	optAuth
	optEach
	optHold
	optEarlyMedia
	optPrack
	optMaxDuration
	optSend181
	optDialect
	optParams
	optTo
	optFrom
	optDisplay
	optClip
	optBy
	optReason
	optMax
	optCodecs
	optCancelHeaders
	optColp
	optTrusted
	optPrivacy
	optOrder
	numOptions
)

var optionNames = [numOptions]string{
	"ring", "delay", "name", "on", "on_6xx", "headers", "redirect", "auth", "each", "hold",
	"early_media", "prack", "max_duration", "send_181", "dialect", "params", "to", "from", "display", "clip", "by", "reason", "max", "codecs",
	"cancel_headers", "colp", "trusted", "privacy", "order",
}

// optionSet is a set of options.
type optionSet uint32

func (s optionSet) has(o option) bool { return s>>o&1 != 0 }

// optionsOf returns the options that the registry knows of a class; each is among optionNames.
func optionsOf(class api.Type) (s optionSet) {
	for _, name := range api.Names(api.Lua().Class(class).Fields) {
		o := slices.Index(optionNames[:], name)
		if o < 0 {
			panic("the registry knows option " + name + " of " + string(class) + ", and nothing reads it")
		}
		s |= 1 << o
	}
	return s
}

func setOf(opts ...option) (s optionSet) {
	for _, o := range opts {
		s |= 1 << o
	}
	return s
}

var (
	targetOptions = optionsOf("tandem.target_options")
	groupOptions  = optionsOf("tandem.group_options")
	eachOptions   = optionsOf("tandem.each_options")
	divertOptions = optionsOf("tandem.divert_options")
)

// given are the engine's names of the options that a group can give its members.
var given = [numOptions]plan.Options{
	optRing: plan.OptRing, optDelay: plan.OptDelay, optOn: plan.OptOn, optOn6xx: plan.OptOn6xx, optHeaders: plan.OptHeaders,
	optRedirect: plan.OptRedirect, optAuth: plan.OptAuth, optEarlyMedia: plan.OptEarlyMedia, optPrack: plan.OptPrack,
	optMaxDuration: plan.OptMaxDuration, optSend181: plan.OptSend181, optDialect: plan.OptDialect,
	optParams: plan.OptParams, optTo: plan.OptTo, optFrom: plan.OptFrom, optDisplay: plan.OptDisplay, optClip: plan.OptClip,
	optCodecs: plan.OptCodecs, optCancelHeaders: plan.OptCancelHeaders, optColp: plan.OptColp, optTrusted: plan.OptTrust, optPrivacy: plan.OptPrivacy,
	optOrder: plan.OptOrder,
}

// given returns the options of the set by the engine's names.
func (s optionSet) given() (all plan.Options) {
	for o := range numOptions {
		if s.has(o) {
			all |= given[o]
		}
	}
	return all
}

func (s optionSet) names() []string {
	var names []string
	for o := range numOptions {
		if s.has(o) {
			names = append(names, optionNames[o])
		}
	}
	return names
}

// options are where the options of a table go; set says which the table had.
type options struct {
	set    optionSet
	node   *plan.Node
	target *plan.Target // nil = no option of targets is allowed
	divert *plan.Divert // nil = it is no diversion
}

// defaults are the options of route.defaults.
type defaults struct {
	set    optionSet
	node   plan.Node
	target plan.Target
}

// apply sets the options of a set on a target.
func (d *defaults) apply(n *plan.Node, set optionSet) {
	n.Said |= set.given()
	if set.has(optRing) {
		n.Ring = d.node.Ring
	}
	if set.has(optDelay) {
		n.Delay = d.node.Delay
	}
	if set.has(optName) {
		n.Name = d.node.Name
	}
	if set.has(optOn) {
		n.On = d.node.On
	}
	d.applyTarget(n.Target, set)
}

func (d *defaults) applyTarget(t *plan.Target, set optionSet) {
	if set.has(optOn6xx) {
		t.On6xx = d.target.On6xx
	}
	if set.has(optHeaders) {
		t.Headers = d.target.Headers
	}
	if set.has(optCancelHeaders) {
		t.CancelHeaders = d.target.CancelHeaders
	}
	if set.has(optRedirect) {
		t.Redirect = d.target.Redirect
	}
	if set.has(optAuth) {
		t.Auth = d.target.Auth
	}
	if set.has(optEarlyMedia) {
		t.EarlyMedia = d.target.EarlyMedia
	}
	if set.has(optPrack) {
		t.Prack = d.target.Prack
	}
	if set.has(optMaxDuration) {
		t.MaxDuration = d.target.MaxDuration
	}
	if set.has(optSend181) {
		t.Send181 = d.target.Send181
	}
	if set.has(optDialect) {
		t.Dialect = d.target.Dialect
	}
	if set.has(optCodecs) {
		t.Codecs = d.target.Codecs
	}
	if set.has(optOrder) {
		t.ByQ = d.target.ByQ
	}
	if set&addressOptions != 0 {
		d.applyAddresses(t, set)
	}
}

// reader reads the arguments of one call of the script and raises its mistakes.
type reader struct {
	m    *Module
	L    *lua.LState
	pos  plan.Pos
	what string
}

// fail raises an error at the place of a key, which is the call's own if the key stands on its line.
func (r *reader) fail(key, format string, args ...any) {
	pos := r.pos
	if line := r.m.keyLine(pos, key); line > 0 && key != "" {
		pos.Line = line
	}
	mod.Raise(r.L, pos, format, args...)
}

// optional reads an option table that may be left out.
func (r *reader) optional(v lua.LValue, allowed optionSet, o *options) {
	switch t := v.(type) {
	case *lua.LNilType:
	case *lua.LTable:
		r.options(t, 0, allowed, o)
	default:
		r.fail("", "%s: options must be a table, got %s", r.what, mod.TypeName(v))
	}
}

// options reads the keys of a table that follow its n list items.
func (r *reader) options(t *lua.LTable, n int, allowed optionSet, o *options) {
	in := machine.Inside(t)
	if len(in.Array) > n || len(in.Dict) > 0 {
		r.unnamed(t, n)
	}
	for _, k := range in.Keys {
		name, _ := k.(lua.LString)
		v, ok := in.Strdict[string(name)]
		if !ok { // it was taken out
			continue
		}
		opt := option(slices.Index(optionNames[:], string(name)))
		if opt >= numOptions || !allowed.has(opt) {
			r.fail(string(name), "%s has no option %q%s", r.what, string(name), OptionHint(string(name), allowed.names()))
		}
		r.option(opt, v, o)
		o.set |= 1 << opt
		o.node.Said |= given[opt]
	}
}

// unnamed refuses keys of a table that are no names.
func (r *reader) unnamed(t *lua.LTable, n int) {
	for k, _ := t.Next(tail(n)); k != lua.LNil; k, _ = t.Next(k) {
		if _, ok := k.(lua.LString); !ok {
			r.fail("", "%s: options have names, got key %s", r.what, k)
		}
	}
}

func (r *reader) option(opt option, v lua.LValue, o *options) {
	switch opt {
	case optRing:
		if o.node.Ring = r.seconds("ring", v); o.node.Ring == 0 {
			r.fail("ring", "%s: ring must be above 0 s; leave it out for no limit of its own", r.what)
		}
	case optDelay:
		o.node.Delay = r.seconds("delay", v)
	case optName:
		o.node.Name = r.text("name", v)
	case optOn:
		o.node.On = r.edges(v)
	case optEach:
		o.node.Each = r.each(v)
	case optHold:
		o.node.Hold = r.bool("hold", v)
	default:
		if o.divert != nil {
			r.divertOption(opt, v, o.divert)
		} else {
			r.legOption(opt, v, o.target)
		}
	}
}

// divertOption reads the options that only diversions have, or that mean something else of them.
func (r *reader) divertOption(opt option, v lua.LValue, d *plan.Divert) {
	switch opt {
	case optBy:
		d.By = r.by(v)
	case optReason:
		d.Reason = plan.DivertReasons[r.choice("reason", v, plan.DivertReasons...)]
	case optMax:
		d.Max = r.count("max", v, identity.MaxCount)
	case optSend181:
		d.Announce = r.bool("send_181", v)
	case optDialect:
		d.Dialect = r.dialect(v)
	}
}

// legOption reads the options that say how a target's leg behaves.
func (r *reader) legOption(opt option, v lua.LValue, t *plan.Target) {
	switch opt {
	case optOn6xx:
		t.On6xx = plan.SixStop + plan.SixPolicy(r.choice("on_6xx", v, "stop", "branch"))
	case optHeaders:
		t.Headers = r.headers("headers", v)
	case optCancelHeaders:
		t.CancelHeaders = r.added("cancel_headers", v)
	case optRedirect:
		t.Redirect = plan.RedirectDeny + plan.RedirectPolicy(r.choice("redirect", v, "deny", "follow", "pass"))
	case optAuth:
		t.Auth = r.auth(v)
	case optEarlyMedia:
		t.EarlyMedia = plan.EarlyFirst + plan.EarlyMedia(r.choice("early_media", v, "first", "all", "none"))
	case optPrack:
		t.Prack = plan.PrackSupported + plan.Prack(r.choice("prack", v, "supported", "off", "required"))
	case optMaxDuration:
		if t.MaxDuration = r.seconds("max_duration", v); t.MaxDuration == 0 {
			r.fail("max_duration", "%s: max_duration must be above 0 s; leave it out for no limit", r.what)
		}
	case optSend181:
		t.Send181 = r.bool("send_181", v)
	case optCodecs:
		t.Codecs = r.codecs(v)
	case optDialect:
		t.Dialect = r.dialect(v)
	case optOrder:
		t.ByQ = r.choice("order", v, "together", "q") == 1
	default:
		r.addressOption(opt, v, t)
	}
}

// dialects are whose forms of Call-Info a 181 can carry.
var dialects = []string{"minisipserver"}

func (r *reader) dialect(v lua.LValue) string { return dialects[r.choice("dialect", v, dialects...)] }

func (r *reader) bool(key string, v lua.LValue) bool {
	b, ok := v.(lua.LBool)
	if !ok {
		r.fail(key, "%s: %s must be true or false, got %s", r.what, key, mod.TypeName(v))
	}
	return bool(b)
}

// maxSeconds is the longest time that an option may give: more than eleven days.
const maxSeconds = 1_000_000

func (r *reader) seconds(key string, v lua.LValue) time.Duration {
	n, ok := v.(lua.LNumber)
	switch {
	case !ok:
		r.fail(key, "%s: %s must be a number of seconds, got %s", r.what, key, mod.TypeName(v))
	case !(n >= 0): // NaN too
		r.fail(key, "%s: %s must not be negative, got %v s", r.what, key, float64(n))
	case n > maxSeconds:
		r.fail(key, "%s: %s must be at most %d s, got %v s", r.what, key, maxSeconds, float64(n))
	}
	return duration(n)
}

func duration(seconds lua.LNumber) time.Duration {
	return time.Duration(float64(seconds) * float64(time.Second))
}

func (r *reader) text(key string, v lua.LValue) string {
	s, ok := v.(lua.LString)
	if !ok {
		r.fail(key, "%s: %s must be a string, got %s", r.what, key, mod.TypeName(v))
	}
	return string(s)
}

// choice returns the index of a string in a closed set.
func (r *reader) choice(key string, v lua.LValue, known ...string) int {
	s := r.text(key, v)
	i := slices.Index(known, s)
	if i < 0 {
		r.fail(key, "%s: %s cannot be %q; it is %s%s", r.what, key, s, oneOf(known), spell.Hint(s, known))
	}
	return i
}

func oneOf(known []string) string {
	s := ""
	for i, k := range known {
		switch {
		case i > 0 && i == len(known)-1:
			s += " or "
		case i > 0:
			s += ", "
		}
		s += `"` + k + `"`
	}
	return s
}

func (r *reader) each(v lua.LValue) *plan.Each {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.fail("each", "%s: each must be a table of options for the members, got %s", r.what, mod.TypeName(v))
	}
	inner := *r
	inner.what += ": each"
	var n plan.Node
	e := &plan.Each{}
	inner.options(t, 0, eachOptions, &options{node: &n, target: &e.Target})
	e.Ring, e.Delay, e.On, e.Said = n.Ring, n.Delay, n.On, n.Said
	return e
}

var outcomes = func() (names []string) {
	for o := plan.Busy; o < plan.NumOutcomes; o++ {
		names = append(names, o.String())
	}
	return names
}()

// edges reads option `on`: plans by outcome.
func (r *reader) edges(v lua.LValue) *plan.Edges {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.fail("on", "%s: on must be a table of plans by outcome, got %s", r.what, mod.TypeName(v))
	}
	e := &plan.Edges{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			r.fail("on", "%s: on has outcomes as keys, got key %s; write on = { busy = … }", r.what, k)
		}
		o, ok := plan.OutcomeNamed(string(name))
		if !ok {
			r.fail(string(name), "%s: on has no outcome %q%s", r.what, string(name), spell.Hint(string(name), outcomes))
		}
		if e[o] = step(v, valueOf(v)); e[o] == nil {
			r.notPlan(string(name), "on."+string(name), v)
		}
	}
	return e
}
