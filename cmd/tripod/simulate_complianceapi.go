package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

type simulateComplianceAPI struct {
	Listen  string           `help:"Address." default:"127.0.0.1:0" placeholder:"ADDR"`
	Seed    uint64           `help:"Of the enterprise: the same as for simulate fleet shows the same enterprise." default:"1"`
	Since   string           `help:"When recording was switched on, RFC 3339 or a date (default: 30 days ago)." placeholder:"TIME"`
	Without []world.Incident `help:"Incidents that do not happen, by name." placeholder:"INCIDENT"`
	Rate    int              `help:"Budget of requests a minute; negative for none." default:"600"`
	Gallery int              `help:"Rows a day that show the vendor's activity types in turn, beside the enterprise's own." placeholder:"N"`
	Volume  int              `help:"Harmless rows a day added for load." placeholder:"N"`

	Rough      bool          `help:"A bad day: some of every fault."`
	Late       float64       `help:"Share of rows indexed late, 0 to 1." placeholder:"R"`
	LateBy     time.Duration `help:"How late at most." default:"20m"`
	Duplicates float64       `help:"Share of rows given twice." placeholder:"R"`
	Unknown    float64       `help:"Share of rows beside which stands one of a type or an actor nobody knows." placeholder:"R"`
	Errors     float64       `help:"Share of requests that fail with 429, 500, 503 or 529." placeholder:"R"`
	Abort      float64       `help:"Share of bodies cut in the middle." placeholder:"R"`
	Mismatch   float64       `help:"Share of downloads whose Content-MD5 is of other bytes." placeholder:"R"`
	Slow       float64       `help:"Share of bodies that stop for a second in the middle." placeholder:"R"`
}

func (c *simulateComplianceAPI) Run(ctx context.Context, std streams) error {
	o := complianceapi.Options{
		World: world.New(world.Options{Seed: c.Seed, Without: c.Without}), Seed: c.Seed, Rate: c.Rate, Gallery: c.Gallery, Volume: c.Volume, Faults: c.faults(),
		Log: slog.New(slog.NewTextHandler(std.err, nil)),
	}
	if c.Rate == 0 {
		return usage{errors.New("simulate compliance-api: --rate 0 lets nothing through; a negative rate is none")}
	}
	for _, i := range c.Without {
		if !slices.Contains(world.Incidents(), i) {
			return usage{fmt.Errorf("simulate compliance-api: --without %s: there are %s", i, list(world.Incidents()))}
		}
	}
	if c.Since != "" {
		var err error
		if o.Since, err = moment(c.Since); err != nil {
			return usage{fmt.Errorf("simulate compliance-api: --since: %w", err)}
		}
	}
	if _, err := complianceapi.New(o); err != nil {
		return usage{err}
	}
	s, err := complianceapi.Listen(ctx, c.Listen, o)
	if err != nil {
		return err
	}
	if err := s.Announce(std.out); err != nil {
		return err
	}
	return s.Run(ctx)
}

func (c *simulateComplianceAPI) faults() complianceapi.Faults {
	if c.Rough {
		return complianceapi.Rough()
	}
	each := c.Errors / 5
	return complianceapi.Faults{
		Late: c.Late, LateBy: c.LateBy, Duplicates: c.Duplicates, Unknown: c.Unknown, TooMany: each, Internal: each, Final: each, Unavailable: each, Overloaded: each,
		Abort: c.Abort, Mismatch: c.Mismatch, Slow: c.Slow, SlowBy: time.Second,
	}
}
