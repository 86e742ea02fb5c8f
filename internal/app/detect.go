package app

import (
	"fmt"
	"log/slog"

	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/detect/rules"
	"github.com/tripod-audit/tripod/internal/health"
)

// detections makes the options of the view of detections from the configuration.
func detections(cfg detect.Config, h *health.Registry, log *slog.Logger) (detect.Options, error) {
	r, err := rules.Load(cfg)
	if err != nil {
		return detect.Options{}, fmt.Errorf("rules of detections: %w", err)
	}
	return detect.Options{Rules: r.Set, Limits: cfg.Limits, Health: h, Logger: log}, nil
}

// useRules puts other rules in force. A view that is not open takes them when it opens.
func (a *App) useRules(o detect.Options) {
	a.found.Store(&o)
	if v, err := openedAs[*detectFile](a.view("detect")); err == nil {
		v.Use(o.Rules)
	}
}
