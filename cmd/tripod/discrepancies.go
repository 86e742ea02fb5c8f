package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

type discrepanciesCommand struct {
	dataFlag
	Kind    string `help:"Only this kind; see docs/discrepancies.md." placeholder:"KIND"`
	Session string `help:"Only those of this session." placeholder:"ID"`
	Closed  bool   `help:"Those that late data closed, in place of the open ones."`
	Limit   int    `help:"Print at most so many; 0 for all." default:"100" placeholder:"N"`
	JSON    bool   `help:"Print one JSON object a line."`
}

func (c *discrepanciesCommand) Run(ctx context.Context, std streams) (err error) {
	filter, err := c.filter()
	if err != nil {
		return err
	}
	r, err := app.OpenReading(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	view, err := r.Discrepancies(ctx)
	if err != nil {
		return err
	}
	list, err := view.List(ctx, filter)
	if err != nil {
		return err
	}
	more := c.Limit > 0 && len(list) > c.Limit
	if more {
		list = list[:c.Limit]
	}
	for i := range list {
		if c.JSON {
			err = printJSON(std.out, &list[i])
		} else {
			_, err = fmt.Fprintln(std.out, discrepancyLine(&list[i]))
		}
		if err != nil {
			return err
		}
	}
	if more {
		fmt.Fprintf(std.err, "tripod: %s shown, there are more: --limit 0 for all\n", plural(int64(len(list)), "discrepancy", "discrepancies"))
	}
	return c.closing(ctx, std, r, view, len(list))
}

// filter refuses a kind that cannot be: a misspelt one would look as if there were none.
func (c *discrepanciesCommand) filter() (correlate.Filter, error) {
	f := correlate.Filter{Session: c.Session, Kind: correlate.Kind(c.Kind), State: correlate.StateOpen, Limit: -1}
	if c.Closed {
		f.State = correlate.StateClosed
	}
	if c.Limit < 0 {
		return f, usage{errors.New("discrepancies: --limit is 0 for all, or more")}
	}
	if c.Limit > 0 {
		f.Limit = c.Limit + 1 // to know whether there are more
	}
	if c.Kind == "" {
		return f, nil
	}
	var kinds []string
	for _, k := range correlate.Kinds() {
		if k == f.Kind {
			return f, nil
		}
		kinds = append(kinds, string(k))
	}
	if near := search.Nearest(c.Kind, kinds); near != "" {
		return f, usage{fmt.Errorf("discrepancies: there is no kind %q, did you mean %s?", c.Kind, near)}
	}
	return f, usage{fmt.Errorf("discrepancies: there is no kind %q: want one of %s", c.Kind, strings.Join(kinds, ", "))}
}

// discrepancyLine is a discrepancy as one line: when, what, whose, and what it claims.
func discrepancyLine(d *correlate.Discrepancy) string {
	parts := []string{fmt.Sprintf("%s  %-23s %-6s", discrepancyTimes(d), field(string(d.Kind)), field(string(d.Severity)))}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+field(value))
		}
	}
	switch a := d.Account; {
	case d.AccountErased:
		parts = append(parts, "account erased")
	case a != nil:
		add("says:", cmp.Or(a.Email, a.User, a.UUID, a.Subject))
	}
	if p := d.Details.Proved; p != nil {
		add("proved:", cmp.Or(p.Email, p.User, p.UUID, p.Subject))
	}
	add("key:", d.Credential)
	if d.Account != nil && d.Credential == "" {
		add("device:", d.Account.Device)
	}
	add("session:", d.Session)
	if d.FirstSeq > 0 && d.LastSeq > 0 {
		parts = append(parts, fmt.Sprintf("records %d–%d", d.FirstSeq, d.LastSeq))
	}
	statement := field1(d.Statement)
	if d.Provisional {
		statement += " (provisional)"
	}
	return strings.Join(append(parts, statement), "  ")
}

// discrepancyTimes bounds when it happened; one whose times are not known stands where it was recorded.
func discrepancyTimes(d *correlate.Discrepancy) string {
	const width = len("2006-01-02T15:04:05.000Z")
	from, to := d.From, cmp.Or(d.To, d.From, d.Recorded)
	if from.IsZero() || from.Equal(to) {
		return fmt.Sprintf("%-*s  %-*s", width, export.Stamp(to), width, "")
	}
	return fmt.Sprintf("%-*s–%-*s ", width, export.Stamp(from), width, export.Stamp(to))
}

// closing says how many there are, how far the view has come, and that none proves nothing.
func (c *discrepanciesCommand) closing(ctx context.Context, std streams, r *app.Reading, view reading.Discrepancies, shown int) error {
	at, err := view.Position(ctx)
	if err != nil {
		return err
	}
	last, err := r.Last(ctx)
	if err != nil {
		return err
	}
	tellBehind(std, "discrepancies", at, last)
	if !std.terminal {
		if shown == 0 {
			fmt.Fprintln(std.err, "tripod: 0 discrepancies, which is no proof of completeness")
		}
		return nil
	}
	counts, err := view.Count(ctx)
	if err != nil {
		return err
	}
	stamp := "never"
	if last > 0 {
		if item, err := r.Record(ctx, last); err == nil && item.Record != nil {
			stamp = export.Stamp(item.Record.Recorded.Truncate(time.Millisecond))
		}
	}
	_, err = fmt.Fprintf(std.err, "%d shown of %d open (%d provisional) and %d closed, up to record %d of %s; a lower bound: what nobody told leaves no trace\n",
		shown, counts.Open, counts.Provisional, counts.Closed, at, stamp)
	return err
}
