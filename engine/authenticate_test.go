package engine_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/guard"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// asking has the engine ask callers for credentials: its users are 100 and 101.
func asking(change ...func(c *auth.Config)) func(*engine.Config) {
	users, err := auth.NewUsers("pbx.example", []auth.User{{Name: "100", Password: "secret"}, {Name: "101", Password: "other"}})
	if err != nil {
		panic(err)
	}
	return func(cfg *engine.Config) {
		a := &auth.Config{Users: users, Domains: []string{"pbx.example"}}
		for _, f := range change {
			f(a)
		}
		cfg.Auth = a
	}
}

func ofAll(c *auth.Config) { c.Calls = auth.OfAll }

func login(user, password string) *leg.Login {
	return &leg.Login{User: user, Password: password, Cnonce: "salt"}
}

// routed is a script that has every call go to one phone and notes whom it is of.
func routed(users *[]string) *script {
	note := func(c engine.Call) *plan.Node {
		*users = append(*users, c.User())
		return to("sip:a@192.0.2.11")
	}
	return &script{invite: note, request: note}
}

// Who is asked, and what comes of the answer.
func TestRFC_006_Credentials(t *testing.T) {
	const of100, stranger = "sip:100@pbx.example", "sip:alice@example.net"
	for name, c := range map[string]struct {
		from, to string
		login    *leg.Login
		change   []func(*engine.Config)
		final    int
		asked    int // challenges
		user     string
	}{
		"right":                         {from: of100, login: login("100", "secret"), final: 200, asked: 1, user: "100"},
		"none":                          {from: of100, final: 407, asked: 1},
		"wrong":                         {from: of100, login: login("100", "x"), final: 407, asked: 2},
		"unknown user":                  {from: of100, login: login("999", "x"), final: 407, asked: 2},
		"those of another":              {from: of100, login: login("101", "other"), final: 403, asked: 1},
		"stranger":                      {from: stranger, final: 200},
		"user of another domain":        {from: "sip:100@other.example", final: 200},
		"number of a user":              {from: "tel:1-00", final: 407, asked: 1},
		"number and more":               {from: "sip:1-00;isub=1@pbx.example.", final: 407, asked: 1},
		"number and more, right":        {from: "sip:1-00;isub=1@pbx.example.", login: login("100", "secret"), final: 200, asked: 1, user: "100"},
		"domain in capitals":            {from: "sip:100@PBX.example", final: 407, asked: 1},
		"any domain":                    {from: "sip:100@other.example", change: []func(*engine.Config){asking(func(c *auth.Config) { c.Domains = nil })}, final: 407, asked: 1},
		"stranger where all are":        {from: stranger, change: []func(*engine.Config){asking(ofAll)}, final: 407, asked: 1},
		"as somebody else where all":    {from: stranger, login: login("101", "other"), change: []func(*engine.Config){asking(ofAll)}, final: 200, asked: 1, user: "101"},
		"nobody is asked":               {from: of100, change: []func(*engine.Config){asking(func(c *auth.Config) { c.Calls = auth.OfNone })}, final: 200},
		"allowed source":                {from: of100, change: []func(*engine.Config){guarded(guard.Config{Access: [][]guard.Entry{{{Network: netip.MustParsePrefix("192.0.2.100/32"), Allow: true}}}})}, final: 200},
		"trusted source":                {from: of100, change: []func(*engine.Config){trusting("192.0.2.0/24")}, final: 200},
		"emergency":                     {from: of100, to: "sip:112@pbx.example", change: []func(*engine.Config){asking(ofAll), func(c *engine.Config) { c.Emergency = []string{"112"} }}, final: 200},
		"source that only is not known": {from: of100, login: login("100", "secret"), change: []func(*engine.Config){guarded(guard.Config{})}, final: 200, asked: 1, user: "100"},
	} {
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprint(name, " ", shards), func(t *testing.T) {
				var users []string
				r := newRig(t, routed(&users), shards, append([]func(*engine.Config){asking()}, c.change...)...)
				r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer()})
				var own *leg.Login
				if c.login != nil {
					own = login(c.login.User, c.login.Password)
				}
				call := r.call(sim.CallSpec{From: c.from, To: c.to, Login: own, HangupAfter: seconds(1)})
				if call.Final() != c.final {
					t.Errorf("the caller got %d, want %d", call.Final(), c.final)
				}
				if n := len(r.caller.Received("407")); n != c.asked {
					t.Errorf("asked %d times, want %d", n, c.asked)
				}
				if got := strings.Join(users, " "); (len(users) == 1) != (c.final == 200) || got != c.user {
					t.Errorf("the script saw %d calls, of %q, want %q", len(users), got, c.user)
				}
			})
		}
	}
}

