package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
)

type searchCommand struct {
	dataFlag
	Query  []string `arg:"" optional:"" help:"Query; see docs/search.md. Quote it: 'user:dana@example.com activity:tool_call -outcome:success after:2026-11-01'."`
	JSON   bool     `help:"Print one JSON object a line." xor:"form"`
	CSV    bool     `help:"Print CSV, formulas defused." xor:"form"`
	Limit  *int     `help:"Print at most so many records; 0 for all (default 100, with --output all)." placeholder:"N"`
	Oldest bool     `help:"Oldest first."`
	Output string   `short:"o" help:"Write to a file, with FILE.meta.json beside it: query, time, ledger position, count and hash." placeholder:"FILE"`
}

func (c *searchCommand) Run(ctx context.Context, std streams) (err error) {
	q, err := parseQuery(strings.Join(c.Query, " "))
	if err != nil {
		return err
	}
	limit := 100
	if c.Output != "" {
		limit = 0
	}
	if c.Limit != nil {
		limit = *c.Limit
	}
	if limit < 0 {
		return usage{errors.New("search: --limit is 0 for all, or more")}
	}
	r, err := app.OpenReading(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	export, err := openExport(c.Output, std)
	if err != nil {
		return err
	}
	n, more, err := c.write(ctx, r, q, limit, export)
	if err != nil {
		return errors.Join(err, export.abandon())
	}
	if err := export.close(ctx, r, q.String(), n, limit, more); err != nil {
		return err
	}
	return c.closing(ctx, std, r, n, more)
}

// parseQuery shows the place of a mistake with a caret.
func parseQuery(text string) (*search.Query, error) {
	q, err := search.Parse(text, time.Now())
	var at *search.QueryError
	if errors.As(err, &at) {
		return nil, usage{fmt.Errorf("%w\n%s", err, at.Caret())}
	}
	return q, err
}

// write prints matching records page by page, so that all of them never have to be in memory. It tells how many, and
// whether the limit left some out.
func (c *searchCommand) write(ctx context.Context, r *app.Reading, q *search.Query, limit int, w io.Writer) (n int, more bool, err error) {
	print, err := c.printer(w)
	if err != nil {
		return 0, false, err
	}
	for page := (search.Page{Oldest: c.Oldest, Limit: 1000}); ; {
		if limit > 0 {
			page.Limit = min(1000, limit-n)
		}
		found, err := r.Index.Find(ctx, q, page)
		if err != nil {
			return n, false, err
		}
		stored, err := r.Fetch(ctx, q, found.Hits)
		if err != nil {
			return n, false, err
		}
		for i := range stored {
			if err := print(&stored[i]); err != nil {
				return n, false, err
			}
			n++
		}
		if page.Cursor = found.Next; page.Cursor == "" || n == limit && limit > 0 {
			return n, page.Cursor != "", nil
		}
	}
}

func (c *searchCommand) printer(w io.Writer) (func(*journal.Stored) error, error) {
	switch {
	case c.JSON:
		return func(s *journal.Stored) error {
			_, err := w.Write(append(recordJSON(s), '\n'))
			return err
		}, nil
	case c.CSV:
		return newCSV(w)
	}
	return func(s *journal.Stored) error {
		line, err := recordLine(s)
		if err == nil {
			_, err = fmt.Fprintln(w, line)
		}
		return err
	}, nil
}

// closing tells a person how many there were, up to when the journal reaches, and what was silent.
func (c *searchCommand) closing(ctx context.Context, std streams, r *app.Reading, n int, more bool) error {
	behind, err := r.Behind(ctx)
	if err != nil {
		return err
	}
	if behind > 0 {
		printBehind(std, behind)
	}
	if more {
		fmt.Fprintf(std.err, "tripod: %d records shown, there are more: --limit 0 for all\n", n)
	}
	if !std.terminal {
		return nil
	}
	sources, err := r.Sources(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.err, "%d records", n)
	for _, s := range sources {
		fmt.Fprintf(std.err, "; %s last recorded %s", s.Source, stamp(s.Last))
	}
	if silent := app.Silent(sources); len(silent) > 0 {
		fmt.Fprintf(std.err, "; silent: %s", strings.Join(silent, ", "))
	}
	fmt.Fprintln(std.err)
	return nil
}

// printBehind says that what was just recorded may not be found yet.
func printBehind(std streams, behind uint64) {
	fmt.Fprintf(std.err, "tripod: the search index is %d records behind the journal: while tripod serve runs it catches up by itself, else start it\n", behind)
}
