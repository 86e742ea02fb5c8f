package forward

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// SinkConfig is what every sink has in the configuration file, beside the section of its own that says what it is.
type SinkConfig struct {
	// Name names the sink in commands, metrics and health: lower-case letters, digits and dashes.
	Name string `yaml:"name"`
	// Format is ocsf, ocsf-1.8.0, ecs or record.
	Format string `yaml:"format"`
	// Filter is a query; only what it matches is sent. Empty is everything. Checkpoints always go.
	Filter string `yaml:"filter"`
	// From is where a sink that is new here begins: now, beginning, a position, or a time (of recording) as
	// 2026-11-01T00:00:00Z.
	From string `yaml:"from"`
	// Processor is who operates the receiver, Region where: for the record of processing activities.
	Processor string `yaml:"processor"`
	Region    string `yaml:"region"`
	// Holds is the highest class of content the receiver may hold.
	Holds audit.Class `yaml:"holds"`
	// DeadBytes bounds the dead letters that are kept, in bytes; 0 is 256 MiB. Where they fill it, the sink waits.
	DeadBytes int64 `yaml:"dead_bytes"`
}

// Formats of an item's body.
const (
	FormatOCSF    = "ocsf"       // OCSF 1.6.0
	FormatOCSF180 = "ocsf-1.8.0" // OCSF 1.8.0
	FormatECS     = "ecs"        // Elastic Common Schema
	FormatRecord  = "record"     // the plain record
)

var sinkName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// Places where a new sink begins.
const (
	FromNow       = "now"
	FromBeginning = "beginning"
)

// WithDefaults fills in what is left empty.
func (c SinkConfig) WithDefaults() SinkConfig {
	if c.Format == "" {
		c.Format = FormatOCSF
	}
	if c.From == "" {
		c.From = FromNow
	}
	if c.Holds == "" {
		c.Holds = audit.ClassMetadata
	}
	if c.DeadBytes == 0 {
		c.DeadBytes = 256 << 20
	}
	return c
}

// Validate gathers every problem; each says which setting it is about.
func (c SinkConfig) Validate() error {
	c = c.WithDefaults()
	var errs []error
	if !sinkName.MatchString(c.Name) {
		errs = append(errs, fmt.Errorf("name: %q is not 1 to 40 lower-case letters, digits and dashes", c.Name))
	}
	if formats := []string{FormatOCSF, FormatOCSF180, FormatECS, FormatRecord}; !slices.Contains(formats, c.Format) {
		errs = append(errs, fmt.Errorf("format: %q is none of %v", c.Format, formats))
	}
	if _, err := parseFrom(c.From); err != nil {
		errs = append(errs, fmt.Errorf("from: %w", err))
	}
	if c.Holds != audit.ClassMetadata {
		errs = append(errs, fmt.Errorf("holds: %q: what is forwarded is records, which are metadata, so no receiver needs to hold more", c.Holds))
	}
	if c.DeadBytes < 1<<20 {
		errs = append(errs, fmt.Errorf("dead_bytes: %d is less than 1 MiB", c.DeadBytes))
	}
	return errors.Join(errs...)
}

// start is where a sink begins: a position, or the first record from a time on.
type start struct {
	now  bool
	seq  uint64
	time time.Time
}

func parseFrom(s string) (start, error) {
	switch s {
	case FromNow:
		return start{now: true}, nil
	case FromBeginning:
		return start{seq: 1}, nil
	}
	if n, err := strconv.ParseUint(s, 10, 63); err == nil && n > 0 {
		return start{seq: n}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return start{time: t.UTC()}, nil
		}
	}
	return start{}, fmt.Errorf("%q is not now, beginning, a position, or a time such as 2026-11-01", s)
}

// SinkDeps is what a sink is made with, beside its own Config.
type SinkDeps struct {
	Name    string // of the sink
	Origin  string // of the ledger, which names this journal: for keys, hosts and sources at the receiver
	Version string // of Tripod, for User-Agent
	Holds   audit.Class
	Logger  *slog.Logger
}

// URLProblem says what is wrong with a receiver's address, nil for nothing: it is https, or http to this very machine, and
// names no credential.
func URLProblem(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return errors.New("is not an address such as https://siem.example.com")
	case u.User != nil:
		return errors.New("has a credential in it: name it by env, file or command")
	case u.Scheme == "https" || u.Scheme == "http" && local(u.Hostname()):
		return nil
	}
	return errors.New("wants https: plain http goes to this machine only")
}
