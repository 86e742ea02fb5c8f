package datadog

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/tripod-audit/tripod/internal/forward"
)

// Config is the section `datadog` of a sink.
type Config struct {
	// Site is the Datadog site, such as datadoghq.eu; empty: datadoghq.com. URL, where it is set, stands instead, for a proxy.
	Site string `yaml:"site"`
	URL  string `yaml:"url"`
	// APIKey is the API key.
	APIKey forward.Secret `yaml:"api_key"`
	// Service and Tags are Datadog's reserved attributes; empty: tripod, none. Tags are such as env:prod,team:security.
	Service string `yaml:"service"`
	Tags    string `yaml:"tags"`
	// Attribute is under which attribute the record stands; empty: event. Datadog's own content reads OCSF under ocsf.
	Attribute string `yaml:"attribute"`
	// InFlight is how many requests are under way at once; 0: 4.
	InFlight int         `yaml:"in_flight"`
	TLS      forward.TLS `yaml:"tls"`
}

var (
	siteName      = regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z]{2,}$`)
	attributeName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
)

// taken are the attributes that the sink writes beside the record.
var taken = map[string]bool{"ddsource": true, "ddtags": true, "service": true, "hostname": true, "timestamp": true, "occurred": true, "message": true}

// Validate gathers every problem.
func (c *Config) Validate() error {
	var errs []error
	if c.Site != "" && !siteName.MatchString(c.Site) {
		errs = append(errs, fmt.Errorf("site: %q is not a site such as datadoghq.eu", c.Site))
	}
	if c.URL != "" {
		if err := forward.URLProblem(c.URL); err != nil {
			errs = append(errs, fmt.Errorf("url: %w", err))
		}
		if c.Site != "" {
			errs = append(errs, errors.New("url: goes without site"))
		}
	}
	if err := c.APIKey.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("api_key: %w", err))
	}
	if c.Attribute != "" && (!attributeName.MatchString(c.Attribute) || taken[c.Attribute]) {
		errs = append(errs, fmt.Errorf("attribute: %q is not a name of lower-case letters, digits and underscores, or is taken", c.Attribute))
	}
	if c.InFlight < 0 || c.InFlight > 64 {
		errs = append(errs, fmt.Errorf("in_flight: %d is not between 0 and 64", c.InFlight))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Site == "" {
		c.Site = "datadoghq.com"
	}
	if c.URL == "" {
		c.URL = "https://http-intake.logs." + c.Site
	}
	if c.Service == "" {
		c.Service = "tripod"
	}
	if c.Attribute == "" {
		c.Attribute = "event"
	}
	if c.InFlight == 0 {
		c.InFlight = 4
	}
	return c
}
