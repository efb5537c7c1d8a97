package plan

import (
	"testing"

	"tandem/engine/plan"
)

// "user:100" is a user wherever he is registered; order is an option of his.
func TestUser(t *testing.T) {
	for src, want := range map[string]plan.Target{
		`plan.to "user:100"`:                        {URI: "user:100", Key: "user:100", User: "100", Registrant: "100"},
		`plan.to("user:ann lee", { order = "q" })`:  {URI: "user:ann lee", Key: "user:ann lee", User: "ann lee", Registrant: "ann lee", ByQ: true},
		`plan.to("user:a", { order = "together" })`: {URI: "user:a", Key: "user:a", User: "a", Registrant: "a"},
	} {
		got := ready(t).node(src)
		if got.Kind != plan.KindTarget || got.Target.URI != want.URI || got.Target.Key != want.Key || got.Target.User != want.User ||
			got.Target.Registrant != want.Registrant || got.Target.ByQ != want.ByQ {
			t.Errorf("%s: %+v", src, got.Target)
		}
	}
	if got := ready(t).node(`plan.divert "user:100"`); got.Members[0].Target.Registrant != "100" {
		t.Errorf("diverted to %+v", got.Members[0].Target)
	}
}

func TestAccept(t *testing.T) {
	for src, want := range map[string]uint32{`plan.accept()`: 0, `plan.accept {}`: 0, `plan.accept { expires = 300 }`: 300} {
		if got := ready(t).node(src); got.Kind != plan.KindAccept || got.Reply.Expires != want || got.String() != "accept" {
			t.Errorf("%s: %+v", src, got)
		}
	}
}

func TestUserMistakes(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`plan.to "user:"`, `plan.to "user:": user: takes the name of a user, such as "user:100"`},
		{`plan.to "user:100@pbx.example"`, `plan.to "user:100@pbx.example": user: takes the name of a user, such as "user:100"`},
		{`plan.to("user:100", {order = "Q"})`, `plan.to: order cannot be "Q"; it is "together" or "q"`},
		{`plan.redirect {"user:100"}`, `plan.redirect "user:100": only plan.to and plan.divert know users; write an address`},
		{`plan.serial {plan.accept()}`, `plan.serial: item 1 is plan.accept(…), which only route.register may return`},
		{`plan.accept {expire = 1}`, `plan.accept has no option "expire"; did you mean "expires"?`},
		{`plan.accept {expires = 0.5}`, `plan.accept: expires must be a whole number from 1 to 1000000, got 0.5`},
		{`plan.accept(60)`, `plan.accept takes a table of options, got number; write plan.accept { expires = 300 }`},
	} {
		if got := ready(t).run("local x = " + c.src); got != "main.lua:1: "+c.want {
			t.Errorf("\ngot  %s\nwant main.lua:1: %s", got, c.want)
		}
	}
}
