package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/lifecycle/countdown"
)

type retentionCountdownsCommand struct {
	dataFlag
	configFlag
	JSON bool `help:"Print one JSON object a line."`
}

func (c *retentionCountdownsCommand) Run(ctx context.Context, std streams) error {
	a, err := app.Retention(asked(ctx, c.Config), c.Data, "countdowns")
	if err != nil {
		return err
	}
	for i := range a.Countdowns.Countdowns {
		one := &a.Countdowns.Countdowns[i]
		if c.JSON {
			err = printJSON(std.out, one)
		} else {
			err = printCountdown(std.out, one)
		}
		if err != nil {
			return err
		}
	}
	for _, w := range a.Countdowns.Without {
		fmt.Fprintln(std.err, "not known:", w)
	}
	if !c.JSON {
		fmt.Fprintf(std.err, "as of %s, for the next 30 days and the last\n", a.Countdowns.At.Format(time.RFC3339))
	}
	return nil
}

// printCountdown prints what disappears somewhere, and each thing of it that is not held whole.
func printCountdown(w io.Writer, c *countdown.Countdown) error {
	where := c.Where
	if c.Org != "" {
		where = plain(c.Org) + ", " + plain(c.Period)
	}
	more := ""
	if c.More {
		more = " at least"
	}
	if _, err := fmt.Fprintf(w, "%s  %s (%s)\n  ahead %d%s, held %d, soon and not held %d, gone and not held %d\n  %s: %s\n", c.ID, c.What, where, c.Objects, more, c.Held, c.Soon, c.Gone, c.Read, c.Source); err != nil {
		return err
	}
	for _, o := range c.List {
		word := "disappears"
		if o.Gone {
			word = "gone since"
		}
		if _, err := fmt.Fprintf(w, "  %s  %s %s  %s held  record %d\n", plain(o.Kind+" "+o.ID), word, o.At.Format(time.RFC3339), o.Held, o.Seq); err != nil {
			return err
		}
	}
	if len(c.List) > 0 {
		_, err := fmt.Fprintf(w, "  → %s\n", c.Do)
		return err
	}
	return nil
}
