package http

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve starts a server and a client that trusts it.
func serve(t *testing.T, secure bool, c Config, h http.HandlerFunc) (*httptest.Server, *Client) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	if secure {
		s.StartTLS()
		c.Roots = x509.NewCertPool()
		c.Roots.AddCert(s.Certificate())
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, client(t, c)
}

func client(t *testing.T, c Config) *Client {
	t.Helper()
	cl, err := NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// do does what a script asks for, and says what came of it.
func do(t *testing.T, c *Client, src string) string {
	t.Helper()
	op, problem := script(t, c, "op = "+src)
	if problem != "" {
		t.Fatal(problem)
	}
	if op.Timeout == DefaultTimeout {
		op.Timeout = 2 * time.Minute // the machine may be slow
	}
	ctx, cancel := context.WithTimeout(context.Background(), op.Timeout)
	defer cancel()
	v, err := op.Work.(*Request).Do(ctx)
	if err != nil {
		return err.Error()
	}
	a := v.(*Answer)
	return fmt.Sprintf("%d %s", a.Status, a.Body)
}

func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s key=%s agent=%s host=%s %s", r.Proto, r.Method, r.URL, r.Header.Get("X-Key"), r.Header.Get("User-Agent"), r.Host, b)
}

func TestDo(t *testing.T) {
	s, c := serve(t, false, Config{}, echo)
	host := strings.TrimPrefix(s.URL, "http://")
	for src, want := range map[string]string{
		`http.get("` + s.URL + `/a?b=c", { headers = { ["X-Key"] = "k" } })`:                            `200 HTTP/1.1 GET /a?b=c key=k agent=Tandem host=` + host + ` `,
		`http.post("` + s.URL + `", { body = "text", headers = { ["User-Agent"] = "x", Host = "y" } })`: `200 HTTP/1.1 POST / key= agent=x host=y text`,
		`http.request("DELETE", "` + s.URL + `/x")`:                                                     `200 HTTP/1.1 DELETE /x key= agent=Tandem host=` + host + ` `,
	} {
		if got := do(t, c, src); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", src, got, want)
		}
	}
}

func TestTLS(t *testing.T) {
	s, c := serve(t, true, Config{}, echo)
	if got := do(t, c, `http.get("`+s.URL+`")`); !strings.HasPrefix(got, "200 HTTP/") {
		t.Error(got)
	}
	if got := do(t, client(t, Config{}), `http.get("`+s.URL+`")`); !strings.Contains(got, "certificate") {
		t.Errorf("an unknown authority was trusted: %s", got)
	}
}

// Requests one after the other share a connection.
func TestReuse(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := client(t, Config{})
	for range 10 {
		do(t, c, `http.get("`+s.URL+`")`)
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestSizeOfAnswers(t *testing.T) {
	s, c := serve(t, false, Config{}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 1000))
	})
	if got := do(t, c, `http.get("`+s.URL+`", { max_body = 1000 })`); got != "200 "+strings.Repeat("x", 1000) {
		t.Error(got)
	}
	if got := do(t, c, `http.get("`+s.URL+`", { max_body = 999 })`); got != "the answer is longer than 999 bytes" {
		t.Error(got)
	}
}

func TestRedirects(t *testing.T) {
	s, c := serve(t, false, Config{}, func(w http.ResponseWriter, r *http.Request) {
		n := 0
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		if n == 0 {
			fmt.Fprint(w, "there")
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d", n-1), http.StatusFound)
	})
	for src, want := range map[string]string{
		`http.get("` + s.URL + `/5")`:                    "200 there",
		`http.get("` + s.URL + `/6")`:                    "more than 5 redirects",
		`http.get("` + s.URL + `/1", { redirects = 1 })`: "200 there",
		`http.get("` + s.URL + `/2", { redirects = 1 })`: "more than 1 redirects",
	} {
		if got := do(t, c, src); got != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
	}
	if got := do(t, c, `http.get("`+s.URL+`/3", { redirects = 0 })`); !strings.HasPrefix(got, "302 ") {
		t.Error(got)
	}
}

// A redirect does not lead off https, nor to a server that may not be asked.
func TestRedirectsElsewhere(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(echo))
	defer plain.Close()
	to := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL, http.StatusFound) }
	s, c := serve(t, true, Config{}, to)
	if got := do(t, c, `http.get("`+s.URL+`")`); got != "redirected from https to http" {
		t.Error(got)
	}
	o := httptest.NewServer(http.HandlerFunc(to))
	defer o.Close()
	c = client(t, Config{Allow: []string{strings.TrimPrefix(o.URL, "http://")}})
	host := strings.TrimPrefix(plain.URL, "http://")
	if got, want := do(t, c, `http.get("`+o.URL+`")`), "not allowed: "+host+" is not in allow of [http]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAllow(t *testing.T) {
	s, _ := serve(t, false, Config{}, echo)
	u, _ := url.Parse(s.URL)
	for _, c := range []struct {
		allow []string
		want  string
	}{
		{[]string{u.Host}, "200"},
		{[]string{u.Hostname()}, "200"},
		{[]string{"192.0.2.5", u.Host}, "200"},
		{[]string{u.Hostname() + ":1"}, "not allowed: " + u.Host + " is not in allow of [http]"},
		{[]string{"192.0.2.5:80"}, "not allowed: " + u.Host + " is not in allow of [http]"},
	} {
		if got := do(t, client(t, Config{Allow: c.allow}), `http.get("`+s.URL+`")`); !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: got %s", c.allow, got)
		}
	}
}

// Variables of the environment send nothing elsewhere; a proxy that is configured is used.
func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "proxy for "+r.URL.String()) }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	const src = `http.get("http://nowhere.invalid/x")`
	if got := do(t, client(t, Config{}), `http.get("http://nowhere.invalid/x", { timeout = 1 })`); strings.Contains(got, "proxy for") {
		t.Errorf("the environment was obeyed: %s", got)
	}
	if got := do(t, client(t, Config{Proxy: proxy.URL}), src); got != "200 proxy for http://nowhere.invalid/x" {
		t.Error(got)
	}
}

func TestErrors(t *testing.T) {
	s, c := serve(t, false, Config{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			<-r.Context().Done()
		case "/torn":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
		case "/headers":
			w.Header().Set("X", strings.Repeat("x", 1<<17))
		}
	})
	closed := httptest.NewServer(http.HandlerFunc(echo))
	closed.Close()
	for src, want := range map[string]string{
		`http.get("` + s.URL + `/slow", { timeout = 0.05 })`: "context deadline exceeded",
		`http.get("` + s.URL + `/torn")`:                     "unexpected EOF",
		`http.get("` + s.URL + `/headers")`:                  "server response headers exceeded",
		`http.get("` + closed.URL + `")`:                     "connection refused",
	} {
		if got := do(t, c, src); !strings.Contains(got, want) || strings.Contains(got, "http://") {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
	}
	r := &Request{URL: &url.URL{Scheme: "http", Host: "h"}}
	if _, err := r.Do(context.Background()); err == nil {
		t.Error("a request without a client was done")
	}
}

// A request that nobody waits for any more ends.
func TestCancel(t *testing.T) {
	begun := make(chan bool)
	s, c := serve(t, false, Config{}, func(_ http.ResponseWriter, r *http.Request) { close(begun); <-r.Context().Done() })
	op, _ := script(t, c, `op = http.get("`+s.URL+`")`)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	go func() { <-begun; cancel() }()
	if _, err := op.Work.(*Request).Do(ctx); err == nil || ctx.Err() != context.Canceled {
		t.Error(err)
	}
}
