package policy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/policy/detector"
)

//go:embed starter.yaml
var starter []byte

// ruleSet is what is in force: compiled, never changed, safe for concurrent use.
type ruleSet struct {
	cfg       Config
	version   string
	detectors *detector.Set
	rules     []*rule
	at        map[Point][]*rule
	asks      map[Point]asks
	lists     map[string]*namedList // by "lists.NAME"
	variables map[string]func(*facts) any
}

// rule is a compiled rule.
type rule struct {
	Rule
	where      string // file, line, id
	when       *condition
	exceptions []exception
	selects    []selector
}

type exception struct {
	*Exception
	until time.Time
	when  *condition
}

// selector is an entry of Rule.Detectors: a family, or a kind of one.
type selector struct{ family, kind string }

func (s selector) matches(f *Finding) bool {
	return f.Detector == s.family && (s.kind == "" || f.Kind == s.kind)
}

// builtin names the starter rules where a file's name is shown.
const builtin = "starter"

// readFiles reads all rule files in their order.
func readFiles(cfg *Config) ([]*File, error) {
	var files []*File
	var errs []error
	add := func(f *File, err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		files = append(files, f)
	}
	for _, path := range cfg.Files {
		add(readFile(path))
	}
	if cfg.Starter {
		add(parseFile(builtin, starter))
	}
	return files, errors.Join(errs...)
}

// compileSet makes a rule set of files, or says everything that is wrong with them.
//
// The detectors of an older set, which may be nil, are taken over where their configuration is the same: dictionaries take
// longer to compile than rules.
func compileSet(cfg Config, files []*File, older *ruleSet) (*ruleSet, error) {
	set := &ruleSet{cfg: cfg, at: map[Point][]*rule{}, asks: map[Point]asks{}, lists: map[string]*namedList{}, variables: map[string]func(*facts) any{}}
	var err error
	if older != nil && reflect.DeepEqual(older.cfg.Detectors, cfg.Detectors) {
		set.detectors = older.detectors
	} else if set.detectors, err = detector.New(cfg.Detectors); err != nil {
		return nil, fmt.Errorf("policy.detectors: %w", err)
	}
	for _, v := range variables() {
		set.variables[v.name] = v.get
	}
	lists, err := union(files)
	if err != nil {
		return nil, err
	}
	var names []string
	for name, words := range lists {
		set.lists["lists."+name] = newNamedList(words)
		names = append(names, name)
	}
	slices.Sort(names)
	c, err := newCompiler(names)
	if err != nil {
		return nil, err
	}
	if err := set.gather(files); err != nil {
		return nil, err
	}
	var errs []error
	for _, r := range set.rules {
		if err := set.finish(c, r); err != nil {
			errs = append(errs, each(r.where, err)...)
		}
		for _, p := range r.Points {
			set.at[p] = append(set.at[p], r)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for p, rules := range set.at {
		set.asks[p] = asksOf(rules)
	}
	set.version, err = set.digest(lists)
	return set, err
}

// each puts where something is before each of the problems of an error.
func each(where string, err error) []error {
	if joined, is := err.(interface{ Unwrap() []error }); is && !strings.Contains(fmt.Sprintf("%T", err), "wrapErrors") {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, each(where, e)...)
		}
		return errs
	}
	return []error{fmt.Errorf("%s: %w", where, err)}
}

// union joins lists of the same name.
func union(files []*File) (map[string][]string, error) {
	lists := map[string][]string{}
	for _, f := range files {
		for name, words := range f.Lists {
			if !listName.MatchString(name) {
				return nil, fmt.Errorf("%s: lists: %q is no name of lower-case letters, digits and _", f.name, name)
			}
			lists[name] = append(lists[name], words...)
		}
	}
	for name := range lists {
		slices.Sort(lists[name])
		lists[name] = slices.Compact(lists[name])
	}
	return lists, nil
}

