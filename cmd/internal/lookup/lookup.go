// Package lookup shows what would be tried for a SIP target, and compares what two name servers say of it.
package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"tandem/cmd/internal/exit"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/resolve"
)

// ErrDiffer says that two name servers lead to different places.
var ErrDiffer = errors.New("the name servers differ")

// Options are what a look-up can be told.
type Options struct {
	// Server is a name server, IP or IP:PORT; "" = those of the machine.
	Server string
	// Against is another one to compare with; "" = none.
	Against string
	// Hosts is the file with the machine's own names; "" = /etc/hosts.
	Hosts string
}

// Run looks up a host name or SIP URI and writes each step and the places in the order in which they would be tried. Every transport
// that needs no WebSocket is taken to have a listener. The error is an *exit.Error of exit.Usage if the target or an option is none.
func Run(ctx context.Context, out io.Writer, target string, o Options) error {
	q, err := question(target)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	one, err := resolver(o.Server, o.Hosts)
	if err != nil {
		return err
	}
	if o.Against == "" {
		_, err = ask(ctx, out, q, one)
		return err
	}
	other, err := resolver(o.Against, o.Hosts)
	if err != nil {
		return err
	}
	first, err := ask(ctx, out, q, one)
	if err != nil {
		fmt.Fprintf(out, "error: %v\n", err)
	}
	fmt.Fprintf(out, "\n%s says\n", o.Against)
	second, err2 := ask(ctx, out, q, other)
	if err2 != nil {
		fmt.Fprintf(out, "error: %v\n", err2)
	}
	switch a, b := missing(first, second), missing(second, first); {
	case err != nil && err2 != nil:
		return errors.Join(err, err2)
	case len(a)+len(b) == 0 && err == nil && err2 == nil:
		fmt.Fprintln(out, "\nboth lead to the same places")
		return nil
	default:
		fmt.Fprintln(out)
		for _, h := range a {
			fmt.Fprintf(out, "only the first:  %s\n", show(h))
		}
		for _, h := range b {
			fmt.Fprintf(out, "only the second: %s\n", show(h))
		}
		return ErrDiffer
	}
}

func question(target string) (resolve.Question, error) {
	uri := target
	if !strings.Contains(target, ":") || net.ParseIP(target) != nil {
		if strings.Contains(target, ":") {
			target = "[" + target + "]"
		}
		uri = "sip:" + target
	} else if !strings.HasPrefix(strings.ToLower(target), "sip") {
		uri = "sip:" + target // host:port
	}
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		return resolve.Question{}, fmt.Errorf("%q is no host name and no SIP URI", target)
	}
	return resolve.QuestionOf(&u)
}

// resolver asks a name server, or those of this machine.
func resolver(server, hosts string) (*resolve.Resolver, error) {
	c := resolve.Config{Hosts: hosts}
	if server != "" {
		c.Servers = []string{server}
	}
	r, err := resolve.New(c)
	if err != nil {
		return nil, exit.With(exit.Usage, err)
	}
	return r, nil
}

func ask(ctx context.Context, out io.Writer, q resolve.Question, r *resolve.Resolver) ([]flow.Hop, error) {
	ctx, cancel := context.WithTimeout(ctx, resolve.Timeout)
	defer cancel()
	said := make(chan string, 1000)
	done := make(chan struct{})
	go func() { // look-ups of A and AAAA tell at the same time
		defer close(done)
		for text := range said {
			fmt.Fprintf(out, "  %s\n", text)
		}
	}()
	hops, err := r.Find(ctx, q, func(text string) { said <- text })
	close(said)
	<-done
	if err != nil {
		return nil, err
	}
	for i, h := range hops {
		fmt.Fprintf(out, "%d  %s\n", i+1, show(h))
	}
	return hops, nil
}

func show(h flow.Hop) string {
	s := strings.ToLower(h.Transport.String()) + ":" + h.Remote.String()
	if h.Name != "" {
		s += " (certificate for " + h.Name + ")"
	}
	return s
}

// missing returns what is in a and not in b.
func missing(a, b []flow.Hop) (list []flow.Hop) {
	in := map[flow.Hop]bool{}
	for _, h := range b {
		in[h] = true
	}
	for _, h := range a {
		if !in[h] {
			list = append(list, h)
		}
	}
	return list
}
