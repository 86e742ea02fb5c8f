package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/journal"
)

type sessionCommand struct {
	dataFlag
	ID   string `arg:"" help:"Session id."`
	JSON bool   `help:"Print one JSON object."`
}

// sessionJSON is one session with all its records in order.
type sessionJSON struct {
	Session       string                  `json:"session"`
	Records       []json.RawMessage       `json:"records"`
	Discrepancies []correlate.Discrepancy `json:"discrepancies"`
	LedgerSize    uint64                  `json:"ledger_size"`
	Behind        uint64                  `json:"index_behind"`
}

func (c *sessionCommand) Run(ctx context.Context, std streams) (err error) {
	r, err := app.OpenReading(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	records, err := r.Session(ctx, c.ID)
	if err != nil {
		return err
	}
	found, err := r.Found.List(ctx, correlate.Filter{Session: c.ID})
	if err != nil {
		return err
	}
	behind, err := r.Behind(ctx)
	if err != nil {
		return err
	}
	if len(records) == 0 && behind == 0 {
		return wanting{fmt.Errorf("no record of session %s; tripod search shows what there is", plain(c.ID))}
	}
	if c.JSON {
		return c.printJSON(std, r, records, found, behind)
	}
	return c.print(std, records, found, behind)
}

func (c *sessionCommand) printJSON(std streams, r *app.Reading, records []journal.Stored, found []correlate.Discrepancy, behind uint64) error {
	out := sessionJSON{Session: c.ID, Records: make([]json.RawMessage, len(records)), Discrepancies: found, Behind: behind}
	for i := range records {
		out.Records[i] = recordJSON(&records[i])
	}
	if found == nil {
		out.Discrepancies = []correlate.Discrepancy{}
	}
	var err error
	if out.LedgerSize, _, err = r.Checkpoint(); err != nil {
		return err
	}
	return printJSON(std.out, out)
}

func (c *sessionCommand) print(std streams, records []journal.Stored, found []correlate.Discrepancy, behind uint64) error {
	prompt := ""
	for i := range records {
		rec, err := records[i].Record()
		if err != nil {
			return err
		}
		if rec.Keys.Prompt != prompt {
			prompt = rec.Keys.Prompt
			if _, err := fmt.Fprintf(std.out, "\nprompt %s\n", plain(first(prompt, "(none)"))); err != nil {
				return err
			}
		}
		line, err := recordLine(&records[i])
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(std.out, line); err != nil {
			return err
		}
	}
	fmt.Fprintln(std.out)
	for i := range found {
		state := string(found[i].State)
		if found[i].Provisional {
			state += ", provisional"
		}
		if found[i].Credential != "" {
			state += ", by " + plain(found[i].Credential)
		}
		fmt.Fprintf(std.out, "%s: %s (%s)\n", found[i].Kind, plain(found[i].Statement), state)
	}
	if behind > 0 {
		printBehind(std, behind)
	}
	if std.terminal {
		fmt.Fprintf(std.err, "%d records, %d discrepancies\n", len(records), len(found))
	}
	return nil
}
