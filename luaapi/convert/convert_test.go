package convert_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tandem/luaapi"
	"tandem/luaapi/convert"
)

// load loads a script as an engine does.
func load(script string) error {
	p, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(script)}), nil)
	if err != nil {
		return err
	}
	return p.DryLoad(luaapi.Options{})
}

const action = `<action method="callto" name="a"><destination>100</destination></action>`

func TestMistakes(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nothing":               {"", "f:1: one element is to be around everything, <mssxml> or <Response>"},
		"two roots":             {"<mssxml/><mssxml/>", "f:1: one element is to be around everything, <mssxml> or <Response>"},
		"no XML":                {"<mssxml a=<>", "f:1: no XML: "},
		"deep":                  {strings.Repeat("<mssxml>", 100), "f:1: elements stand more than 64 deep in each other"},
		"no call":               {"<mssxml>\n</mssxml>", "f:1: there is no action with the method callto"},
		"no name":               {"<mssxml>\n<action method='callto'/></mssxml>", "f:2: the action has no name"},
		"a name twice":          {"<mssxml>" + action + "\n" + action + "</mssxml>", `f:2: action "a" is there already, at line 1`},
		"no destination":        {"<mssxml><action method='callto' name='a'/></mssxml>", `f:1: action "a" has no destination`},
		"no such action":        {strings.ReplaceAll("<mssxml>"+action+"</mssxml>", "</action>", "<monitor-event detection='busy' nextaction='b'/></action>"), `f:1: there is no action "b", the nextaction for busy`},
		"nobody":                {"<mssxml><action method='callto' name='a'><destination>a b!</destination></action></mssxml>", `f:1: <destination> names nobody who can be called: "ab!"`},
		"nobody to dial":        {"<Response/>", "f:1: there is nobody to dial"},
		"Dial without a number": {"<Response><Dial><Queue>q</Queue></Dial></Response>", "f:1: <Dial> names nobody"},
		"timeout":               {"<Response><Dial timeout='x'>1</Dial></Response>", `f:1: <Dial>: timeout must be a number of seconds above 0, got "x"`},
		"no URI":                {"<Response><Dial>\n<Sip></Sip></Dial></Response>", `f:2: <Sip> names nobody who can be called: "sip:"`},
		"a URI with a space":    {"<Response><Dial><Sip>sip:a b@h</Sip></Dial></Response>", `f:1: <Sip> names nobody who can be called: "sip:a b@h"`},
		"a URI with no port":    {"<mssxml><action method='callto' name='a'><destination>sip:a@h:x</destination></action></mssxml>", `f:1: <destination> names nobody who can be called: "sip:a@h:x"`},
		"a broken contact":      {"<sip:1@h>;q=0.9\n<sip:2@h>;q=x\n", `f:2: no contact: "<sip:2@h>;q=x"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := convert.Script(tt.text, convert.Options{Name: "f", Host: "h"})
			var e *convert.Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// Notes come in the order of the file, those of one element by name.
func TestNotesHaveAnOrder(t *testing.T) {
	text := "<Response><Dial d='1' b='2' a='3' c='4' e='5'>100<Number z='1' y='2' x='3'>200</Number></Dial></Response>"
	want := []string{"<Dial>: a", "<Dial>: b", "<Dial>: c", "<Dial>: d", "<Dial>: e", "<Number>: x", "<Number>: y", "<Number>: z"}
	for range 20 {
		_, notes, err := convert.Script(text, convert.Options{Name: "f", Host: "h"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range notes {
			got = append(got, strings.TrimSuffix(n.What, " is left out"))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q", got)
		}
	}
}

// One step needs no serial around it, be it a target or a group.
func TestOneStep(t *testing.T) {
	for text, want := range map[string]string{
		"<Dial timeout='9' timeLimit='60'>100</Dial>": `  return plan.to("sip:100@h", { ring = 9, max_duration = 60 })` + "\nend\n",
		"<Dial timeout='9' timeLimit='60'>100<Number>200</Number></Dial>": `  return plan.parallel {
    plan.to("sip:100@h"),
    plan.to("sip:200@h"),
    each = { max_duration = 60 }, ring = 9,
  }
end
`,
		"<Reject/>":                      "  return plan.reject(603)\nend\n",
		"<Dial>100</Dial><Dial>1</Dial>": "  return plan.serial {\n    plan.to(",
	} {
		script, _, err := convert.Script("<Response>"+text+"</Response>", convert.Options{Name: "f", Host: "h"})
		if err != nil || !strings.Contains(script, "function route.invite()\n"+want) {
			t.Errorf("%s: %v\n%s", text, err, script)
		}
		if err := load(script); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for who, want := range map[string]string{
		"100": `"sip:100@192.0.2.1:5070"`, "sip:a@h;transport=tcp": `"sip:a@h;transport=tcp"`, "+49 (30) 123-4": `"sip:+49301234@192.0.2.1:5070"`, "*21#": `"sip:*21%23@192.0.2.1:5070"`,
		"anna-maria": `"sip:anna-maria@192.0.2.1:5070"`,
	} {
		script, _, err := convert.Script("<Response><Dial>"+who+"</Dial></Response>", convert.Options{Host: "192.0.2.1:5070"})
		if err != nil || !strings.Contains(script, "plan.to("+want+",") {
			t.Errorf("%s: %v\n%s", who, err, script)
		}
		if err := load(script); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
}

func TestValidHost(t *testing.T) {
	for host, want := range map[string]bool{
		"h:65535": true, "h:65536": false, "h:99999": false, "h:0": false, "[2001:db8::1]:99999": false, "192.0.2.1:99999": false,
		"gw.example": true, "gw.example:5070": true, "192.0.2.1": true, "[2001:db8::1]": true, "[2001:db8::1]:5060": true, "": false, "a b": false, "h;x=y": false, "-h": false, "h:": false,
	} {
		if got := convert.ValidHost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

// Whatever the file says, its script loads or there is an error with a line; nothing of the file gets out of its strings.
func FuzzScript(f *testing.F) {
	f.Add("<mssxml>" + action + "</mssxml>")
	f.Add(`<mssxml><action method="callto" name="a]]b"><destination>100<destination><monitor-event detection="busy" nextaction="end"/></action><action method="callto" name="end"><destination>sip:"x"@h</destination></action></mssxml>`)
	f.Add(`<Response><Dial timeout="9" callerId="&quot;}) os.exit() --"><Number>1</Number><Sip>"h"</Sip></Dial><Reject/></Response>`)
	f.Add("Contact: <sip:333@h;sipx-noroute=Voicemail?expires=25>;q=0.95\n<sip:\"]]@h>;q=1\n")
	f.Fuzz(func(t *testing.T, text string) {
		script, _, err := convert.Script(text, convert.Options{Name: "f", Host: "gw.example"})
		if err != nil {
			var e *convert.Error
			if !errors.As(err, &e) || e.Line < 1 {
				t.Fatalf("%#v", err)
			}
			return
		}
		if _, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(script)}), nil); err != nil {
			t.Fatalf("%v\n%s", err, script)
		}
		if strings.Count(script, "function route.invite") != 1 {
			t.Fatalf("the file wrote code:\n%s", script)
		}
	})
}
