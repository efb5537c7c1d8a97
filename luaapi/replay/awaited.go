package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
	httpmod "tandem/luaapi/mod/http"
)

// Awaited is an operation that the script awaited, and what came of it.
type Awaited struct {
	// At is when it had ended, Elapsed how long after the plan had reached it.
	At      float64 `json:"at"`
	Elapsed float64 `json:"elapsed"`
	// Kind is the module that made it, "http"; "" = another.
	Kind string `json:"kind,omitempty"`
	// Name is what traces call it, Digest stands for all that was asked but for credentials; "" = it is left out.
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"`
	// Err says why nothing came of it.
	Err string `json:"err,omitempty"`
	// Status, Headers and Body are what a server answered; Bytes is a body that is no text.
	Status  int         `json:"status,omitempty"`
	Headers [][2]string `json:"headers,omitempty"`
	Body    string      `json:"body,omitempty"`
	Bytes   []byte      `json:"bytes,omitempty"`
	// LeftOut says why headers and body are not here: LeftOutPrivacy, LeftOutSize; "" = they are.
	LeftOut string `json:"left_out,omitempty"`
}

// Why an answer is not in a record.
const (
	LeftOutPrivacy = "privacy"
	LeftOutSize    = "size"
)

// MaxAnswer is how long header fields and body of an answer may be together to be kept, in bytes.
const MaxAnswer = 16 << 10

// kindHTTP is the Kind of what module http makes.
const kindHTTP = "http"

// Of returns the record of an operation, without its At. Room is how many bytes of an answer it may keep; with privacy nothing is
// kept that might say who calls.
func Of(c *trace.Came, room int, privacy bool) Awaited {
	a := Awaited{Name: c.Operation.Name, Elapsed: milliseconds(c.Result.Elapsed)}
	if c.Result.Err != nil {
		a.Err = c.Result.Err.Error()
	}
	req, ok := c.Operation.Work.(*httpmod.Request)
	if !ok {
		return a
	}
	a.Kind = kindHTTP
	answer, _ := c.Result.Value.(*httpmod.Answer)
	if answer != nil {
		a.Status = answer.Status
	}
	switch {
	case privacy:
		a.Name, a.LeftOut = req.Method+" "+req.URL.Scheme+"://"+req.URL.Host, LeftOutPrivacy
		return a
	case answer != nil && size(answer) > min(room, MaxAnswer):
		a.LeftOut = LeftOutSize
	case answer != nil:
		a.keep(answer)
	}
	a.Digest = digest(req)
	return a
}

// milliseconds is a time in seconds, to the millisecond.
func milliseconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

func (a *Awaited) keep(answer *httpmod.Answer) {
	for _, name := range slices.Sorted(maps.Keys(answer.Header)) {
		if slices.Contains(secret, name) {
			continue
		}
		for _, v := range answer.Header[name] {
			a.Headers = append(a.Headers, [2]string{name, v})
		}
	}
	if utf8.ValidString(answer.Body) {
		a.Body = answer.Body
	} else {
		a.Bytes = []byte(answer.Body)
	}
}

// Size is how many bytes of an answer are kept.
func (a *Awaited) Size() int {
	n := len(a.Body) + len(a.Bytes)
	for _, h := range a.Headers {
		n += len(h[0]) + len(h[1])
	}
	return n
}

func size(answer *httpmod.Answer) int {
	n := len(answer.Body)
	for name, values := range answer.Header {
		for _, v := range values {
			n += len(name) + len(v)
		}
	}
	return n
}

// secret are the header fields of HTTP that are not recorded, not even in a digest.
var secret = []string{"Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie", "Www-Authenticate"}

// digest stands for what a request asks.
func digest(r *httpmod.Request) string {
	h := sha256.New()
	put := func(s string) { fmt.Fprintf(h, "%d:%s", len(s), s) }
	u := *r.URL
	u.User = nil
	put(kindHTTP)
	put(r.Method)
	put(u.String())
	put(r.Body)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if slices.Contains(secret, name) {
			continue
		}
		for _, v := range r.Header[name] {
			put(name)
			put(v)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// answers are what operations come to when a record is replayed.
type answers struct {
	all  []Awaited
	used map[string]int // by digest
	// unknown are the questions that have no answer, and why.
	unknown []string
}

func newAnswers(all []Awaited) *answers { return &answers{all: all, used: make(map[string]int)} }

// errNotRecorded is what an operation comes to of which the record says nothing.
var errNotRecorded = errors.New("not recorded")

// work gives an operation what the same one came to when it was recorded; the last time counts for all that follow.
func (s *answers) work(op *plan.Operation) (sim.Outcome, bool) {
	a, why := s.find(op)
	if why == "" {
		if o, ok := a.outcome(op); ok {
			return o, true
		}
		why = fmt.Sprintf("not recorded: nothing had come after %s", seconds(a.Elapsed))
		if a.LeftOut != "" {
			why = "not recorded: its answer was too long"
		}
	}
	if what := op.Name + ": " + why; !slices.Contains(s.unknown, what) {
		s.unknown = append(s.unknown, what)
	}
	return sim.Outcome{Err: errNotRecorded}, true
}

// find returns the record of an operation, or why there is none.
func (s *answers) find(op *plan.Operation) (*Awaited, string) {
	req, ok := op.Work.(*httpmod.Request)
	if !ok {
		return nil, "not recorded"
	}
	d, why := digest(req), "not recorded"
	var same []*Awaited
	for i := range s.all {
		switch a := &s.all[i]; {
		case a.LeftOut == LeftOutPrivacy:
			why = "not recorded, for privacy"
		case a.Digest == d:
			same = append(same, a)
		case a.Name == op.Name:
			why = "not recorded with these arguments"
		}
	}
	if len(same) == 0 {
		return nil, why
	}
	n := s.used[d]
	s.used[d]++
	return same[min(n, len(same)-1)], ""
}

// outcome is what came of an operation; false = it cannot be told.
func (a *Awaited) outcome(op *plan.Operation) (sim.Outcome, bool) {
	switch {
	case a.Err == plan.ErrTimeout.Error():
		return sim.Outcome{After: sim.Endless}, op.Timeout <= seconds(a.Elapsed)
	case a.Err != "":
		return sim.Outcome{After: seconds(a.Elapsed), Err: errors.New(a.Err)}, true
	case a.LeftOut != "":
		return sim.Outcome{}, false
	}
	answer := &httpmod.Answer{Status: a.Status, Body: a.Body, Header: make(http.Header)}
	if len(a.Bytes) > 0 {
		answer.Body = string(a.Bytes)
	}
	for _, h := range a.Headers {
		answer.Header[h[0]] = append(answer.Header[h[0]], h[1])
	}
	return sim.Outcome{After: seconds(a.Elapsed), Value: answer}, true
}
