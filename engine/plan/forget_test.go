package plan

import "testing"

// A decided call that forgot its plan still sees its losers end, and holds no function of the script.
func TestForget(t *testing.T) {
	none := deferred(gives(nil))
	p := parallel(to("a", on(Busy, none)), serial(to("b", on(Failed, none)), none)).with(each(Each{On: &Edges{Timeout: none}}))
	r := start(t, p).answer("a")
	r.e.Forget()
	r.want("0 invite a", "0 invite b", "0 answer a", "0 cancel b elsewhere")
	for _, n := range r.e.nodes {
		if n.on != nil || n.src.On != nil || n.src.Each != nil || n.src.Members != nil || n.src.Func != nil {
			t.Errorf("still held: %+v", n.src)
		}
	}
	if p.Members[0].On == nil || p.Each == nil {
		t.Error("the script's own plan was changed")
	}
	r.answer("b").final("b", 487).
		want("0 invite a", "0 invite b", "0 answer a", "0 cancel b elsewhere", "0 release b elsewhere").asked()
}

// An undecided call forgets nothing.
func TestForgetTooEarly(t *testing.T) {
	r := start(t, to("a", on(Busy, deferred(gives(to("b"))))))
	r.e.Forget()
	r.final("a", 486).want("0 invite a", "0 invite b")
}
