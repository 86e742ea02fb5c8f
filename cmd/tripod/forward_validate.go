package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/forward/ocsf"
)

type forwardValidateCommand struct {
	Schema string `name:"version" help:"Version of the schema to check by (default: the one each event names)." placeholder:"1.6.0|1.8.0"`
	JSON   bool   `help:"Print one JSON object a problem."`
	File   string `arg:"" optional:"" help:"File of events, or - for standard input." default:"-"`
}

// mostEvent bounds a line; what is longer is no event.
const mostEvent = 16 << 20

// problemLine is what --json prints of one problem.
type problemLine struct {
	Line int64 `json:"line"` // from 1
	ocsf.Problem
}

func (c *forwardValidateCommand) Run(ctx context.Context, std streams) error {
	if c.Schema != "" && !slices.Contains(ocsf.Versions(), c.Schema) {
		return usage{fmt.Errorf("no OCSF schema of version %q here: name one of %s", c.Schema, strings.Join(ocsf.Versions(), ", "))}
	}
	in := std.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		defer f.Close()
		in = f
	}
	events, wrong, err := c.check(ctx, in, std.out)
	if err != nil {
		return err
	}
	if wrong > 0 {
		return wanting{fmt.Errorf("%d of %d events are not valid", wrong, events)}
	}
	if events == 0 {
		return wanting{errors.New("there is no event to check")}
	}
	fmt.Fprintf(std.err, "%d events, all valid\n", events)
	return nil
}

// check reads events a line and prints what is wrong with them. Empty lines are no events.
func (c *forwardValidateCommand) check(ctx context.Context, in io.Reader, out io.Writer) (events, wrong int64, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), mostEvent)
	w := bufio.NewWriter(out)
	defer func() { err = errors.Join(err, w.Flush()) }()
	for n := int64(1); lines.Scan(); n++ {
		if err := ctx.Err(); err != nil {
			return events, wrong, err
		}
		event := bytes.TrimSpace(lines.Bytes())
		if len(event) == 0 {
			continue
		}
		events++
		problems := ocsf.Validate(c.by(event), event)
		if len(problems) > 0 {
			wrong++
		}
		for _, p := range problems {
			if c.JSON {
				err = printJSON(w, problemLine{n, p})
			} else {
				_, err = fmt.Fprintf(w, "%d: %s\n", n, plain(p.String()))
			}
			if err != nil {
				return events, wrong, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return events, wrong, fmt.Errorf("read events: line %d: %w", events+1, err)
	}
	return events, wrong, nil
}

// by tells which version an event is checked by: the one asked for, else the one it names, else the one Tripod writes.
func (c *forwardValidateCommand) by(event []byte) string {
	if c.Schema != "" {
		return c.Schema
	}
	var e struct{ Metadata struct{ Version string } }
	if err := json.Unmarshal(event, &e); err != nil || e.Metadata.Version == "" {
		return ocsf.Version
	}
	return e.Metadata.Version
}
