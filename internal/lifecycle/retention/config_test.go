package retention_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

func TestPeriod(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{"6y": "2032-11-23", "18mo": "2028-05-23", "30d": "2026-12-23", "0": "2026-11-23"} {
		var p retention.Period
		if err := p.UnmarshalText([]byte(in)); err != nil || p.String() != in || p.After(start).Format(time.DateOnly) != want {
			t.Errorf("%s: %v, %v, ends %v", in, p, err, p.After(start))
		}
		if p.Forever() != (in == "0") {
			t.Errorf("%s: for ever %v", in, p.Forever())
		}
	}
	for _, in := range []string{"", "y", "6", "-1d", "0d", "1.5y", "6 y", "6w", "24h", "1000y", "99999999999999999999d", "6yd"} {
		if p := new(retention.Period); p.UnmarshalText([]byte(in)) == nil {
			t.Errorf("%q is read as %v", in, p)
		}
	}
}

func FuzzPeriod(f *testing.F) {
	for _, s := range []string{"6y", "18mo", "30d", "0", "", "-1y", "73200d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var p, again retention.Period
		if p.UnmarshalText([]byte(s)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(p.String())); err != nil || again != p {
			t.Errorf("%q: %v, %v, %v", s, p, again, err)
		}
		if now := time.Now(); !p.Forever() && !p.After(now).After(now) {
			t.Errorf("%q ends before it begins", s)
		}
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	good := retention.Class{Name: "raw", What: retention.Texts, Keep: retention.Period{Months: 1}, Basis: "policy 7", Owner: "privacy"}
	if err := (retention.Config{Classes: []retention.Class{good}}).Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*retention.Class){
		"name of its own":    func(c *retention.Class) { c.Name = "" },
		"what":               func(c *retention.Class) { c.What = "all" },
		"basis":              func(c *retention.Class) { c.Basis = "" },
		"owner":              func(c *retention.Class) { c.Owner = "" },
		"no source":          func(c *retention.Class) { c.Sources = []audit.Source{"otel"} },
		"no activity":        func(c *retention.Class) { c.Activities = []audit.Activity{"talk"} },
		"a period that ends": func(c *retention.Class) { c.Statutory, c.Keep = true, retention.Period{} },
		"only whole ones":    func(c *retention.Class) { c.Sources = []audit.Source{audit.SourceTripod} },
	} {
		c := good
		change(&c)
		if err := (retention.Config{Classes: []retention.Class{c}}).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := (retention.Config{Classes: []retention.Class{good, good}}).Validate(); err == nil {
		t.Error("two of one name")
	}
}

// TestYAML: a class is written as the documentation has it.
func TestYAML(t *testing.T) {
	t.Parallel()
	var c retention.Config
	err := yaml.UnmarshalWithOptions([]byte(`
classes:
  - name: telemetry
    sources: [otel.log, otel.span]
    what: record
    keep: 1y
    basis: policy
    owner: platform
    statutory: true
  - {name: forever, what: text, keep: 0, basis: policy, owner: platform}
`), &c, yaml.Strict())
	if err != nil || c.Classes[0].Keep != (retention.Period{Months: 12}) || !c.Classes[0].Statutory || !c.Classes[1].Keep.Forever() {
		t.Errorf("%+v, %v", c, err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}
