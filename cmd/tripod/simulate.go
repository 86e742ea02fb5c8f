package main

import (
	"context"

	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

type simulateCommand struct {
	ComplianceAPI simulateComplianceAPI `cmd:"" name:"compliance-api" help:"The vendor's Compliance API over the simulated enterprise; prints one JSON line with its address and keys when it listens."`
	Fleet         simulateFleet         `cmd:"" help:"The clients of a simulated enterprise send their telemetry to a receiver; prints one JSON line at the start and a JSON report at the end."`
	MessagesAPI   simulateMessagesAPI   `cmd:"" name:"messages-api" help:"A scripted Messages API for clients under test; prints one JSON line when it listens."`
	SIEM          simulateSIEM          `cmd:"" name:"siem" help:"Receivers of logs over HTTP: Splunk, Elasticsearch, Sentinel, Google SecOps, Datadog; prints one JSON line with their address and credentials when it listens."`
}

type simulateMessagesAPI struct {
	Listen      string   `help:"Address." default:"127.0.0.1:0" placeholder:"ADDR"`
	PromptCache bool     `help:"Count tokens by what prompts share with earlier ones."`
	Encodings   []string `help:"Content encodings it offers, best first." enum:"zstd,br,gzip,deflate" placeholder:"NAME,…"`
}

func (c *simulateMessagesAPI) Run(ctx context.Context, std streams) error {
	s, err := messagesapi.Listen(ctx, c.Listen, messagesapi.Options{PromptCache: c.PromptCache, Encodings: c.Encodings})
	if err != nil {
		return err
	}
	if err := s.Announce(std.out); err != nil {
		return err
	}
	return s.Run(ctx)
}
