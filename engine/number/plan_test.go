package number

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func berlin(t interface{ Fatal(...any) }) *Plan {
	p, err := NewPlan(PlanConfig{Country: "49", Area: "30", Internal: []int{3, 4}, Outside: "0", Emergency: []string{"110"}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDialled(t *testing.T) {
	tests := map[string]struct {
		dialled string
		want    Number
	}{
		"extension":                {"123", Number{Internal, "123"}},
		"long extension":           {"1234", Number{Internal, "1234"}},
		"no extension is so long":  {"12345", Number{Unknown, "12345"}},
		"subscriber":               {"07654321", Number{External, "+49307654321"}},
		"national":                 {"0089123456", Number{External, "+4989123456"}},
		"international":            {"000442079460000", Number{External, "+442079460000"}},
		"plus":                     {"+44 20 7946-0000", Number{External, "+442079460000"}},
		"plus with a zero":         {"+49 (0)30 123456", Number{External, "+4930123456"}},
		"separators":               {"0 030/765-43 21", Number{External, "+49307654321"}},
		"emergency":                {"112", Number{Emergency, "112"}},
		"own emergency":            {"110", Number{Emergency, "110"}},
		"emergency outside":        {"0112", Number{Emergency, "112"}},
		"only the outside line":    {"0", Number{Unknown, "0"}},
		"a name":                   {"bob", Number{Unknown, "bob"}},
		"service code":             {"*21*123#", Number{Unknown, "*21*123#"}},
		"too long":                 {"+1234567890123456", Number{Unknown, "+1234567890123456"}},
		"no country starts with 0": {"+0123456", Number{Unknown, "+0123456"}},
		"nothing":                  {"", Number{Unknown, ""}},
		"only separators":          {"-- ", Number{Unknown, "-- "}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := berlin(t).Dialled(tt.dialled); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestReceived(t *testing.T) {
	tests := map[string]struct {
		config   PlanConfig
		received string
		want     Number
	}{
		"subscriber":            {PlanConfig{Country: "DE", Area: "30", Outside: "0"}, "7654321", Number{External, "+49307654321"}},
		"national":              {PlanConfig{Country: "DE", Area: "30", Outside: "0"}, "089123456", Number{External, "+4989123456"}},
		"international":         {PlanConfig{Country: "DE"}, "00442079460000", Number{External, "+442079460000"}},
		"no area known":         {PlanConfig{Country: "DE"}, "7654321", Number{Unknown, "7654321"}},
		"P26 NANP":              {PlanConfig{Country: "US", Area: "202"}, "2027810003", Number{External, "+12027810003"}},
		"NANP with its prefix":  {PlanConfig{Country: "1"}, "12027810003", Number{External, "+12027810003"}},
		"NANP subscriber":       {PlanConfig{Country: "1", Area: "202"}, "7810003", Number{External, "+12027810003"}},
		"NANP international":    {PlanConfig{Country: "1"}, "01149301234567", Number{External, "+49301234567"}},
		"whole numbers":         {PlanConfig{Country: "IT"}, "0612345678", Number{External, "+390612345678"}},
		"own prefixes":          {PlanConfig{Country: "49", National: "9", International: "99"}, "989123456", Number{External, "+4989123456"}},
		"own long prefix":       {PlanConfig{Country: "49", National: "9", International: "99"}, "99442079460000", Number{External, "+442079460000"}},
		"emergency of a region": {PlanConfig{Country: "GB"}, "999", Number{Emergency, "999"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := NewPlan(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Received(tt.received); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestNewPlanErrors(t *testing.T) {
	tests := map[string]struct {
		config PlanConfig
		says   string
	}{
		"no country":            {PlanConfig{}, `country = ""`},
		"no such country":       {PlanConfig{Country: "999"}, `country = "999"`},
		"no such region":        {PlanConfig{Country: "XX"}, `country = "XX"`},
		"area":                  {PlanConfig{Country: "49", Area: "3O"}, `area = "3O"`},
		"area in whole numbers": {PlanConfig{Country: "IT", Area: "06"}, `area = "06"`},
		"outside":               {PlanConfig{Country: "49", Outside: "#"}, `outside = "#"`},
		"extension":             {PlanConfig{Country: "49", Internal: []int{3, 0}}, "internal = 0"},
		"emergency":             {PlanConfig{Country: "49", Emergency: []string{""}}, `emergency = ""`},
		"central":               {PlanConfig{Country: "49", Internal: []int{3}, Central: "9o"}, `central = "9o": digits only`},
		"central, too long":     {PlanConfig{Country: "49", Internal: []int{4, 3}, Central: "90000"}, `central = "90000": it has 5 digits and extensions at most 4`},
		"central, no lengths":   {PlanConfig{Country: "49", Central: "900"}, `central = "900": it is an extension`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := NewPlan(tt.config); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
}

func TestFormat(t *testing.T) {
	tests := []struct {
		number string
		form   Form
		want   string
	}{
		{"+49301234567", E164, "+49301234567"},
		{"+49301234567", Digits, "49301234567"},
		{"+49301234567", International, "0049301234567"},
		{"+49301234567", National, "0301234567"},
		{"+49301234567", Subscriber, "1234567"},
		{"+4989123456", Subscriber, "089123456"},
		{"+442079460000", National, "00442079460000"},
		{"+442079460000", Subscriber, "00442079460000"},
		{"123", National, "123"},
		{"112", Digits, "112"},
	}
	for _, tt := range tests {
		if got, err := berlin(t).Format(tt.number, tt.form); got != tt.want || err != nil {
			t.Errorf("%s as %s is %q, %v, want %q", tt.number, tt.form, got, err, tt.want)
		}
	}
	if _, err := berlin(t).Format("+49", "local"); err == nil {
		t.Error("an unknown form is no error")
	}
}

// Normalising twice is normalising once, and a number written for a trunk is read again as the same number.
func TestNormaliseIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := berlin(t)
		dialled := rapid.StringMatching(`(\+|0|00|000)?[0-9 ()*#-]{0,14}|(\+49 \(0\))?[1-9][0-9]{2,9}`).Draw(t, "dialled")
		once := p.Dialled(dialled)
		if twice := p.Dialled(once.Text); twice != once {
			t.Errorf("%q is %v, then %v", dialled, once, twice)
		}
		if once.Kind != External {
			return
		}
		for _, f := range []Form{E164, International, National} {
			text, err := p.Format(once.Text, f)
			if err != nil {
				t.Fatal(err)
			}
			if back := p.Received(text); back != once && back.Kind != Emergency && back.Kind != Internal {
				t.Errorf("%v as %s is %q, read as %v", once, f, text, back)
			}
		}
	})
}

func TestValid(t *testing.T) {
	for number, want := range map[string]string{"+49301234567": "DE", "+12027810003": "US", "+442079460000": "GB", "+4912": "", "123": "", "": ""} {
		if Valid(number) != (want != "") {
			t.Errorf("%s: valid is %v", number, Valid(number))
		}
		if want != "" && Region(number) != want {
			t.Errorf("%s is of %q, want %q", number, Region(number), want)
		}
	}
}

func TestToSIP(t *testing.T) {
	tests := map[string]struct {
		uri, want string
		ok        bool
	}{
		"M4":         {"tel:+8613901088888", "sip:+8613901088888@gw.example;user=phone", true},
		"separators": {"TEL:+358-555-1234567;POSTD=PP22", "sip:+3585551234567;postd=pp22@gw.example;user=phone", true},
		"order":      {"tel:+358-555-1234567;phone-context=x;postd=pp22;isub=1411", "sip:+3585551234567;isub=1411;postd=pp22;phone-context=x@gw.example;user=phone", true},
		"not tel":    {"sip:bob@x", "sip:bob@x", false},
		"no number":  {"tel:", "tel:", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := ToSIP(tt.uri, "gw.example"); got != tt.want || ok != tt.ok {
				t.Errorf("%q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestToTel(t *testing.T) {
	tests := map[string]struct {
		uri, want string
		ok        bool
	}{
		"user=phone":       {"sip:0301234@x;user=phone", "tel:0301234", true},
		"User=phone (L18)": {"sip:+495251304667@x;User=phone", "tel:+495251304667", true},
		"plus":             {"sips:+49301234@x", "tel:+49301234", true},
		"parameters":       {"sip:+3585551234567;postd=pp22@x;user=phone", "tel:+3585551234567;postd=pp22", true},
		"escaped":          {"sip:%2B49301@x", "tel:+49301", true},
		"an extension":     {"sip:100@x", "sip:100@x", false},
		"a name":           {"sip:bob@x;user=phone", "sip:bob@x;user=phone", false},
		"no user":          {"sip:x", "sip:x", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := ToTel(tt.uri); got != tt.want || ok != tt.ok {
				t.Errorf("%q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func BenchmarkDialled(b *testing.B) {
	p := berlin(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Dialled("0089123456")
	}
}
