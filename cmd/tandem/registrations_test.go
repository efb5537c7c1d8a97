package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/admin"
)

// A line for each contact, in which phones disturb nothing.
func TestPrintRegistrations(t *testing.T) {
	var out strings.Builder
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	err := printRegistrations(cmd, []admin.Contact{
		{User: "100", Contact: "sip:100@10.0.0.4;transport=tcp", Source: "tcp:192.0.2.7:40123", Expires: 3600, Q: 1},
		{User: "100", Contact: "sip:100@192.0.2.12", Source: "udp:192.0.2.12:5060", Expires: 59, Q: 0.5},
		{User: "a\x1b\nb", Contact: "sip:b@h", Source: "udp:192.0.2.13:5060", Expires: 61, Q: 0},
	})
	const want = `USER  CONTACT                         FROM                 EXPIRES IN  Q
100   sip:100@10.0.0.4;transport=tcp  tcp:192.0.2.7:40123  1h0m0s      1
100   sip:100@192.0.2.12              udp:192.0.2.12:5060  59s         0.5
a??b  sip:b@h                         udp:192.0.2.13:5060  1m1s        0
`
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
	}
}
