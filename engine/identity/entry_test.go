package identity

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseEntry(t *testing.T) {
	tests := map[string]struct {
		text, display, uri, user string
		params                   map[string]string
	}{
		"name-addr":                     {`"Bob" <sip:+4930@x;user=phone>;reason=no-answer;counter=2`, "Bob", "sip:+4930@x;user=phone", "+4930", map[string]string{"reason": "no-answer", "COUNTER": "2"}},
		"bare":                          {`sip:123@pbx;reason=unknown`, "", "sip:123@pbx", "123", map[string]string{"reason": "unknown"}},
		"tel":                           {`<tel:+49-89-123;ext=5>;privacy=full`, "", "tel:+49-89-123;ext=5", "+49-89-123", map[string]string{"privacy": "full"}},
		"sips":                          {`<sips:bob@x>`, "", "sips:bob@x", "bob", nil},
		"a bracket in the display name": {`"B<ob>, \"x\"" <sip:1@x>;screen=yes`, `B<ob>, "x"`, "sip:1@x", "1", map[string]string{"screen": "yes"}},
		"headers":                       {`<sip:r@x?Reason=SIP&cause=302>;index=1.1;ms-target-phone="tel:+49;ext=6"`, "", "sip:r@x", "r", map[string]string{"index": "1.1", "ms-target-phone": "tel:+49;ext=6"}},
		"no user":                       {`<sip:x.example>;reason=away`, "", "sip:x.example", "", map[string]string{"reason": "away"}},
		"white space":                   {`Bob  <sip:1@x> ; reason = "user-busy"`, "Bob", "sip:1@x", "1", map[string]string{"reason": "user-busy"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := ParseEntry(tt.text)
			if e.Err() != nil {
				t.Fatal(e.Err())
			}
			got := []string{e.String(), e.Display(), e.URI(), e.User()}
			if diff := cmp.Diff([]string{tt.text, tt.display, tt.uri, tt.user}, got); diff != "" {
				t.Error(diff)
			}
			for k, want := range tt.params {
				if v, ok := e.Param(k); !ok || v != want {
					t.Errorf("%s = %q, %v, want %q", k, v, ok, want)
				}
			}
		})
	}
}

