package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"tandem/engine/flow"
)

// maxTargets is how many records of one answer are followed, so that no answer makes many look-ups.
const maxTargets = 32

// search is one look-up.
type search struct {
	r    *Resolver
	ctx  context.Context
	q    Question
	note func(text string)
}

var (
	errNoTransport = errors.New("there is no listener for the transport")
	errNoService   = errors.New("the service is not available there")
	errNoAddress   = errors.New("no address")
)

// find is RFC 3263 §4.1 and §4.2.
func (s *search) find() ([]flow.Hop, error) {
	q := s.q
	if a, err := netip.ParseAddr(strings.Trim(q.Host, "[]")); err == nil {
		return []flow.Hop{hop(q.Transport, a.Unmap(), cmp.Or(q.Port, port(q.Transport)), "")}, nil
	}
	if len(s.own(q.Host, true, true)) > 0 { // a name of this machine's own is none of DNS
		return s.hosts(q.Transport, q.Host, cmp.Or(q.Port, port(q.Transport)))
	}
	switch {
	case q.Port != 0: // §4.1: the transport is UDP, TLS for sips; §4.2: the port is that of the URI
		return s.hosts(q.Transport, q.Host, q.Port)
	case q.Given:
		return s.known(q.Transport)
	}
	found, err := s.naptr()
	if found != nil || err != nil {
		return found, err
	}
	return s.services()
}

// known is for a transport that is known: SRV, and without any the host itself (§4.2).
func (s *search) known(t flow.Transport) ([]flow.Hop, error) {
	hops, some, err := s.srv(t, service(t)+s.q.Host)
	if some || err != nil {
		return hops, err
	}
	return s.hosts(t, s.q.Host, port(t))
}

// service is what the name of an SRV record begins with.
func service(t flow.Transport) string {
	switch t {
	case flow.UDP:
		return "_sip._udp."
	case flow.TCP:
		return "_sip._tcp."
	}
	return "_sips._tcp."
}

var services = map[string]flow.Transport{"sip+d2u": flow.UDP, "sip+d2t": flow.TCP, "sips+d2t": flow.TLS}

