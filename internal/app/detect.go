package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

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

// ReplayRules holds the journal of a data directory against rules and counts what would have fired, also while serve runs on it. Nothing is written.
func ReplayRules(ctx context.Context, dir string, o detect.Options, from, to time.Time, progress func(done, last uint64)) ([]detect.Day, error) {
	r, err := OpenReading(ctx, dir)
	if err != nil {
		return nil, err
	}
	days, err := detect.Replay(ctx, r.journal, o, from, to, nil, progress)
	return days, errors.Join(err, r.Close())
}
