package check

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/yuin/gopher-lua/ast"

	"tandem/engine/message"
)

// step is a plan as far as it stands in the file.
type step struct {
	// line is where it stands, made where it is made: elsewhere, if it has a name.
	line, made int
	// key is the target's URI in the form that equal ones share; "" if it is not known.
	key  string
	uri  string
	user string
	// group is "plan.serial" or "plan.parallel", "" for a target.
	group   string
	options *ast.TableExpr
	members []*step // nil for what is not known
}

// maxSteps bounds how much of one plan is looked at: groups of groups by name grow without end.
const maxSteps = 1000

// planOf returns the plan that an expression makes, nil if it is not known.
func (f *file) planOf(e ast.Expr, left int) *step {
	if f.steps--; left == 0 || f.steps < 0 {
		return nil
	}
	switch e := e.(type) {
	case *ast.IdentExpr:
		if v := f.names.uses[e].known(); v != nil {
			s := f.planOf(v, left-1)
			if s == nil {
				return nil
			}
			named := *s
			named.line = e.Line()
			return &named
		}
	case *ast.FuncCallExpr:
		c := f.callee(e, depth)
		switch {
		case c == nil || len(e.Args) == 0:
		case c.what == "plan.to":
			return f.targetOf(e)
		case c.what == "plan.serial", c.what == "plan.parallel":
			return f.groupOf(e, c.what, left)
		}
	}
	return nil
}

func (f *file) targetOf(e *ast.FuncCallExpr) *step {
	s := &step{line: e.Line(), made: e.Line()}
	if uri, ok := constant(e.Args[0]); ok {
		if u, err := message.ParseURI([]byte(uri)); err == nil {
			s.uri, s.key, s.user = uri, string(u.AppendKey(nil)), string(u.User)
		}
	}
	if len(e.Args) > 1 {
		s.options = f.tableOf(e.Args[1])
	}
	return s
}

func (f *file) groupOf(e *ast.FuncCallExpr, what string, left int) *step {
	list := f.tableOf(e.Args[0])
	if list == nil {
		return nil
	}
	s := &step{line: e.Line(), made: e.Line(), group: what, options: list}
	for _, field := range list.Fields {
		if field.Key == nil {
			s.members = append(s.members, f.planOf(field.Value, left-1))
		}
	}
	return s
}

func (f *file) tableOf(e ast.Expr) *ast.TableExpr {
	if id, ok := e.(*ast.IdentExpr); ok {
		e = f.names.uses[id].known()
	}
	t, _ := e.(*ast.TableExpr)
	return t
}

// option returns an option's value, nil if it is not given.
func option(t *ast.TableExpr, name string) ast.Expr {
	if t == nil {
		return nil
	}
	for _, field := range t.Fields {
		if key, ok := constant(field.Key); ok && key == name {
			return field.Value
		}
	}
	return nil
}

// seconds returns the number that an option is given.
func seconds(t *ast.TableExpr, name string) (float64, bool) {
	n, ok := option(t, name).(*ast.NumberExpr)
	if !ok {
		return 0, false
	}
	s, err := strconv.ParseFloat(n.Value, 64)
	return s, err == nil
}

// plans looks at a group as a whole.
func (f *file) plans(e *ast.FuncCallExpr) {
	f.steps = maxSteps
	s := f.planOf(e, depth)
	if s == nil || s.group == "" {
		return
	}
	f.delays(s)
	f.mailboxes(s)
	if s.group == "plan.parallel" {
		f.together(s)
	} else {
		f.again(s)
	}
}

// delays: a member whose delay is not below the ring of its group.
func (f *file) delays(s *step) {
	ring, ok := seconds(s.options, "ring")
	if !ok {
		return
	}
	late := func(delay float64, line int) {
		if delay >= ring {
			f.report(line, ruleLateDelay, Error, fmt.Sprintf("delay of %v s is not below the %v s that the group of line %d rings: it would never start", delay, ring, s.line))
		}
	}
	if each, ok := option(s.options, "each").(*ast.TableExpr); ok {
		if delay, ok := seconds(each, "delay"); ok {
			late(delay, each.Line())
		}
	}
	for _, m := range s.members {
		if m != nil {
			if delay, ok := seconds(m.options, "delay"); ok {
				late(delay, m.made)
			}
		}
	}
}

// maxTogether is how many devices may ring at once before it is too many: sipXecs limits them to 10 to 12.
const maxTogether = 12

// together: a parallel group that rings a device twice, or too many.
func (f *file) together(s *step) {
	rung := make(map[string]bool)
	n := 0
	s.atOnce(func(t *step) {
		n++
		if t == nil || t.key == "" {
			return
		}
		if rung[t.key] {
			f.report(t.line, ruleRingTwice, Warning, fmt.Sprintf("%s stands in this group twice: it rings once", t.uri))
		}
		rung[t.key] = true
	})
	if n > maxTogether {
		f.report(s.line, ruleWide, Warning, fmt.Sprintf("%d devices ring at once; %d are enough", n, maxTogether))
	}
}

// atOnce calls fn for every target that a step may ring at the same time, nil for what is not known.
func (s *step) atOnce(fn func(*step)) {
	switch {
	case s == nil || s.group == "":
		fn(s)
	case s.group == "plan.serial":
		if len(s.members) > 0 {
			s.members[0].atOnce(fn)
		}
	default:
		for _, m := range s.members {
			m.atOnce(fn)
		}
	}
}

// targets calls fn for every target in a step.
func (s *step) targets(fn func(*step)) {
	switch {
	case s == nil:
	case s.group == "":
		fn(s)
	default:
		for _, m := range s.members {
			m.targets(fn)
		}
	}
}

// again: a serial group that rings a device in two of its steps.
func (f *file) again(s *step) {
	rung := make(map[string]bool)
	for _, m := range s.members {
		var now []string
		m.targets(func(t *step) {
			if rung[t.key] && t.key != "" {
				f.report(t.line, ruleRingTwice, Warning, fmt.Sprintf("%s has rung in an earlier step of this plan and rings again", t.uri))
			}
			now = append(now, t.key)
		})
		for _, key := range now {
			rung[key] = true
		}
	}
}

var mailbox = regexp.MustCompile(`(?i)voice[-_ ]?mail|mailbox|^vm[-_.]?\d*$`)

// mailbox reports whether a step is a target that is called like one.
func (s *step) mailbox() bool {
	if s == nil || s.group != "" {
		return false
	}
	name, _ := constant(option(s.options, "name"))
	return mailbox.MatchString(s.user) || mailbox.MatchString(name)
}

// mailboxes: one that does not stand at the end.
func (f *file) mailboxes(s *step) {
	for i, m := range s.members {
		if !m.mailbox() {
			continue
		}
		switch delayed := option(m.options, "delay") != nil; {
		case s.group == "plan.serial" && i < len(s.members)-1:
			f.report(m.line, ruleVoicemail, Warning, "a mailbox answers at once: the steps after it are never reached")
		case s.group == "plan.parallel" && len(s.members) > 1 && !delayed:
			f.report(m.line, ruleVoicemail, Warning, "a mailbox answers at once: what rings beside it is never heard")
		}
	}
}
