package detector

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// revision is part of every version: raise it when code changes what is found.
const revision = 1

// New compiles a configuration. It takes some ten milliseconds.
func New(cfg Config) (*Set, error) {
	rules, err := loadRules()
	if err != nil {
		return nil, err
	}
	s := &Set{rules: rules, dicts: cfg.Dictionaries, off: map[[2]string]bool{}}
	known := builtin()
	for _, r := range rules {
		known = append(known, Kind{FamilyCredential, r.ID, r.Title})
	}
	if err := cfg.check(known); err != nil {
		return nil, fmt.Errorf("detectors: %w", err)
	}
	for _, d := range cfg.Dictionaries {
		known = append(known, Kind{FamilyDictionary, d.Name, cmp.Or(d.Title, d.Name)})
	}
	for _, k := range known {
		if slices.Contains(cfg.Off, k.Detector) || slices.Contains(cfg.Off, k.Name()) {
			s.off[[2]string{k.Detector, k.Kind}] = true
			continue
		}
		s.kinds = append(s.kinds, k)
	}
	slices.SortFunc(s.kinds, func(a, b Kind) int { return cmp.Compare(a.Name(), b.Name()) })
	if s.version, err = digest(cfg, rules); err != nil {
		return nil, err
	}
	s.build()
	return s, nil
}

// build makes the automata.
func (s *Set) build() {
	var all, certain []keyword
	for i, r := range s.rules {
		if s.off[[2]string{FamilyCredential, r.ID}] {
			continue
		}
		for _, k := range r.Keywords {
			all = append(all, keyword{k, hit{what: hitRule, id: uint16(i)}})
		}
		if !r.Generic {
			certain = append(certain, all[len(all)-len(r.Keywords):]...)
		}
	}
	byForm := []keyword{{"eyj", hit{what: hitToken}}, {"-----begin ", hit{what: hitPEM}}}
	certain, all = append(certain, byForm...), append(all, byForm...)
	ruled := slices.Clone(all)
	for class, words := range contextWords {
		for _, w := range words {
			all = append(all, keyword{w, hit{what: hitContext, id: uint16(class)}})
		}
	}
	for _, w := range assignWords {
		all = append(all, keyword{w, hit{what: hitAssign}})
	}
	all = append(all, keyword{"@", hit{what: hitAt}})
	s.all, s.certain, s.ruled = newDFA(all), newDFA(certain), newDFA(ruled)
}

func digest(cfg Config, rules []*rule) (string, error) {
	text, err := json.Marshal(struct {
		Revision int
		Config   Config
		Rules    []*rule
	}{revision, cfg, rules})
	if err != nil {
		return "", fmt.Errorf("digest of the detectors: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}
