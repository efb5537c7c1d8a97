package auth_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
	"pgregory.net/rapid"

	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/message"
)

const realm = "pbx.example"

var source = netip.MustParseAddr("192.0.2.100")

// rig is one or more checkers that share a memory.
type rig struct {
	t        testing.TB
	cfg      *auth.Config
	checkers []*auth.Checker
	n        uint64
}

func newRig(t testing.TB, shards int, users ...auth.User) *rig {
	t.Helper()
	if users == nil {
		users = []auth.User{{Name: "100", Password: "secret"}, {Name: "101", Password: "other"}}
	}
	u, err := auth.NewUsers(realm, users)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, cfg: &auth.Config{Users: u}}
	memory := auth.NewShared()
	for range shards {
		r.checkers = append(r.checkers, auth.NewChecker(r.cfg, [32]byte{1}, func() uint64 { r.n++; return r.n * 0x9e3779b97f4a7c15 }, memory))
	}
	return r
}

// challenge returns the challenges that one checker makes.
func (r *rig) challenge(shard int, now clock.Time, from netip.Addr, stale bool) []*digest.Challenge {
	r.t.Helper()
	ch := r.checkers[shard].Challenge(now, from, stale)
	var list []*digest.Challenge
	for line := range strings.Lines(string(ch.Append(nil, message.ProxyAuthenticate, 0))) {
		v, ok := strings.CutPrefix(line, "Proxy-Authenticate: ")
		c, err := digest.ParseChallenge(strings.TrimSuffix(v, "\r\n"))
		if !ok || err != nil {
			r.t.Fatalf("%q: %v", line, err)
		}
		list = append(list, c)
	}
	return list
}

// answer is what a phone says to a challenge.
func (r *rig) answer(c *digest.Challenge, user, password string, change ...func(o *digest.Options)) *digest.Credentials {
	r.t.Helper()
	o := digest.Options{Method: "INVITE", URI: "sip:200@pbx.example", Count: 1, Username: user, Password: password, Cnonce: "salt"}
	for _, f := range change {
		f(&o)
	}
	cr, err := digest.Digest(c, o)
	if err != nil {
		r.t.Fatal(err)
	}
	return cr
}

// request returns a request to 200 with fields.
func request(t testing.TB, method string, fields ...string) *message.Message {
	t.Helper()
	var m message.Message
	text := method + " sip:200@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.100;branch=z9hG4bKa\r\nFrom: <sip:100@pbx.example>;tag=a\r\nTo: <sip:200@pbx.example>\r\n" +
		"Call-ID: a\r\nCSeq: 1 " + method + "\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	if err := m.Parse([]byte(text)); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return &m
}

func (r *rig) check(shard int, now clock.Time, fields ...string) (auth.Verdict, string) {
	r.t.Helper()
	v, user, _ := r.checkers[shard].Check(now, request(r.t, "INVITE", fields...), source)
	return v, user
}

func (r *rig) want(now clock.Time, v auth.Verdict, fields ...string) {
	r.t.Helper()
	if got, _ := r.check(0, now, fields...); got != v {
		r.t.Errorf("got %v, want %v for %q", got, v, fields)
	}
}

func proxy(c fmt.Stringer) string { return "Proxy-Authorization: " + c.String() }

// The better algorithm stands first (RFC 8760 §2.4), each nonce is another, and a phone that knows only one finds it.
func TestChallenge(t *testing.T) {
	r := newRig(t, 1)
	list := r.challenge(0, 0, source, false)
	if len(list) != 2 || list[0].Algorithm != "SHA-256" || list[1].Algorithm != "MD5" {
		t.Fatalf("%v", list)
	}
	for _, c := range list {
		if c.Realm != realm || len(c.QOP) != 1 || c.QOP[0] != "auth" || c.Stale || len(c.Nonce) < 20 {
			t.Errorf("%v", c)
		}
	}
	if again := r.challenge(0, 0, source, true); again[0].Nonce == list[0].Nonce || !again[0].Stale {
		t.Errorf("%v", again[0])
	}
}

