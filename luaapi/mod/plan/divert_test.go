package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem/engine/plan"
	"tandem/engine/sdp"
)

func TestDivert(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      plan.Node
	}{
		{"a target", `plan.divert "sip:a@h"`, plan.Node{Divert: &plan.Divert{}}},
		{"all options", `plan.divert("sip:a@h", { by = "100", reason = "user-busy", max = 3, send_181 = true, dialect = "minisipserver", ring = 20, delay = 2, name = "n" })`, plan.Node{
			Name: "n", Ring: 20 * time.Second, Delay: 2 * time.Second, Said: plan.OptRing | plan.OptDelay | plan.OptSend181 | plan.OptDialect,
			Divert: &plan.Divert{By: "100", Reason: "user-busy", Max: 3, Announce: true, Dialect: "minisipserver"},
		}},
		{"a plan", `plan.divert(plan.to "sip:a@h", { by = "sip:100@pbx.example" })`, plan.Node{Divert: &plan.Divert{By: "sip:100@pbx.example"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Kind = plan.KindSerial
			c.want.Members = []*plan.Node{{Target: sip("a")}}
			if diff := cmp.Diff(&c.want, ready(t).node(c.src), ignorePos); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A target that a diversion names takes the defaults of the script, whenever it is made.
func TestDivertTakesDefaults(t *testing.T) {
	s := newScript(t)
	early := s.node(`plan.divert "sip:a@h"`)
	if err := s.loaded(`{ ring = 7 }`); err != "" {
		t.Fatal(err)
	}
	for made, n := range map[string]*plan.Node{"while loading": early, "in a call": s.node(`plan.divert "sip:a@h"`)} {
		if n.Members[0].Ring != 7*time.Second {
			t.Errorf("made %s: rings for %v", made, n.Members[0].Ring)
		}
	}
}

func TestCodecs(t *testing.T) {
	n := ready(t).node(`plan.to("sip:a@h", { codecs = { "PCMA", "opus", first = true } })`)
	if diff := cmp.Diff(&sdp.Codecs{Names: []string{"PCMA", "opus"}, First: true}, n.Target.Codecs); diff != "" {
		t.Error(diff)
	}
}
