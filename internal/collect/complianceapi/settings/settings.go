// Package settings collects the settings in force in each organisation, with the Compliance Access Keys there are, and
// holds them against a baseline.
//
// It promises what package sweep does: differences only, each durable together with what the next snapshot is compared
// with. A value that stands still is told again where the baseline judges it otherwise than before, at once after a start.
// What changed and was changed back between two snapshots is in the activity feed alone. Records enter organisation by
// organisation, then in the order of names. A collector is for one goroutine and no concurrent use.
//
// Source: https://platform.claude.com/docs/en/api/compliance/organizations/settings.
package settings

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings/baseline"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
)

// DefaultInterval is how often settings are read where nothing else is configured.
const DefaultInterval = 15 * time.Minute

// Config configures a Collector. Zero values mean the defaults.
type Config struct {
	Credential string            // names the key in records; default "compliance"
	Interval   time.Duration     // between snapshots; default DefaultInterval
	Baseline   baseline.Baseline // validated; without rules nothing is judged
}

// Deps are what a Collector works with. Logger, Registerer and Health may be nil.
type Deps = sweep.Deps

// New makes a collector and calls nobody yet.
func New(cfg Config, deps Deps) (*sweep.Collector, error) {
	if cfg.Credential == "" {
		cfg.Credential = "compliance"
	}
	if cfg.Interval <= 0 {
		cfg.Interval = DefaultInterval
	}
	return sweep.New(sweep.Config{
		Part: "settings", What: "the settings", Scope: "read:compliance_org_data",
		Source: audit.SourceComplianceSettings, Credential: cfg.Credential, Interval: cfg.Interval, AtStart: true,
	}, deps, &part{client: deps.Client, credential: cfg.Credential, baseline: cfg.Baseline})
}