func TestParseKeepsWhatIsMalformed(t *testing.T) {
	var texts []string
	for _, e := range Parse(`<sip:1@x>;reason=a, <sip:broken, "x" <sip:2@x?Reason=SIP%3Bcause%3D302,y>`, ``, `,nonsense ,<sip:3@x>`) {
		kind := "ok "
		if e.Err() != nil {
			kind = "bad "
		}
		texts = append(texts, kind+e.String())
	}
	want := []string{
		`ok <sip:1@x>;reason=a`, `bad <sip:broken, "x" <sip:2@x?Reason=SIP%3Bcause%3D302,y>`, `bad nonsense`, `ok <sip:3@x>`,
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
	if (Entry{}).Err() == nil {
		t.Error("an entry of nothing is in order")
	}
}

// The History-Info values that Lync sends, rows L14 to L16 of what Tandem reproduces.
func TestReasons(t *testing.T) {
	tests := map[string]struct {
		text string
		want []Reason
	}{
		"unescaped":             {`<sip:rgtest2013@netatwork.de?Reason=SIP&cause=302&text=Accepted>;index=1;ms-retarget-reason=acd`, []Reason{{"SIP", 302, "Accepted"}}},
		"escaped":               {`<sip:a@x?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%20Temporarily%22>;index=1`, []Reason{{"SIP", 302, "Moved Temporarily"}}},
		"two":                   {`<sip:a@x?Reason=SIP%3Bcause%3D486&Reason=Q.850%3Bcause%3D17>;index=1`, []Reason{{"SIP", 486, ""}, {"Q.850", 17, ""}}},
		"none":                  {`<sip:a@x>;index=1`, nil},
		"of another header":     {`<sip:a@x?Privacy=history&cause=3>;index=1`, nil},
		"of a cause in words":   {`<sip:a@x?reason=SIP%3Bcause%3Dmoved>;index=1`, []Reason{{"SIP", 0, ""}}},
		"with other parameters": {`<sip:a@x?Reason=SIP%3Bcause%3D408%3Bx%3D1%3Btext%3D"late">;index=1`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ParseEntry(tt.text).Reasons()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWith(t *testing.T) {
	const entry = `"B" <sip:+4930@x;user=phone?Privacy=history>;reason=away;counter=1;odd`
	tests := map[string]struct {
		got  Entry
		want string
	}{
		"user":                   {ParseEntry(entry).WithUser("200"), `"B" <sip:200@x;user=phone?Privacy=history>;reason=away;counter=1;odd`},
		"user of none":           {ParseEntry("<sip:x>").WithUser("200"), `<sip:x>`},
		"user of malformed":      {ParseEntry("<sip:x").WithUser("200"), `<sip:x`},
		"number":                 {ParseEntry("<tel:+49-30>;limit=5").WithUser("+4930"), `<tel:+4930>;limit=5`},
		"URI":                    {ParseEntry(entry).WithURI("tel:110"), `"B" <tel:110>;reason=away;counter=1;odd`},
		"URI without bracket":    {ParseEntry("sip:1@x;reason=a").WithURI("sip:2@x"), `<sip:2@x>;reason=a`},
		"parameter":              {ParseEntry(entry).WithParam("Counter", "3"), `"B" <sip:+4930@x;user=phone?Privacy=history>;reason=away;counter=3;odd`},
		"new parameter":          {ParseEntry(entry).WithParam("limit", "9"), entry + ";limit=9"},
		"no parameter":           {ParseEntry(entry).WithParam("reason", ""), `"B" <sip:+4930@x;user=phone?Privacy=history>;counter=1;odd`},
		"flag to parameter":      {ParseEntry(entry).WithParam("odd", "1"), entry + "=1"},
		"header":                 {ParseEntry(entry).WithHeader("Reason", `SIP;cause=486;text="a b"`), strings.Replace(entry, ">", "&Reason=SIP%3Bcause%3D486%3Btext%3D%22a%20b%22>", 1)},
		"header without bracket": {ParseEntry("sip:1@x;index=1").WithHeader("Reason", "SIP"), `<sip:1@x?Reason=SIP>;index=1`},
		"header of tel":          {ParseEntry("<tel:1>;index=1").WithHeader("Reason", "SIP"), `<tel:1>;index=1`},
		"no header":              {ParseEntry(entry).WithoutHeader("privacy"), `"B" <sip:+4930@x;user=phone>;reason=away;counter=1;odd`},
		"one header less":        {ParseEntry("<sip:1@x?a=1&Privacy=history&b=2>").WithoutHeader("Privacy"), `<sip:1@x?a=1&b=2>`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.got.String() != tt.want {
				t.Errorf("%s\nwant %s", tt.got, tt.want)
			}
		})
	}
}

// What is not changed stays byte for byte: a user put back gives the entry as it was.
func TestEditsAreLocal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`("[a-z<,]*" )?<(sips?|tel):\+?[0-9]{3,8}(@[a-z]{1,5})?(;[a-z]=[0-9])?(\?Reason=SIP%3Bcause%3D302)?>( ?;[a-z]{2,6}(=("[a-z; ]*"|[a-z0-9]+))?){0,4}`).Draw(t, "entry")
		e := ParseEntry(text)
		if e.Err() != nil || e.User() == "" {
			t.Skip("not an entry with a user")
		}
		if back := e.WithUser("999").WithUser(e.User()); back.String() != text {
			t.Errorf("%s\nfrom %s", back, text)
		}
		if back := e.WithParam("zz9", "1").WithParam("zz9", ""); back.String() != text {
			t.Errorf("%s\nfrom %s", back, text)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`"Bob" <sip:+4930@x;user=phone>;reason=no-answer;counter=2`, `<sip:a@x?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1, <tel:+49>;index=1.1.1`,
		`sip:1@x;reason=a`, `<sip:1@x?a=%zz&&b>;=;;x=";`, `"\`, `<sip:@>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, e := range Parse(s) {
			if !strings.Contains(s, e.String()) {
				t.Fatalf("%q is not in %q", e, s)
			}
			_, _ = e.Reasons(), e.Display()
			_, _ = e.Mapping()
			_, _, _ = e.Counter(), e.Index(), e.Private()
			if e.Err() == nil && e.User() != "" && e.WithUser("1").WithUser(e.User()).String() != e.String() {
				t.Fatalf("%q changes", e)
			}
			for _, edited := range []Entry{e.WithParam("reason", "away"), e.WithHeader("Reason", "SIP"), e.WithoutHeader("Reason"), e.anonymise()} {
				if e.Err() == nil && edited.Err() != nil {
					t.Fatalf("%q is malformed, made of %q", edited, e)
				}
			}
		}
	})
}

// BenchmarkParse reads and normalises a Diversion field of two entries.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range Parse(`"Bob" <sip:0049307654321@gw.example;user=phone>;reason=no-answer;counter=1;privacy=off, <sip:100@gw.example>;reason=user-busy`) {
			_ = e.WithUser("+49" + strings.TrimPrefix(e.User(), "0049"))
		}
	}
}
