package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
)

type holdCommand struct {
	Set        holdSetCommand     `cmd:"" help:"Set a hold under a matter: nothing it covers is erased or purged."`
	List       holdListCommand    `cmd:"" help:"List holds."`
	Show       holdShowCommand    `cmd:"" help:"Show one hold."`
	AskRelease holdAskCommand     `cmd:"" help:"Ask for the release of a hold."`
	Keep       holdKeepCommand    `cmd:"" help:"Turn down a release that was asked for."`
	Release    holdReleaseCommand `cmd:"" help:"Release a hold, as a second person."`
}

type holdSetCommand struct {
	dataFlag
	configFlag
	Case      string   `help:"Matter it belongs to." required:""`
	Reason    string   `help:"Why; kept as content." required:""`
	Container []string `help:"Container, held whole." placeholder:"ID" sep:"none"`
	Record    []uint64 `help:"Record, held whole." placeholder:"SEQ"`
	Custodian []string `help:"Account whose records and containers are held." placeholder:"ADDRESS"`
	Surface   []string `help:"Only on this surface." placeholder:"NAME"`
	From      string   `help:"Only from this day or time on, UTC." placeholder:"2026-11-01"`
	Until     string   `help:"Only before this day or time, UTC." placeholder:"2026-12-01"`
	JSON      bool     `help:"Print one JSON object."`
}

func (c *holdSetCommand) Run(ctx context.Context, std streams) error {
	n := hold.NewHold{Case: c.Case, Reason: c.Reason, Scope: hold.Scope{Containers: c.Container, Records: c.Record, Custodians: c.Custodian}}
	for _, s := range c.Surface {
		n.Surfaces = append(n.Surfaces, audit.Surface(s))
	}
	for flag, t := range map[string]*time.Time{c.From: &n.From, c.Until: &n.Until} {
		var err error
		if *t, err = dayOrTime(flag); err != nil {
			return usage{fmt.Errorf("hold set: %w", err)}
		}
	}
	return holds(asked(ctx, c.Config), std, c.Data, app.HoldOrder{Do: "set", New: n}, c.JSON)
}

// dayOrTime reads a UTC day or a time as RFC 3339 has it; "" is none.
func dayOrTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-11-01 or 2026-11-01T08:00:00Z", s)
}

type holdListCommand struct {
	dataFlag
	configFlag
	JSON bool `help:"Print one JSON object a line."`
}

func (c *holdListCommand) Run(ctx context.Context, std streams) error {
	list, err := ordered(asked(ctx, c.Config), c.Data, app.HoldOrder{Do: "list"})
	if err != nil {
		return err
	}
	for i := range list {
		if c.JSON {
			err = printJSON(std.out, list[i])
		} else {
			err = printHold(std.out, &list[i])
		}
		if err != nil {
			return err
		}
	}
	if len(list) == 0 && !c.JSON {
		_, err = fmt.Fprintln(std.err, "no holds")
	}
	return err
}

type holdShowCommand struct {
	dataFlag
	configFlag
	Hold string `arg:"" help:"Number of the hold."`
	JSON bool   `help:"Print one JSON object."`
}

func (c *holdShowCommand) Run(ctx context.Context, std streams) error {
	return holds(asked(ctx, c.Config), std, c.Data, app.HoldOrder{Do: "show", Hold: c.Hold}, c.JSON)
}

// holdStep is what the commands take that move a hold on.
type holdStep struct {
	dataFlag
	configFlag
	Hold   string `arg:"" help:"Number of the hold."`
	Reason string `help:"Why; kept as content."`
	JSON   bool   `help:"Print one JSON object."`
}

func (c *holdStep) run(ctx context.Context, std streams, do string) error {
	return holds(asked(ctx, c.Config), std, c.Data, app.HoldOrder{Do: do, Hold: c.Hold, Reason: c.Reason}, c.JSON)
}

type holdAskCommand struct{ holdStep }

func (c *holdAskCommand) Run(ctx context.Context, std streams) error {
	if strings.TrimSpace(c.Reason) == "" {
		return usage{errors.New("hold ask-release: give a --reason; it is kept as content")}
	}
	return c.run(ctx, std, "ask-release")
}

type holdKeepCommand struct{ holdStep }

func (c *holdKeepCommand) Run(ctx context.Context, std streams) error { return c.run(ctx, std, "keep") }

type holdReleaseCommand struct{ holdStep }

func (c *holdReleaseCommand) Run(ctx context.Context, std streams) error {
	return c.run(ctx, std, "release")
}

func holds(ctx context.Context, std streams, dir string, o app.HoldOrder, asJSON bool) error {
	list, err := ordered(ctx, dir, o)
	if err != nil {
		return err
	}
	for i := range list {
		if asJSON {
			err = printJSON(std.out, list[i])
		} else {
			err = printHold(std.out, &list[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ordered carries an order about holds out; a refusal by roles or rules is exit code 1.
func ordered(ctx context.Context, dir string, o app.HoldOrder) ([]hold.Hold, error) {
	list, err := app.Hold(ctx, dir, o)
	var refused *app.RefusedError
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusBadRequest:
			return nil, usage{errors.New(refused.Text)}
		case http.StatusForbidden, http.StatusNotFound, http.StatusConflict:
			return nil, wanting{errors.New(refused.Text)}
		}
	}
	return list, err
}

// printHold prints a hold on one line.
func printHold(w io.Writer, h *hold.Hold) error {
	var covers []string
	add := func(what string, n int, list string) {
		if n > 0 {
			covers = append(covers, what+" "+list)
		}
	}
	add("containers", len(h.Containers), strings.Join(h.Containers, ", "))
	add("records", len(h.Records), strings.Trim(fmt.Sprint(h.Records), "[]"))
	add("custodians", len(h.Custodians), strings.Join(h.Custodians, ", "))
	surfaces := make([]string, len(h.Surfaces))
	for i, s := range h.Surfaces {
		surfaces[i] = string(s)
	}
	add("on", len(surfaces), strings.Join(surfaces, ", "))
	if !h.From.IsZero() {
		covers = append(covers, "from "+h.From.Format(time.RFC3339))
	}
	if !h.Until.IsZero() {
		covers = append(covers, "until "+h.Until.Format(time.RFC3339))
	}
	if h.Veiled {
		covers = append(covers, "what it covers is for who takes part in its matter")
	}
	_, err := fmt.Fprintf(w, "%s  %s  %s  %s  %s\n", h.ID, h.State, plain(h.Case), h.Set.Format(time.RFC3339), plain(strings.Join(covers, "; ")))
	return err
}
