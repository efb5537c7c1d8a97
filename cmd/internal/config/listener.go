package config

import (
	"fmt"
	"net/netip"

	"tandem/engine/flow"
	"tandem/engine/transport"
)

// Listener is a socket to receive and send on.
type Listener struct {
	// Address is TRANSPORT:IP:PORT: "udp:127.0.0.1:5060", "tls:192.0.2.1:5061".
	Address string
	// Advertise is the IP:PORT that peers are told; empty = the address itself.
	Advertise string
	// Certificate and Key are the files of certificate chains and their keys, one for one, for TLS and WSS.
	Certificate, Key []string
	// ClientCA is a file with the certificates that those of clients are checked by; empty = none is asked for.
	ClientCA string
	// RequireClient refuses clients without a certificate.
	RequireClient bool
	// Origins are the origins of pages that may open a WebSocket; none = all.
	Origins []string
	// Networks are the networks, as IP/BITS, whose targets are called from this listener.
	Networks []string
}

// Listen returns what the transport makes of the listener, which was checked.
func (l *Listener) Listen() (transport.Listen, error) {
	listen, err := transport.ParseListen(l.Address)
	if err != nil {
		return listen, err
	}
	if listen.Transport.Secure() {
		listen.Security = &transport.Security{ClientCA: l.ClientCA, RequireClient: l.RequireClient}
		for i := range min(len(l.Certificate), len(l.Key)) {
			listen.Security.Pairs = append(listen.Security.Pairs, transport.Pair{Certificate: l.Certificate[i], Key: l.Key[i]})
		}
	}
	if len(l.Origins) > 0 {
		listen.Web = &transport.Web{Origins: l.Origins}
	}
	return listen, nil
}

// Prefixes returns the networks, which were checked.
func (l *Listener) Prefixes() []netip.Prefix {
	var list []netip.Prefix
	for _, n := range l.Networks {
		if p, err := netip.ParsePrefix(n); err == nil {
			list = append(list, p.Masked())
		}
	}
	return list
}

// beside makes the paths start where the file stands.
func (l *Listener) beside(file string) {
	l.ClientCA = beside(file, l.ClientCA)
	for _, list := range [][]string{l.Certificate, l.Key} {
		for i := range list {
			list[i] = beside(file, list[i])
		}
	}
}

func (l *Listener) decode(table map[string]any) (errs []*Error) {
	for key, v := range table {
		var err *Error
		switch key {
		case "address":
			err = set(&l.Address, key, v)
		case "advertise":
			err = set(&l.Advertise, key, v)
		case "certificate":
			err = setList(&l.Certificate, key, v)
		case "key":
			err = setList(&l.Key, key, v)
		case "client_ca":
			err = set(&l.ClientCA, key, v)
		case "require_client":
			err = set(&l.RequireClient, key, v)
		case "origins":
			err = setList(&l.Origins, key, v)
		case "networks":
			err = setList(&l.Networks, key, v)
		default:
			err = unknown(key, " of [[listener]]", listenerKeys)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// setList stores an array of strings; one string is an array of one.
func setList(into *[]string, key string, v any) *Error {
	if s, ok := v.(string); ok {
		*into = []string{s}
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return &Error{Key: key, What: "want a string or an array of strings, got " + kind(v)}
	}
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return &Error{Key: key, What: "want strings, got " + kind(item)}
		}
		*into = append(*into, s)
	}
	return nil
}

func (l *Listener) check() *Error {
	if l.Address == "" {
		return &Error{Key: "address", What: "is missing; say where to listen as TRANSPORT:IP:PORT"}
	}
	listen, err := transport.ParseListen(l.Address)
	if err != nil {
		return &Error{Key: "address", What: err.Error()}
	}
	if err := l.checkSecurity(listen); err != nil {
		return err
	}
	for _, n := range l.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			return &Error{Key: "networks", What: fmt.Sprintf("%q is no network; write IP/BITS, for example 192.0.2.0/24", n)}
		}
	}
	if l.Advertise == "" {
		if listen.Addr.Addr().IsUnspecified() {
			return &Error{Key: "address", What: l.Address + " is every address of the machine, and peers have to be told one: advertise IP:PORT"}
		}
		return nil
	}
	told, err := netip.ParseAddrPort(l.Advertise)
	if err != nil {
		return &Error{Key: "advertise", What: fmt.Sprintf("%q is not IP:PORT", l.Advertise)}
	}
	if told.Addr().IsUnspecified() || told.Port() == 0 {
		return &Error{Key: "advertise", What: fmt.Sprintf("%q is nothing that peers can send to; give an IP address and a port", l.Advertise)}
	}
	return nil
}

// checkSecurity holds the keys about certificates and web pages to the transports that they mean something for.
func (l *Listener) checkSecurity(listen transport.Listen) *Error {
	t := listen.Transport
	unused := func(key string) *Error {
		return &Error{Key: key, What: "means nothing for " + l.Address}
	}
	switch {
	case len(l.Origins) > 0 && t != flow.WS && t != flow.WSS:
		return unused("origins")
	case t.Secure() && len(l.Certificate) == 0:
		return &Error{Key: "address", What: l.Address + " needs a certificate and its key: name their files (PEM) by certificate and key, or --certificate and --key"}
	case t.Secure() && len(l.Certificate) != len(l.Key):
		return &Error{Key: "certificate", What: fmt.Sprintf("%d certificates and %d keys; each certificate needs its key", len(l.Certificate), len(l.Key))}
	case t.Secure() && l.RequireClient && l.ClientCA == "":
		return &Error{Key: "require_client", What: "needs client_ca, the file that says whose certificates are good"}
	case t.Secure():
		return nil
	case len(l.Certificate) > 0:
		return unused("certificate")
	case len(l.Key) > 0:
		return unused("key")
	case l.ClientCA != "":
		return unused("client_ca")
	case l.RequireClient:
		return unused("require_client")
	}
	return nil
}
