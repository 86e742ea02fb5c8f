package main

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/app"
)

type rebuildCommand struct {
	dataFlag
	View string `arg:"" enum:"search,correlate,organisation,acts,detect" help:"Which view: search, correlate, organisation, acts or detect."`
}

func (c *rebuildCommand) Run(ctx context.Context, std streams) error {
	if err := app.Rebuild(ctx, c.Data, c.View, progress(std, "rebuilt")); err != nil {
		return err
	}
	_, err := fmt.Fprintf(std.out, "%s is rebuilt from the journal\n", c.View)
	return err
}
