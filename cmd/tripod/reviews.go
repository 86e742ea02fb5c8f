package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/reviews"
	"github.com/tripod-audit/tripod/internal/search"
)

type reviewsCommand struct {
	List          reviewsList          `cmd:"" help:"List who looked at what, oldest first."`
	Consultations reviewsConsultations `cmd:"" help:"List the looks at one account, with dates and purposes and without who looked."`
	Digest        reviewsDigest        `cmd:"" help:"Show the digest of a week."`
}

// reviewFlags choose a stretch of time and a form.
type reviewFlags struct {
	dataFlag
	configFlag
	After  string `help:"From this time on: 2026-11-01, 2026-11-01T12:00:00Z; --after=-7d." placeholder:"TIME"`
	Before string `help:"Before this time." placeholder:"TIME"`
	JSON   bool   `help:"Print one JSON object a line." xor:"form"`
	CSV    bool   `help:"Print CSV, formulas defused." xor:"form"`
}

// filter reads the times as queries spell them.
func (f *reviewFlags) filter() (filter reviews.Filter, err error) {
	for _, t := range []struct {
		flag, text string
		into       *time.Time
	}{{"after", f.After, &filter.After}, {"before", f.Before, &filter.Before}} {
		if t.text == "" {
			continue
		}
		q, err := search.Parse("after:"+search.Quote(t.text), time.Now())
		if err != nil {
			return filter, usage{fmt.Errorf("--%s: %q is no time: write 2026-11-01, 2026-11-01T12:00:00Z or -7d, as in --after=-7d", t.flag, t.text)}
		}
		*t.into = time.UnixMilli(q.Windows()[0].From).UTC()
	}
	return filter, nil
}

type reviewsList struct {
	reviewFlags
	Who     string `help:"Acts of this account alone: an address or a login name." placeholder:"ID"`
	Subject string `help:"Acts that concern this account alone: an address, or any id it ever had." placeholder:"ID"`
	Kind    string `help:"Acts of this kind alone: search, record, session, account, content, export, case, grant, …" placeholder:"KIND"`
	Case    string `help:"Acts under this case alone." placeholder:"CASE"`
}

func (c *reviewsList) Run(ctx context.Context, std streams) error {
	f, err := c.filter()
	if err != nil {
		return err
	}
	f.Who, f.Kind, f.Case = c.Who, reviews.Kind(c.Kind), c.Case
	if err := f.Validate(); err != nil {
		return usage{err}
	}
	line := func(l app.ReviewLine) error {
		_, err := fmt.Fprintln(std.out, lookLine(&l))
		return err
	}
	switch {
	case c.JSON:
		line = func(l app.ReviewLine) error { return printJSON(std.out, l.Look) }
	case c.CSV:
		write, err := reviews.CSV(std.out)
		if err != nil {
			return err
		}
		line = func(l app.ReviewLine) error { return write(l.Look) }
	}
	end, err := app.Reviews(asked(ctx, c.Config), c.Data, app.ReviewOrder{What: "list", Filter: f, Account: c.Subject}, line)
	return tellReviews(std, end, err)
}

// lookLine is an act as one line for people.
func lookLine(l *app.ReviewLine) string {
	look := l.Look
	fields := []string{fmt.Sprintf("%s  %8d  %-9s %-24s", export.Stamp(look.At), look.Seq, look.Kind, field(orNone(look.Who))), field1(l.Deed)}
	if look.Case != "" {
		fields = append(fields, "case:"+field(look.Case))
	}
	if look.Purpose != "" {
		fields = append(fields, "purpose:"+field(look.Purpose))
	}
	if q := look.Query; q != nil && q.Text != "" {
		fields = append(fields, "asked for: "+plain(shorten(q.Text)))
	} else if q != nil && q.State != "held" {
		fields = append(fields, "asked for: ("+q.State+")")
	}
	return strings.Join(fields, "  ")
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type reviewsConsultations struct {
	reviewFlags
	Subject string `help:"The account: an address, or any id it ever had." required:"" placeholder:"ID"`
}

func (c *reviewsConsultations) Run(ctx context.Context, std streams) error {
	f, err := c.filter()
	if err != nil {
		return err
	}
	line := func(l app.ReviewLine) error { return consultationLine(std.out, l.Consultation) }
	switch {
	case c.JSON:
		line = func(l app.ReviewLine) error { return printJSON(std.out, l.Consultation) }
	case c.CSV:
		write, err := reviews.ConsultationsCSV(std.out)
		if err != nil {
			return err
		}
		line = func(l app.ReviewLine) error { return write(*l.Consultation) }
	}
	end, err := app.Reviews(asked(ctx, c.Config), c.Data, app.ReviewOrder{What: "consultations", Filter: f, Account: c.Subject}, line)
	return tellReviews(std, end, err)
}

func consultationLine(w io.Writer, c *reviews.Consultation) error {
	line := fmt.Sprintf("%s  %-9s %-8s", export.Stamp(c.At), c.Access, c.Class)
	if c.Purpose != "" {
		line += "  purpose:" + field(c.Purpose)
	}
	if c.CaseKind != "" {
		line += "  case:" + field(c.CaseKind)
	}
	_, err := fmt.Fprintln(w, strings.TrimRight(line, " "))
	return err
}

// tellReviews says on stderr what a list rests on and what it cannot tell.
func tellReviews(std streams, end app.ReviewEnd, err error) error {
	if err != nil {
		return err
	}
	if end.Behind > 0 {
		printBehind(std, end.Behind)
	}
	for _, limit := range end.Limits {
		fmt.Fprintf(std.err, "tripod: %s\n", plain(limit))
	}
	if std.terminal || end.Rows == 0 {
		fmt.Fprintf(std.err, "tripod: %s, up to record %d\n", plural(int64(end.Rows), "act", "acts"), end.Position)
	}
	return nil
}
