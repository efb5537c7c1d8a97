package engine_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
)

func challenge(code int, values ...string) sim.Behaviour {
	return sim.Behaviour{sim.Send(code, challenges(code, values...)...)}
}

func challenges(code int, values ...string) []sim.Header {
	var h []sim.Header
	for _, v := range values {
		h = append(h, sim.Header{Name: map[int]string{401: "WWW-Authenticate", 407: "Proxy-Authenticate"}[code], Value: v})
	}
	return h
}

// loggedIn returns a rig in which every call and every request goes to a phone with our credentials there.
func loggedIn(t *testing.T, does ...sim.Behaviour) (*rig, *sim.Phone) {
	t.Helper()
	n := target("sip:a@192.0.2.11", func(t *plan.Target) { t.Auth = plan.Auth{Login: &plan.Login{User: "tandem", Password: "secret"}} })
	s := always(n)
	s.request = requests(n).request
	r := newRig(t, s, 1)
	return r, r.phone("sip:a@192.0.2.11", does...)
}

// credentials checks the one value of a field of a request against RFC 7616 §3.4.1 and returns its parameters.
func credentials(t *testing.T, l *sim.Logged, field string) map[string]string {
	t.Helper()
	values := header(t, l, field)
	if len(values) != 1 {
		t.Fatalf("%s: %q", field, values)
	}
	p := map[string]string{}
	for _, part := range strings.Split(strings.TrimPrefix(values[0], "Digest "), ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		p[k] = strings.Trim(v, `"`)
	}
	h := func(parts ...string) string {
		s := []byte(strings.Join(parts, ":"))
		if p["algorithm"] == "SHA-256" {
			sum := sha256.Sum256(s)
			return hex.EncodeToString(sum[:])
		}
		sum := md5.Sum(s)
		return hex.EncodeToString(sum[:])
	}
	m := parsed(t, l)
	method := string(m.MethodName())
	if method == "ACK" {
		method = "INVITE"
	}
	a1, a2 := h("tandem", p["realm"], "secret"), h(method, p["uri"])
	want := h(a1, p["nonce"], a2)
	if p["qop"] != "" {
		want = h(a1, p["nonce"], p["nc"], p["cnonce"], p["qop"], a2)
	}
	if p["response"] != want || p["username"] != "tandem" || p["uri"] != string(m.RequestURI()) && method != "INVITE" {
		t.Errorf("%s %s: %q, want response %s", method, field, values[0], want)
	}
	return p
}

// A challenge to a target with credentials of its own is met by the leg; the caller hears nothing of it.
func TestRFC_026_OwnCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		code int
		ask  []string
		want map[string]string
	}{
		"MD5, no qop":            {401, []string{`Digest realm="a", nonce="1"`}, map[string]string{"realm": "a", "nonce": "1", "algorithm": "", "qop": ""}},
		"MD5":                    {407, []string{`Digest realm="a b", nonce="1", qop="auth", opaque="o", algorithm=MD5`}, map[string]string{"realm": "a b", "algorithm": "MD5", "qop": "auth", "opaque": "o", "nc": "00000001"}},
		"SHA-256":                {401, []string{`Digest realm="a", nonce="1", qop="auth-int, auth", algorithm=SHA-256`}, map[string]string{"algorithm": "SHA-256", "qop": "auth"}},
		"the first of a realm":   {401, []string{`Digest realm="a", nonce="1", algorithm=SHA-256`, `Digest realm="a", nonce="1", algorithm=MD5`}, map[string]string{"algorithm": "SHA-256"}},
		"the first that we know": {401, []string{`Basic realm="a"`, `Digest realm="a", nonce="1", algorithm=X`, `Digest realm="a", nonce="2"`}, map[string]string{"nonce": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := loggedIn(t, challenge(c.code, c.ask...), sim.After(time.Second))
			call := r.call(sim.CallSpec{HangupAfter: seconds(1)})
			got := a.Received("INVITE")
			if len(got) != 2 || !call.Answered() {
				t.Fatalf("%d INVITE, caller got %d", len(got), call.Final())
			}
			for _, field := range []string{"Call-ID", "From", "To", "Contact", "Max-Breadth"} {
				want(t, got[1], field, header(t, got[0], field)...)
			}
			want(t, got[1], "CSeq", "2 INVITE")
			p := credentials(t, got[1], map[int]string{401: "Authorization", 407: "Proxy-Authorization"}[c.code])
			for k, v := range c.want {
				if p[k] != v {
					t.Errorf("%s=%q, want %q", k, p[k], v)
				}
			}
			wantSeen(t, r.script, "ringing", "answered", "ended")
		})
	}
}

