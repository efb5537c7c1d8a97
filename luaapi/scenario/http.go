package scenario

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
	httpmod "tandem/luaapi/mod/http"
	"tandem/luaapi/spell"
)

// Page is what a server answers to a request.
type Page struct {
	// Method is "" for every one. URL may end in * for all that begin so.
	Method, URL string
	Status      int
	Body, Err   string
	After       time.Duration
	Headers     []sim.Header
	Line        int
}

// pageAfter is how long a server takes of which nothing else is said.
const pageAfter = 10 * time.Millisecond

// readHTTP reads: [GET] http://192.0.2.5/100 [200] [body "sip:100@192.0.2.11"] [err "refused"] [after 50ms] [with "Name: value"].
func (s *Scenario) readHTTP(n int, w []string) error {
	p := &Page{Status: 200, After: pageAfter, Line: n}
	if len(w) > 0 && !strings.Contains(w[0], "://") {
		p.Method, w = strings.ToUpper(w[0]), w[1:]
	}
	if len(w) == 0 || !strings.Contains(w[0], "://") {
		return s.fail(n, "write: http http://192.0.2.5/100 200 body sip:100@192.0.2.11")
	}
	p.URL, w = w[0], w[1:]
	if len(w) > 0 {
		if code, err := strconv.Atoi(w[0]); err == nil {
			if code < 100 || code > 599 {
				return s.fail(n, "%d is no status of HTTP", code)
			}
			p.Status, w = code, w[1:]
		}
	}
	options := []string{"body", "err", "after", "with"}
	for ; len(w) > 0; w = w[2:] {
		if !slices.Contains(options, w[0]) {
			return s.fail(n, "%q is not known of a server%s; %s are", w[0], spell.Hint(w[0], options), strings.Join(options, ", "))
		}
		if len(w) == 1 {
			return s.fail(n, "something must follow %q", w[0])
		}
		if err := p.option(w[0], w[1]); err != nil {
			return s.fail(n, "%v", err)
		}
	}
	s.Pages = append(s.Pages, p)
	return nil
}

func (p *Page) option(name, value string) (err error) {
	switch name {
	case "body":
		p.Body = value
	case "err":
		p.Err = value
	case "after":
		p.After, err = duration(value)
	case "with":
		var h sim.Header
		h, err = header(value)
		p.Headers = append(p.Headers, h)
	}
	return err
}

// String is the page as a line says it.
func (p *Page) String() string {
	s := Quote(p.URL)
	if p.Method != "" {
		s = Quote(p.Method) + " " + s
	}
	if p.Status != 200 {
		s += " " + strconv.Itoa(p.Status)
	}
	if p.Body != "" {
		s += " body " + always(p.Body)
	}
	if p.Err != "" {
		s += " err " + always(p.Err)
	}
	if p.After != pageAfter {
		s += " after " + p.After.String()
	}
	return s + with(p.Headers)
}

func (p *Page) matches(r *httpmod.Request) bool {
	if p.Method != "" && p.Method != r.Method {
		return false
	}
	url := r.URL.String()
	if begin, ok := strings.CutSuffix(p.URL, "*"); ok {
		return strings.HasPrefix(url, begin)
	}
	return url == p.URL
}

// errNoPage is what a request comes to of which no line speaks.
var errNoPage = errors.New("no server is asked here; say what it answers in a line http")

// work says what comes of what scripts await.
func (r *Run) work(op *plan.Operation) sim.Outcome {
	if r.opt.Work != nil {
		if o, ok := r.opt.Work(op); ok {
			return o
		}
	}
	req, ok := op.Work.(*httpmod.Request)
	for _, p := range r.Scenario.Pages {
		if !ok || !p.matches(req) {
			continue
		}
		if p.Err != "" {
			return sim.Outcome{After: p.After, Err: errors.New(p.Err)}
		}
		a := &httpmod.Answer{Status: p.Status, Body: p.Body, Header: make(http.Header)}
		for _, h := range p.Headers {
			a.Header.Add(h.Name, h.Value)
		}
		return sim.Outcome{After: p.After, Value: a}
	}
	if !slices.Contains(r.Unasked, op.Name) {
		r.Unasked = append(r.Unasked, op.Name)
	}
	return sim.Outcome{Err: errNoPage}
}
