package rules

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

//go:embed *.yaml
var shipped embed.FS

// Rules are the rules in force and what they were made of.
type Rules struct {
	Documents []sigma.Document // with the levels of the configuration, also those that are disabled
	Set       *sigma.Set
	Disabled  map[string]bool // by id
}

// Load reads the rules that come with Tripod and those of the configuration's directory, and compiles them. What is wrong with a rule is told as
// *sigma.Error, all of it; an id of the configuration that no rule has is an error, too.
func Load(cfg detect.Config) (*Rules, error) {
	docs, err := read(shipped)
	if err != nil {
		return nil, err
	}
	if cfg.Rules != "" {
		if _, err := os.ReadDir(cfg.Rules); err != nil {
			return nil, fmt.Errorf("read detect.rules: %w", err)
		}
		more, err := read(os.DirFS(cfg.Rules))
		if err != nil {
			return nil, fmt.Errorf("detect.rules %s: %w", cfg.Rules, err)
		}
		docs = append(docs, more...)
	}
	return With(docs, cfg)
}

// With compiles rules under the configuration's levels and list of what is disabled.
func With(docs []sigma.Document, cfg detect.Config) (*Rules, error) {
	r := &Rules{Documents: docs, Disabled: map[string]bool{}}
	var errs []error
	for _, ref := range cfg.Disabled {
		h, err := r.Find(ref)
		if err != nil {
			errs = append(errs, fmt.Errorf("detect.disabled: %w", err))
			continue
		}
		r.Disabled[h.Ref()] = true
	}
	for _, ref := range slices.Sorted(maps.Keys(cfg.Levels)) {
		h, err := r.Find(ref)
		if err != nil {
			errs = append(errs, fmt.Errorf("detect.levels: %w", err))
			continue
		}
		h.Level = cfg.Levels[ref]
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var err error
	r.Set, err = sigma.Compile(docs, sigma.Options{Disabled: r.Disabled})
	return r, err
}

// Find finds what a rule says of itself, by its id or name.
func (r *Rules) Find(ref string) (*sigma.Head, error) {
	for _, d := range r.Documents {
		if h := d.Head(); ref != "" && (h.ID == ref || h.Name == ref) {
			return h, nil
		}
	}
	return nil, fmt.Errorf("there is no rule %q: tripod rules list shows those there are", ref)
}

// Alone lists what fires by itself: the rules and correlations that do not only serve others.
func (r *Rules) Alone() []*sigma.Head {
	fires := map[string]bool{}
	for i, rule := range r.Set.Rules() {
		fires[rule.Ref()] = r.Set.Alone(i)
	}
	for _, c := range r.Set.Correlations() {
		fires[c.Ref()] = c.Alone
	}
	var list []*sigma.Head
	for _, d := range r.Documents {
		if h := d.Head(); fires[h.Ref()] || r.Disabled[h.Ref()] {
			list = append(list, h)
		}
	}
	return list
}

// read reads the rule files of a directory, in the order of their names; files of cases are passed over.
func read(dir fs.FS) (docs []sigma.Document, err error) {
	var errs []error
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !IsRules(name) {
			return err
		}
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return fmt.Errorf("read rules: %w", err)
		}
		list, err := sigma.Parse(name, b)
		if err != nil {
			errs = append(errs, err)
		}
		docs = append(docs, list...)
		return nil
	})
	return docs, errors.Join(append(errs, err)...)
}

// IsRules tells from its name whether a file holds rules: YAML, and not cases.
func IsRules(name string) bool {
	ext := path.Ext(name)
	return (ext == ".yaml" || ext == ".yml") && !IsCases(name)
}

// IsCases tells from its name whether a file holds cases.
func IsCases(name string) bool {
	return strings.HasSuffix(name, ".test.yaml") || strings.HasSuffix(name, ".test.yml")
}
