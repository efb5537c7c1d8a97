package message

import (
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	for id := Via; id < numIDs; id++ {
		for _, name := range []string{id.String(), strings.ToLower(id.String()), strings.ToUpper(id.String())} {
			if got := Lookup([]byte(name)); got != id {
				t.Errorf("Lookup(%q) = %v: if the name is new, nameHash needs other factors", name, got)
			}
		}
		if id.String() == "" {
			t.Errorf("field %d has no name", id)
		}
	}
	for _, c := range []struct {
		name string
		want ID
	}{
		{"v", Via},
		{"V", Via},
		{"f", From},
		{"t", To},
		{"i", CallID},
		{"m", Contact},
		{"l", ContentLength},
		{"c", ContentType},
		{"k", Supported},
		{"o", Event},
		{"x", SessionExpires},
		{"e", Other},
		{"s", Other},
		{"r", Other},
		{"q", Other},
		{"1", Other},
		{"-", Other},
		{"", Other},
		{"Vi", Other},
		{"Viaa", Other},
		{"Vja", Other},
		{"Subject", Other},
		{"Call_ID", Other},
		{"X-Via", Other},
		{strings.Repeat("v", 300), Other},
		{"via\x00", Other},
		{"V\xc9a", Other},
	} {
		if got := Lookup([]byte(c.name)); got != c.want {
			t.Errorf("Lookup(%q) = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSameName(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Subject", "subject", true},
		{"s", "Subject", true},
		{"SUBJECT", "S", true},
		{"s", "S", true},
		{"k", "Supported", true},
		{"Refer-To", "r", true},
		{"s", "Supported", false},
		{"Subject", "Subjects", false},
		{"Subject", "Subjecu", false},
		{"g", "", false},
		{"g", "gg", false},
		{"1", "11", false},
	} {
		if got := sameName([]byte(c.a), c.b); got != c.want {
			t.Errorf("sameName(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

// The list is the contract of the script interface: what is here never passes, what is not here does.
func TestPerLeg(t *testing.T) {
	want := strings.Fields(`Via From To Call-ID CSeq Contact Max-Forwards Content-Length Route Record-Route Path Service-Route
		Max-Breadth Require Proxy-Require Supported Unsupported Allow RSeq RAck Session-Expires Min-SE Authorization
		Proxy-Authorization WWW-Authenticate Proxy-Authenticate Replaces Join Target-Dialog User-Agent Server Timestamp`)
	n := 0
	for id := Other; id < numIDs; id++ {
		if id.PerLeg() {
			n++
		}
	}
	for _, name := range want {
		if !Lookup([]byte(name)).PerLeg() {
			t.Errorf("%s passes from leg to leg", name)
		}
	}
	if n != len(want) {
		t.Errorf("%d fields belong to a leg, want %d", n, len(want))
	}
}
