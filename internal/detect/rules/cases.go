package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Case says of records whether a rule fires on them.
type Case struct {
	Name    string           `yaml:"name"`
	Rule    string           `yaml:"rule"` // id or name
	Fires   bool             `yaml:"fires"`
	Records []map[string]any `yaml:"records"` // as docs/record.md has them; what is left out is filled in
	// Repeat has the records come so often, one Every after the other; once, and a second, where nothing is said.
	Repeat int           `yaml:"repeat"`
	Every  time.Duration `yaml:"every"`
}

// mostRecords is how many records a case may make: a test is read by people.
const mostRecords = 100_000

// ParseCases reads a file of cases; name is for people. Unknown keys are refused.
func ParseCases(name string, data []byte) (cases []Case, err error) {
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&cases); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, c := range cases {
		if c.Rule == "" || len(c.Records) == 0 || c.Repeat < 0 || c.Every < 0 || c.Repeat*len(c.Records) > mostRecords {
			return nil, fmt.Errorf("%s: case %d (%q) needs a rule and records, at most %d in all", name, i+1, c.Name, mostRecords)
		}
	}
	return cases, nil
}

// ShippedCases are the cases of the rules that come with Tripod.
func ShippedCases() (cases []Case, err error) {
	names, err := fs.Glob(shipped, "*.test.yaml")
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	for _, name := range names {
		b, err := shipped.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read cases: %w", err)
		}
		list, err := ParseCases(name, b)
		if err != nil {
			return nil, err
		}
		cases = append(cases, list...)
	}
	return cases, nil
}

// Run holds the case's records against the rules. problem says how it went otherwise, "" where it went as the case has it; an error says that
// the case cannot be run.
func (c *Case) Run(ctx context.Context, r *Rules) (problem string, err error) {
	h, err := r.Find(c.Rule)
	if err != nil {
		return "", fmt.Errorf("case %q: %w", c.Name, err)
	}
	list, err := c.stored()
	if err != nil {
		return "", fmt.Errorf("case %q: %w", c.Name, err)
	}
	fired := 0
	_, err = detect.Replay(ctx, list, detect.Options{Rules: r.Set}, time.Time{}, time.Time{}, func(f detect.Firing) {
		if f.Rule == h.Ref() {
			fired++
		}
	}, nil)
	switch {
	case err != nil:
		return "", fmt.Errorf("case %q: %w", c.Name, err)
	case c.Fires && fired == 0:
		return "the rule does not fire and should", nil
	case !c.Fires && fired > 0:
		return "the rule fires and should not", nil
	}
	return "", nil
}

// stored makes records of the case as a journal has them.
func (c *Case) stored() (memory, error) {
	at := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	every := c.Every
	if every == 0 {
		every = time.Second
	}
	var list memory
	for range max(c.Repeat, 1) {
		for i, m := range c.Records {
			m = maps.Clone(m)
			m["v"] = 1
			b, err := json.Marshal(m)
			if err != nil {
				return nil, fmt.Errorf("record %d: %w", i+1, err)
			}
			rec, err := audit.Decode(b)
			if err != nil {
				return nil, fmt.Errorf("record %d: %w", i+1, err)
			}
			seq := uint64(len(list) + 1)
			if rec.ID == "" {
				rec.ID = fmt.Sprintf("%032x", seq)
			}
			if rec.Occurred.IsZero() {
				rec.Occurred = at
			}
			if rec.Recorded.IsZero() {
				rec.Recorded = rec.Occurred
			}
			list = append(list, journal.Stored{Seq: seq, Bytes: rec.AppendCanonical(nil)})
			at = at.Add(every)
		}
	}
	return list, nil
}

// memory is a journal of a case.
type memory []journal.Stored

func (m memory) Last(context.Context) (uint64, error) { return uint64(len(m)), nil }

func (m memory) Scan(_ context.Context, first, last uint64) iter.Seq2[journal.Stored, error] {
	return func(yield func(journal.Stored, error) bool) {
		for _, s := range m[first-1 : last] {
			if !yield(s, nil) {
				return
			}
		}
	}
}