// A request in a dialog, ACK and CANCEL are nobody's to be asked about; a REGISTER is, and gets a 401.
func TestRFC_006_OtherRequests(t *testing.T) {
	var users []string
	r := newRig(t, routed(&users), 1, asking(ofAll))
	r.odd = true
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer()})
	for i, c := range []struct{ method, uri, want string }{
		{"MESSAGE", "", "407"},
		{"SUBSCRIBE", "", "407"},
		{"PUBLISH", "", "407"},
		{"NOTIFY", "", "407"},
		{"OPTIONS", "", "407"},
		{"REGISTER", "sip:pbx.example", "401"},
		{"OPTIONS", "sip:pbx.example", "200"},
		{"BYE", "", "481"},
		{"FOO", "", "405"},
		{"CANCEL", "", "481"},
		{"ACK", "", ""},
	} {
		w := written{method: c.method, uri: c.uri, callID: fmt.Sprint("c", i), via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKb%d", i), more: "Event: presence\r\n"}
		before := len(r.caller.Log())
		r.write(r.caller, r.net.Now(), w.String())
		r.until(r.net.Now().Add(time.Second))
		var got string
		for _, l := range r.caller.Log()[before:] {
			if !l.Sent {
				got = string(l.Raw[len("SIP/2.0 "):][:3])
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.method, got, c.want)
		}
	}
	if len(users) > 0 {
		t.Errorf("the script was asked %d times", len(users))
	}
	r.run()
}

// A REGISTER is asked for credentials in the field of a registrar.
func TestRFC_006_Register(t *testing.T) {
	r := newRig(t, unrouted(t), 1, asking(func(c *auth.Config) { c.Calls = auth.OfNone }))
	r.odd = true
	r.write(r.caller, 0, written{method: "REGISTER", uri: "sip:pbx.example"}.String())
	r.run()
	got := first(t, r.caller, "401")
	if got.Get(message.WWWAuthenticate) == nil || got.Has(message.ProxyAuthenticate) {
		t.Errorf("%s", got.Bytes())
	}
}

// answered returns a request of 100 with credentials for the newest challenge that the caller got.
func (r *rig) answered(l *leg.Login, w written) string {
	r.t.Helper()
	list := r.caller.Received("407")
	l.Learn(parsed(r.t, list[len(list)-1]))
	if w.uri == "" {
		w.uri = "sip:200@pbx.example"
	}
	if w.method == "" {
		w.method = "INVITE"
	}
	w.from = "<sip:100@pbx.example>;tag=a"
	w.more += string(l.Append(nil, w.method, []byte(w.uri)))
	return w.String()
}

// unidentified has the caller send a request without credentials.
func (r *rig) unidentified(callID string) {
	r.write(r.caller, r.net.Now(), written{
		method: "MESSAGE", uri: "sip:200@pbx.example", from: "<sip:100@pbx.example>;tag=a", callID: callID, via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK" + callID,
	}.String())
	r.until(r.net.Now().Add(time.Second))
}

