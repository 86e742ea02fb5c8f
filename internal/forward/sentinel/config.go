package sentinel

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/tripod-audit/tripod/internal/forward"
)

// Config is the section `sentinel` of a sink.
type Config struct {
	// Endpoint is the logs ingestion endpoint of the data collection rule, or of a data collection endpoint, such as
	// https://name-1a2b.westeurope-1.ingest.monitor.azure.com.
	Endpoint string `yaml:"endpoint"`
	// Rule is the immutable id of the data collection rule, dcr-…; Stream is the stream it declares; empty: Custom-Tripod_CL.
	Rule   string `yaml:"rule"`
	Stream string `yaml:"stream"`
	// Tenant and ClientID are the app registration that has the role Monitoring Metrics Publisher on the rule.
	Tenant       string         `yaml:"tenant"`
	ClientID     string         `yaml:"client_id"`
	ClientSecret forward.Secret `yaml:"client_secret"`
	// Columns is how a record lies in its row: event (the default), in one dynamic column Event; fields, one column for each of
	// its top-level fields, of which those the rule does not declare are lost.
	Columns string `yaml:"columns"`
	// Authority and Scope are of sovereign clouds; empty: https://login.microsoftonline.com and
	// https://monitor.azure.com//.default.
	Authority string `yaml:"authority"`
	Scope     string `yaml:"scope"`
	// InFlight is how many requests are under way at once; 0: 4.
	InFlight int         `yaml:"in_flight"`
	TLS      forward.TLS `yaml:"tls"`
}

var (
	ruleID     = regexp.MustCompile(`^dcr-[0-9a-f]{32}$`)
	streamName = regexp.MustCompile(`^(Custom|Microsoft)-[A-Za-z0-9_]{1,100}$`)
	guidOrName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$`)
)

// Columns of a row.
const (
	columnsEvent  = "event"
	columnsFields = "fields"
)

// Validate gathers every problem.
func (c *Config) Validate() error {
	d := c.withDefaults()
	var errs []error
	for _, u := range []struct{ name, value string }{{"endpoint", d.Endpoint}, {"authority", d.Authority}} {
		if err := forward.URLProblem(u.value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", u.name, err))
		}
	}
	if !ruleID.MatchString(d.Rule) {
		errs = append(errs, fmt.Errorf("rule: %q is not an immutable id, dcr- and 32 hex digits", d.Rule))
	}
	if !streamName.MatchString(d.Stream) {
		errs = append(errs, fmt.Errorf("stream: %q is not a stream such as Custom-Tripod_CL", d.Stream))
	}
	if !guidOrName.MatchString(d.Tenant) {
		errs = append(errs, fmt.Errorf("tenant: %q is not a tenant's id or domain", d.Tenant))
	}
	if !guidOrName.MatchString(d.ClientID) {
		errs = append(errs, fmt.Errorf("client_id: %q is not an application's id", d.ClientID))
	}
	if err := d.ClientSecret.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("client_secret: %w", err))
	}
	if d.Columns != columnsEvent && d.Columns != columnsFields {
		errs = append(errs, fmt.Errorf("columns: %q is neither event nor fields", d.Columns))
	}
	if c.InFlight < 0 || c.InFlight > 64 {
		errs = append(errs, fmt.Errorf("in_flight: %d is not between 0 and 64", c.InFlight))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Stream == "" {
		c.Stream = "Custom-Tripod_CL"
	}
	if c.Columns == "" {
		c.Columns = columnsEvent
	}
	if c.Authority == "" {
		c.Authority = "https://login.microsoftonline.com"
	}
	if c.Scope == "" {
		c.Scope = "https://monitor.azure.com//.default"
	}
	if c.InFlight == 0 {
		c.InFlight = 4
	}
	return c
}
