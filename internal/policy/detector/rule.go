package detector

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed credentials/*.yaml injection/*.yaml
var ruleFiles embed.FS

// rule is one kind of credential or of injection: one file in credentials/ or injection/.
type rule struct {
	Family   string   `yaml:"-"`
	ID       string   `yaml:"id"`
	Title    string   `yaml:"title"`
	Keywords []string `yaml:"keywords"` // the expression matches where one of them begins; case does not matter here
	// Expression is in RE2, matches at the keyword and has a bounded length. What its first group holds is the finding, else all of it.
	Expression string `yaml:"expression"`
	// Before is how many bytes of the expression's alphabet may stand before the keyword and belong to the match; with it the
	// expression need not match where the window begins.
	Before int `yaml:"before"`
	// Needs must stand in the window, or the expression is not even tried.
	Needs string `yaml:"needs"`
	// Rest says that what follows in the same alphabet belongs to the finding, however long.
	Rest bool `yaml:"rest"`
	// Validators that the finding must pass, as "entropy:3.5": see validators.go.
	Validators []string `yaml:"validators"`
	// Generic kinds yield to every other kind of credential in what they match.
	Generic bool `yaml:"generic"`
	// Examples and Counter examples are templates (see package corpus), so that nothing here looks like a leak to a scanner.
	Examples []string `yaml:"examples"`
	Counter  []string `yaml:"counter"`

	expression *regexp.Regexp
	alphabet   *byteSet // of all the expression can match
	shortest   int
	longest    int
	validators []validator
}

// builtinRules are read once; nobody changes a rule after that.
var builtinRules = sync.OnceValues(loadRules)

func loadRules() ([]*rule, error) {
	var rules []*rule
	for _, family := range []struct{ name, folder string }{{FamilyCredential, "credentials"}, {FamilyInjection, "injection"}} {
		err := eachFile(ruleFiles, family.folder, func(id string, text []byte) error {
			r := &rule{Family: family.name}
			if err := yaml.UnmarshalWithOptions(text, r, yaml.Strict()); err != nil {
				return err
			}
			if r.ID != id {
				return fmt.Errorf("its id is %q: a rule is named as its file", r.ID)
			}
			rules = append(rules, r)
			return r.compile()
		})
		if err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// eachFile hands over the files of a folder, in the order of their names.
func eachFile(files fs.FS, folder string, do func(id string, text []byte) error) error {
	names, err := fs.Glob(files, folder+"/*.yaml")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if err := do(strings.TrimSuffix(path.Base(name), ".yaml"), text); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return nil
}

func (r *rule) compile() error {
	switch {
	case r.ID == "" || r.Title == "":
		return errors.New("id and title are needed")
	case len(r.Keywords) == 0:
		return errors.New("a rule needs keywords, or it would be tried everywhere")
	}
	for _, k := range r.Keywords {
		if len(k) < 2 || k != strings.ToLower(k) {
			return fmt.Errorf("keyword %q: two bytes at least, in lower case", k)
		}
	}
	tree, err := syntax.Parse(r.Expression, syntax.Perl)
	if err != nil {
		return fmt.Errorf("expression: %w", err)
	}
	r.alphabet = &byteSet{}
	if r.longest = extent(tree, r.alphabet); r.longest < 0 || r.longest > longest {
		return fmt.Errorf("expression: what it matches must be bounded, at most %d bytes", longest)
	}
	r.shortest = least(tree)
	anchor := "^"
	if r.Before > 0 {
		anchor = ""
	}
	if r.expression, err = regexp.Compile(anchor + "(?:" + r.Expression + ")"); err != nil {
		return fmt.Errorf("expression: %w", err)
	}
	r.validators, err = parseValidators(r.Validators)
	return err
}

// extent is how many bytes an expression can match at most, -1 without bound; it adds the bytes that can stand in a match.
func extent(re *syntax.Regexp, set *byteSet) int {
	switch re.Op {
	case syntax.OpLiteral:
		n := 0
		for _, c := range re.Rune {
			n += add(set, c, c)
			if re.Flags&syntax.FoldCase != 0 && c < 0x80 {
				set[strings.ToUpper(string(c))[0]], set[strings.ToLower(string(c))[0]] = true, true
			}
		}
		return n
	case syntax.OpCharClass:
		n := 0
		for i := 0; i < len(re.Rune); i += 2 {
			n = max(n, add(set, re.Rune[i], re.Rune[i+1]))
		}
		return n
	case syntax.OpAnyCharNotNL, syntax.OpAnyChar:
		return add(set, 0, 0x10ffff)
	case syntax.OpCapture, syntax.OpQuest:
		return extent(re.Sub[0], set)
	case syntax.OpStar, syntax.OpPlus:
		extent(re.Sub[0], set)
		return -1
	case syntax.OpRepeat:
		n := extent(re.Sub[0], set)
		if n < 0 || re.Max < 0 {
			return -1
		}
		return n * re.Max
	case syntax.OpConcat, syntax.OpAlternate:
		sum := 0
		for _, sub := range re.Sub {
			n := extent(sub, set)
			switch {
			case n < 0 || sum < 0:
				sum = -1
			case re.Op == syntax.OpConcat:
				sum += n
			default:
				sum = max(sum, n)
			}
		}
		return sum
	}
	return 0
}

// add puts the bytes of a range of characters into the set and says how many bytes the longest of them has.
func add(set *byteSet, from, to rune) int {
	for c := from; c <= min(to, 0x7f); c++ {
		set[c] = true
	}
	if to < 0x80 {
		return 1
	}
	for c := 0x80; c <= 0xff; c++ {
		set[c] = true
	}
	return len(string(to))
}

// least is how many bytes an expression matches at least.
func least(re *syntax.Regexp) int {
	sum := 0
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return least(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * least(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			sum += least(sub)
		}
	case syntax.OpAlternate:
		sum = least(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			sum = min(sum, least(sub))
		}
	}
	return sum
}

// rule opens the window in which a rule's expression is tried.
func (st *Stream) rule(h hit, start int) {
	r := st.set.rules[h.id]
	limit := start + r.longest
	if r.Before > 0 {
		for first := start - r.Before; start > first && r.alphabet[st.at(start-1)]; start-- {
		}
	} else if !st.leftEdge(start, r.alphabet['-']) {
		return
	}
	if r.Rest {
		limit = start + longest
	}
	st.open(job{judge: judgeRule, set: r.alphabet, hit: h, start: start, limit: limit})
}

func judgeRule(st *Stream, j job) {
	if j.end-j.start < st.set.rules[j.hit.id].shortest {
		return
	}
	r, window := st.set.rules[j.hit.id], st.text(j.start, j.end)
	if r.Needs != "" && !bytes.Contains(window, []byte(r.Needs)) {
		return
	}
	loc := r.expression.FindSubmatchIndex(window)
	if loc == nil || r.Before > 0 && !st.leftEdge(j.start+loc[0], r.alphabet['-']) {
		return
	}
	from, to, end := loc[0], loc[1], loc[1]
	if len(loc) > 2 && loc[2] >= 0 {
		from, to = loc[2], loc[3]
	}
	if r.Rest {
		to, end = len(window), len(window)
	}
	if next := st.at(j.start + end); word(window[end-1]) && word(next) && !r.Rest {
		return // the beginning of something longer
	}
	value := window[from:to]
	if r.Family == FamilyCredential && placeholder(value) {
		return
	}
	for _, valid := range r.validators {
		if !valid(value) {
			return
		}
	}
	if r.Generic && st.taken(st.set.certain, j.start, j.start+from, j.start+to) {
		return
	}
	st.found(r.Family, r.ID, j.start+from, j.start+to)
}

func word(c byte) bool { return alnum(c) || c == '_' }

// leftEdge says whether something may begin at a position: after what is no part of a word, or after an escape whose last
// byte only looks like one (\n, %3D, \u003d, the end of a terminal's colour).
func (st *Stream) leftEdge(start int, hyphen bool) bool {
	c := st.at(start - 1)
	if !word(c) {
		return c != '-' || !hyphen
	}
	switch before := st.at(start - 2); {
	case before == '\\' && (c == 'n' || c == 't' || c == 'r'):
		return true
	case st.at(start-3) == '%' && hexDigit(before) && hexDigit(c):
		return true
	case st.at(start-6) == '\\' && st.at(start-5) == 'u' && hexDigit(before) && hexDigit(c):
		return true
	case c == 'm' && digit(before):
		for i := start - 2; i > start-8; i-- {
			if st.at(i) == '[' {
				return true
			}
		}
	}
	return false
}

func hexDigit(c byte) bool { return digit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// taken says whether one of the kinds of an automaton lies in a range, judged by the text from start on.
func (st *Stream) taken(auto *dfa, start, from, to int) bool {
	sub := st.set.stream(auto)
	sub.feed(string(st.text(start, to+1)))
	sub.finish()
	return slices.ContainsFunc(sub.out, func(f Finding) bool {
		return f.Detector == FamilyCredential && start+f.Start < to && start+f.End > from
	})
}
