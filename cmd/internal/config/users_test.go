package config

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/auth"
)

const users = `
domains = ["pbx.example", "192.0.2.1"]
[auth]
realm = "PBX"
calls = "all"
nonce_lifetime = "1m"
exempt = ["192.0.2.64/26", "::1"]
[abuse]
failures = 3
[[user]]
name = "100"
password = "secret"
[[user]]
name = "bob"
ha1 = "0123456789abcdef0123456789ABCDEF"
`

// What the file says is what the engine is told.
func TestCredentials(t *testing.T) {
	c, err := Read(file(t, users))
	if err != nil {
		t.Fatal(err)
	}
	a := c.Credentials()
	if a.Realm() != "PBX" || a.Calls != auth.OfAll || a.Lifetime != time.Minute || !a.Users.Has([]byte("bob")) || a.Users.Has([]byte("Bob")) {
		t.Errorf("%+v", a)
	}
	if !a.Ours([]byte("192.0.2.1")) || !a.Ours([]byte("PBX.example")) || a.Ours([]byte("example.net")) {
		t.Error("the domains are not those of the file")
	}
	if want := []netip.Prefix{netip.MustParsePrefix("192.0.2.64/26"), netip.MustParsePrefix("::1/128")}; !slices.Equal(a.Exempt, want) {
		t.Errorf("exempt are %v", a.Exempt)
	}
	if g := c.Guard(nil); g.Failures != 3 {
		t.Errorf("%+v", g)
	}
}

// Without users nobody is asked; with them and nothing else, users are, wherever they say that they are from.
func TestCredentialsDefault(t *testing.T) {
	c := Default()
	if c.Credentials() != nil || c.Guard(nil).Failures != 10 {
		t.Error("the defaults ask for credentials, or do not ban who fails")
	}
	c, err := Read(file(t, "[[user]]\nname = \"100\"\npassword = \"x\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a := c.Credentials(); a.Realm() != "tandem" || a.Calls != auth.OfUsers || !a.Ours([]byte("anything")) || a.Lifetime != auth.DefaultLifetime {
		t.Errorf("%+v", a)
	}
	c.Domains = []string{"pbx.example"}
	if realm := c.RealmName(); realm != "pbx.example" {
		t.Errorf("realm %q", realm)
	}
}

func TestBadUsers(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"domain":           {`"192.0.2.1"`, `"192.0.2.1:5060"`, `:1: domains: "192.0.2.1:5060" is no host`},
		"empty domain":     {`"192.0.2.1"`, `""`, `:1: domains: "" is no host`},
		"realm":            {`"PBX"`, `'P"X'`, `:3: auth.realm: "P\"X" is no realm`},
		"long realm":       {`"PBX"`, `"` + strings.Repeat("x", 65) + `"`, `:3: auth.realm: "xxx`},
		"calls":            {`"all"`, `"some"`, `:4: auth.calls: "some" does not say whose calls need credentials; use users, all or none`},
		"lifetime":         {`"1m"`, `"1s"`, `:5: auth.nonce_lifetime: 1s is out of range`},
		"unknown auth":     {`calls =`, `call =`, `:4: auth.call: unknown key of [auth]; did you mean "calls"?`},
		"failures":         {`failures = 3`, `failures = -3`, `:8: abuse.failures: -3 is out of range`},
		"no name":          {`name = "bob"`, ``, `:12: name: is missing`},
		"colon":            {`"bob"`, `"b:ob"`, `:13: name: "b:ob" is no user`},
		"address":          {`"bob"`, `"bob@pbx.example"`, `:13: name: "bob@pbx.example" is an address; a user is what stands before the @: name = "bob"`},
		"URI":              {`"bob"`, `"sip:bob@pbx.example"`, `:13: name: "sip:bob@pbx.example" is an address; a user is what stands before the @: name = "bob"`},
		"domains below":    {`name = "bob"`, "name = \"bob\"\ndomains = [\"pbx.example\"]", `:14: domains: unknown key of [[user]]; it is a key of the file, and stands before the first table: move it to the top`},
		"misspelt":         {`name = "bob"`, "nam = \"bob\"", `:13: nam: unknown key of [[user]]; did you mean "name"?; known keys are name, password, ha1 and ha1_sha256`},
		"twice":            {`"bob"`, `"100"`, `:13: name: "100" is given twice`},
		"empty password":   {`"secret"`, `""`, `:11: password: is missing or empty, and with it anybody could call as 100`},
		"no password":      {`password = "secret"`, ``, `:9: password: is missing or empty`},
		"both":             {`name = "bob"`, "name = \"bob\"\npassword = \"x\"", `:14: password: stands beside an HA1`},
		"short HA1":        {`0123456789abcdef0123456789ABCDEF`, `0123`, `:14: ha1: want 32 hexadecimal digits: the hash of bob:REALM:PASSWORD`},
		"no HA1":           {`0123456789abcdef0123456789ABCDEF`, `0123456789abcdef0123456789ABCDEX`, `:14: ha1: want 32`},
		"unknown user key": {`password =`, `pasword =`, `:11: pasword: unknown key of [[user]]; did you mean "password"?`},
		"kind":             {`"secret"`, `5`, `:11: password: want a string, got an integer`},
		"no algorithm for all": {
			`password = "secret"`, `ha1_sha256 = "` + strings.Repeat("0", 64) + `"`, `:13: name: no algorithm is left that is for all users up to bob`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(file(t, strings.TrimPrefix(strings.Replace(users, c.from, c.to, 1), "\n")))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant …%s…", err, c.want)
			}
		})
	}
	for text, want := range map[string]string{
		"[auth]\ncalls = \"all\"\n": `:2: auth.calls: nobody could call: there is no [[user]]`,
		"user = 5\n":                `:1: user: want an array of tables`,
		"users = 5\n":               `:1: users: unknown key; did you mean "user"?`,
		"[[user]]\nname=\"a\"\nha1=\"" + strings.Repeat("0", 32) + "\"\n[[user]]\nname=\"b\"\nha1_sha256=\"" + strings.Repeat("0", 64) + "\"\n": `:5: name: no algorithm is left that is for all users up to b`,
		"[auth]\nalgorithms = \"SHA-256\"\n[[user]]\nname=\"a\"\nha1=\"" + strings.Repeat("0", 32) + "\"":                                       `:4: name: no algorithm is left that is for all users up to a`,
		"[auth]\nalgorithms = [\"SHA-512\"]\n": `:2: auth.algorithms: ["SHA-512"] are not known; use SHA-256, MD5 or both`,
		"[auth]\nexempt = \"near\"\n":          `:2: auth.exempt: "near" is no network`,
		"[auth]\nalgorithms = []\n":            `:2: auth.algorithms: [] are not known`,
	} {
		if _, err := Read(file(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\nwant …%s…", err, want)
		}
	}
}
