// Package directory collects what the Compliance API shows of organisations, accounts, roles, permissions and groups:
// an identity history in records, which remembers who left and which addresses an account had after the vendor forgot.
//
// It promises what package sweep does: differences only, each durable together with what the next sweep is compared with;
// nobody counts as gone before a reading came to its end without them. What a key may not read leaves what was known of it
// as it was, is told, and stops neither the rest of the directory nor the activity feed. Records enter parents before what
// they hold, then in the order of ids. A collector is for one goroutine and no concurrent use.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-org-data.
package directory

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
)

// DefaultInterval is how often the directory is read where nothing else is configured.
const DefaultInterval = time.Hour

// Config configures a Collector. Zero values mean the defaults.
type Config struct {
	Credential string        // names the key in records; default "compliance"
	Interval   time.Duration // between sweeps; default DefaultInterval
	Batch      int           // records made durable at once, up to ten times as many in a large directory; default 2000. What is known takes 0.5 MB with each
}

// Scope is what a key needs to read the directory whole.
const Scope = "read:compliance_org_data or read:compliance_user_data"

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
		Part: "directory", What: "the directory", Scope: Scope, Source: audit.SourceComplianceDirectory, Credential: cfg.Credential, Interval: cfg.Interval, Batch: cfg.Batch,
	}, deps, &part{client: deps.Client, credential: cfg.Credential})
}