// naptr follows the NAPTR records of the host, nil if there is none that helps (§4.1). A server that refuses the question, as some
// do that know addresses only, has none; likewise with SRV.
func (s *search) naptr() ([]flow.Hop, error) {
	rrs, err := s.ask(s.q.Host, dns.TypeNAPTR)
	if err != nil && s.ctx.Err() != nil {
		return nil, err
	}
	var list []*dns.NAPTR
	for _, rr := range rrs {
		n, ok := rr.(*dns.NAPTR)
		if !ok || !strings.EqualFold(n.Flags, "s") {
			continue
		}
		t, known := services[strings.ToLower(n.Service)]
		if known && s.r.speaks(t) && (!s.q.Secure || t == flow.TLS) {
			list = append(list, n)
		}
	}
	slices.SortStableFunc(list, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	list = list[:min(len(list), maxTargets)]
	hops, _, err := s.together(len(list), func(s *search, i int) ([]flow.Hop, bool, error) {
		return s.srv(services[strings.ToLower(list[i].Service)], list[i].Replacement)
	})
	return hops, err
}

// together makes look-ups of SRV records at the same time and returns what they have found, in their order; some is false if there are no
// such records. One that fails, or takes too long, does not keep us from the others.
func (s *search) together(n int, one func(s *search, i int) ([]flow.Hop, bool, error)) (hops []flow.Hop, some bool, err error) {
	found := make([]struct {
		hops  []flow.Hop
		some  bool
		err   error
		notes []string
	}, n)
	var all sync.WaitGroup
	for i := range found {
		f, part := &found[i], *s
		part.note = func(text string) { f.notes = append(f.notes, text) }
		all.Go(func() { f.hops, f.some, f.err = one(&part, i) })
	}
	all.Wait()
	for i := range found {
		f := &found[i]
		for _, text := range f.notes {
			s.note(text)
		}
		hops, some = append(hops, f.hops...), some || f.some
		if f.err != nil && !errors.Is(f.err, errNoService) {
			err = f.err
		}
	}
	if len(hops) > 0 {
		err = nil
	}
	return hops, some, err
}

// services asks for the SRV records of each transport, and without any for the host itself (§4.1, §4.2).
func (s *search) services() ([]flow.Hop, error) {
	order := []flow.Transport{flow.UDP, flow.TCP, flow.TLS}
	if s.q.Secure {
		order = order[2:]
	}
	order = slices.DeleteFunc(order, func(t flow.Transport) bool { return !s.r.speaks(t) })
	hops, some, err := s.together(len(order), func(s *search, i int) ([]flow.Hop, bool, error) {
		return s.srv(order[i], service(order[i])+s.q.Host)
	})
	switch {
	case len(hops) > 0 || err != nil:
		return hops, err
	case some:
		return nil, errNoService
	}
	return s.hosts(s.q.Transport, s.q.Host, port(s.q.Transport))
}

// srv follows the SRV records of a name in the order to try them; some is false if there is none.
func (s *search) srv(t flow.Transport, name string) (hops []flow.Hop, some bool, err error) {
	rrs, err := s.ask(name, dns.TypeSRV)
	if err != nil && s.ctx.Err() != nil {
		return nil, false, err
	}
	var list []*dns.SRV
	for _, rr := range rrs {
		if r, ok := rr.(*dns.SRV); ok {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return nil, false, nil
	}
	list = slices.DeleteFunc(s.weigh(list), func(r *dns.SRV) bool { return r.Target == "." }) // RFC 2782: decidedly not there
	for _, r := range list {
		s.announce(t, r.Target)
	}
	for _, r := range list {
		found, lost := s.hosts(t, r.Target, r.Port)
		if lost != nil && s.ctx.Err() != nil {
			err = lost
		}
		hops = append(hops, found...) // a target without an address is one that cannot be reached
	}
	switch {
	case len(hops) > 0:
		return hops, true, nil // one whose address takes too long does not keep us from the others
	case err == nil:
		err = errNoService
	}
	return nil, true, err
}

// announce has the addresses of a host asked for, so that those of several are at the same time.
func (s *search) announce(t flow.Transport, name string) {
	if !dns.IsFqdn(name) || len(s.own(name, true, true)) > 0 {
		return
	}
	if s.r.reaches(t, false) {
		s.r.cache.begin(name, dns.TypeA)
	}
	if s.r.reaches(t, true) {
		s.r.cache.begin(name, dns.TypeAAAA)
	}
}

// weigh orders records by priority, and those of one by chance, by their weights (RFC 2782).
func (s *search) weigh(list []*dns.SRV) []*dns.SRV {
	slices.SortStableFunc(list, func(a, b *dns.SRV) int {
		// those of weight 0 first, so that they have a chance at all
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	for from := 0; from < len(list); from++ {
		sum, n := 0, from
		for ; n < len(list) && list[n].Priority == list[from].Priority; n++ {
			sum += int(list[n].Weight)
		}
		at, left := from, s.r.pick(sum+1)
		for left -= int(list[at].Weight); left > 0 && at+1 < n; left -= int(list[at].Weight) {
			at++
		}
		chosen := list[at]
		copy(list[from+1:at+1], list[from:at])
		list[from] = chosen
	}
	return list[:min(len(list), maxTargets)]
}

// hosts returns the addresses of a host, IPv4 first.
func (s *search) hosts(t flow.Transport, name string, p uint16) ([]flow.Hop, error) {
	if !s.r.speaks(t) {
		return nil, fmt.Errorf("%w: %s", errNoTransport, strings.ToLower(t.String()))
	}
	addrs, err := s.addresses(name, s.r.reaches(t, false), s.r.reaches(t, true))
	if err != nil {
		return nil, err
	}
	var hops []flow.Hop
	for _, a := range addrs {
		hops = append(hops, hop(t, a, p, s.q.Host))
	}
	return hops, nil
}

// addresses returns the addresses of a name, of the machine's own names first.
func (s *search) addresses(name string, v4, v6 bool) ([]netip.Addr, error) {
	if own := s.own(name, v4, v6); len(own) > 0 {
		return own, nil
	}
	for _, full := range s.r.cache.names(name, s.r.now()) {
		all, err := s.both(full, v4, v6)
		if len(all) > 0 {
			return all[:min(len(all), maxTargets)], nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errNoAddress
}

// both asks for A and AAAA records at the same time. Where there are some of one kind, those of the other are not waited for long: servers
// that are silent about AAAA are common (RFC 8305 §3).
func (s *search) both(name string, v4, v6 bool) ([]netip.Addr, error) {
	type answer struct {
		qtype uint16
		rrs   []dns.RR
		err   error
	}
	answers, waiting := make(chan answer, 2), 0
	ask := func(qtype uint16) {
		waiting++
		go func() {
			rrs, err := s.r.cache.get(s.ctx, name, qtype)
			answers <- answer{qtype, rrs, err}
		}()
	}
	if v4 {
		ask(dns.TypeA)
	}
	if v6 {
		ask(dns.TypeAAAA)
	}
	var lists [2][]netip.Addr
	var enough <-chan time.Time
	var err error
	for ; waiting > 0; waiting-- {
		select {
		case a := <-answers:
			s.tell(name, a.qtype, a.rrs, a.err)
			at := 0
			if a.qtype == dns.TypeAAAA {
				at = 1
			}
			if lists[at] = addrs(a.rrs); len(lists[at]) > 0 {
				enough = time.After(s.r.lag)
			}
			err = errors.Join(err, a.err)
		case <-enough:
			s.note(dns.Fqdn(name) + ": no answer about the other kind of addresses yet")
			waiting = 1
		}
	}
	return slices.Concat(lists[0], lists[1]), err
}

func addrs(rrs []dns.RR) (list []netip.Addr) {
	for _, rr := range rrs {
		if a, ok := addr(rr); ok {
			list = append(list, a)
		}
	}
	return list
}

func addr(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		a, ok := netip.AddrFromSlice(rr.A)
		return a.Unmap(), ok
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA)
	}
	return netip.Addr{}, false
}

// ask asks for the records of a name and tells of the answer.
func (s *search) ask(name string, qtype uint16) ([]dns.RR, error) {
	rrs, err := s.r.cache.get(s.ctx, name, qtype)
	s.tell(name, qtype, rrs, err)
	return rrs, err
}

// tell tells of an answer.
func (s *search) tell(name string, qtype uint16, rrs []dns.RR, err error) {
	switch what := dns.TypeToString[qtype] + " " + dns.Fqdn(name); {
	case err != nil:
		s.note(what + ": " + err.Error())
	case len(rrs) == 0:
		s.note(what + ": none")
	default:
		for _, rr := range rrs {
			s.note(strings.ReplaceAll(rr.String(), "\t", " "))
		}
	}
}
