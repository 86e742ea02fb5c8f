package secops

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/tripod-audit/tripod/internal/forward"
)

// Config is the section `secops` of a sink.
type Config struct {
	// Project, Location and Instance name the SecOps instance: a Google Cloud project, a region such as us or europe-west3, the
	// instance's customer id.
	Project  string `yaml:"project"`
	Location string `yaml:"location"`
	Instance string `yaml:"instance"`
	// LogType is the log type, which names the parser; empty: TRIPOD_AUDIT_CUSTOM.
	LogType string `yaml:"log_type"`
	// Forwarder is the resource name of a forwarder to attribute logs to; empty: none.
	Forwarder string `yaml:"forwarder"`
	// Namespace is the environment's namespace; empty: none.
	Namespace string `yaml:"namespace"`
	// Credentials is the key file of a service account with the permission chronicle.logs.import, as Google gives it out: JSON.
	Credentials forward.Secret `yaml:"credentials"`
	// Endpoint is where the API is; empty: https://chronicle.LOCATION.rep.googleapis.com.
	Endpoint string `yaml:"endpoint"`
	// RequestBytes bounds a request, in bytes; 0: 1,000,000. Logs go in base64.
	RequestBytes int `yaml:"request_bytes"`
	// InFlight is how many requests are under way at once; 0: 4.
	InFlight int         `yaml:"in_flight"`
	TLS      forward.TLS `yaml:"tls"`
}

var (
	part    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.:_-]{0,99}$`)
	logType = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,99}$`)
)

// Validate gathers every problem.
func (c *Config) Validate() error {
	d := c.withDefaults()
	var errs []error
	for _, p := range []struct{ name, value string }{{"project", d.Project}, {"location", d.Location}, {"instance", d.Instance}} {
		if !part.MatchString(p.value) {
			errs = append(errs, fmt.Errorf("%s: %q is not a name of Google Cloud", p.name, p.value))
		}
	}
	if !logType.MatchString(d.LogType) {
		errs = append(errs, fmt.Errorf("log_type: %q is not capital letters, digits and underscores", d.LogType))
	}
	if err := d.Credentials.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("credentials: %w", err))
	}
	if c.Endpoint != "" {
		if err := forward.URLProblem(c.Endpoint); err != nil {
			errs = append(errs, fmt.Errorf("endpoint: %w", err))
		}
	}
	if c.RequestBytes != 0 && (c.RequestBytes < 256<<10 || c.RequestBytes > 4_000_000) {
		errs = append(errs, fmt.Errorf("request_bytes: %d is not between 262144 and 4000000", c.RequestBytes))
	}
	if c.InFlight < 0 || c.InFlight > 64 {
		errs = append(errs, fmt.Errorf("in_flight: %d is not between 0 and 64", c.InFlight))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.LogType == "" {
		c.LogType = "TRIPOD_AUDIT_CUSTOM"
	}
	if c.Endpoint == "" {
		c.Endpoint = "https://chronicle." + c.Location + ".rep.googleapis.com"
	}
	if c.RequestBytes == 0 {
		c.RequestBytes = 1_000_000
	}
	if c.InFlight == 0 {
		c.InFlight = 4
	}
	return c
}