// A nonce is good for its lifetime and for rising counts, on every shard; who used an old one with the right password is told so.
func TestRFC_069_Nonces(t *testing.T) {
	var users []string
	r := newRig(t, routed(&users), 3, asking(func(c *auth.Config) { c.Lifetime = time.Minute }), guarded(guard.Config{}))
	r.odd = true
	r.phone("sip:a@192.0.2.11")
	r.unidentified("first")
	l := login("100", "secret")
	r.unidentified("again")
	send := func(callID string, l *leg.Login) string {
		before := len(r.caller.Log())
		r.write(r.caller, r.net.Now(), r.answered(l, written{method: "MESSAGE", callID: callID, via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK" + callID}))
		r.until(r.net.Now().Add(time.Second))
		for _, got := range r.caller.Log()[before:] {
			if m, err := got.Message(); err == nil && !got.Sent {
				return fmt.Sprint(m.Status(), bytes.Contains(m.Get(message.ProxyAuthenticate), []byte("stale=true")))
			}
		}
		return "nothing"
	}
	for i := range 6 {
		if got := send(fmt.Sprint("c", i), l); got != "200 false" {
			t.Errorf("count %d: %s", i+1, got)
		}
	}
	if got := send("d", login("100", "secret")); got != "407 true" {
		t.Errorf("a count that was used: %s", got)
	}
	r.until(r.net.Now().Add(2 * time.Minute))
	r.unidentified("third")
	old := login("100", "secret")
	w := r.answered(old, written{method: "MESSAGE", callID: "old"})
	r.until(r.net.Now().Add(2 * time.Minute))
	before := len(r.caller.Log())
	r.write(r.caller, r.net.Now(), w)
	r.run()
	for _, got := range r.caller.Log()[before:] {
		if m, err := got.Message(); err == nil && !got.Sent && !bytes.Contains(m.Bytes(), []byte("stale=true")) {
			t.Errorf("%s", m.Bytes())
		}
	}
}

// A phone whose nonce is of before a restart, or was for another address, has to hear that it is the nonce: else it takes its password for wrong (RFC 7616 §3.3). Whose From
// needs none is not asked for that.
func TestForeignNonce(t *testing.T) {
	var users []string
	r := newRig(t, routed(&users), 1, asking())
	r.odd = true
	r.phone("sip:a@192.0.2.11")
	r.unidentified("first")
	l := login("100", "guess")
	text := r.answered(l, written{method: "MESSAGE", callID: "old"})
	at := strings.Index(text, `nonce="`) + len(`nonce="`) + 8
	text = text[:at] + text[at+4:at+8] + text[at:at+4] + text[at+8:]
	r.write(r.caller, r.net.Now(), text)
	r.run()
	if got := header(t, copies(r.caller, "SIP/2.0 407")[1], "Proxy-Authenticate"); len(got) == 0 || !strings.Contains(got[0], "stale=true") {
		t.Errorf("asked again by %q", got)
	}
	text = strings.ReplaceAll(strings.Replace(text, "sip:100@", "sip:stranger@", 1), "z9hG4bKwritten", "z9hG4bKstranger")
	r.write(r.caller, r.net.Now(), text)
	r.run()
	if len(r.caller.Received("200")) != 1 || r.eng.Shards()[0].Stats().Failures != 0 {
		t.Errorf("%d answered, %d failures", len(r.caller.Received("200")), r.eng.Shards()[0].Stats().Failures)
	}
}

// Nothing is kept of who was asked, and no copy is sent, whatever becomes of the caller.
func TestRFC_070_Stateless(t *testing.T) {
	for name, tcp := range map[string]bool{"UDP": false, "TCP": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, unrouted(t), 1, asking(ofAll), func(c *engine.Config) {
				c.Locals = append(c.Locals, engine.Local{SentBy: pbx.String(), Addr: pbx.Addr(), Transport: flow.TCP})
			})
			r.odd = true
			w := written{from: "<sip:100@pbx.example>;tag=a"}
			f := flow.Flow{Remote: pbx}
			if tcp {
				w.via = "SIP/2.0/TCP 192.0.2.100:5060;branch=z9hG4bKwritten"
				f.Transport = flow.TCP
			}
			for i := range 3 {
				r.caller.SendRaw(at(time.Duration(i)*time.Second), f, []byte(w.String()))
				r.until(at(time.Duration(i)*time.Second + 500*time.Millisecond))
				if st := r.eng.Shards()[0].Stats(); st.Transactions+st.Timers != 0 || st.Challenges != uint64(i+1) {
					t.Errorf("%d transactions and %d timers are left after %d challenges", st.Transactions, st.Timers, st.Challenges)
				}
			}
			r.until(at(time.Minute))
			got := copies(r.caller, "SIP/2.0 407")
			if len(got) != 3 || header(t, got[0], "To")[0] != header(t, got[2], "To")[0] {
				t.Errorf("%d challenges to 3 copies", len(got))
			}
			r.run()
		})
	}
}

