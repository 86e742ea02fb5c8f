package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tripod-audit/tripod/internal/app"
)

type eraseCommand struct {
	dataFlag
	configFlag
	Record    uint64 `help:"Erase the record at this position, and its content." xor:"what" placeholder:"SEQ"`
	Container string `help:"Erase all content of this container." xor:"what" placeholder:"ID"`
	Case      string `help:"Case under which it is ordered."`
	Reason    string `help:"Why; goes on record." required:""`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *eraseCommand) Run(ctx context.Context, std streams) error {
	if strings.TrimSpace(c.Reason) == "" {
		return usage{errors.New("erase: --reason is empty; it goes on record")}
	}
	if c.Record == 0 && c.Container == "" {
		return usage{errors.New("erase: name what with --record SEQ or --container ID")}
	}
	receipt, err := app.Erase(asked(ctx, c.Config), c.Data, app.EraseOrder{Seq: c.Record, Container: c.Container, Case: c.Case, Reason: c.Reason})
	var refused *app.RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusLocked {
		return wanting{errors.New(refused.Text)}
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, receipt)
	}
	what := "container " + c.Container
	if c.Record > 0 {
		what = fmt.Sprintf("record %d and its content (blocks: %d)", c.Record, receipt.Blocks)
	}
	_, err = fmt.Fprintf(std.out, "erased %s from the data directory; intent is record %d, completion record %d; backups keep it until they expire\n",
		plain(what), receipt.Intent, receipt.Completed)
	return err
}
