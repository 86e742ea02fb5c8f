package policy

import (
	"errors"
	"fmt"
)

// Config is what policy is made of.
type Config struct {
	// Mode is observe or enforce. Under observe no rule takes effect, whatever it says of itself: one switch for all.
	Mode Mode `yaml:"mode"`
	// Files are rule files, in the order their rules are tried.
	Files []string `yaml:"files,omitempty"`
	// Starter adds the rules that come with Tripod, after those of the files.
	Starter bool `yaml:"starter"`
	// Failures says what to do where judging or recording fails.
	Failures Failures `yaml:"failures,omitempty"`
	// CacheSpans is how many findings of spans of text are remembered.
	CacheSpans int `yaml:"cache_spans"`
}

// DefaultConfig observes with the starter rules.
func DefaultConfig() Config { return Config{Mode: Observe, Starter: true, CacheSpans: 1 << 16} }

// Validate gathers every problem with its path. It reads no file: New and Reload do.
func (c *Config) Validate() error {
	var errs []error
	if c.Mode != Observe && c.Mode != Enforce {
		errs = append(errs, fmt.Errorf("policy.mode: %q is not observe or enforce", c.Mode))
	}
	if c.CacheSpans < 0 || c.CacheSpans > 1<<22 {
		errs = append(errs, fmt.Errorf("policy.cache_spans: %d is not between 0 and %d", c.CacheSpans, 1<<22))
	}
	return errors.Join(append(errs, c.Failures.Validate())...)
}
