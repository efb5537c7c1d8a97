package number

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"tandem/engine/number"
)

// script runs a script with module number and returns what it returned, as text.
func script(src string) ([]string, error) {
	L := lua.NewState()
	defer L.Close()
	L.SetGlobal("number", Table(L, func(*lua.LState) *Module { return &Module{Emergency: number.Emergencies{"115"}} }))
	fn, err := L.Load(strings.NewReader(src), "main.lua")
	if err != nil {
		return nil, err
	}
	L.Push(fn)
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		return nil, err
	}
	var out []string
	for i := 1; i <= L.GetTop(); i++ {
		out = append(out, L.Get(i).String())
	}
	return out, nil
}

const site = `local site = number.plan { country = "49", area = "30", internal = { 3, 4 }, outside = "0", emergency = { "110" } } `

func TestNumber(t *testing.T) {
	tests := map[string]struct {
		src  string
		want []string
	}{
		"dialled":             {site + `return site:dialled("0089123456")`, []string{"+4989123456", "external"}},
		"dialled as a number": {site + `return site:dialled(123)`, []string{"123", "internal"}},
		"received":            {site + `return site:received("089123456")`, []string{"+4989123456", "external"}},
		"emergency is kept":   {site + `return site:dialled("0115"), site:received("1-1-5"), site:format("115", "international")`, []string{"115", "115", "115"}},
		"and by translations": {`local t = number.translate { { [[^(\d+)$]], "+49$1" } } return t "112", t "911", t "115", t "116"`, []string{"112", "911", "115", "+49116", "true"}},
		"emergency":           {site + `return site:emergency("110"), site:emergency("111")`, []string{"true", "false"}},
		"format":              {site + `return site:format("+4989123456", "national")`, []string{"089123456"}},
		"translate":           {`return number.translate { { [[^00(\d+)$]], "+$1" } } "0049"`, []string{"+49", "true"}},
		"not translated":      {`return number.translate {} "0049"`, []string{"0049", "false"}},
		"xcc":                 {`return number.xcc_pattern "default]||[^00||+" "<sip:0049@x>"`, []string{"+49"}},
		"xcc of an entry":     {`return number.xcc_pattern "default" { raw = "<sip:49@x>" }`, []string{"49"}},
		"xcc of none":         {`return number.xcc_pattern "default" "<sip:bob@x>"`, []string{"nil"}},
		"valid":               {`return number.valid "+49301234567", number.valid "+49"`, []string{"true", "false"}},
		"region":              {`return number.region "+49301234567", number.region "x"`, []string{"DE", "nil"}},
		"to_sip":              {`return number.to_sip("tel:+49-30", "gw.example")`, []string{"sip:+4930@gw.example;user=phone"}},
		"to_tel":              {`return number.to_tel "sip:+4930@gw.example;user=phone"`, []string{"tel:+4930"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := script(tt.src)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	tests := map[string]string{
		`number.plan()`:                 `main.lua:1: number.plan: a table, { country = "49", … }, got nil`,
		`number.plan {}`:                `main.lua:1: number.plan: country = "": a country code like "49" or a region like "DE"`,
		`number.plan { county = "49" }`: `main.lua:1: number.plan: no option "county"; did you mean "country"?`,
		`number.plan { country = 49 }`:  `main.lua:1: number.plan: country must be a string of digits, got number`,
		`number.plan { country = "49", internal = { 3, 4 }, central = "08900" }`: `main.lua:1: number.plan: central = "08900": it has 5 digits and extensions at most 4, so that calls forwarded to it would be taken for calls to the public network; give it an extension`,
		`number.plan { country = "49", central = "900" }`:                        `main.lua:1: number.plan: central = "900": it is an extension; say in internal how long those are`,
		`number.plan { country = "49", internal = { 3 }, central = "+90" }`:      `main.lua:1: number.plan: central = "+90": digits only`,
		`number.plan { country = "49", internal = { 3 }, central = 900 }`:        `main.lua:1: number.plan: central must be a string of digits, got number`,
		`number.plan { country = "49", internal = 3 }`:                           `main.lua:1: number.plan: internal must be a list, got number`,
		`number.plan { country = "49", internal = { 1.5 } }`:                     `main.lua:1: number.plan: internal must be a list of lengths, got number`,
		`number.plan { country = "49", emergency = { 110 } }`:                    `main.lua:1: number.plan: emergency must be a list of strings, got number`,
		"\n" + site + `site:format("+49", "local")`:                              `main.lua:2: numbering plan:format: "local": form: one of "e164", "digits", "international", "national", "subscriber"`,
		site + `site:dialed "1"`:                                                 `main.lua:1: a numbering plan has no "dialed"; did you mean "dialled"?`,
		site + `site.dialled "1"`:                                                `main.lua:1: numbering plan:dialled is called with a colon`,
		site + `site:dialled()`:                                                  `main.lua:1: dialled: want a string, got nil`,
		`number.translate "x"`:                                                   `main.lua:1: number.translate: a list of rules, { { pattern, replacement }, … }, got string`,
		`number.translate { "x" }`:                                               `main.lua:1: number.translate: rule 1 must be { pattern, replacement }, got string`,
		`number.translate { { "x" } }`:                                           `main.lua:1: number.translate: rule 1 must be { pattern, replacement }, two strings`,
		`number.translate { { "(", "" } }`:                                       "main.lua:1: number.translate: rule 1: pattern \"(\": error parsing regexp: missing closing ): `(`",
		`number.xcc_pattern "x]||[y"`:                                            `main.lua:1: number.xcc_pattern: pattern "x" has no group that would be the number`,
		`number.valid({})`:                                                       `main.lua:1: number.valid: want a string, got table`,
	}
	for src, want := range tests {
		_, err := script(src)
		var e *lua.ApiError
		if !errors.As(err, &e) || e.Object.String() != want {
			t.Errorf("%s\ngot  %v\nwant %s", src, err, want)
		}
	}
}
