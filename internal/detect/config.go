package detect

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

// Config is the part `detect` of the configuration.
type Config struct {
	// Rules is a directory of own rules in Sigma, beside those that come with Tripod.
	Rules string `yaml:"rules"`
	// Disabled are ids or names of rules that do not fire.
	Disabled []string `yaml:"disabled"`
	// Levels are other levels for rules, by id or name.
	Levels map[string]sigma.Level `yaml:"levels"`
	// Limits bound what correlations hold; reaching one is a matter of health.
	Limits Limits `yaml:"limits"`
}

// Limits bound what correlations hold. A field that is zero has its default.
type Limits struct {
	// Lateness is how long after it occurred a record may come and still count with all others of its window; default 15m.
	Lateness time.Duration `yaml:"lateness"`
	// Events is how many records one correlation holds; default 50000.
	Events int `yaml:"events"`
	// Groups is how many groups an absence knows that were ever seen; default 50000.
	Groups int `yaml:"groups"`
	// PerHour is how often one rule fires in an hour of the journal; default 1000.
	PerHour int `yaml:"per_hour"`
}

// DefaultLimits are the limits where nobody set others.
func DefaultLimits() Limits {
	return Limits{Lateness: 15 * time.Minute, Events: 50_000, Groups: 50_000, PerHour: 1_000}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Lateness <= 0 {
		l.Lateness = d.Lateness
	}
	if l.Events <= 0 {
		l.Events = d.Events
	}
	if l.Groups <= 0 {
		l.Groups = d.Groups
	}
	if l.PerHour <= 0 {
		l.PerHour = d.PerHour
	}
	return l
}

// Validate tells all that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if l := c.Limits.Lateness; l < 0 || l > 24*time.Hour {
		errs = append(errs, fmt.Errorf("detect.limits.lateness is %s: it must be at most 24h", l))
	}
	for rule, level := range c.Levels {
		if !slices.Contains(sigma.Levels(), level) {
			errs = append(errs, fmt.Errorf("detect.levels: %s is %q: it must be one of %v", rule, level, sigma.Levels()))
		}
	}
	for name, n := range map[string]int{"events": c.Limits.Events, "groups": c.Limits.Groups, "per_hour": c.Limits.PerHour} {
		if n < 0 || n > 10_000_000 {
			errs = append(errs, fmt.Errorf("detect.limits.%s is %d: it must be at most 10000000", name, n))
		}
	}
	return errors.Join(errs...)
}
