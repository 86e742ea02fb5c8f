package main

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/app"
)

type consoleCommand struct {
	dataFlag
	Revoke bool `help:"End every sign-in and every unused link instead."`
}

// Run prints a link. It holds a secret, so it goes to standard output alone and into no log.
func (c *consoleCommand) Run(ctx context.Context, std streams) error {
	if c.Revoke {
		r, err := app.RevokeConsole(ctx, c.Data)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "ended: %d sign-ins, %d unused links\n", r.SignIns, r.Links)
		return err
	}
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