// What was learnt is said in every later request of the leg; a nonce that has gone stale is met inside the dialog, too.
func TestCredentialsInTheDialog(t *testing.T) {
	r, a := loggedIn(t, challenge(401, `Digest realm="a", nonce="1", qop="auth"`), sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(time.Second)})
	a.Reply("INFO", sim.Reply{Code: 401, Headers: challenges(401, `Digest realm="a", nonce="2", qop="auth", stale=true`)}, sim.Reply{Code: 200})
	c := r.place(sim.CallSpec{HangupAfter: seconds(9), Headers: []sim.Header{{Name: "Supported", Value: "100rel"}}})
	x := c.Request(at(3*time.Second), "INFO", nil, nil)
	y := c.Request(at(4*time.Second), "INVITE", nil, nil)
	r.run()
	if x.Code() != 200 || y.Code() != 200 {
		t.Errorf("INFO got %d, INVITE %d", x.Code(), y.Code())
	}
	count(t, a, "INFO", 2)
	var got []string
	for _, l := range a.Received("") {
		if m := parsed(t, l); m.IsRequest() && m.CSeq() > 1 {
			p := credentials(t, l, "Authorization")
			got = append(got, string(m.MethodName())+" "+p["nonce"]+" "+p["nc"][6:])
		}
	}
	want := []string{"INVITE 1 01", "PRACK 1 02", "ACK 1 01", "INFO 1 03", "INFO 2 01", "INVITE 2 02", "ACK 2 02", "BYE 2 03"}
	if !slices.Equal(got, want) {
		t.Errorf("credentials %q, want %q", got, want)
	}
}

// Credentials that are refused are not sent again, and nobody is asked for ever.
func TestCredentialsRefused(t *testing.T) {
	stale := func(n int) sim.Behaviour {
		return challenge(401, fmt.Sprintf(`Digest realm="a", nonce="%d", stale=true`, n))
	}
	for name, c := range map[string]struct {
		does    []sim.Behaviour
		invites int
		final   int
	}{
		"wrong password":       {[]sim.Behaviour{challenge(401, `Digest realm="a", nonce="1"`), challenge(401, `Digest realm="a", nonce="2"`)}, 2, 403},
		"the same nonce":       {[]sim.Behaviour{challenge(401, `Digest realm="a", nonce="1", stale=true`)}, 2, 403},
		"a stale nonce":        {[]sim.Behaviour{stale(1), stale(2), sim.Status(486, nil)}, 3, 486},
		"stale for ever":       {[]sim.Behaviour{stale(1), stale(2), stale(3), stale(4), stale(5), stale(6), stale(7), stale(8)}, 6, 403},
		"two realms":           {[]sim.Behaviour{challenge(407, `Digest realm="a", nonce="1"`), challenge(401, `Digest realm="a", nonce="2"`), sim.Status(486, nil)}, 3, 486},
		"nothing that we know": {[]sim.Behaviour{challenge(401, `Basic realm="a"`, `Digest realm="a", nonce="1", qop="auth-int"`, `Digest realm="a"`, `Digest`)}, 1, 403},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := loggedIn(t, c.does...)
			if call := r.call(sim.CallSpec{}); call.Final() != c.final {
				t.Errorf("caller got %d, want %d", call.Final(), c.final)
			}
			count(t, a, "INVITE", c.invites)
		})
	}
	t.Run("given up meanwhile", func(t *testing.T) {
		r, a := loggedIn(t, sim.Behaviour{{Act: sim.Pause}, sim.Send(401, challenges(401, `Digest realm="a", nonce="1"`)...).In(1200 * time.Millisecond)})
		r.script.invite = always(ring(time.Second, target("sip:a@192.0.2.11", func(t *plan.Target) { t.Auth = plan.Auth{Login: &plan.Login{User: "tandem"}} }))).invite
		r.call(sim.CallSpec{})
		count(t, a, "INVITE", 1)
	})
}

// Outside dialogs, and in the subscriptions that come of it, a target's challenge is met as well.
func TestCredentialsOutsideCalls(t *testing.T) {
	r, a := loggedIn(t)
	a.Reply("MESSAGE", sim.Reply{Code: 407, Headers: challenges(407, `Digest realm="a", nonce="1"`)}, sim.Reply{Code: 200})
	if x := r.ask(sim.RequestSpec{Method: "MESSAGE", Body: hello}); x.Code() != 200 {
		t.Errorf("MESSAGE got %d", x.Code())
	}
	got := a.Received("MESSAGE")
	if len(got) != 2 || body(t, got[1]) != "hello" {
		t.Fatalf("the target got %d MESSAGE", len(got))
	}
	credentials(t, got[1], "Proxy-Authorization")
	want(t, got[1], "CSeq", "2 MESSAGE")
}
