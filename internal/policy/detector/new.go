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

// New compiles a configuration. It takes some ten milliseconds; the first call reads the rules and takes some twenty more.
func New(cfg Config) (*Set, error) {
	rules, err := builtinRules()
	if err != nil {
		return nil, err
	}
	hosts, err := loadHosts()
	if err != nil {
		return nil, err
	}
	s := &Set{rules: rules, hosts: hosts, dicts: cfg.Dictionaries, off: map[[2]string]bool{}}
	known := builtin()
	for _, l := range hosts {
		known = append(known, Kind{FamilyDestination, l.ID, l.Title})
	}
	for _, r := range rules {
		known = append(known, Kind{r.Family, r.ID, r.Title})
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
	if s.version, err = digest(cfg, rules, hosts); err != nil {
		return nil, err
	}
	s.build()
	s.hashed = newHashed(cfg.Dictionaries)
	return s, nil
}

// build makes the automata.
func (s *Set) build() {
	var certain, generic []keyword
	for i, r := range s.rules {
		if s.off[[2]string{r.Family, r.ID}] {
			continue
		}
		for _, k := range r.Keywords {
			if word := (keyword{k, hit{what: hitRule, id: uint16(i)}}); r.Family == FamilyCredential && !r.Generic {
				certain = append(certain, word)
			} else {
				generic = append(generic, word)
			}
		}
	}
	certain = append(certain, keyword{"eyj", hit{what: hitToken}}, keyword{"-----begin ", hit{what: hitPEM}})
	ruled := append(slices.Clone(certain), generic...)
	ruled = append(ruled, keyword{"://", hit{what: hitScheme}})
	all := append(slices.Clone(ruled), keyword{"@", hit{what: hitAt}}, keyword{".onion", hit{what: hitOnion}})
	for class, words := range contextWords {
		all = append(all, keywords(words, hitContext, class)...)
	}
	all = append(all, keywords(assignWords, hitAssign, 0)...)
	all = append(all, keywords(commands, hitCommand, 0)...)
	for i, l := range s.hosts {
		all = append(all, keywords(l.Hosts, hitHost, i)...)
	}
	for i, d := range s.dicts {
		all = append(all, keywords(d.variants(), hitTerm, i)...)
	}
	s.encoded = inBase64(s.rules)
	for i, e := range s.encoded {
		all = append(all, keyword{e.text, hit{what: hitEncoded, id: uint16(i)}})
	}
	s.all, s.certain, s.ruled = newDFA(all), newDFA(certain), newDFA(ruled)
}

func keywords(words []string, what what, id int) []keyword {
	list := make([]keyword, len(words))
	for i, w := range words {
		list[i] = keyword{w, hit{what: what, id: uint16(id)}}
	}
	return list
}

func digest(cfg Config, rules []*rule, hosts []*hostList) (string, error) {
	text, err := json.Marshal(struct {
		Revision int
		Config   Config
		Rules    []*rule
		Hosts    []*hostList
	}{revision, cfg, rules, hosts})
	if err != nil {
		return "", fmt.Errorf("digest of the detectors: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}