// Whoever says that he is a user of ours is asked, however he writes it.
func TestUserOf(t *testing.T) {
	users, err := auth.NewUsers(realm, []auth.User{{Name: "100", Password: "x"}, {Name: "a.b", Password: "x"}, {Name: "7;x", Password: "x"}, {Name: "+49891", Password: "x"}})
	if err != nil {
		t.Fatal(err)
	}
	c := &auth.Config{Users: users, Domains: []string{"pbx.example", "[2001:db8::1]"}}
	for from, want := range map[string]string{
		"<sip:100@pbx.example>;tag=a":         "100",
		"sip:100@pbx.example;tag=a":           "100",
		"<sip:100@PBX.Example.:5060>":         "100",
		"<sips:%31%300@pbx.example>":          "100",
		"<sip:100:guess@pbx.example>":         "100",
		"<sip:100;isub=1@pbx.example>":        "100",
		"<sip:1%2D00%3Bx@pbx.example>":        "100",
		"<sip:(1)0-0@pbx.example;user=phone>": "100",
		"<sip:100@[2001:DB8:0:0::1]>":         "100",
		"<tel:1-00;ext=5>":                    "100",
		"<tel:+49-89-1>":                      "+49891",
		"<sip:a.b@pbx.example>":               "a.b",
		"<sip:a.b;x@pbx.example>":             "a.b",
		"<sip:7;x@pbx.example>":               "7;x",
		"<sip:ab@pbx.example>":                "",
		"<sip:a-.b@pbx.example>":              "",
		"<sip:;100@pbx.example>":              "",
		"<sip:100@other.example>":             "",
		"<sip:100@[2001:db8::2]>":             "",
		"<sip:100@pbx.example..>":             "",
		"<sip:pbx.example>":                   "",
		"<im:100@pbx.example>":                "",
	} {
		if got := string(c.UserOf([]byte(from))); got != want {
			t.Errorf("%s: %q, want %q", from, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	second := clock.Time(time.Second)
	r := newRig(t, 1)
	fresh := func(i int) *digest.Challenge { return r.challenge(0, 10*second, source, false)[i] }
	uri := func(s string) func(o *digest.Options) { return func(o *digest.Options) { o.URI = s } }
	plain := func(c *digest.Challenge) *digest.Challenge { c.QOP = nil; return c }
	for name, c := range map[string]struct {
		field string
		at    clock.Time
		want  auth.Verdict
	}{
		"SHA-256":             {proxy(r.answer(fresh(0), "100", "secret")), 11 * second, auth.Right},
		"MD5":                 {proxy(r.answer(fresh(1), "100", "secret")), 11 * second, auth.Right},
		"no qop":              {proxy(r.answer(plain(fresh(1)), "100", "secret")), 11 * second, auth.Right},
		"field of a 401":      {"Authorization: " + r.answer(fresh(0), "100", "secret").String(), 11 * second, auth.Right},
		"wrong password":      {proxy(r.answer(fresh(0), "100", "Secret")), 11 * second, auth.Wrong},
		"that of another":     {proxy(r.answer(fresh(0), "100", "other")), 11 * second, auth.Wrong},
		"stranger":            {proxy(r.answer(fresh(0), "999", "secret")), 11 * second, auth.Wrong},
		"end of its life":     {proxy(r.answer(fresh(0), "100", "secret")), 310 * second, auth.Right},
		"old":                 {proxy(r.answer(fresh(0), "100", "secret")), 311 * second, auth.Stale},
		"old and wrong":       {proxy(r.answer(fresh(0), "100", "no")), 311 * second, auth.Wrong},
		"another URI":         {proxy(r.answer(fresh(0), "100", "secret", uri("sip:201@pbx.example"))), 11 * second, auth.None},
		"another host":        {proxy(r.answer(fresh(0), "100", "secret", uri("sip:200@other.example"))), 11 * second, auth.None},
		"sips":                {proxy(r.answer(fresh(0), "100", "secret", uri("sips:200@pbx.example"))), 11 * second, auth.None},
		"URI with port":       {proxy(r.answer(fresh(0), "100", "secret", uri("sip:200@PBX.example:5060;transport=tcp"))), 11 * second, auth.Right},
		"URI of another form": {proxy(r.answer(fresh(0), "100", "secret", uri("sip:%32%30%30@pbx.example"))), 11 * second, auth.Right},
		"no URI":              {proxy(r.answer(fresh(0), "100", "secret", uri("200"))), 11 * second, auth.None},
		"capital digits":      {upperResponse(proxy(r.answer(fresh(1), "100", "secret"))), 11 * second, auth.Right},
		"other method":        {proxy(r.answer(fresh(0), "100", "secret", func(o *digest.Options) { o.Method = "BYE" })), 11 * second, auth.Wrong},
		"nonce of another source": {
			proxy(r.answer(r.challenge(0, 10*second, netip.MustParseAddr("192.0.2.101"), false)[0], "100", "secret")), 11 * second, auth.Foreign,
		},
		"made-up nonce": {proxy(r.answer(&digest.Challenge{Realm: realm, Nonce: strings.Repeat("A", 28), Algorithm: "MD5"}, "100", "no")), 11 * second, auth.Foreign},
		"session":       {strings.Replace(proxy(r.answer(fresh(1), "100", "secret")), "algorithm=MD5", "algorithm=MD5-sess", 1), 11 * second, auth.None},
		"other realm":   {strings.Replace(proxy(r.answer(fresh(1), "100", "secret")), realm, "gw.example", 1), 11 * second, auth.None},
		"none":          {"Subject: none", 11 * second, auth.None},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			r.want(c.at, c.want, c.field)
		})
	}
}

func upperResponse(field string) string {
	i := strings.Index(field, `response="`) + len(`response="`)
	return field[:i] + strings.ToUpper(field[i:])
}

// Of several fields that of our realm counts, wherever it stands.
func TestCheckOneOfSeveral(t *testing.T) {
	r := newRig(t, 1)
	c := r.challenge(0, 0, source, false)
	foreign := `Proxy-Authorization: Digest username="100", realm="gw.example", nonce="x", uri="sip:a", response="` + strings.Repeat("0", 32) + `"`
	v, user := r.check(0, 1, foreign, "Proxy-Authorization: Basic MTAwOng=", proxy(r.answer(c[0], "101", "other")), foreign)
	if v != auth.Right || user != "101" {
		t.Errorf("%v %q", v, user)
	}
}

// Every use of a nonce has to have a higher count, whichever shard is asked; what has none is good once.
func TestCount(t *testing.T) {
	r := newRig(t, 3)
	c := r.challenge(0, 0, source, false)[0]
	said := func(n int) string {
		return proxy(r.answer(c, "100", "secret", func(o *digest.Options) { o.Count = n }))
	}
	for i, s := range []struct {
		shard, n int
		want     auth.Verdict
	}{{1, 1, auth.Right}, {1, 1, auth.Stale}, {2, 1, auth.Stale}, {2, 5, auth.Right}, {0, 4, auth.Stale}, {0, 6, auth.Right}} {
		if v, _ := r.check(s.shard, 1, said(s.n)); v != s.want {
			t.Errorf("step %d: count %d on shard %d: %v", i, s.n, s.shard, v)
		}
	}
	old := *r.challenge(0, 0, source, false)[1]
	old.QOP = nil
	plain := proxy(r.answer(&old, "100", "secret"))
	r.want(1, auth.Right, plain)
	r.want(1, auth.Stale, plain)
}

// A copy of a failure has the mark of the first one.
func TestMark(t *testing.T) {
	r := newRig(t, 1)
	c := r.challenge(0, 0, source, false)[0]
	mark := func(password string) uint64 {
		v, _, mark := r.checkers[0].Check(1, request(t, "INVITE", proxy(r.answer(c, "100", password))), source)
		if v != auth.Wrong {
			t.Errorf("%v", v)
		}
		return mark
	}
	if first := mark("a"); first != mark("a") || first == mark("b") {
		t.Error("marks do not tell failures apart")
	}
}

// Users may be known by the HA1 of a password; what is offered is what all of them can do.
func TestHA1(t *testing.T) {
	md5 := auth.User{Name: "100", HA1: [2]string{auth.MD5: strings.ToUpper(auth.HA1(auth.MD5, "100", realm, "secret"))}}
	sha := auth.User{Name: "101", HA1: [2]string{auth.SHA256: auth.HA1(auth.SHA256, "101", realm, "other")}}
	r := newRig(t, 1, md5, auth.User{Name: "102", Password: "third"})
	c := r.challenge(0, 0, source, false)
	if len(c) != 1 || c[0].Algorithm != "MD5" {
		t.Fatalf("%v", c)
	}
	r.want(1, auth.Right, proxy(r.answer(c[0], "100", "secret")))
	c = newRig(t, 1, sha).challenge(0, 0, source, false)
	if len(c) != 1 || c[0].Algorithm != "SHA-256" {
		t.Fatalf("%v", c)
	}
	if _, err := auth.NewUsers(realm, []auth.User{md5, sha}); err == nil {
		t.Error("no algorithm is for both")
	}
	if _, err := auth.NewUsers(realm, []auth.User{md5}, auth.SHA256); err == nil {
		t.Error("the algorithm that is wanted is not for him")
	}
	u, err := auth.NewUsers(realm, []auth.User{{Name: "102", Password: "third"}}, auth.MD5)
	if err != nil {
		t.Fatal(err)
	}
	if ch := auth.NewChecker(&auth.Config{Users: u}, [32]byte{}, func() uint64 { return 1 }, auth.NewShared()).Challenge(0, source, false); ch.Len() != 1 {
		t.Errorf("%d algorithms are offered where one is wanted", ch.Len())
	}
	if got, want := auth.HA1(auth.MD5, "Mufasa", "http-auth@example.org", "Circle of Life"), "3d78807defe7de2157e2b0b6573a855f"; got != want {
		t.Errorf("%s", got) // of RFC 7616 §3.9.1
	}
}

// The example of RFC 7616 §3.9.1.
func TestParse(t *testing.T) {
	const field = `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
		`cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	c, ok := auth.Parse([]byte(field))
	if !ok || string(c.Username) != "Mufasa" || c.Count != 1 || c.Algorithm != auth.MD5 {
		t.Fatalf("%+v %v", c, ok)
	}
	for name, change := range map[string][2]string{
		"scheme":            {"Digest ", "Basic "},
		"no scheme":         {"Digest ", ""},
		"twice":             {"nc=00000001", `nc=00000001, nc=00000002`},
		"twice algorithm":   {"algorithm=MD5", `algorithm=MD5, Algorithm=SHA-256`},
		"algorithm":         {"algorithm=MD5", `algorithm=SHA-512-256`},
		"length":            {`response="8c`, `response="`},
		"count 0":           {"nc=00000001", "nc=00000000"},
		"count below 0":     {"nc=00000001", "nc=-0000001"},
		"long count":        {"nc=00000001", "nc=000000001"},
		"no count":          {"nc=00000001, ", ""},
		"auth-int":          {"qop=auth", "qop=auth-int"},
		"hashed name":       {"algorithm=MD5", "algorithm=MD5, userhash=true"},
		"encoded name":      {"algorithm=MD5", "algorithm=MD5, username*=UTF-8''x"},
		"no quotation mark": {`realm="http-auth@example.org"`, `realm="http-auth@example.org`},
		"marks within":      {`realm="http-auth@example.org"`, `realm="a"b"`},
		"no value":          {"algorithm=MD5", "algorithm"},
		"too long":          {"opaque=", `opaque="` + strings.Repeat("x", 3000) + `", z=`},
	} {
		t.Run(name, func(t *testing.T) {
			v := strings.Replace(field, change[0], change[1], 1)
			if c, ok := auth.Parse([]byte(v)); ok || v == field {
				t.Errorf("%+v", c)
			}
		})
	}
}

// Whatever stands in the field, reading it ends, writes nothing, and what it takes is whole.
func FuzzParse(f *testing.F) {
	f.Add(`Digest username="a\"b", realm="x", nonce="n", uri="sip:a@b", response="00000000000000000000000000000000", qop=auth, nc=00000001, cnonce=""`)
	f.Add("Digest \x00=,,=\"\\")
	f.Fuzz(func(t *testing.T, v string) {
		b := []byte(v)
		c, ok := auth.Parse(b)
		if string(b) != v {
			t.Error("written to")
		}
		if ok && (len(c.Username) == 0 || len(c.Nonce) == 0 || len(c.Response) != c.Algorithm.Size() || c.QOP != nil && c.Count == 0) {
			t.Errorf("taken: %+v", c)
		}
	})
}

// Credentials in any order of parameters, with any quoting, say the same; a wrong byte in the password never does.
func TestAnyPhone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[a-z0-9 "\\.+-]{1,12}`).Draw(rt, "name")
		password := rapid.StringMatching(`[ -~]{1,20}`).Draw(rt, "password")
		r := newRig(t, 1, auth.User{Name: name, Password: password})
		c := r.challenge(0, 0, source, false)[rapid.IntRange(0, 1).Draw(rt, "algorithm")]
		said := rapid.SampledFrom([]string{password, password + "x", strings.ToUpper(password) + "y"}).Draw(rt, "said")
		cr := r.answer(c, name, said)
		parts := []string{
			"username=" + message.Quote(name), "realm=" + message.Quote(cr.Realm), `nonce="` + cr.Nonce + `"`, `uri="` + cr.URI + `"`, "algorithm=" + cr.Algorithm,
			`response="` + cr.Response + `"`, "qop=auth", "nc=00000001", `cnonce="salt"`, `unknown="x,y"`,
		}
		parts = rapid.Permutation(parts).Draw(rt, "order")
		want := auth.Wrong
		if said == password {
			want = auth.Right
		}
		if v, user := r.check(0, 1, "Proxy-Authorization: digest  "+strings.Join(parts, rapid.SampledFrom([]string{",", ", ", " ,\t"}).Draw(rt, "comma"))); v != want || user != name {
			rt.Fatalf("%v %q, want %v", v, user, want)
		}
	})
}

