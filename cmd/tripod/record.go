package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/wording"
)

type recordCommand struct {
	dataFlag
	Seq   position `arg:"" help:"Position in the journal."`
	JSON  bool     `help:"Print one JSON object."`
	Proof bool     `help:"Add what proves that the record is in the ledger." xor:"what"`

	Content bool   `help:"Open its content, under a grant." xor:"what"`
	Grant   string `help:"Number of the grant, such as G-2026-0012." placeholder:"GRANT"`
	Config  string `short:"c" help:"Configuration file, for content where no serve runs." env:"TRIPOD_CONFIG" placeholder:"FILE"`
}

// position is one in the journal, as an argument.
type position uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *position) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no position in the journal, which is a whole number from 1", text)
	}
	*p = position(n)
	return nil
}

func (c *recordCommand) Run(ctx context.Context, std streams) (err error) {
	if c.Content {
		return c.printContent(ctx, std)
	}
	r, err := app.OpenReading(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if c.JSON && c.Proof {
		return c.printFile(ctx, std, r)
	}
	item, err := r.Record(ctx, uint64(c.Seq))
	if errors.Is(err, journal.ErrNotFound) {
		return wanting{err}
	}
	if err != nil {
		return err
	}
	var proof *reading.Proof
	if c.Proof {
		proof, err = r.Proof(ctx, uint64(c.Seq))
	}
	if errors.Is(err, reading.ErrProof) {
		return wanting{err}
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, struct {
			Record json.RawMessage `json:"record"`
		}{item.JSON()})
	}
	return c.print(std, item, proof)
}

// printFile prints what tripod verify --proof checks.
func (c *recordCommand) printFile(ctx context.Context, std streams, r *app.Reading) error {
	file, err := r.ProofFile(ctx, uint64(c.Seq))
	if errors.Is(err, journal.ErrNotFound) || errors.Is(err, reading.ErrProof) {
		return wanting{err}
	}
	if err != nil {
		return err
	}
	return printJSON(std.out, file)
}

func (c *recordCommand) print(std streams, i *reading.Item, proof *reading.Proof) error {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, i.JSON(), "", "  "); err != nil {
		return fmt.Errorf("print record %d: %w", i.Seq, err)
	}
	if i.Record != nil {
		if _, err := fmt.Fprintf(std.out, "%s\n\n", field1(wording.Sentence(i.Record))); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(std.out, export.PlainLines(pretty.String())); err != nil || proof == nil {
		return err
	}
	if i.Tombstone != nil {
		_, err := fmt.Fprintf(std.out, `
commitment  %s; the record was %s and its salt with it, so nothing can be learnt from this
leaf        %d of the ledger, hash %s
key         %s (as the data directory says; hold one from elsewhere)

%s`, proof.Commitment, i.Tombstone.Reason, proof.LeafIndex, proof.LeafHash, proof.Key, proof.TlogProof)
		return err
	}
	_, err := fmt.Fprintf(std.out, `
salt        %s
commitment  %s = SHA-256("tripod/record/v1" ‖ salt ‖ stored bytes)
leaf        %d of the ledger, hash %s
key         %s (as the data directory says; hold one from elsewhere)

%s`, proof.Salt, proof.Commitment, proof.LeafIndex, proof.LeafHash, proof.Key, proof.TlogProof)
	return err
}
