package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

type searchCommand struct {
	dataFlag
	Query  []string `arg:"" optional:"" help:"Query; see docs/search.md. Quote it: 'user:dana@example.com activity:tool_call -outcome:success after:2026-11-01'."`
	JSON   bool     `help:"Print one JSON object a line." xor:"form"`
	CSV    bool     `help:"Print CSV, formulas defused." xor:"form"`
	Format string   `help:"Print each record as an event a line: ocsf, ocsf-1.8.0 or ecs (see docs/ocsf.md). Tombstones are no events." xor:"form" placeholder:"FORMAT"`
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
	if c.Format != "" && formats()[c.Format] == nil {
		return usage{fmt.Errorf("search: --format is ocsf, ocsf-1.8.0 or ecs, not %q", plain(c.Format))}
	}
	r, err := app.OpenReading(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	o := export.Options{Query: q, Form: c.form(), Limit: limit, Oldest: c.Oldest}
	var res *export.Result
	if c.Output != "" {
		res, err = exportFile(ctx, r, c.Output, o)
	} else {
		res, err = export.Run(ctx, r.Reader, std.out, o)
	}
	if err != nil {
		return err
	}
	return c.closing(ctx, std, r, q, res)
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

func (c *searchCommand) form() export.Form {
	switch {
	case c.JSON:
		return export.NDJSON
	case c.CSV:
		return export.CSV
	case c.Format != "":
		return events(formats()[c.Format])
	}
	return lines
}

// lines prints one line a record, for people.
func lines(w io.Writer) (func(*reading.Item) error, error) {
	return func(i *reading.Item) error {
		_, err := fmt.Fprintln(w, recordLine(i))
		return err
	}, nil
}

// closing tells a person how many there were, up to when the journal reaches, and what was silent.
func (c *searchCommand) closing(ctx context.Context, std streams, r *app.Reading, q *search.Query, res *export.Result) error {
	behind, err := r.Behind(ctx)
	if err != nil {
		return err
	}
	if behind > 0 {
		printBehind(std, behind)
	}
	printUnreadable(std, res.Unreadable)
	if res.Records == 0 && !std.terminal { // for people the closing line says it
		fmt.Fprintln(std.err, "tripod: 0 records")
	}
	if err := printHints(ctx, std, r, q, res.Records == 0, behind > 0); err != nil {
		return err
	}
	if res.More {
		fmt.Fprintf(std.err, "tripod: %s shown, there are more: --limit 0 for all\n", plural(int64(res.Records), "record", "records"))
	}
	if !std.terminal {
		return nil
	}
	sources, err := r.Sources(ctx)
	if err != nil {
		return err
	}
	fmt.Fprint(std.err, plural(int64(res.Records), "record", "records"))
	for _, s := range sources.List {
		fmt.Fprintf(std.err, "; %s last recorded %s", s.Source, export.Stamp(s.Last))
	}
	if silent := reading.Silent(sources.List, time.Now()); len(silent) > 0 {
		fmt.Fprintf(std.err, "; silent: %s", strings.Join(silent, ", "))
	}
	fmt.Fprintln(std.err)
	return nil
}

// printBehind says that what was just recorded may not be found yet.
func printBehind(std streams, behind uint64) {
	fmt.Fprintf(std.err, "tripod: the search index is %s behind the journal: while tripod serve runs it catches up by itself, else start it\n", plural(int64(behind), "record", "records"))
}

// printUnreadable says which records a list lacks.
func printUnreadable(std streams, u reading.Unreadable) {
	if len(u) > 0 {
		fmt.Fprintf(std.err, "tripod: %s\n", u)
	}
}

// printHints says which values of the query no record has: all of them where nothing was found, else those that look
// misspelt. Of an index that is behind it says no more than it knows.
func printHints(ctx context.Context, std streams, r *app.Reading, q *search.Query, nothing, behind bool) error {
	look := r.Hints
	if nothing {
		look = r.NothingHints
	}
	hints, err := look(ctx, q)
	if err != nil {
		return err
	}
	for _, h := range hints {
		h.Behind = behind
		if nothing || h.Nearest != "" {
			fmt.Fprintf(std.err, "tripod: %s\n", plain(h.String()))
		}
	}
	return nil
}

// negations lets a query begin with -field:value, which would be read as flags: behind a blank it is an argument, and the
// query means the same.
func negations(args []string) []string {
	if len(args) == 0 || args[0] != "search" {
		return args
	}
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		name, _, colon := strings.Cut(strings.TrimPrefix(arg, "-"), ":")
		if colon && len(name) > 1 && strings.HasPrefix(arg, "-") && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz_") == "" {
			args[i] = " " + arg
		}
	}
	return args
}