// No use of a nonce is taken twice, however many nonces are used meanwhile.
func TestMemoryIsBounded(t *testing.T) {
	s := auth.NewShared()
	id := func(i int, second uint32) (id auth.NonceID) {
		copy(id[:], []byte{byte(second >> 24), byte(second >> 16), byte(second >> 8), byte(second), byte(i >> 16), byte(i >> 8), byte(i)})
		return id
	}
	until := clock.Time(time.Hour)
	if !s.Use(0, id(0, 5), 1, until) {
		t.Fatal("the first use is refused")
	}
	for i := 1; i <= 3000; i++ { // all of one stripe
		if !s.Use(0, id(i, 5+uint32(i)), 1, until) {
			t.Fatal("a first use is refused", i)
		}
	}
	if s.Use(0, id(0, 5), 2, until) || s.Use(0, id(9999, 100), 1, until) {
		t.Error("a nonce as old as one that was forgotten is good")
	}
	if !s.Use(0, id(9999, 3000), 1, until) || s.Use(0, id(3000, 3005), 1, until) {
		t.Error("a later one is not, or a use is taken twice")
	}
}

// A nonce that was used is not good again when nonces live longer from a reload on, though its time was over and its place was needed.
func TestNonceOutlivesItsTime(t *testing.T) {
	s, second := auth.NewShared(), clock.Time(time.Second)
	used, next := auth.NonceID{3: 1}, auth.NonceID{3: 20, 4: 1} // of one stripe
	if !s.Use(second, used, 1, 11*second) || !s.Use(20*second, next, 1, 3600*second) {
		t.Fatal("a first use is refused")
	}
	if s.Use(21*second, used, 1, 3600*second) {
		t.Error("a use is taken twice")
	}
}

