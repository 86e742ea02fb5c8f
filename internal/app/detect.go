package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/detect/sigma"
	"github.com/tripod-audit/tripod/internal/health"
)

// detections makes the options of the view of detections from the configuration.
func detections(cfg detect.Config, h *health.Registry, log *slog.Logger) (detect.Options, error) {
	rules, err := sigma.Compile(nil, sigma.Options{})
	if err != nil {
		return detect.Options{}, fmt.Errorf("rules of detections: %w", err)
	}
	return detect.Options{Rules: rules, Limits: cfg.Limits, Health: h, Logger: log}, nil
}

// checkDetections looks at the view of detections.
func checkDetections(ctx context.Context, dir string, last uint64) Finding {
	v, err := detect.OpenReader(ctx, dir)
	if err != nil {
		return checkView(ctx, "detect", last, nil, err)
	}
	f := checkView(ctx, "detect", last, v, nil)
	if err := v.Close(); err != nil {
		return Finding{Check: f.Check, Text: err.Error(), Fix: f.Fix}
	}
	return f
}
