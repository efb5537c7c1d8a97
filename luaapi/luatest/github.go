package luatest

import (
	"fmt"
	"strings"
)

// github writes what people read, and after each failure a command that puts it beside the line in GitHub's pages.
type github struct{ pretty }

var (
	githubText     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func (p *github) test(r *Result) {
	p.pretty.test(r)
	if !r.bad() {
		return
	}
	line, title := "", r.Name
	if r.Pos.Line > 0 {
		line = fmt.Sprintf(",line=%d", r.Pos.Line)
	}
	if r.Verdict == Broken {
		title = "the tests do not load"
	}
	text := strings.Join(r.Message, "\n")
	if r.Rerun != "" {
		text += "\n" + r.Rerun
	}
	fmt.Fprintf(p.w, "::error file=%s%s,title=%s::%s\n", githubProperty.Replace(r.Pos.File), line, githubProperty.Replace(title), githubText.Replace(text))
}
