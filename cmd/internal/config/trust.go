package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// TrustDomain returns the networks of the trust domain. The configuration was checked.
func (c *Config) TrustDomain() []netip.Prefix { return networks(c.Trusted) }

// network reads IP or IP/BITS.
func network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Prefix(a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// networks reads those of a list that was checked.
func networks(names []string) (list []netip.Prefix) {
	for _, n := range names {
		if p, err := network(n); err == nil {
			list = append(list, p)
		}
	}
	return list
}

func checkNetworks(key string, names []string) *Error {
	for _, n := range names {
		if _, err := network(n); err != nil {
			return &Error{Key: key, What: fmt.Sprintf("%q is no network; write IP or IP/BITS, for example 192.0.2.0/24", n)}
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
