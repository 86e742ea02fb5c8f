package elastic

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/tripod-audit/tripod/internal/forward"
)

// Config is the section `elastic` of a sink, for Elasticsearch and OpenSearch.
type Config struct {
	// URL is the cluster's, such as https://elastic.example.com:9200.
	URL string `yaml:"url"`
	// APIKey is an API key as it is given out, in base64. Without one, User and Password.
	APIKey   forward.Secret `yaml:"api_key"`
	User     string         `yaml:"user"`
	Password forward.Secret `yaml:"password"`
	// Index is the beginning of the indices' names; the month of the event follows: tripod-2026.11. Empty: tripod.
	Index string `yaml:"index"`
	// Every is how long an index covers: month or day; empty: month.
	Every string `yaml:"every"`
	// DataStream is a data stream to write to instead, such as logs-tripod.audit-default. Its backing indices follow when an
	// item is written, not when it occurred, so one that is sent again after a rollover is there twice.
	DataStream string `yaml:"data_stream"`
	// RequestBytes bounds a request, in bytes, before it is compressed; 0: 4 MiB.
	RequestBytes int `yaml:"request_bytes"`
	// InFlight is how many requests are under way at once; 0: 4.
	InFlight int         `yaml:"in_flight"`
	TLS      forward.TLS `yaml:"tls"`
}

// indexName is what a name of an index may be made of, which is narrower than what the vendor allows.
var indexName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)

// Validate gathers every problem.
func (c *Config) Validate() error {
	var errs []error
	if err := forward.URLProblem(c.URL); err != nil {
		errs = append(errs, fmt.Errorf("url: %w", err))
	}
	switch key, password := !c.APIKey.IsZero(), !c.Password.IsZero(); {
	case key && (password || c.User != ""):
		errs = append(errs, errors.New("api_key: goes without user and password"))
	case key:
		if err := c.APIKey.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("api_key: %w", err))
		}
	case password != (c.User != ""):
		errs = append(errs, errors.New("user: goes together with password"))
	case password:
		if err := c.Password.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("password: %w", err))
		}
	}
	if c.Index != "" && !indexName.MatchString(c.Index) {
		errs = append(errs, fmt.Errorf("index: %q is not lower-case letters, digits, dots, dashes and underscores", c.Index))
	}
	if c.DataStream != "" && !indexName.MatchString(c.DataStream) {
		errs = append(errs, fmt.Errorf("data_stream: %q is not lower-case letters, digits, dots, dashes and underscores", c.DataStream))
	}
	if c.DataStream != "" && (c.Index != "" || c.Every != "") {
		errs = append(errs, errors.New("data_stream: goes without index and every"))
	}
	if c.Every != "" && c.Every != "month" && c.Every != "day" {
		errs = append(errs, fmt.Errorf("every: %q is neither month nor day", c.Every))
	}
	if c.RequestBytes != 0 && (c.RequestBytes < 64<<10 || c.RequestBytes > 64<<20) {
		errs = append(errs, fmt.Errorf("request_bytes: %d is not between 65536 and 67108864", c.RequestBytes))
	}
	if c.InFlight < 0 || c.InFlight > 64 {
		errs = append(errs, fmt.Errorf("in_flight: %d is not between 0 and 64", c.InFlight))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Index == "" {
		c.Index = "tripod"
	}
	if c.Every == "" {
		c.Every = "month"
	}
	if c.RequestBytes == 0 {
		c.RequestBytes = 4 << 20
	}
	if c.InFlight == 0 {
		c.InFlight = 4
	}
	return c
}
