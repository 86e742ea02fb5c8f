package webhook

import (
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/forward"
)

// Config is the section `webhook` of a sink.
type Config struct {
	// URL is where batches are posted to.
	URL string `yaml:"url"`
	// Secrets sign what is sent: one, or two while one replaces the other. Each is whsec_ and base64, as Standard Webhooks has
	// them.
	Secrets []forward.Secret `yaml:"secrets"`
	// AllowPrivate lets the address be one that is not public.
	AllowPrivate bool `yaml:"allow_private"`
	// InFlight is how many requests are under way at once; 0: 4.
	InFlight int         `yaml:"in_flight"`
	TLS      forward.TLS `yaml:"tls"`
}

// Validate gathers every problem.
func (c *Config) Validate() error {
	var errs []error
	if err := forward.URLProblem(c.URL); err != nil {
		errs = append(errs, fmt.Errorf("url: %w", err))
	}
	if len(c.Secrets) < 1 || len(c.Secrets) > 2 {
		errs = append(errs, errors.New("secrets: name one, or two while one replaces the other"))
	}
	for i, s := range c.Secrets {
		if err := s.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("secrets[%d]: %w", i, err))
		}
	}
	if c.InFlight < 0 || c.InFlight > 64 {
		errs = append(errs, errors.New("in_flight: is not between 0 and 64"))
	}
	return errors.Join(errs...)
}
