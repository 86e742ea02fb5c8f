package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

type verifyCommand struct {
	dataFlag
	Proof      *string  `help:"Check one record's proof instead: the file that record SEQ --proof --json prints, or - for standard input. Needs no data directory." placeholder:"FILE"`
	Key        *string  `help:"Verifier key, or a file that holds it; from somewhere the data directory's owner cannot change." placeholder:"PUB"`
	Checkpoint *string  `help:"A checkpoint saved earlier: proves that the ledger only grew since." placeholder:"FILE"`
	HandOver   []string `help:"With --proof: a hand-over of the ledger's key that you know of; may be given again." placeholder:"FILE" sep:"none"`
	From       uint64   `help:"Start at this position, taking what lies before from the tiles." placeholder:"SEQ"`
	JSON       bool     `help:"Print one JSON object."`
}

func (c *verifyCommand) Run(ctx context.Context, std streams) (err error) {
	if c.Proof != nil {
		return c.runProof(std)
	}
	if len(c.HandOver) > 0 {
		return usage{errors.New("verify: --hand-over is for --proof; a data directory holds its own")}
	}
	key, saved, err := c.anchors()
	if err != nil {
		return err
	}
	report, err := app.Verify(ctx, ledger.VerifyOptions{Dir: c.Data, Key: key, Saved: saved, From: c.From, Progress: progress(std, "verified")})
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(std.out, report)
	} else {
		err = printReport(std, report)
	}
	if err == nil && !report.Verified {
		err = wanting{errors.New("not verified; the findings say where and why")}
	}
	return err
}

// anchors reads what the verdict is to rest on. One that is given and empty is a mistake, not a wish for less.
func (c *verifyCommand) anchors() (key string, saved []byte, err error) {
	if c.Key != nil {
		if *c.Key == "" {
			return "", nil, usage{errors.New("verify: --key is empty")}
		}
		if key, err = readKey(*c.Key); err != nil {
			return "", nil, err
		}
	}
	if c.Checkpoint != nil {
		if *c.Checkpoint == "" {
			return "", nil, usage{errors.New("verify: --checkpoint is empty")}
		}
		if saved, err = os.ReadFile(*c.Checkpoint); err != nil {
			return "", nil, fmt.Errorf("read saved checkpoint: %w", err)
		}
		saved = forwarded(saved)
	}
	return key, saved, nil
}

// forwarded finds the checkpoint in an event that a sink received, or in several, a line each: the largest. What is no event stays as
// it is.
func forwarded(b []byte) []byte {
	var found []byte
	var size uint64
	dec := json.NewDecoder(bytes.NewReader(b))
	for {
		var event any
		if err := dec.Decode(&event); err != nil {
			break // the end, or no JSON: verification says what is wrong with it
		}
		eachText(event, func(s string) {
			if c, err := tiles.ParseCheckpoint([]byte(s)); err == nil && (found == nil || c.Size > size) {
				found, size = []byte(s), c.Size
			}
		})
	}
	if found == nil {
		return b
	}
	return found
}

// eachText calls use with every string in a JSON value.
func eachText(v any, use func(string)) {
	switch v := v.(type) {
	case string:
		use(v)
	case []any:
		for _, e := range v {
			eachText(e, use)
		}
	case map[string]any:
		for _, e := range v {
			eachText(e, use)
		}
	}
}

// readKey takes a key as it is (NAME+ID+BASE64) or the file that holds it.
func readKey(key string) (string, error) {
	if strings.Count(key, "+") >= 2 {
		return key, nil
	}
	b, err := os.ReadFile(key)
	if err != nil {
		return "", fmt.Errorf("read verifier key: %w: give the key itself or its file", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func printReport(std streams, r *ledger.Report) error {
	for _, f := range r.Findings {
		fmt.Fprintf(std.out, "%-7s %s: %s\n", f.Severity, f.Kind, plain(f.Text))
	}
	if r.Omitted > 0 {
		fmt.Fprintf(std.out, "        and %d findings more\n", r.Omitted)
	}
	_, err := fmt.Fprintf(std.out, "%s\nrecords %d, tombstones %d, ledger %d, journal %d, root %s\n",
		r.Statement, r.Records, r.Tombstones, r.LedgerSize, r.JournalLast, r.Root)
	return err
}

// progress shows how far long work is, on a terminal only.
func progress(std streams, what string) func(done, total uint64) {
	if !std.terminal {
		return nil
	}
	return func(done, total uint64) {
		fmt.Fprintf(std.err, "\r%s %d of %d", what, done, total)
		if done >= total {
			fmt.Fprintln(std.err)
		}
	}
}
