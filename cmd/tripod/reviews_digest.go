package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/reviews"
)

type reviewsDigest struct {
	dataFlag
	configFlag
	Week string `help:"The week, as 2026-W47 (default the last that is over)." placeholder:"WEEK"`
	JSON bool   `help:"Print one JSON object."`
}

func (c *reviewsDigest) Run(ctx context.Context, std streams) error {
	week := reviews.WeekOf(time.Now()).Previous()
	if c.Week != "" {
		var err error
		if week, err = reviews.ParseWeek(c.Week); err != nil {
			return usage{err}
		}
	}
	end, err := app.Reviews(asked(ctx, c.Config), c.Data, app.ReviewOrder{What: "digest", Week: week.String()}, func(l app.ReviewLine) error {
		if c.JSON {
			return printJSON(std.out, l.Digest)
		}
		_, err := fmt.Fprint(std.out, digestText(l.Digest))
		return err
	})
	if err == nil && end.Behind > 0 {
		printBehind(std, end.Behind)
	}
	return err
}

// digestText is a digest for people.
func digestText(d *reviews.Digest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s to %s, up to record %d\n", d.Week, export.Stamp(d.From), export.Stamp(d.Until), d.Position)
	for _, g := range d.BreakGlass {
		review := "review owed by " + export.Stamp(g.ReviewDue)
		switch {
		case g.ReviewedBy != "" && g.Justified:
			review = "justified, says " + field(g.ReviewedBy)
		case g.ReviewedBy != "":
			review = "not justified, says " + field(g.ReviewedBy)
		case g.Overdue:
			review = "review overdue since " + export.Stamp(g.ReviewDue)
		}
		fmt.Fprintf(&b, "alone     %s  %s  %s  %s  %s  %s\n", export.Stamp(g.At), field(g.Grant), field(g.Case), g.Class, field(g.By), review)
	}
	for _, o := range d.Openings {
		fmt.Fprintf(&b, "opened    %-18s %-8s %s under %s\n", field(orNone(o.Purpose)), cmp.Or(string(o.Class), "titles and reasons of cases"), plural(int64(o.Openings), "time", "times"), plural(int64(o.Cases), "case", "cases"))
	}
	fmt.Fprintf(&b, "grants    %d requested, %d approved, %d denied, %d withdrawn\n", d.Grants.Requested, d.Grants.Approved, d.Grants.Denied, d.Grants.Withdrawn)
	for _, c := range d.Cases {
		state := "open since " + export.Stamp(c.Opened)
		if c.Closed != nil {
			state = "closed " + export.Stamp(*c.Closed)
		}
		fmt.Fprintf(&b, "case      %s  %s  %s  %s", field(c.Case), c.Kind, orNone(string(c.Purpose)), state)
		if len(c.Openers) > 0 {
			names := make([]string, len(c.Openers))
			for i, n := range c.Openers {
				names[i] = field(n)
			}
			fmt.Fprintf(&b, "  content opened by %s", strings.Join(names, ", "))
		}
		b.WriteByte('\n')
	}
	for _, k := range reviews.Kinds() {
		if n := d.Acts[k]; n > 0 {
			fmt.Fprintf(&b, "acts      %-10s %d\n", k, n)
		}
	}
	fmt.Fprintf(&b, "refused   %d\n", d.Refused)
	return b.String()
}
