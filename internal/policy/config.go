package policy

import (
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/policy/detector"
)

// Config is what policy is made of.
type Config struct {
	// Mode is observe or enforce. Under observe no rule takes effect, whatever it says of itself: one switch for all.
	Mode Mode `yaml:"mode"`
	// Files are rule files, in the order their rules are tried.
	Files []string `yaml:"files,omitempty"`
	// Starter adds the rules that come with Tripod, after those of the files.
	Starter bool `yaml:"starter"`
	// Detectors says what is found in text: what is left out, and dictionaries of one's own.
	Detectors detector.Config `yaml:"detectors,omitempty"`
	// Failures says what to do where judging or recording fails.
	Failures Failures `yaml:"failures,omitempty"`
	// Budget bounds the time one event may take.
	Budget Budget `yaml:"budget,omitempty"`
	// CacheSpans is how many spans of text are remembered with their findings and verdicts, some 1 KB each; 0 remembers none.
	CacheSpans int `yaml:"cache_spans"`
}

// Budget bounds the time one event may take: PerMB for each million bytes of its text, but not less than Least nor more
// than Most. What is not judged by then has failed (ErrIncomplete). It is time as it passes: on a busy machine a scan of a few
// milliseconds takes many, and a refusal for that would help nobody, hence Least.
type Budget struct {
	PerMB time.Duration `yaml:"per_mb,omitempty"`
	Least time.Duration `yaml:"least,omitempty"`
	Most  time.Duration `yaml:"most,omitempty"`
}

// of is the time for a text of so many bytes.
func (b Budget) of(size int) time.Duration {
	return min(max(time.Duration(float64(b.PerMB)*float64(size)/1e6), b.Least), b.Most)
}

// DefaultConfig observes with the starter rules.
func DefaultConfig() Config {
	return Config{
		Mode: Observe, Starter: true, CacheSpans: 1 << 16,
		Budget: Budget{PerMB: 50 * time.Millisecond, Least: 100 * time.Millisecond, Most: 250 * time.Millisecond},
	}
}

// Validate gathers every problem with its path. It reads no file: New and Reload do.
func (c *Config) Validate() error {
	errs := []error{c.check()}
	if err := c.Detectors.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("policy.detectors: %w", err))
	}
	return errors.Join(errs...)
}

// check is Validate but for the detectors, which are validated by compiling them.
func (c *Config) check() error {
	var errs []error
	if c.Mode != Observe && c.Mode != Enforce {
		errs = append(errs, fmt.Errorf("policy.mode: %q is not observe or enforce", c.Mode))
	}
	if c.CacheSpans < 0 || c.CacheSpans > 1<<22 {
		errs = append(errs, fmt.Errorf("policy.cache_spans: %d is not between 0 and %d", c.CacheSpans, 1<<22))
	}
	if b := c.Budget; b.PerMB <= 0 || b.Least <= 0 || b.Most < b.Least || b.Most > 10*time.Second {
		errs = append(errs, fmt.Errorf("policy.budget: per_mb %v, least %v and most %v are to be above 0, most not below least and at most 10s", b.PerMB, b.Least, b.Most))
	}
	return errors.Join(append(errs, c.Failures.Validate())...)
}
