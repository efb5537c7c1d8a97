package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tandem/luaapi"
)

var checked = Reload{Require: luaapi.RequireCheck}

// file writes a tandem.toml and returns its path.
func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tandem.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	long := strings.Repeat("x", maxSocketPath)
	for name, c := range map[string]struct {
		text string
		want Config // Scripts and Admin as the file says them: beside it, unless absolute or empty
	}{
		"empty": {"", Config{Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked}},
		"everything": {
			"scripts = \"routes\"\nadmin = \"run/tandem.sock\"\nlog = \"debug\"\nbudget = 1_000\nscript_memory = 32\n" +
				"[[listener]]\naddress = \"udp:127.0.0.1:5060\"\n[[listener]]\naddress = \"udp:0.0.0.0:5061\"\nadvertise = \"192.0.2.1:5061\"\n",
			Config{
				Scripts: "routes", Admin: "run/tandem.sock", Log: "debug", Budget: 1000, ScriptMemory: 32, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked,
				Listeners: []Listener{{Address: "udp:127.0.0.1:5060"}, {Address: "udp:0.0.0.0:5061", Advertise: "192.0.2.1:5061"}},
			},
		},
		"reload and metrics": {
			"[reload]\nrequire = \"test\"\ncanary = { share = 0.05, for = \"2m\" }\n[metrics]\nlisten = \"127.0.0.1:9090\"\n",
			Config{
				Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(),
				Reload:  Reload{Require: luaapi.RequireTest, Canary: luaapi.Canary{Share: 0.05, For: 2 * time.Minute}},
				Metrics: Metrics{Listen: "127.0.0.1:9090"},
			},
		},
		"reload and metrics otherwise": {
			"reload.require = \"load\"\nmetrics = { listen = \"[::]:9090\", public = true }\n[reload.canary]\nfor = \"1s\"\nshare = 0.5\n",
			Config{
				Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(),
				Reload:  Reload{Require: luaapi.RequireLoad, Canary: luaapi.Canary{Share: 0.5, For: time.Second}},
				Metrics: Metrics{Listen: "[::]:9090", Public: true},
			},
		},
		"inline tables": {
			"listener = [{address = \"udp:[::1]:5060\"}]",
			Config{Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked, Listeners: []Listener{{Address: "udp:[::1]:5060"}}},
		},
		"absolute paths": {
			"scripts = \"/srv/routes/main.lua\"\nadmin = \"/run/tandem.sock\"\nbudget = 100_000_000",
			Config{Scripts: "/srv/routes/main.lua", Admin: "/run/tandem.sock", Log: "info", Budget: MaxBudget, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked},
		},
		"no admin socket": {`admin = ""`, Config{Scripts: ".", Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked}},
		"bounds": {"max_calls = 100\nmax_transactions = 5000\nmax_memory = 512\n", Config{
			Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked, MaxCalls: 100, MaxTransactions: 5000, MaxMemory: 512,
		}},
		"drain": {"drain = 0", Config{Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked}},
		"connections": {
			"max_connections = 5\nmax_connections_per_source = 4\nconnection_idle = 60\nconnection_lifetime = 3600\nroots = \"/ca.pem\"\n" +
				"[[listener]]\naddress = \"wss:192.0.2.1:443\"\ncertificate = [\"/a.pem\", \"/b.pem\"]\nkey = [\"/a.key\", \"/b.key\"]\n" +
				"client_ca = \"/c.pem\"\nrequire_client = true\norigins = \"https://a.example\"\nnetworks = [\"192.0.2.0/24\"]\n",
			Config{
				Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked,
				MaxConnections: 5, MaxConnectionsPerSource: 4, ConnectionIdle: 60, ConnectionLifetime: 3600, Roots: "/ca.pem",
				Listeners: []Listener{{
					Address: "wss:192.0.2.1:443", Certificate: []string{"/a.pem", "/b.pem"}, Key: []string{"/a.key", "/b.key"},
					ClientCA: "/c.pem", RequireClient: true, Origins: []string{"https://a.example"}, Networks: []string{"192.0.2.0/24"},
				}},
			},
		},
		"http": {"[http]\nallow = [\"api.example:443\"]\nproxy = \"http://192.0.2.9:3128\"\nca = \"/etc/ca.pem\"\nmax = 10\nper_host = 2\n", Config{
			Scripts: ".", Admin: DefaultAdmin(), Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked,
			HTTP: HTTP{Allow: []string{"api.example:443"}, Proxy: "http://192.0.2.9:3128", CA: "/etc/ca.pem", Max: 10, PerHost: 2},
		}},
		"windows lines":  {"log = \"warn\"\r\nbudget = 5000\r\n", Config{Scripts: ".", Admin: DefaultAdmin(), Log: "warn", Budget: 5000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked}},
		"longest socket": {`admin = "/` + long[1:] + `"`, Config{Scripts: ".", Admin: "/" + long[1:], Log: "info", Budget: 100_000, ScriptMemory: 16, Drain: DefaultDrain, Abuse: defaultAbuse(), Auth: defaultAuth(), Register: defaultRegister(), Reload: checked}},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, c.text)
			got, err := Read(path)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Scripts, c.want.Admin = beside(path, c.want.Scripts), beside(path, c.want.Admin)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	const good = "[[listener]]\naddress = \"udp:127.0.0.1:5060\"\n"
	for name, c := range map[string]struct {
		text string
		line int
		want string // what follows file:line
	}{
		"unknown key":              {"log = \"info\"\n\nbudgte = 5000\n", 3, "budgte: unknown key; did you mean \"budget\"?; known keys are scripts, admin, log, budget, script_memory, max_calls,"},
		"record too large":         {"[record]\nfile = \"c\"\nmax_size = -1\n", 3, "max_size: want 0 to 1000000000 MiB, got -1"},
		"unknown key of record":    {"[record]\nfiel = \"c\"\n", 2, "fiel: unknown key of [record]; did you mean \"file\"?; known keys are file, max_size and privacy"},
		"unknown key in quotes":    {"log = \"info\"\n\"a b\" = 1\n", 2, "a b: unknown key"},
		"unknown table":            {"\n[server]\nport = 5060\n", 2, "server: unknown key"},
		"unknown key of http":      {"log = \"info\"\n[http]\nmax = 1\nallowed = []\n", 4, "allowed: unknown key of [http]"},
		"http's key outside":       {"max = 1\n[http]\nmax = 1\n", 1, "max: unknown key"},
		"string for http":          {"http = \"x\"\n", 1, "http: want a table, got a string; begin it with [http]"},
		"string for allow":         {good + "[http]\nallow = \"x\"\n", 4, "allow: want an array of strings, got a string"},
		"integers for allow":       {"[http]\nallow = [1]\n", 2, "allow: want an array of strings, got one with an integer"},
		"no server":                {"[http]\n\nallow = [\"http://h\"]\n", 3, "allow: \"http://h\" is not HOST:PORT"},
		"no proxy":                 {"http = { proxy = \"h:80\" }\n", 1, "proxy: \"h:80\" is no URL of a proxy"},
		"too many at a time":       {good + "[http]\nper_host = 10001\n", 4, "per_host: 10001 is out of range; use 1 to 10000"},
		"unknown tables":           {good + "[[listeners]]\naddress = \"\"\n", 3, "listeners: unknown key"},
		"unknown dotted key":       {"\nserver.port = 5060\n", 2, "server: unknown key"},
		"listener's key outside":   {"address = \"udp:127.0.0.1:5060\"\n" + good, 1, "address: unknown key"},
		"misspelt table":           {"[[listner]]\naddress = \"\"\n", 1, "listner: unknown key; did you mean \"listener\"?; known keys"},
		"misspelt key of listener": {good + "advertize = \"x\"\n", 3, "advertize: unknown key of [[listener]]; did you mean \"advertise\"?; known keys"},
		"unknown key of listener":  {good + good + "addr = \"x\"\n", 5, "addr: unknown key of [[listener]]; known keys"},
		"listener given twice":     {good + good, 4, "address: udp:127.0.0.1:5060 is given twice; an address has one listener"},
		"key of the file within":   {good + "log = \"info\"\n", 3, "log: unknown key of [[listener]]"},
		"first error of two":       {"budget = 1.5\nlogs = 1\n", 1, "budget: want an integer, got a float"},
		"first unknown of two":     {"z = 1\na = 1\n", 1, "z: unknown key"},
		"string for integer":       {"budget = \"many\"\n", 1, "budget: want an integer, got a string"},
		"boolean for string":       {"\nlog = true\n", 2, "log: want a string, got a boolean"},
		"date for string":          {"scripts = 2026-11-22\n", 1, "scripts: want a string, got a date or time"},
		"array for string":         {"admin = [\"a\"]\n", 1, "admin: want a string, got an array"},
		"table for string":         {"log = \"info\"\n[scripts]\n", 2, "scripts: want a string, got a table"},
		"table for array":          {"[listener]\naddress = \"udp:127.0.0.1:5060\"\n", 1, "listener: want an array of tables, got a table; begin each with [[listener]]"},
		"string for array":         {"log = \"info\"\nlistener = \"udp:127.0.0.1:5060\"\n", 2, "listener: want an array of tables, got a string"},
		"array of strings":         {"listener = [\"udp:127.0.0.1:5060\"]\n", 1, "listener: want tables, got a string; begin each with [[listener]]"},
		"integer in the first":     {"[[listener]]\naddress = 5060\n" + good, 2, "address: want a string, got an integer"},
		"integer in the second":    {good + "[[listener]]\naddress = 5060\n", 4, "address: want a string, got an integer"},
		"bad first token":          {"\"\\", 1, "invalid escape"},
		"bad TOML":                 {"log = \"info\"\nbudget =\n", 2, "expected value"},
		"string left open":         {"\n\nlog = \"info\n", 3, "strings cannot contain newlines"},
		"key twice":                {"log = \"info\"\nlog = \"warn\"\n", 2, "Key 'log' has already been defined"},
		"no level":                 {"\nlog = \"loud\"\n", 2, `log: "loud" is no level; use debug, info, warn or error`},
		"level that hides errors":  {"log = \"fatal\"\n", 1, `log: "fatal" is no level`},
		"empty level":              {"log = \"\"\n", 1, `log: "" is no level`},
		"budget too small":         {"# budget = 5000\nbudget = 999\n", 2, "budget: 999 is out of range; use 1000 to 100000000"},
		"bound below 0":            {"max_calls = 5\nmax_memory = -1\n", 2, "max_memory: -1 is no bound; use a positive number, or 0 for none"},
		"bound out of range":       {"max_memory = 9_000_000_000_000\n", 1, "max_memory: 9000000000000 is out of range; use up to 1000000000, or 0 for no bound"},
		"bound of another kind":    {"max_transactions = \"all\"\n", 1, "max_transactions: want an integer, got a string"},
		"no script memory":         {"script_memory = 0\n", 1, "script_memory: 0 is out of range; use 1 to 1024 MiB"},
		"budget too large":         {"budget = 100_000_001\n", 1, "budget: 100000001 is out of range"},
		"no scripts":               {"scripts = \"\"\n", 1, "scripts: is empty"},
		"socket path too long":     {"admin = \"/" + strings.Repeat("x", maxSocketPath) + "\"\n", 1, "admin: /xxx"},
		"no address":               {good + "\n[[listener]]\nadvertise = \"192.0.2.1:5060\"\n", 4, "address: is missing"},
		"unknown key of reload":    {"log = \"info\"\n[reload]\nrequires = \"test\"\n", 3, `reload.requires: unknown key of [reload]; did you mean "require"?; known keys are require and canary`},
		"unknown key of metrics":   {"metrics.port = 9090\n", 1, "metrics.port: unknown key"},
		"unknown key of canary":    {"[reload]\nrequire = \"test\"\ncanary = { part = 0.1 }\n", 3, "reload.canary.part: unknown key"},
		"no table reload":          {"reload = \"test\"\n", 1, "reload: want a table, got a string"},
		"no table canary":          {"[reload]\ncanary = 0.05\n", 2, "reload.canary: want a table, got a float"},
		"no requirement":           {"[reload]\nrequire = \"tests\"\n", 2, `reload.require: "tests" is nothing that scripts can pass; use load, check or test`},
		"requirement of a kind":    {"[reload]\nrequire = true\n", 2, "reload.require: want a string, got a boolean"},
		"share of all":             {"[reload]\ncanary = { share = 1.0, for = \"2m\" }\n", 2, "reload.canary.share: 1 is no part of the calls; use a number above 0 and below 1"},
		"share of another kind":    {"[reload.canary]\nfor = \"2m\"\nshare = \"5 %\"\n", 3, "reload.canary.share: want a float, got a string"},
		"no share":                 {"[reload.canary]\nfor = \"2m\"\n", 1, "reload.canary.share: 0 is no part of the calls"},
		"no time":                  {"[reload.canary]\nshare = 0.05\n", 1, "reload.canary.for: 0s is too short; use 1s or more"},
		"no duration":              {"[reload]\n[reload.canary]\nshare = 0.05\nfor = \"two minutes\"\n", 4, `reload.canary.for: "two minutes" is no duration; write "90s" or "2m"`},
		"metrics for all":          {"[metrics]\nlisten = \"0.0.0.0:9090\"\n", 2, "metrics.listen: 0.0.0.0:9090 can be reached from other machines"},
		"metrics at a name":        {"[metrics]\nlisten = \"localhost:9090\"\n", 2, `metrics.listen: "localhost:9090" is not IP:PORT`},
		"metrics of another kind":  {"[metrics]\npublic = 1\n", 2, "metrics.public: want a boolean, got an integer"},
		"host name":                {"[[listener]]\naddress = \"udp:pbx.example:5060\"\n", 2, `"pbx.example" is not an IP address`},
		"second listener":          {good + "[[listener]]\naddress = \"udp:127.0.0.1\"\n", 4, "address: listen \"udp:127.0.0.1\": no port"},
		"second of two in line":    {"listener = [{address = \"udp:127.0.0.1:1\"}, {address = \"sctp:127.0.0.1:1\"}]\n", 1, "is not a transport"},
		"wildcard":                 {"[[listener]]\naddress = \"udp:0.0.0.0:5060\"\n", 2, "address: udp:0.0.0.0:5060 is every address of the machine, and peers have to be told one: advertise IP:PORT"},
		"wildcard of IPv6":         {"[[listener]]\naddress = \"udp:[::]:5060\"\n", 2, "address: udp:[::]:5060 is every address"},
		"advertised name":          {good + "advertise = \"pbx.example:5060\"\n", 3, `advertise: "pbx.example:5060" is not IP:PORT`},
		"advertised wildcard":      {good + "advertise = \"0.0.0.0:5060\"\n", 3, `advertise: "0.0.0.0:5060" is nothing that peers can send to`},
		"advertised without port":  {good + "advertise = \"192.0.2.1:0\"\n", 3, `advertise: "192.0.2.1:0" is nothing that peers can send to`},
		"tls without certificate":  {"[[listener]]\naddress = \"tls:127.0.0.1:5061\"\n", 2, "address: tls:127.0.0.1:5061 needs a certificate and its key"},
		"certificate without key":  {"[[listener]]\naddress = \"wss:127.0.0.1:443\"\ncertificate = [\"a\", \"b\"]\nkey = \"a\"\n", 3, "certificate: 2 certificates and 1 keys"},
		"certificate for nothing":  {good + "certificate = \"a\"\n", 3, "certificate: means nothing for udp:127.0.0.1:5060"},
		"key for nothing":          {good + "key = \"a\"\n", 3, "key: means nothing for"},
		"client_ca for nothing":    {good + "client_ca = \"a\"\n", 3, "client_ca: means nothing for"},
		"clients for nothing":      {good + "require_client = true\n", 3, "require_client: means nothing for"},
		"clients by nobody":        {"[[listener]]\naddress = \"tls:127.0.0.1:1\"\ncertificate = \"a\"\nkey = \"b\"\nrequire_client = true\n", 5, "require_client: needs client_ca"},
		"origins for nothing":      {good + "origins = [\"https://a.example\"]\n", 3, "origins: means nothing for"},
		"origins of numbers":       {good + "origins = [5]\n", 3, "origins: want strings, got an integer"},
		"origins of a table":       {good + "origins = {}\n", 3, "origins: want a string or an array of strings, got a table"},
		"no network":               {good + "networks = [\"192.0.2.1\"]\n", 3, `networks: "192.0.2.1" is no network; write IP/BITS`},
		"string for boolean":       {good + "require_client = \"yes\"\n", 3, "require_client: want a boolean, got a string"},
		"connections below 0":      {"max_connections = -1\n", 1, "max_connections: -1 is no bound"},
		"advertised by the second": {good + "advertise = \"192.0.2.1:5060\"\n" + good + "advertise = \"here\"\n", 6, `advertise: "here" is not IP:PORT`},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, c.text)
			_, err := Read(path)
			if err == nil {
				t.Fatal("no error")
			}
			text, ok := strings.CutPrefix(err.Error(), fmt.Sprintf("%s:%d: ", path, c.line))
			if !ok || !strings.Contains(text, c.want) {
				t.Errorf("got  %v\nwant line %d: …%s…", err, c.line, c.want)
			}
		})
	}
}

func TestReadNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.toml")
	if _, err := Read(path); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}

// A caller that keeps an error of Check in an error must see nil as nil.
func TestCheckNil(t *testing.T) {
	c := Default()
	if err := c.Check(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	c.Listeners = []Listener{{Address: DefaultListen}, {Address: "udp:[::]:5060"}}
	var bad *Error
	if err := c.Check(); !errors.As(err, &bad) || bad.Key != "address" || bad.Listener != 2 {
		t.Errorf("got %v", err)
	}
}

func TestDefaultAdmin(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1000")
	if got := DefaultAdmin(); got != "/run/user/1000/tandem.sock" {
		t.Errorf("got %s", got)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", "/var/tmp")
	if got, want := DefaultAdmin(), fmt.Sprintf("/var/tmp/tandem-%d.sock", os.Getuid()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever a file holds, it is a configuration that can be used or an error with a line of the file.
func FuzzParse(f *testing.F) {
	f.Add("scripts = \"routes\"\n[[listener]]\naddress = \"udp:127.0.0.1:5060\"\n")
	f.Add("listener = [{address = \"udp:[::1]:5060\"}, 1]\nbudget = 1e3\n")
	f.Add("'log' = \"\"\"\ninfo\"\"\"\n[listener.x]\n")
	located := regexp.MustCompile(`^/etc/tandem\.toml:(\d+): .`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse("/etc/tandem.toml", []byte(text))
		if err == nil {
			if err := c.Check(); err != nil {
				t.Errorf("Check refuses what was taken: %v", err)
			}
			return
		}
		m := located.FindStringSubmatch(err.Error())
		if m == nil {
			t.Fatalf("no file and line: %v", err)
		}
		if line, _ := strconv.Atoi(m[1]); line < 1 || line > strings.Count(text, "\n")+1 {
			t.Errorf("line %s of %d: %v", m[1], strings.Count(text, "\n")+1, err)
		}
	})
}