// Who made up the address that he is asked at has hardly more sent there than he sent: the bound of every refusal holds.
func TestRFC_115_ShortChallenge(t *testing.T) {
	for name, c := range map[string]struct {
		more  string
		named int // algorithms
		code  string
	}{
		"short": {"", 1, "407"}, "usual": {"X-Fill: " + strings.Repeat("x", 150) + "\r\n", 2, "407"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, unrouted(t), 1, guarded(guard.Config{}), asking(ofAll))
			r.odd = true
			in, out := r.spoofed(victim)
			for i := range 16 {
				w := written{uri: "sip:pbx.example", callID: fmt.Sprint("c", i), via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKa%d", i), more: c.more}
				r.write(r.caller, r.net.Now(), w.String())
				r.until(r.net.Now().Add(time.Second))
			}
			r.run()
			if got := float64(*out) / float64(*in); got > 1.5 {
				t.Errorf("%d octets for %d: %.2f times as many", *out, *in, got)
			}
			if got := header(t, copies(r.caller, "SIP/2.0 407")[0], "Proxy-Authenticate"); len(got) != c.named || !strings.Contains(got[len(got)-1], "MD5") {
				t.Errorf("%q", got)
			}
		})
	}
	t.Run("too short", func(t *testing.T) {
		r := newRig(t, unrouted(t), 1, guarded(guard.Config{}), asking(ofAll))
		r.odd = true
		in, out := r.spoofed(victim)
		r.write(r.caller, 0, "INVITE sip:b@c SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bKa\r\nf:<sip:a@b>;tag=1\r\nt:<sip:b@c>\r\ni:1\r\nCSeq:1 INVITE\r\nm:<sip:a@b>\r\n\r\n")
		r.run()
		count(t, r.caller, "400", 1)
		if *out > *in*2 {
			t.Errorf("%d octets for %d", *out, *in)
		}
	})
}

// The source of right credentials is trusted: what it is told is repeated until it is acknowledged.
func TestRFC_115_TrustByCredentials(t *testing.T) {
	r := newRig(t, &script{invite: func(engine.Call) *plan.Node { return nil }}, 1, guarded(guard.Config{}), asking())
	r.call(sim.CallSpec{From: "sip:100@pbx.example", Login: login("100", "secret")})
	if n := r.eng.Shards()[0].Stats().Untrusted; n != 0 {
		t.Errorf("%d refusals forgotten", n)
	}
}

