package main

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/app"
)

type consoleCommand struct {
	dataFlag
}

// Run prints a link. It holds a secret, so it goes to standard output alone and into no log.
func (c *consoleCommand) Run(ctx context.Context, std streams) error {
	link, err := app.ConsoleLink(ctx, c.Data)
	if err != nil {
		return err
	}
	if std.terminal {
		fmt.Fprintln(std.err, "Open this once, within 15 minutes:")
	}
	_, err = fmt.Fprintln(std.out, link)
	return err
}