// Failures count within their window, copies once.
func TestFail(t *testing.T) {
	s, window := auth.NewShared(), time.Minute
	fail := func(at time.Duration, mark uint64) string {
		n, copied := s.Fail(clock.Time(at), source, mark, window)
		return fmt.Sprint(n, copied)
	}
	for i, c := range []struct {
		at   time.Duration
		mark uint64
		want string
	}{
		{0, 7, "1 false"},
		{1, 7, "1 true"},
		{2, 0, "2 false"},
		{3, 0, "2 true"},
		{time.Second, 8, "3 false"},
		{59 * time.Second, 9, "4 false"},
		{time.Minute, 9, "1 false"},
		{61 * time.Second, 7, "2 false"},
	} {
		if got := fail(c.at, c.mark); got != c.want {
			t.Errorf("step %d: %s, want %s", i, got, c.want)
		}
	}
	if n, _ := s.Fail(0, netip.MustParseAddr("192.0.2.101"), 7, window); n != 1 {
		t.Error("sources share a count")
	}
}

// Who has more addresses than are remembered is not counted short for that; when the time of all is over, everybody begins anew.
func TestFailFromEverywhere(t *testing.T) {
	const rounds, addresses = 4, 34_000
	s, highest := auth.NewShared(), 0
	from := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for round := range rounds {
		for i := range addresses {
			n, _ := s.Fail(clock.Time(round), from(i), uint64(round), time.Minute)
			if highest = max(highest, n); n < round+1 {
				t.Fatalf("address %d is counted %d failures in round %d", i, n, round)
			}
		}
	}
	if highest > 2*rounds { // by what others had
		t.Errorf("somebody is counted %d failures", highest)
	}
	if n, _ := s.Fail(clock.Time(2*time.Minute), source, 1, time.Minute); n != 1 {
		t.Errorf("%d: it was kept", n)
	}
}

// What a request without credentials costs, one with wrong ones, and one of a stranger.
func BenchmarkCheck(b *testing.B) {
	r := newRig(b, 1)
	c := r.challenge(0, 0, source, false)[1]
	for name, fields := range map[string][]string{
		"none": nil, "wrong": {proxy(r.answer(c, "100", "no"))}, "stranger": {proxy(r.answer(c, "999", "no"))}, "stale": {proxy(r.answer(c, "100", "secret"))},
	} {
		m := request(b, "INVITE", fields...)
		r.checkers[0].Check(1, m, source)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.checkers[0].Check(1, m, source)
			}
		})
	}
	b.Run("challenge", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, 1024)
		for b.Loop() {
			ch := r.checkers[0].Challenge(1, source, false)
			buf = ch.Append(buf[:0], message.ProxyAuthenticate, 0)
		}
	})
}
