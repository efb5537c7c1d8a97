package http

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config says what a Client may do. The zero value lets it ask everybody, without a proxy.
type Config struct {
	// Allow are the servers that may be asked, "host:port", or "host" for every port; empty = all. Redirects are held to it.
	Allow []string
	// Proxy is the URL of a proxy, "" = none: variables of the environment are not looked at.
	Proxy string
	// Roots are the certificates that servers are checked with; nil = the machine's.
	Roots *x509.CertPool
	// PerHost is how many connections to a host are kept for reuse; 0 = 32.
	PerHost int
	// Agent is the User-Agent; "" = "Tandem".
	Agent string
}

// Check says what is wrong with the configuration.
func (c *Config) Check() error {
	for _, a := range c.Allow {
		host, port := splitHost(a)
		if _, err := strconv.ParseUint(port, 10, 16); host == "" || strings.ContainsAny(host, "/@ *") || strings.Contains(a, ":") && err != nil {
			return fmt.Errorf("allow: %q is not HOST:PORT", a)
		}
	}
	if c.Proxy != "" {
		if u, err := url.Parse(c.Proxy); err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
			return fmt.Errorf("proxy: %q is no URL of a proxy; write http://HOST:PORT", c.Proxy)
		}
	}
	return nil
}

func splitHost(s string) (host, port string) {
	if h, p, err := net.SplitHostPort(s); err == nil {
		return strings.ToLower(h), p
	}
	return strings.ToLower(strings.Trim(s, "[]")), ""
}

// Client asks servers. It is safe for use by several goroutines.
type Client struct {
	transport *http.Transport
	allow     map[string]bool // nil = all
	agent     string
}

// NewClient returns a client. The error is that of Config.Check.
func NewClient(c Config) (*Client, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.PerHost <= 0 {
		c.PerHost = 32
	}
	cl := &Client{agent: c.Agent}
	if cl.agent == "" {
		cl.agent = "Tandem"
	}
	dial := &net.Dialer{Timeout: MaxTimeout, KeepAlive: 30 * time.Second}
	cl.transport = &http.Transport{
		DialContext: dial.DialContext, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
		MaxIdleConns: 256, MaxIdleConnsPerHost: c.PerHost, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, ExpectContinueTimeout: time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	if c.Proxy != "" {
		u, _ := url.Parse(c.Proxy) // Check has parsed it
		cl.transport.Proxy = http.ProxyURL(u)
	}
	for _, a := range c.Allow {
		if cl.allow == nil {
			cl.allow = make(map[string]bool)
		}
		host, port := splitHost(a)
		cl.allow[net.JoinHostPort(host, port)] = true
	}
	return cl, nil
}

// Close lets go of the connections that are kept for reuse.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// hostPort returns the host and the port of a URL, in lower case.
func hostPort(u *url.URL) (host, port string) {
	port = u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return strings.ToLower(u.Hostname()), port
}

// permit refuses a server that may not be asked.
func (c *Client) permit(u *url.URL) error {
	host, port := hostPort(u)
	if c.allow == nil || c.allow[net.JoinHostPort(host, port)] || c.allow[net.JoinHostPort(host, "")] {
		return nil
	}
	return fmt.Errorf("not allowed: %s is not in allow of [http]", net.JoinHostPort(host, port))
}

// Request is one HTTP request. It does not change.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   string
	// MaxBody is the longest body of the answer, in bytes; Redirects how many are followed.
	MaxBody   int
	Redirects int

	client *Client
}

// String is what traces and errors call it: without the query and a password, which may be nobody's business.
func (r *Request) String() string {
	u := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path, RawPath: r.URL.RawPath}
	return r.Method + " " + u.String()
}

// Host names the server that is asked.
func (r *Request) Host() string { return net.JoinHostPort(hostPort(r.URL)) }

// errNoClient says that requests are not done here.
var errNoClient = errors.New("no HTTP here")

// Do asks the server. It is the Do of an operation.Work; its value is an *Answer.
func (r *Request) Do(ctx context.Context) (any, error) {
	if r.client == nil {
		return nil, errNoClient
	}
	if err := r.client.permit(r.URL); err != nil {
		return nil, err
	}
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header = r.Header.Clone()
	req.Host = r.Header.Get("Host")
	if len(r.Header.Values("User-Agent")) == 0 {
		req.Header.Set("User-Agent", r.client.agent)
	}
	hc := http.Client{Transport: r.client.transport, CheckRedirect: r.redirect}
	resp, err := hc.Do(req)
	if err != nil {
		return nil, plainly(err)
	}
	defer resp.Body.Close() //nolint:errcheck // what was read is what counts
	return r.answer(resp)
}

// redirect decides whether the next server may be asked.
func (r *Request) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case r.Redirects == 0:
		return http.ErrUseLastResponse
	case len(via) > r.Redirects:
		return fmt.Errorf("more than %d redirects", r.Redirects)
	case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("redirected from https to " + req.URL.Scheme)
	}
	return r.client.permit(req.URL)
}

// answer reads an answer whole, so that its connection can be used again.
func (r *Request) answer(resp *http.Response) (any, error) {
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(resp.Body, int64(r.MaxBody)+1))
	switch {
	case err != nil:
		return nil, plainly(err)
	case n > int64(r.MaxBody):
		return nil, fmt.Errorf("the answer is longer than %d bytes", r.MaxBody)
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: b.String()}, nil
}

// plainly takes off the method and URL that net/http puts before its errors.
func plainly(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
