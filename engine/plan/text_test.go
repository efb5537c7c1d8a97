package plan

import (
	"strconv"
	"strings"
	"testing"
)

func many(n int) (all []*Node) {
	for i := range n {
		all = append(all, to("p"+strconv.Itoa(i+1)))
	}
	return all
}

// However large and deep a plan is, it is a line.
func TestLongPlansAreShort(t *testing.T) {
	n := serial(many(30)...)
	for range 200 {
		n = parallel(n, serial(many(5)...), n)
	}
	if s := n.String(); len(s) > maxText+len("…") || !strings.HasSuffix(s, "…") {
		t.Errorf("%d bytes: %s", len(s), s)
	}
}

func TestNodeString(t *testing.T) {
	cases := []struct {
		node *Node
		want string
	}{
		{serial(to("100"), parallel(to("200"), to("201", delay(5))).with(ring(25)), to("voicemail")), "serial{100, parallel{200, 201+5s} ring=25s, voicemail}"},
		{to("100", name("desk"), delay(0.5), ring(20)), "desk+0.5s ring=20s"},
		{&Node{Kind: KindTarget, Target: &Target{URI: "sip:192.0.2.1"}}, "sip:192.0.2.1"},
		{parallel(to("1"), deferred(noPlan)).with(name("sales"), hold), "parallel sales{1, function} hold"},
		{serial(reject(486), &Node{Kind: KindRedirect, Reply: &Reply{Code: 302, Contacts: []Contact{contact("x", 1)}}}), "serial{reject 486, redirect 302 sip:x@192.0.2.1}"},
		{serial(), "serial{}"},
		{&Node{Kind: KindFollow}, "follow"},
		{&Node{Kind: KindPass}, "pass"},
		{reject(503).with(name("why")), "reject 503 why"},
		{nil, "nil"},
		{parallel(many(8)...), "parallel{p1, p2, p3, p4, p5, p6, p7, p8}"},
		{parallel(many(20)...), "parallel{p1, p2, p3, p4, p5, p6, p7, … 13 more}"},
		{to("x", name(strings.Repeat("é", 90))), strings.Repeat("é", 80) + "…"},
	}
	for _, c := range cases {
		if got := c.node.String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestPosString(t *testing.T) {
	if got := (Pos{"main.lua", 31}).String(); got != "main.lua:31" {
		t.Errorf("got %q", got)
	}
	if got := (Pos{}).String(); got != "" {
		t.Errorf("got %q", got)
	}
}
