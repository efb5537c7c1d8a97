package config

import (
	"crypto/x509"
	"fmt"
	"os"

	httpmod "tandem/luaapi/mod/http"
)

// HTTP is the table [http]: what scripts may ask by module http, and how much at a time.
type HTTP struct {
	// Allow are the servers that may be asked, as host:port, or host for every port; empty = all.
	Allow []string
	// Proxy is the URL of a proxy; empty = none. Variables of the environment are not looked at.
	Proxy string
	// CA is a file of certificates in PEM that servers are checked with, beside the machine's; empty = none.
	CA string
	// Max and PerHost are how many requests are made at a time, and to one host; 0 = operation.DefaultLimits.
	Max, PerHost int
}

// maxRequests is the largest bound of requests at a time: each may need a file descriptor.
const maxRequests = 10_000

func (h *HTTP) check() *Error {
	for _, b := range []struct {
		key string
		n   int
	}{{"max", h.Max}, {"per_host", h.PerHost}} {
		if b.n < 0 || b.n > maxRequests {
			return &Error{Table: "http", Key: b.key, What: fmt.Sprintf("%d is out of range; use 1 to %d", b.n, maxRequests)}
		}
	}
	if err := (&httpmod.Config{Allow: h.Allow}).Check(); err != nil {
		return &Error{Table: "http", Key: "allow", What: trim(err, "allow")}
	}
	if err := (&httpmod.Config{Proxy: h.Proxy}).Check(); err != nil {
		return &Error{Table: "http", Key: "proxy", What: trim(err, "proxy")}
	}
	return nil
}

// trim takes the key off an error that names it.
func trim(err error, key string) string { return err.Error()[len(key)+len(": "):] }

func (h *HTTP) decode(v any) (errs []*Error) {
	table, ok := v.(map[string]any)
	if !ok {
		return []*Error{{Key: "http", What: "want a table, got " + kind(v) + "; begin it with [http]"}}
	}
	for key, v := range table {
		var err *Error
		switch key {
		case "allow":
			h.Allow, err = texts(key, v)
		case "proxy":
			err = set(&h.Proxy, key, v)
		case "ca":
			err = set(&h.CA, key, v)
		case "max":
			err = setInt(&h.Max, key, v)
		case "per_host":
			err = setInt(&h.PerHost, key, v)
		default:
			err = unknown(key, " of [http]", httpKeys)
		}
		if err != nil {
			err.Table = "http"
			errs = append(errs, err)
		}
	}
	return errs
}

// texts takes an array of strings.
func texts(key string, v any) ([]string, *Error) {
	list, ok := v.([]any)
	if !ok {
		return nil, &Error{Key: key, What: "want an array of strings, got " + kind(v)}
	}
	var out []string
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return nil, &Error{Key: key, What: "want an array of strings, got one with " + kind(item)}
		}
		out = append(out, s)
	}
	return out, nil
}

// Client returns the client that scripts use; product is its User-Agent. An error about a key is an *Error.
func (h *HTTP) Client(product string) (*httpmod.Client, error) {
	c := httpmod.Config{Allow: h.Allow, Proxy: h.Proxy, PerHost: h.PerHost, Agent: product}
	if h.CA != "" {
		pem, err := os.ReadFile(h.CA)
		if err != nil {
			return nil, &Error{Table: "http", Key: "ca", What: err.Error()}
		}
		if c.Roots, err = x509.SystemCertPool(); err != nil {
			c.Roots = x509.NewCertPool()
		}
		if !c.Roots.AppendCertsFromPEM(pem) {
			return nil, &Error{Table: "http", Key: "ca", What: h.CA + " holds no certificate in PEM"}
		}
	}
	return httpmod.NewClient(c)
}
