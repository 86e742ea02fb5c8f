package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/forward"
)

type forwardCommand struct {
	List     forwardListCommand     `cmd:"" help:"List sinks: how far each is, what waits, dead letters."`
	Redrive  forwardRedriveCommand  `cmd:"" help:"Send dead letters of a sink again."`
	Backfill forwardBackfillCommand `cmd:"" help:"Send a sink what stands from a position or time on."`
	Probe    forwardProbeCommand    `cmd:"" help:"Send a marker and read it back where the sink can be asked."`
	Validate forwardValidateCommand `cmd:"" help:"Check OCSF events by the schema, one event a line."`
}

type forwardListCommand struct {
	Config string `short:"c" help:"Configuration file; it names the sinks." required:"" placeholder:"FILE"`
	Data   string `help:"Data directory (default: the configuration's)." env:"TRIPOD_DATA" placeholder:"DIR"`
	Dead   string `help:"List the dead letters of this sink instead, the oldest first." placeholder:"SINK"`
	Limit  int    `help:"At most so many dead letters." default:"100"`
	JSON   bool   `help:"Print one JSON object a line."`
}

func (c *forwardListCommand) Run(ctx context.Context, std streams) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	if c.Data != "" {
		cfg.Data = c.Data
	}
	if c.Dead != "" {
		return c.dead(ctx, std, cfg.Data)
	}
	list, err := app.Sinks(ctx, &cfg)
	if err != nil {
		return err
	}
	for i := range list {
		if c.JSON {
			err = printJSON(std.out, list[i])
		} else {
			err = printSink(std, &list[i])
		}
		if err != nil {
			return err
		}
	}
	if std.terminal {
		fmt.Fprintf(std.err, "%d sinks\n", len(list))
	}
	return nil
}

func (c *forwardListCommand) dead(ctx context.Context, std streams, dir string) error {
	list, err := forward.DeadLetters(ctx, dir, c.Dead, c.Limit)
	if err != nil {
		return err
	}
	for _, d := range list {
		if c.JSON {
			err = printJSON(std.out, d)
		} else {
			again := ""
			if d.Again {
				again = "  (to be sent again)"
			}
			_, err = fmt.Fprintf(std.out, "%s  %s  %s %d  %s  %s%s\n", d.ID, d.First.Format(time.RFC3339), d.Kind, d.Seq, plain(d.Type), plain(d.Reason), again)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func printSink(std streams, s *app.SinkState) error {
	at := "never"
	if !s.Acknowledged.IsZero() {
		at = s.Acknowledged.Format(time.RFC3339)
	}
	_, err := fmt.Fprintf(std.out, "%-20s %-9s %-10s up to %d, %d waiting (%.0f s), %d sent, %d duplicates, %d dead letters, acknowledged %s, holds %s\n",
		s.Sink, s.Type, s.Format, s.LastSeq, s.LagRecords, s.LagSeconds, s.Sent, s.Duplicates, s.Dead, at, s.Holds)
	if err == nil && s.Filter != "" {
		_, err = fmt.Fprintf(std.out, "    only %s\n", plain(s.Filter))
	}
	if err == nil && s.BackfillTo > 0 {
		_, err = fmt.Fprintf(std.out, "    back-fill at %d of %d\n", s.Backfill, s.BackfillTo)
	}
	if err == nil && s.Error != "" {
		_, err = fmt.Fprintf(std.out, "    %s: %s\n", s.ErrorAt.Format(time.RFC3339), plain(s.Error))
	}
	return err
}

type forwardRedriveCommand struct {
	dataFlag
	configFlag
	Sink string   `arg:"" help:"Sink."`
	IDs  []string `arg:"" optional:"" name:"id" help:"Dead letters, by id."`
	All  bool     `help:"All of them."`
	JSON bool     `help:"Print one JSON object."`
}

func (c *forwardRedriveCommand) Run(ctx context.Context, std streams) error {
	if c.All == (len(c.IDs) > 0) {
		return usage{errors.New("forward redrive: name ids, or --all")}
	}
	a, err := app.Forward(asked(ctx, c.Config), c.Data, app.ForwardOrder{Do: "redrive", Sink: c.Sink, IDs: c.IDs})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, a)
	}
	_, err = fmt.Fprintf(std.out, "%s: %d dead letters are sent again%s\n", a.Sink, a.Marked, later(a))
	return err
}

type forwardBackfillCommand struct {
	dataFlag
	configFlag
	Sink string `arg:"" help:"Sink."`
	From string `help:"Position, day, time of recording, or beginning." required:"" placeholder:"2026-11-01"`
	JSON bool   `help:"Print one JSON object."`
}

func (c *forwardBackfillCommand) Run(ctx context.Context, std streams) error {
	a, err := app.Forward(asked(ctx, c.Config), c.Data, app.ForwardOrder{Do: "backfill", Sink: c.Sink, From: c.From})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, a)
	}
	_, err = fmt.Fprintf(std.out, "%s: positions %d to %d are sent%s\n", a.Sink, a.First, a.Last, later(a))
	return err
}

func later(a app.ForwardAnswer) string {
	if a.Later {
		return ", once tripod serve runs"
	}
	return ""
}

type forwardProbeCommand struct {
	dataFlag
	configFlag
	Sink string `arg:"" help:"Sink."`
	JSON bool   `help:"Print one JSON object."`
}

func (c *forwardProbeCommand) Run(ctx context.Context, std streams) error {
	a, err := app.Forward(asked(ctx, c.Config), c.Data, app.ForwardOrder{Do: "probe", Sink: c.Sink})
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(std.out, a.Probe)
	} else {
		_, err = fmt.Fprintln(std.out, plain(a.Probe.String()))
	}
	if err == nil && !a.Probe.OK() {
		err = wanting{errors.New("the probe did not come through")}
	}
	return err
}
