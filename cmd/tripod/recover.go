package main

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/app"
)

type recoverCommand struct {
	dataFlag
	JSON bool `help:"Print one JSON object."`
}

func (c *recoverCommand) Run(ctx context.Context, std streams) error {
	done, err := app.Recover(ctx, c.Data)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, done)
	}
	for _, r := range done.Lost {
		fmt.Fprintf(std.out, "lost: records %d to %d; tombstones stand there, and a record says so\n", r.First, r.Last)
	}
	for _, f := range done.Mended {
		fmt.Fprintf(std.out, "mended: %s, from the journal\n", f)
	}
	if done.Signed {
		fmt.Fprintln(std.out, "signed: a new checkpoint, because there was none")
	}
	if len(done.Lost) == 0 && len(done.Mended) == 0 && !done.Signed {
		fmt.Fprintln(std.out, "nothing to recover: journal and ledger fit each other")
	}
	return nil
}
