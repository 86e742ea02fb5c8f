package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/reading"
)

type sessionCommand struct {
	dataFlag
	ID   string `arg:"" help:"Session id."`
	JSON bool   `help:"Print one JSON object."`
}

// sessionJSON is one session with all its records in order.
type sessionJSON struct {
	Session       string                  `json:"session"`
	Also          []string                `json:"also,omitempty"` // other ids by which sources know it
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
	session, err := r.Session(ctx, c.ID)
	if err != nil {
		return err
	}
	behind, err := r.Behind(ctx)
	if err != nil {
		return err
	}
	if len(session.Items)+len(session.Unreadable) == 0 && behind == 0 {
		return wanting{fmt.Errorf("no record of session %s; tripod search shows what there is", plain(c.ID))}
	}
	printUnreadable(std, session.Unreadable)
	if session.Without != nil {
		fmt.Fprintf(std.err, "tripod: discrepancies are not shown: %v\n", session.Without)
	}
	if c.JSON {
		return c.printJSON(std, r, session, behind)
	}
	return c.print(std, session, behind)
}

func (c *sessionCommand) printJSON(std streams, r *app.Reading, s *reading.Session, behind uint64) error {
	out := sessionJSON{Session: c.ID, Also: s.Also, Records: make([]json.RawMessage, len(s.Items)), Discrepancies: s.Discrepancies, Behind: behind}
	for i := range s.Items {
		out.Records[i] = s.Items[i].JSON()
	}
	if out.Discrepancies == nil {
		out.Discrepancies = []correlate.Discrepancy{}
	}
	var err error
	if out.LedgerSize, _, err = r.Checkpoint(); err != nil {
		return err
	}
	return printJSON(std.out, out)
}

func (c *sessionCommand) print(std streams, s *reading.Session, behind uint64) error {
	if err := printSession(std.out, s); err != nil {
		return err
	}
	if behind > 0 {
		printBehind(std, behind)
	}
	if std.terminal {
		fmt.Fprintf(std.err, "%d records, %d discrepancies\n", len(s.Items), len(s.Discrepancies))
	}
	return nil
}
