package luatest

import (
	lua "github.com/yuin/gopher-lua"

	"tandem/engine"
	"tandem/engine/plan"
	"tandem/luaapi/scenario"
)

// decide is pbx:decide { from =, to =, at =, headers = }: what the script's invite decides, as a table; nothing is called.
func (r *run) decide(L *lua.LState) int {
	const example = `pbx:decide { from = "sip:alice@example.net", to = "sip:100@pbx.example" }`
	p := self[*pbx](L, example)
	a := argsOf(L, "pbx:decide")
	t := a.table(2, example)
	a.known(t, 0, "from", "to", "at", "headers", "seed", "users")
	n := r.newNetwork(a, t)
	var decision *plan.Node
	watched := scenario.Decisions{Only: true, Seen: func(_ engine.Call, n *plan.Node) { decision = n }}
	if err := n.start(p, n.seed, 1, watched.Of); err != nil {
		a.fail("%s does not load: %v", p.name, err)
	}
	r.nets = append(r.nets, n)
	c := r.place(a, n, t, n.sim.Now())
	n.ran = true
	if err := n.sim.RunToQuiescence(r.suite.w.MaxVirtual); err != nil {
		a.fail("%v", err)
	}
	r.look(L, c)
	n.expected = len(n.raised) // the decision says it
	d := planTable(L, decision)
	if t, ok := d.(*lua.LTable); ok && len(n.raised) > 0 {
		t.RawSetString("error", lua.LString(n.raised[0]))
	}
	L.Push(d)
	return 1
}

var kinds = map[plan.Kind]string{
	plan.KindTarget: "to", plan.KindSerial: "serial", plan.KindParallel: "parallel", plan.KindDeferred: "function",
	plan.KindReject: "reject", plan.KindRedirect: "redirect", plan.KindFollow: "follow", plan.KindPass: "pass", plan.KindAwait: "await",
}

// planTable is a plan as tests look at it: { kind = "serial", { kind = "to", uri = … }, …, targets = { … }, text = … }; nil
// for none.
func planTable(L *lua.LState, n *plan.Node) lua.LValue {
	if n == nil {
		return lua.LNil
	}
	t := L.CreateTable(len(n.Members), 8)
	text := func(key, s string) {
		if s != "" {
			t.RawSetString(key, lua.LString(s))
		}
	}
	text("kind", kinds[n.Kind])
	if n.Divert != nil {
		text("kind", "divert")
	}
	text("text", n.String())
	text("name", n.Name)
	text("where", n.Pos.String())
	if n.Ring > 0 {
		t.RawSetString("ring", lua.LNumber(n.Ring.Seconds()))
	}
	if n.Delay > 0 {
		t.RawSetString("delay", lua.LNumber(n.Delay.Seconds()))
	}
	if n.Target != nil {
		text("uri", n.Target.URI)
	}
	if n.Reply != nil {
		t.RawSetString("code", lua.LNumber(n.Reply.Code))
		text("phrase", n.Reply.Phrase)
	}
	for _, m := range n.Members {
		t.Append(planTable(L, m))
	}
	targets := L.CreateTable(4, 0)
	addTargets(targets, n)
	t.RawSetString("targets", targets)
	return t
}

// addTargets lists the URIs of a plan in the order in which they stand in it, those of a redirect too.
func addTargets(t *lua.LTable, n *plan.Node) {
	if n.Target != nil {
		t.Append(lua.LString(n.Target.URI))
	}
	if n.Reply != nil {
		for _, c := range n.Reply.Contacts {
			t.Append(lua.LString(c.URI))
		}
	}
	for _, m := range n.Members {
		addTargets(t, m)
	}
}
