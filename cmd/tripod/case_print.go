package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/export"
)

// tell prints what became of an order.
func (f *caseFlags) tell(std streams, a *app.CaseAnswer, err error) error {
	if err != nil {
		return err
	}
	if f.JSON {
		return caseJSON(std.out, a)
	}
	var b strings.Builder
	if a.Case != nil {
		caseText(&b, a.Case)
	}
	for i := range a.Cases {
		caseLine(&b, &a.Cases[i])
	}
	if a.Grant != nil {
		grantText(&b, a.Grant)
	}
	for i := range a.Grants {
		b.WriteByte('\n')
		grantText(&b, &a.Grants[i])
	}
	waits(&b, "waits for you to approve", a.Approve)
	waits(&b, "waits for your review", a.Review)
	_, err = io.WriteString(std.out, b.String())
	return err
}

// caseJSON prints one object a line: the case or cases first, then grants.
func caseJSON(w io.Writer, a *app.CaseAnswer) error {
	var objects []any
	if a.Case != nil {
		objects = append(objects, a.Case)
	}
	for i := range a.Cases {
		objects = append(objects, a.Cases[i])
	}
	if a.Grant != nil {
		objects = append(objects, a.Grant)
	}
	for i := range a.Grants {
		objects = append(objects, a.Grants[i])
	}
	for _, o := range objects {
		if err := printJSON(w, o); err != nil {
			return err
		}
	}
	return nil
}

func caseLine(b *strings.Builder, c *casebook.Case) {
	what := fmt.Sprintf("%s for %s, owner %s", c.Kind, c.Purpose, plain(c.Owner.Label()))
	if c.Hidden {
		what = "privileged matter"
	}
	fmt.Fprintf(b, "%s  %s  %-6s  %s\n", c.ID, c.Opened.UTC().Format("2006-01-02"), c.State, what)
}

func caseText(b *strings.Builder, c *casebook.Case) {
	caseLine(b, c)
	if c.Hidden {
		return
	}
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %-12s %s\n", name, export.Plain(value))
		}
	}
	line("title", c.Title)
	line("basis", strings.TrimSuffix(string(c.Basis)+", "+c.Reference, ", "))
	for _, s := range c.Subjects {
		line("about", s.Account)
	}
	for _, p := range c.Participants {
		line("takes part", fmt.Sprintf("%s as %s", p.Label(), p.Role))
	}
	line("privileged", strings.Join(c.Privileged, ", "))
	if c.Closed != nil {
		line("closed", stamp(*c.Closed))
	}
}

func grantText(b *strings.Builder, g *casebook.Grant) {
	state := string(g.State)
	if g.State == casebook.Opened {
		state += " until " + stamp(g.Until)
	}
	how := ""
	if g.BreakGlass {
		how = ", alone by breaking the glass"
	}
	fmt.Fprintf(b, "%s  %s%s\n", g.ID, state, how)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %-12s %s\n", name, strings.ReplaceAll(export.PlainLines(value), "\n", "\n               "))
		}
	}
	line("case", g.Case)
	line("covers", fmt.Sprintf("%s of %s, for %d minutes", g.Class, g.Covers(), g.Minutes))
	line("containers", strings.Join(g.Containers, ", "))
	line("records", strings.Trim(fmt.Sprint(g.Records), "[]"))
	line("query", g.Query)
	if g.OwnerUnknown {
		line("owner", "unknown of some of it")
	}
	line("asked by", g.By.Label()+", "+stamp(g.At))
	line("reason", g.Reason)
	line("approved by", g.ApprovedBy.Label())
	line("denied by", g.DeniedBy.Label())
	if g.BreakGlass {
		switch {
		case g.Unreviewed():
			line("review", "due by "+stamp(g.ReviewDue))
		case g.Justified:
			line("review", "justified, says "+g.ReviewedBy.Label())
		default:
			line("review", "not justified, says "+g.ReviewedBy.Label())
		}
	}
	line("note", g.Note)
	if g.State == casebook.Requested {
		line("terms", g.Terms)
	}
}

func waits(b *strings.Builder, what string, list []casebook.Grant) {
	for _, g := range list {
		fmt.Fprintf(b, "%s of case %s %s: %s of %s, by %s\n", g.ID, g.Case, what, g.Class, g.Covers(), plain(g.By.Label()))
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
