package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// TrustDomain returns the networks of the trust domain. The configuration was checked.
func (c *Config) TrustDomain() []netip.Prefix {
	var list []netip.Prefix
	for _, n := range c.Trusted {
		if p, err := network(n); err == nil {
			list = append(list, p)
		}
	}
	return list
}

func (c *Config) checkTrusted() *Error {
	for _, n := range c.Trusted {
		if _, err := network(n); err != nil {
			return &Error{Key: "trusted", What: fmt.Sprintf("%q is no network; write IP or IP/BITS, for example 192.0.2.0/24", n)}
		}
	}
	return nil
}

func (c *Config) checkEmergency() *Error {
	for _, n := range c.Emergency {
		if n == "" || strings.Trim(n, "0123456789") != "" {
			return &Error{Key: "emergency", What: fmt.Sprintf("%q is no number; write digits, as they are dialled: \"112\"", n)}
		}
	}
	return nil
}
