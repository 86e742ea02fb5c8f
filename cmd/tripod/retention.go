package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

type retentionCommand struct {
	List       retentionListCommand       `cmd:"" help:"List the classes of retention in force."`
	Plan       retentionPlanCommand       `cmd:"" help:"Say what a purge would destroy now, by class and month, and what is held; destroys nothing."`
	Countdowns retentionCountdownsCommand `cmd:"" help:"Say where evidence disappears elsewhere, when, and what of it is held here."`
	Purge      retentionPurgeCommand      `cmd:"" help:"Destroy what outlived its period, as serve does every hour."`
}

type retentionListCommand struct {
	dataFlag
	configFlag
	JSON bool `help:"Print one JSON object a line."`
}

func (c *retentionListCommand) Run(ctx context.Context, std streams) error {
	a, err := app.Retention(asked(ctx, c.Config), c.Data, "list")
	if err != nil {
		return err
	}
	for _, class := range a.Classes {
		if c.JSON {
			err = printJSON(std.out, class)
		} else {
			err = printClass(std.out, class, "")
		}
		if err != nil {
			return err
		}
	}
	if len(a.Classes) == 0 && !c.JSON {
		_, err = fmt.Fprintln(std.err, "no classes: everything is kept for ever; name classes under retention in the configuration")
	}
	return err
}

func printClass(w io.Writer, c retention.Class, more string) error {
	keep := "for ever"
	if !c.Keep.Forever() {
		keep = c.Keep.String()
	}
	law := ""
	if c.Statutory {
		law = "  by law"
	}
	_, err := fmt.Fprintf(w, "%s  %s  %s%s  basis: %s  owner: %s%s\n", plain(c.Name), c.What, keep, law, plain(c.Basis), plain(c.Owner), more)
	return err
}

type retentionPlanCommand struct {
	dataFlag
	configFlag
	JSON bool `help:"Print one JSON object a line."`
}

func (c *retentionPlanCommand) Run(ctx context.Context, std streams) error {
	a, err := app.Retention(asked(ctx, c.Config), c.Data, "plan")
	if err != nil {
		return err
	}
	for _, p := range a.Plan.Classes {
		if c.JSON {
			if err := printJSON(std.out, p); err != nil {
				return err
			}
			continue
		}
		if err := printClass(std.out, p.Class, fmt.Sprintf("\n  matched %d, due %d, held %d, by law %d", p.Matched, p.Due, p.Held, p.ByLaw)); err != nil {
			return err
		}
		for _, m := range p.Months {
			if _, err := fmt.Fprintf(std.out, "  %s  due %d, held %d, by law %d\n", m.Month, m.Due, m.Held, m.ByLaw); err != nil {
				return err
			}
		}
	}
	if c.JSON {
		return nil
	}
	_, err = fmt.Fprintf(std.err, "as of %s, up to record %d; records of no class, kept for ever: %d\n", a.Plan.At.Format(time.RFC3339), a.Plan.Position, a.Plan.Unclassed)
	return err
}

type retentionPurgeCommand struct {
	dataFlag
	configFlag
	JSON bool `help:"Print one JSON object a line."`
}

// mostStuck is how often in a row a purge may find something held that was not when it began.
const mostStuck = 3

func (c *retentionPurgeCommand) Run(ctx context.Context, std streams) error {
	for stuck := 0; ; {
		a, err := app.Retention(asked(ctx, c.Config), c.Data, "purge")
		if err != nil {
			return err
		}
		for _, p := range a.Purged {
			if c.JSON {
				err = printJSON(std.out, p)
			} else {
				_, err = fmt.Fprintf(std.out, "%s  %s  records %d, blocks %d, held %d; nothing of it from before %s is left but what is held; record %d\n",
					plain(p.Class), p.What, p.Records, p.Blocks, p.Held, p.Before.Format(time.DateOnly), p.Seq)
			}
			if err != nil {
				return err
			}
		}
		if !a.More {
			return nil
		}
		if stuck++; len(a.Purged) > 0 {
			stuck = 0
		}
		if stuck == mostStuck {
			return wanting{errors.New("retention purge: something that is due was held or kept by law while it was to go, time and again: run it again, tripod retention plan says what is left")}
		}
	}
}
