package app

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/datadog"
	"github.com/tripod-audit/tripod/internal/forward/elastic"
	"github.com/tripod-audit/tripod/internal/forward/file"
	"github.com/tripod-audit/tripod/internal/forward/secops"
	"github.com/tripod-audit/tripod/internal/forward/sentinel"
	"github.com/tripod-audit/tripod/internal/forward/splunk"
	"github.com/tripod-audit/tripod/internal/forward/webhook"
)

// openSink makes a sink. It reads credentials, but need not reach the receiver: that is Send's to find out.
func openSink(ctx context.Context, s *config.Sink, d forward.SinkDeps) (forward.Sink, error) {
	switch s.Type() {
	case "file":
		return file.New(ctx, *s.File, d)
	case "webhook":
		return webhook.New(ctx, *s.Webhook, d)
	case "splunk":
		return splunk.New(ctx, *s.Splunk, d)
	case "elastic":
		return elastic.New(ctx, *s.Elastic, d)
	case "sentinel":
		return sentinel.New(ctx, *s.Sentinel, d)
	case "secops":
		return secops.New(ctx, *s.SecOps, d)
	case "datadog":
		return datadog.New(ctx, *s.Datadog, d)
	}
	return nil, fmt.Errorf("sink %s: no section says what it is", s.Name)
}