// gather takes the rules of all files in their order and applies overrides.
func (s *ruleSet) gather(files []*File) error {
	byID := map[string]*rule{}
	var errs []error
	for _, f := range files {
		for i := range f.Rules {
			r := &rule{Rule: f.Rules[i], where: f.at(i)}
			if other := byID[r.ID]; other != nil {
				errs = append(errs, fmt.Errorf("%s: the id is taken by %s; change a rule of another file with overrides", r.where, other.where))
				continue
			}
			byID[r.ID] = r
			s.rules = append(s.rules, r)
		}
	}
	for _, f := range files {
		for i := range f.Overrides {
			o := &f.Overrides[i]
			r := byID[o.Rule]
			if r == nil {
				errs = append(errs, fmt.Errorf("%s: overrides[%d]: no rule has the id %q", f.name, i, o.Rule))
				continue
			}
			o.apply(&r.Rule)
			if o.Off {
				s.rules = slices.DeleteFunc(s.rules, func(x *rule) bool { return x == r })
			}
		}
	}
	return errors.Join(errs...)
}

// finish validates a rule and compiles its conditions.
func (s *ruleSet) finish(c *compiler, r *rule) error {
	errs := []error{r.validate()}
	if r.Mode == "" {
		r.Mode = Observe
	}
	r.Asked = r.Mode
	if s.cfg.Mode == Observe {
		r.Mode = Observe
	}
	var err error
	if r.When != "" {
		r.when, err = c.compile(r.When, r.Effect == Allow)
		errs = append(errs, err)
	}
	for i := range r.Exceptions {
		x := exception{Exception: &r.Exceptions[i]}
		x.until, _ = x.Exception.until() // validated above
		if x.When != "" {
			if x.when, err = c.compile(x.When, true); err != nil {
				errs = append(errs, fmt.Errorf("exceptions[%d]: %w", i, err))
			}
		}
		r.exceptions = append(r.exceptions, x)
	}
	kinds := s.detectors.Kinds()
	for _, name := range r.Detectors {
		family, kind, _ := strings.Cut(name, ".")
		sel := selector{family: family, kind: kind}
		if !slices.Contains(families(), name) && !off(s.cfg.Detectors.Off, name) && !slices.ContainsFunc(kinds, func(k detector.Kind) bool { return sel.matches(&Finding{Detector: k.Detector, Kind: k.Kind}) }) {
			errs = append(errs, fmt.Errorf("detectors: nothing finds %q; tripod policy detectors lists what is found", name))
		}
		r.selects = append(r.selects, sel)
	}
	r.Min = max(r.Min, 1)
	return errors.Join(errs...)
}

// families are always known, whether or not anything of them is looked for.
func families() []string {
	return []string{detector.FamilyCredential, detector.FamilyPersonal, detector.FamilyDictionary, detector.FamilyInvisible, detector.FamilyInjection, detector.FamilyDestination}
}

// off reports whether a kind is not looked for by choice: a rule that names it is no mistake.
func off(list []string, name string) bool {
	family, _, _ := strings.Cut(name, ".")
	return slices.Contains(list, name) || slices.Contains(list, family)
}

// digest names everything that decides a verdict.
func (s *ruleSet) digest(lists map[string][]string) (string, error) {
	rules := make([]*Rule, len(s.rules))
	for i, r := range s.rules {
		rules[i] = &r.Rule
	}
	b, err := json.Marshal(struct {
		Mode      Mode                `json:"mode"`
		Detectors string              `json:"detectors"`
		Lists     map[string][]string `json:"lists"`
		Rules     []*Rule             `json:"rules"`
	}{s.cfg.Mode, s.detectors.Version(), lists, rules})
	if err != nil {
		return "", fmt.Errorf("digest rules: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// enforces reports whether some rule at the point can deny or redact.
func (s *ruleSet) enforces(p Point) bool {
	return slices.ContainsFunc(s.at[p], func(r *rule) bool { return r.Mode == Enforce && r.Effect.Rank() >= Redact.Rank() })
}
