package number

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Kind is what a number is to a site.
type Kind string

// The kinds of numbers.
const (
	// Internal is an extension of the site: as long as its plan says.
	Internal Kind = "internal"
	// External is a number of the public network, in E.164 form: "+49301234567".
	External Kind = "external"
	// Emergency is an emergency number, which is never rewritten.
	Emergency Kind = "emergency"
	// Unknown is what the plan cannot read: a name, a service code, a number without the digit for an outside line. It is left as it was.
	Unknown Kind = "unknown"
)

// PlanConfig describes a site's numbering plan.
type PlanConfig struct {
	// Country is a country code, "49", or a region, "DE". Needed.
	Country string
	// Area is the area code without the national prefix, "30"; empty where there is none: then a subscriber number is a national one.
	Area string
	// Internal are the lengths of extensions, in digits, 1 to 12.
	Internal []int
	// Outside are the digits before a number of the public network, "0"; empty if none are dialled.
	Outside string
	// National and International are the prefixes that are dialled before an area and a country code; empty means those of the country.
	National, International string
	// Emergency are emergency numbers beside those of the country, 112 and 911.
	Emergency []string
	// Common are more of them that all plans share; nil = none. They may become others between two uses of the plan.
	Common *Emergencies
	// Central is the number that calls are forwarded to, such as the pilot number of a follow-me service; empty if there is none. It is an
	// extension: no longer than the longest of them.
	Central string
}

// Plan is a site's numbering plan.
type Plan struct {
	c         PlanConfig
	region    string
	code      string // country code
	nanp      bool   // the North American plan, where a national number may be dialled without its prefix
	emergency []string
}

// NewPlan checks a configuration. Its errors name the field.
func NewPlan(c PlanConfig) (*Plan, error) {
	p := &Plan{c: c}
	if err := p.findCountry(); err != nil {
		return nil, err
	}
	for _, f := range []struct{ name, value string }{
		{"area", c.Area}, {"outside", c.Outside}, {"national", c.National}, {"international", c.International},
	} {
		if !digits(f.value) {
			return nil, fmt.Errorf("%s = %q: digits only", f.name, f.value)
		}
	}
	for _, n := range c.Internal {
		if n < 1 || n > 12 {
			return nil, fmt.Errorf("internal = %d: an extension has 1 to 12 digits", n)
		}
	}
	for _, n := range c.Emergency {
		if n == "" || !digits(n) {
			return nil, fmt.Errorf("emergency = %q: digits only", n)
		}
	}
	if err := checkCentral(c.Central, c.Internal); err != nil {
		return nil, err
	}
	if c.Area != "" && p.c.National == "" {
		return nil, fmt.Errorf("area = %q: in %s whole numbers are dialled, leave area out or say what national prefix there is", c.Area, p.region)
	}
	p.emergency = append([]string{"112", "911"}, c.Emergency...)
	return p, nil
}

// checkCentral refuses a central number that the plan would not take for an extension.
func checkCentral(central string, internal []int) error {
	longest := 0
	for _, n := range internal {
		longest = max(longest, n)
	}
	switch {
	case central == "":
	case !digits(central):
		return fmt.Errorf("central = %q: digits only", central)
	case longest == 0:
		return fmt.Errorf("central = %q: it is an extension; say in internal how long those are", central)
	case len(central) > longest:
		return fmt.Errorf("central = %q: it has %d digits and extensions at most %d, so that calls forwarded to it would be taken for calls to the public network; give it an extension",
			central, len(central), longest)
	}
	return nil
}

