package luatest

import (
	"fmt"
	"strings"

	"tandem/engine/plan"
)

// github writes what people read, and with each failure or note a command that puts it beside the line in GitHub's pages.
type github struct{ pretty }

var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func (p *github) test(r *Result) {
	for _, n := range p.fresh(r.Notes) {
		p.note(n)
		p.annotate("notice", n.Pos, "shared from call to call", n.Text)
	}
	p.pretty.test(r)
	if !r.bad() {
		return
	}
	title := r.Name
	if r.Verdict == Broken {
		title = "the tests do not load"
	}
	text := strings.Join(r.Message, "\n")
	if r.Rerun != "" {
		text += "\n" + r.Rerun
	}
	p.annotate("error", r.Pos, title, text)
}

// annotate writes a command of GitHub's workflows.
func (p *github) annotate(command string, at plan.Pos, title, text string) {
	line := ""
	if at.Line > 0 {
		line = fmt.Sprintf(",line=%d", at.Line)
	}
	fmt.Fprintf(p.w, "::%s file=%s%s,title=%s::%s\n", command, githubProperty.Replace(at.File), line, githubProperty.Replace(title), githubText.Replace(text))
}
