package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/siem"
)

type simulateSIEM struct {
	Listen     string        `help:"Address." default:"127.0.0.1:0" placeholder:"ADDR"`
	Seed       uint64        `help:"Of which requests meet a fault." default:"1"`
	Faults     string        `help:"Shares of requests that faults befall, 0 to 1." placeholder:"NAME=R,…"`
	Polls      int           `help:"How often Splunk's acknowledgement is asked for in vain." default:"1" placeholder:"N"`
	TokenLife  time.Duration `help:"How long access tokens are good for." default:"1h"`
	RetryAfter time.Duration `help:"How long a busy receiver asks to be left alone." default:"1s"`
}

func (c *simulateSIEM) Run(ctx context.Context, std streams) error {
	o := siem.Options{
		Seed: c.Seed, Polls: c.Polls, TokenLife: c.TokenLife, RetryAfter: c.RetryAfter, Log: slog.New(slog.NewTextHandler(std.err, nil)),
	}
	if c.Polls == 0 {
		o.Polls = -1
	}
	if c.Faults != "" {
		if err := o.Faults.UnmarshalText([]byte(c.Faults)); err != nil {
			return usage{fmt.Errorf("simulate siem: --faults: %w", err)}
		}
	}
	if c.TokenLife < time.Second {
		return usage{fmt.Errorf("simulate siem: --token-life %v: is less than a second", c.TokenLife)}
	}
	s, err := siem.Listen(ctx, c.Listen, o)
	if err != nil {
		return err
	}
	if err := s.Announce(std.out); err != nil {
		return err
	}
	return s.Run(ctx)
}
