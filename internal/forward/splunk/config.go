package splunk

import (
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
)

// Config is the section `splunk` of a sink.
type Config struct {
	// URL is where the HTTP Event Collector listens, such as https://splunk.example.com:8088.
	URL string `yaml:"url"`
	// Token is the collector's token.
	Token forward.Secret `yaml:"token"`
	// Ack waits until the indexers acknowledge. The token has to have indexer acknowledgement on; Splunk Cloud offers it for
	// Amazon Data Firehose only.
	Ack bool `yaml:"ack"`
	// AckTimeout is how long an acknowledgement may take before a batch is sent again; 0: 5m.
	AckTimeout time.Duration `yaml:"ack_timeout"`
	// AckPoll is how long after a batch its acknowledgement is asked for first; the pause doubles, up to 10s. 0: 1s.
	AckPoll time.Duration `yaml:"ack_poll"`
	// Index, Source and SourceType say where events go; empty: the token's index, "tripod", "tripod:audit". Checkpoints and
	// markers have the source type "tripod:" and their kind.
	Index      string `yaml:"index"`
	Source     string `yaml:"source"`
	SourceType string `yaml:"sourcetype"`
	// Search is where what arrived can be read back; without it, a marker is accepted and not looked for.
	Search *Search `yaml:"search"`
	// RequestBytes bounds a request, in bytes, before it is compressed; 0: 1,000,000, which Splunk Cloud recommends.
	RequestBytes int `yaml:"request_bytes"`
	// InFlight is how many requests are under way at once; 0: 4, and 16 with Ack, where each waits for its indexers.
	InFlight int         `yaml:"in_flight"`
	TLS      forward.TLS `yaml:"tls"`
}

// Search is Splunk's management port.
type Search struct {
	// URL is such as https://splunk.example.com:8089.
	URL string `yaml:"url"`
	// Token is an authentication token of an account that may search the index.
	Token forward.Secret `yaml:"token"`
	TLS   forward.TLS    `yaml:"tls"`
}

// Validate gathers every problem.
func (c *Config) Validate() error {
	var errs []error
	if err := forward.URLProblem(c.URL); err != nil {
		errs = append(errs, fmt.Errorf("url: %w", err))
	}
	if err := c.Token.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("token: %w", err))
	}
	if c.AckTimeout != 0 && (c.AckTimeout < time.Second || c.AckTimeout > time.Hour) {
		errs = append(errs, fmt.Errorf("ack_timeout: %v is not between 1s and 1h", c.AckTimeout))
	}
	if c.AckPoll != 0 && (c.AckPoll < 10*time.Millisecond || c.AckPoll > 10*time.Second) {
		errs = append(errs, fmt.Errorf("ack_poll: %v is not between 10ms and 10s", c.AckPoll))
	}
	if c.RequestBytes != 0 && (c.RequestBytes < 64<<10 || c.RequestBytes > 64<<20) {
		errs = append(errs, fmt.Errorf("request_bytes: %d is not between 65536 and 67108864", c.RequestBytes))
	}
	if c.InFlight < 0 || c.InFlight > 64 {
		errs = append(errs, fmt.Errorf("in_flight: %d is not between 0 and 64", c.InFlight))
	}
	if c.Search != nil {
		if err := forward.URLProblem(c.Search.URL); err != nil {
			errs = append(errs, fmt.Errorf("search.url: %w", err))
		}
		if err := c.Search.Token.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("search.token: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.AckTimeout == 0 {
		c.AckTimeout = 5 * time.Minute
	}
	if c.AckPoll == 0 {
		c.AckPoll = time.Second
	}
	if c.Source == "" {
		c.Source = "tripod"
	}
	if c.SourceType == "" {
		c.SourceType = "tripod:audit"
	}
	if c.RequestBytes == 0 {
		c.RequestBytes = 1_000_000
	}
	if c.InFlight == 0 {
		c.InFlight = 4
		if c.Ack {
			c.InFlight = 16
		}
	}
	return c
}
