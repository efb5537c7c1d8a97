package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// fileOf returns a file with that text, whose name in errors is tandem.toml.
func fileOf(t *testing.T, text string) File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tandem.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Path = "tandem.toml"
	f.Config.Scripts, f.Config.Admin = ".", "a.sock" // they begin at the folder
	return f
}

const running = `log = "info"
max_connections = 5
[[listener]]
address = "udp:127.0.0.1:5060"
[[listener]]
address = "tcp:127.0.0.1:5060"
[[user]]
name = "100"
password = "secret"
[metrics]
listen = "127.0.0.1:9090"
`

// What changes, and what waits for a restart with its line.
func TestSince(t *testing.T) {
	was := fileOf(t, running)
	for name, c := range map[string]struct {
		from, to      string // replaced in running
		keys, waiting string
	}{
		"nothing":                    {"", "", "", ""},
		"a comment":                  {"log =", "# a comment\nlog =", "", ""},
		"the level":                  {`"info"`, `"debug"`, "log", ""},
		"a password":                 {`"secret"`, `"other"`, "[[user]]", ""},
		"a user":                     {"[metrics]", "[[user]]\nname = \"101\"\npassword = \"x\"\n[metrics]", "[[user]]", ""},
		"a list":                     {"[metrics]", "[[acl]]\naction = \"deny\"\nnetworks = \"192.0.2.7\"\n[metrics]", "[[acl]]", ""},
		"a list for a listener":      {"[metrics]", "[[acl]]\naction = \"deny\"\nnetworks = \"192.0.2.7\"\nlisteners = \"tcp:127.0.0.1:5060\"\n[metrics]", "[[acl]]", ""},
		"tables":                     {"[metrics]", "[abuse]\nrate = 5\n[register]\nmax_contacts = 3\n[auth]\nrealm = \"x\"\n[http]\nmax = 3\n[reload]\nrequire = \"load\"\n[metrics]", "[auth], [register], [abuse], [reload], [http]", ""},
		"plain keys":                 {"log =", "budget = 5000\nscript_memory = 3\nmax_calls = 1\nmax_transactions = 2\nmax_memory = 3\ndrain = 4\ntrusted = \"192.0.2.7\"\nemergency = \"112\"\nemergency_reserve = 4\ndomains = \"h\"\nlog =", "budget, script_memory, max_calls, max_transactions, max_memory, drain, trusted, emergency, emergency_reserve, domains", ""},
		"a fixed key":                {"max_connections = 5", "max_connections = 6", "", "tandem.toml:2 (max_connections)"},
		"a fixed key that is gone":   {"max_connections = 5", "", "", "tandem.toml (max_connections)"},
		"fixed and other":            {"max_connections = 5", "max_connections = 6\ndrain = 5", "drain", "tandem.toml:2 (max_connections)"},
		"a key of a table":           {"9090", "9091", "", "tandem.toml:11 ([metrics] listen)"},
		"an address":                 {"tcp:127.0.0.1:5060", "tcp:127.0.0.1:5070", "", "tandem.toml:6 ([[listener]] address)"},
		"a key of a listener":        {"tcp:127.0.0.1:5060\"", "tcp:127.0.0.1:5060\"\nnetworks = \"192.0.2.0/24\"\nadvertise = \"192.0.2.1:5060\"", "", "tandem.toml:8 ([[listener]] advertise), tandem.toml:7 ([[listener]] networks)"},
		"a listener more":            {"[[user]]", "[[listener]]\naddress = \"ws:127.0.0.1:80\"\n[[user]]", "", "tandem.toml:8 ([[listener]] address)"},
		"a listener less":            {"[[listener]]\naddress = \"tcp:127.0.0.1:5060\"\n", "", "", "tandem.toml:3 ([[listener]])"},
		"a list for a new listener":  {"tcp:127.0.0.1:5060\"\n", "tcp:127.0.0.1:5070\"\n[[acl]]\naction = \"deny\"\nnetworks = \"192.0.2.7\"\nlisteners = \"tcp:127.0.0.1:5070\"\n", "", "tandem.toml:6 ([[listener]] address), tandem.toml:7 ([[acl]])"},
		"a list beside new listener": {"tcp:127.0.0.1:5060\"\n", "tcp:127.0.0.1:5070\"\n[[acl]]\naction = \"deny\"\nnetworks = \"192.0.2.7\"\n", "[[acl]]", "tandem.toml:6 ([[listener]] address)"},
		"recording":                  {"[metrics]", "[record]\nfile = \"x\"\nmax_size = 3\nprivacy = true\n[metrics]", "", "tandem.toml:11 ([record] file), tandem.toml:12 ([record] max_size), tandem.toml:13 ([record] privacy)"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fileOf(t, strings.Replace(running, c.from, c.to, 1))
			if f.Config.Record.File != "" {
				f.Config.Record.File = "x"
			}
			got := f.Since(&was.Config)
			if keys, waiting := strings.Join(got.Keys, ", "), strings.Join(got.Waiting, ", "); keys != c.keys || waiting != c.waiting {
				t.Errorf("changed %q, waiting %q, want %q and %q", keys, waiting, c.keys, c.waiting)
			}
			if again := f.Since(&got.Next); len(again.Keys) > 0 || strings.Join(again.Waiting, ", ") != c.waiting {
				t.Errorf("read again: %+v", again)
			}
		})
	}
}

// All listeners gone, and a list for one of them: the list stays as long as the listener does.
func TestSinceListenersGone(t *testing.T) {
	const acl = "[[acl]]\naction = \"deny\"\nnetworks = \"192.0.2.7\"\nlisteners = \"tcp:127.0.0.1:5060\"\n"
	was := fileOf(t, running+acl)
	text, _, _ := strings.Cut(running, "[[listener]]")
	f := fileOf(t, text+"[metrics]\nlisten = \"127.0.0.1:9090\"\n")
	got := f.Since(&was.Config)
	if fmt.Sprint(got.Waiting) != "[tandem.toml ([[listener]]) tandem.toml ([[acl]])]" || len(got.Next.ACL) != 1 || len(got.Next.Listeners) != 2 {
		t.Errorf("%v, %+v", got.Waiting, got.Next.ACL)
	}
}

// Every field of a configuration is one that changes while it runs, or one that waits: none is forgotten, and none is half changed.
func TestEveryKeyChangesOrWaits(t *testing.T) {
	for i := range reflect.TypeFor[Config]().NumField() {
		name := reflect.TypeFor[Config]().Field(i).Name
		was := Default()
		f := File{Config: Default()}
		other(t, reflect.ValueOf(&f.Config).Elem().Field(i))
		got := f.Since(&was)
		kept := reflect.DeepEqual(got.Next, was)
		if (len(got.Waiting) > 0) != kept || (len(got.Keys) > 0) == kept || !kept && !reflect.DeepEqual(got.Next, f.Config) {
			t.Errorf("%s: changed %v, waiting %v, kept %v", name, got.Keys, got.Waiting, kept)
		}
	}
}

// other sets a value to another one, with everything in it.
func other(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + int64(time.Second))
	case reflect.Float64:
		v.SetFloat(v.Float() + 0.5)
	case reflect.Slice:
		e := reflect.New(v.Type().Elem()).Elem()
		other(t, e)
		v.Set(reflect.Append(v, e))
	case reflect.Struct:
		for i := range v.NumField() {
			other(t, v.Field(i))
		}
	default:
		t.Fatalf("what is another %s?", v.Kind())
	}
}
