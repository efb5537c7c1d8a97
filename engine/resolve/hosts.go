package resolve

import (
	"net/netip"
	"os"
	"slices"
	"strings"
)

// own returns the addresses that the machine's own file gives a name, IPv4 first. The file is read each time: it is small, and
// changes.
func (s *search) own(name string, v4, v6 bool) []netip.Addr {
	text, err := os.ReadFile(s.r.cfg.Hosts)
	if err != nil {
		return nil // most machines have one; none is no error
	}
	name = strings.TrimSuffix(name, ".")
	var list [2][]netip.Addr
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 || !slices.ContainsFunc(fields[1:], func(f string) bool { return strings.EqualFold(f, name) }) {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		switch a = a.Unmap(); {
		case err != nil:
		case a.Is4() && v4:
			list[0] = append(list[0], a)
		case a.Is6() && v6:
			list[1] = append(list[1], a)
		}
	}
	all := slices.Concat(list[0], list[1])
	if len(all) > 0 {
		s.note(s.r.cfg.Hosts + " has " + name)
	}
	return all
}
