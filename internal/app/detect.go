package app

import (
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