// The failures of a source are counted whichever shards they come to, copies once, and ban it from all of them; right and stale credentials, and none, do not count.
func TestBanAfterFailures(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			var users []string
			r := newRig(t, routed(&users), shards, guarded(guard.Config{Failures: 4}), asking())
			r.odd = true
			r.phone("sip:a@192.0.2.11")
			asked := func(n int) {
				if got := len(copies(r.caller, "SIP/2.0 407")); got != n {
					t.Errorf("asked %d times, want %d", got, n)
				}
			}
			for i := range 6 {
				r.unidentified(fmt.Sprint("none", i))
			}
			var last string
			for i := range 3 {
				last = r.answered(login("100", fmt.Sprint("guess", i)), written{method: "MESSAGE", callID: fmt.Sprint("wrong", i), via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKw%d", i)})
				r.write(r.caller, r.net.Now(), last)
				r.until(r.net.Now().Add(time.Second))
			}
			r.write(r.caller, r.net.Now(), last) // a copy
			r.until(r.net.Now().Add(time.Second))
			r.unidentified("heard")
			asked(11)
			w := r.answered(login("999", "stranger"), written{method: "MESSAGE", callID: "last"})
			r.write(r.caller, r.net.Now(), w)
			r.until(r.net.Now().Add(time.Second))
			for i := range 6 { // any shard
				r.unidentified(fmt.Sprint("banned", i))
			}
			asked(11)
			var total engine.Stats
			for _, sh := range r.eng.Shards() {
				st := sh.Stats()
				total.Bans, total.Failures, total.Banned, total.Challenges = total.Bans+st.Bans, total.Failures+st.Failures, total.Banned+st.Banned, total.Challenges+st.Challenges
				if len(st.Sources) != 1 || st.Sources[0].Why != guard.Failed {
					t.Errorf("banned %v", st.Sources)
				}
			}
			if total.Bans != 1 || total.Failures != 4 || total.Banned != 6 || total.Challenges != 11 {
				t.Errorf("%d bans after %d failures, %d not heard, %d challenges", total.Bans, total.Failures, total.Banned, total.Challenges)
			}
			if n := r.logs.FilterMessage("credentials refused").Len(); n != 4 {
				t.Errorf("logged %d times", n)
			}
			r.until(r.net.Now().Add(2 * time.Minute))
			r.unidentified("later")
			asked(12)
			r.run()
		})
	}
}

// Nobody tells by the answers whether a user is there.
func TestNoEnumeration(t *testing.T) {
	var text []string
	for _, user := range []string{"100", "999"} {
		var users []string
		r := newRig(t, routed(&users), 1, guarded(guard.Config{Failures: 4}), asking(ofAll))
		r.odd = true
		r.unidentified("first")
		r.write(r.caller, r.net.Now(), r.answered(login(user, "guess"), written{method: "MESSAGE", callID: "second"}))
		r.run()
		list := copies(r.caller, "SIP/2.0 407")
		text = append(text, string(list[len(list)-1].Raw))
	}
	if text[0] != text[1] {
		t.Errorf("%s\n%s", text[0], text[1])
	}
}

// What a caller told us is nobody else's to read, also where a target's challenge is the caller's to meet.
func TestCredentialsStayHere(t *testing.T) {
	target := to("sip:a@192.0.2.11")
	target.Target.Auth.Pass = true
	r := newRig(t, always(target), 1, asking())
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer()})
	foreign := `Digest username="x", realm="gw.example", nonce="n", uri="sip:a", response="00000000000000000000000000000000"`
	r.call(sim.CallSpec{From: "sip:100@pbx.example", Login: login("100", "secret"), Headers: []sim.Header{{Name: "Authorization", Value: foreign}}, HangupAfter: seconds(1)})
	invite := a.Received("INVITE")[0]
	want(t, invite, "Authorization", foreign)
	want(t, invite, "Proxy-Authorization")
	ack := a.Received("ACK")[0]
	want(t, ack, "Proxy-Authorization")
}

// What a request costs that has to be asked for credentials, beside one that is refused without a script.
func BenchmarkChallenge(b *testing.B) {
	for name, method := range map[string]string{"asked": "INVITE", "refused": "FOO"} {
		b.Run(name, func(b *testing.B) {
			cfg := engine.Config{Clock: clock.NewVirtual(start), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}}, Rules: engine.Rules{Guard: &guard.Config{Ban: time.Minute}}}
			asking(ofAll)(&cfg)
			sh := engine.New(cfg, always(nil), 1).Shards()[0]
			sh.Connect(nowhere{})
			request, f := []byte(written{method: method}.String()), flow.Flow{Remote: victim}
			b.ReportAllocs()
			for now := clock.Time(0); b.Loop(); now += clock.Time(time.Minute) { // each is a new request
				sh.Tick(now)
				sh.Receive(now, f, request)
			}
		})
	}
}
