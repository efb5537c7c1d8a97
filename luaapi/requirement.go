package luaapi

import (
	"context"
	"fmt"
	"strings"

	"tandem/engine/plan"
)

// Requirement is what a new version of a script has to pass before it serves.
type Requirement string

// The requirements, each with those before it.
const (
	RequireLoad  Requirement = "load"  // it loads
	RequireCheck Requirement = "check" // Options.Check finds nothing
	RequireTest  Requirement = "test"  // Options.Test finds nothing
)

// Requirements are all of them, the least first.
var Requirements = []Requirement{RequireLoad, RequireCheck, RequireTest}

// Finding is something wrong with a version of a script.
type Finding struct {
	Pos plan.Pos
	// Rule names the rule of a check that found it, or is "test".
	Rule    string
	Message string
}

// String returns "main.lua:31 rule message".
func (f Finding) String() string { return fmt.Sprintf("%s %s %s", f.Pos, f.Rule, f.Message) }

// FoundError says that a version was found wanting although it loads.
type FoundError struct {
	// By is the requirement that it did not pass.
	By       Requirement
	Findings []Finding
}

// Error names the first finding and counts the others.
func (e *FoundError) Error() string {
	text := fmt.Sprintf("%s: %s", e.By, e.Findings[0])
	if n := len(e.Findings) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// Lines returns all findings, a line for each.
func (e *FoundError) Lines() string {
	var b strings.Builder
	for _, f := range e.Findings {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

// pass holds a program to the requirement. It runs off the shards and may take as long as Options.TestTime.
func (o *Options) pass(ctx context.Context, p *Program) error {
	if o.Require != RequireCheck && o.Require != RequireTest {
		return nil
	}
	if o.Check != nil {
		if found := o.Check(p.Snapshot); len(found) > 0 {
			return &FoundError{By: RequireCheck, Findings: found}
		}
	}
	if o.Require != RequireTest || o.Test == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.TestTime)
	defer cancel()
	found, err := o.Test(ctx, p)
	switch {
	case len(found) > 0:
		return &FoundError{By: RequireTest, Findings: found}
	case ctx.Err() == context.DeadlineExceeded:
		return fmt.Errorf("test: the tests take longer than %v", o.TestTime)
	case err != nil:
		return fmt.Errorf("test: %w", err)
	}
	return nil
}
