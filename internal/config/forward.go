package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/datadog"
	"github.com/tripod-audit/tripod/internal/forward/elastic"
	"github.com/tripod-audit/tripod/internal/forward/file"
	"github.com/tripod-audit/tripod/internal/forward/secops"
	"github.com/tripod-audit/tripod/internal/forward/sentinel"
	"github.com/tripod-audit/tripod/internal/forward/splunk"
	"github.com/tripod-audit/tripod/internal/forward/webhook"
)

// Forward says where records are sent.
type Forward struct {
	// Heartbeat is how often a record says that Tripod is alive and how far each sink came; 0 is 1m. There is none without a
	// sink.
	Heartbeat time.Duration `yaml:"heartbeat"`
	Sinks     []Sink        `yaml:"sinks"`
}

// Sink is one place records are sent to: what every sink has, and one section that says what it is.
type Sink struct {
	forward.SinkConfig `yaml:",inline"`

	File    *file.Config    `yaml:"file,omitempty"`
	Webhook *webhook.Config `yaml:"webhook,omitempty"`

	Splunk   *splunk.Config   `yaml:"splunk,omitempty"`
	Elastic  *elastic.Config  `yaml:"elastic,omitempty"`
	Sentinel *sentinel.Config `yaml:"sentinel,omitempty"`
	SecOps   *secops.Config   `yaml:"secops,omitempty"`
	Datadog  *datadog.Config  `yaml:"datadog,omitempty"`
}

// sections are the parts of a sink of which it has one.
func (s *Sink) sections() []section {
	return []section{
		sectionOf("file", s.File),
		sectionOf("webhook", s.Webhook),
		sectionOf("splunk", s.Splunk),
		sectionOf("elastic", s.Elastic),
		sectionOf("sentinel", s.Sentinel),
		sectionOf("secops", s.SecOps),
		sectionOf("datadog", s.Datadog),
	}
}

// section is one part that says what a sink is; without a validate it is not there.
type section struct {
	name     string
	validate func() error
}

func sectionOf[T any, P interface {
	*T
	Validate() error
}](name string, c P) section {
	if c == nil {
		return section{name: name}
	}
	return section{name, c.Validate}
}

// Type is the name of the section that says what the sink is, "" for none.
func (s *Sink) Type() string {
	for _, p := range s.sections() {
		if p.validate != nil {
			return p.name
		}
	}
	return ""
}

func (s *Sink) validate() error {
	errs := []error{s.SinkConfig.Validate()}
	var known, there []string
	for _, p := range s.sections() {
		known = append(known, p.name)
		if p.validate == nil {
			continue
		}
		there = append(there, p.name)
		errs = append(errs, under(p.name, p.validate()))
	}
	if len(there) != 1 {
		errs = append(errs, fmt.Errorf("a sink has exactly one section of %s, this one has %d", strings.Join(known, ", "), len(there)))
	}
	return errors.Join(errs...)
}

// validate gathers every problem with its path.
func (f *Forward) validate() error {
	var errs []error
	if f.Heartbeat != 0 && (f.Heartbeat < 10*time.Second || f.Heartbeat > time.Hour) {
		errs = append(errs, fmt.Errorf("forward.heartbeat: %v is not between 10s and 1h", f.Heartbeat))
	}
	names := make(map[string]bool)
	for i := range f.Sinks {
		s := &f.Sinks[i]
		path := fmt.Sprintf("forward.sinks[%d]", i)
		errs = append(errs, under(path, s.validate()))
		if names[s.Name] {
			errs = append(errs, fmt.Errorf("%s.name: %q is taken", path, s.Name))
		}
		names[s.Name] = true
	}
	return errors.Join(errs...)
}

// under puts a path before each problem of several.
func under(path string, err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			errs = append(errs, under(path, e))
		}
		return errors.Join(errs...)
	}
	return fmt.Errorf("%s.%w", path, err)
}