// findCountry fills in what a country brings with it.
func (p *Plan) findCountry() error {
	country := strings.ToUpper(strings.TrimPrefix(p.c.Country, "+"))
	if n, err := strconv.Atoi(country); err == nil {
		country = phonenumbers.GetRegionCodeForCountryCode(n)
	}
	code := phonenumbers.GetCountryCodeForRegion(country)
	if code == 0 {
		return fmt.Errorf("country = %q: a country code like \"49\" or a region like \"DE\"", p.c.Country)
	}
	p.region, p.code = country, strconv.Itoa(code)
	if p.c.National == "" {
		p.c.National = phonenumbers.GetNddPrefixForRegion(country, true)
	}
	p.nanp = phonenumbers.IsNANPACountry(country)
	if p.c.International == "" {
		// The metadata have patterns of what may be dialled; two forms are nearly all of the world, others have to be given.
		if p.c.International = "00"; p.nanp {
			p.c.International = "011"
		}
	}
	return nil
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// Number is a number and what it is.
type Number struct {
	Kind Kind
	// Text is the extension, the E.164 number with its plus, the emergency number, or what came.
	Text string
}

// Dialled reads a number as somebody at the site dials it, or one that is normalised already: visual separators do not count, an outside number needs
// the digits for an outside line or a plus. Dialled of a Number's text gives that number again.
func (p *Plan) Dialled(dialled string) Number {
	n := strip(dialled)
	if p.IsEmergency(n) {
		return Number{Emergency, n}
	}
	if p.c.Outside != "" && !strings.HasPrefix(n, "+") {
		rest, outside := strings.CutPrefix(n, p.c.Outside)
		switch {
		case outside && p.IsEmergency(rest):
			return Number{Emergency, rest}
		case outside && rest != "" && !p.internal(n):
			return p.public(rest, dialled)
		case p.internal(n):
			return Number{Internal, n}
		}
		return Number{Unknown, dialled}
	}
	if p.internal(n) {
		return Number{Internal, n}
	}
	return p.public(n, dialled)
}

// Received reads a number as a trunk sends it: as Dialled, without digits for an outside line.
func (p *Plan) Received(received string) Number {
	n := strip(received)
	switch {
	case p.IsEmergency(n):
		return Number{Emergency, n}
	case p.internal(n):
		return Number{Internal, n}
	}
	return p.public(n, received)
}

// internal reports whether n is an extension. One that starts with the digits for an outside line cannot be dialled, so it is none.
func (p *Plan) internal(n string) bool {
	return digits(n) && slices.Contains(p.c.Internal, len(n)) && (p.c.Outside == "" || !strings.HasPrefix(n, p.c.Outside))
}

// public brings a number of the public network into E.164 form: at most 15 digits (ITU-T E.164 §6).
func (p *Plan) public(n, original string) Number {
	e164 := n
	switch {
	case strings.HasPrefix(n, "+"):
	case strings.HasPrefix(n, p.c.International):
		e164 = "+" + n[len(p.c.International):]
	case p.nanp && len(n) == 10:
		e164 = "+" + p.code + n
	case p.c.National != "" && strings.HasPrefix(n, p.c.National):
		e164 = "+" + p.code + n[len(p.c.National):]
	case p.c.National != "" && p.c.Area == "":
		return Number{Unknown, original} // neither a national number nor one of a known area
	default:
		e164 = "+" + p.code + p.c.Area + n
	}
	if len(e164) < 5 || len(e164) > 16 || !digits(e164[1:]) || e164[1] == '0' {
		return Number{Unknown, original}
	}
	return Number{External, e164}
}

// IsEmergency reports whether a number is an emergency number of the site or its country.
func (p *Plan) IsEmergency(number string) bool {
	return slices.Contains(p.emergency, number) || p.c.Common != nil && slices.Contains(*p.c.Common, number) || digits(number) && len(number) <= 6 && phonenumbers.IsEmergencyNumber(number, p.region)
}

// Emergencies are emergency numbers that a configuration names, beside 112 and 911.
type Emergencies []string

// Hold reports whether a number is one of them.
func (e Emergencies) Hold(number string) bool {
	n := strip(number)
	return n == "112" || n == "911" || slices.Contains(e, n)
}

// strip takes away visual separators (RFC 3966 §3) and white space; of "+49 (0)30" also the zero that is not dialled after a country code.
func strip(s string) string {
	if strings.HasPrefix(strings.TrimSpace(s), "+") {
		s = strings.Replace(s, "(0)", "", 1)
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.()/ \t", r) {
			return -1
		}
		return r
	}, s)
}

// Form is how a number of the public network is written for a trunk.
type Form string

// The forms, with what they make of +49301234567 in Berlin.
const (
	E164          Form = "e164"          // +49301234567
	Digits        Form = "digits"        // 49301234567
	International Form = "international" // 0049301234567
	National      Form = "national"      // 0301234567, of other countries 00…
	Subscriber    Form = "subscriber"    // 1234567, of other areas 0…
)

var errForm = errors.New(`form: one of "e164", "digits", "international", "national", "subscriber"`)

// Format writes a number in E.164 form as a trunk wants it; all else stays as it is. It returns an error for an unknown form.
func (p *Plan) Format(number string, f Form) (string, error) {
	n, isE164 := strings.CutPrefix(number, "+")
	home, isHome := strings.CutPrefix(n, p.code)
	local, isLocal := strings.CutPrefix(home, p.c.Area)
	switch f {
	case E164:
		return number, nil
	case Digits:
		return n, nil
	case International, National, Subscriber:
	default:
		return "", fmt.Errorf("%q: %w", f, errForm)
	}
	switch {
	case !isE164:
		return number, nil
	case f == International || !isHome:
		return p.c.International + n, nil
	case f == Subscriber && isLocal && p.c.Area != "":
		return local, nil
	}
	return p.c.National + home, nil
}

// Valid reports whether a number in E.164 form can exist: its country, length and area are in the numbering plans of the world as libphonenumber has them.
func Valid(e164 string) bool {
	n, err := phonenumbers.Parse(e164, "ZZ")
	return err == nil && phonenumbers.IsValidNumber(n)
}

// Region returns the region of a number in E.164 form, "DE"; "" if it has none.
func Region(e164 string) string {
	n, err := phonenumbers.Parse(e164, "ZZ")
	if err != nil {
		return ""
	}
	if r := phonenumbers.GetRegionCodeForNumber(n); r != "ZZ" {
		return r
	}
	return ""
}
