package policy

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// pattern is an expression with the words that every match holds one of: looking for words first costs a fraction of the
// expression, and nearly always says no.
type pattern struct {
	expression *regexp.Regexp
	words      []string // none: there are no such words
	fold       bool     // words are in lower case, and any case counts
}

func newPattern(source string) (*pattern, error) {
	expression, err := regexp.Compile(source)
	if err != nil {
		return nil, err
	}
	p := &pattern{expression: expression}
	if tree, err := syntax.Parse(source, syntax.Perl); err == nil {
		tree = tree.Simplify()
		p.fold = foldsCase(tree)
		p.words = needed(tree, p.fold)
	}
	return p, nil
}

// in reports whether the text holds a match.
func (p *pattern) in(text string) bool {
	if len(p.words) > 0 && (!p.fold || isASCII(text)) { // beyond ASCII, letters fold in ways words do not
		if !slices.ContainsFunc(p.words, func(w string) bool { return p.fold && containsFold(text, w) || strings.Contains(text, w) }) {
			return false
		}
	}
	return p.expression.MatchString(text)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func foldsCase(re *syntax.Regexp) bool {
	return re.Flags&syntax.FoldCase != 0 || slices.ContainsFunc(re.Sub, foldsCase)
}

// mostWords bounds how many words are looked for.
const mostWords = 48

// needed lists words of which every match holds at least one; none if there are no such words.
func needed(re *syntax.Regexp, fold bool) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if len(re.Rune) < 2 {
			return nil
		}
		if fold {
			return []string{strings.ToLower(string(re.Rune))}
		}
		return []string{string(re.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return needed(re.Sub[0], fold)
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needed(re.Sub[0], fold)
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if words := needed(sub, fold); shortest(words) > shortest(best) {
				best = words
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			words := needed(sub, fold)
			if len(words) == 0 {
				return nil
			}
			all = append(all, words...)
		}
		if len(all) <= mostWords {
			return all
		}
	}
	return nil
}

// shortest is the length of the shortest word, 0 where there is none.
func shortest(words []string) int {
	if len(words) == 0 {
		return 0
	}
	return len(slices.MinFunc(words, func(a, b string) int { return len(a) - len(b) }))
}

// compiledPatterns has the patterns of finds compiled once, when the rule is.
func compiledPatterns() []*interpreter.RegexOptimization {
	return []*interpreter.RegexOptimization{{Function: "finds", RegexIndex: 1, Factory: compilePattern}}
}

func compilePattern(call interpreter.InterpretableCall, source string) (interpreter.InterpretableCall, error) {
	p, err := newPattern(source)
	if err != nil {
		return nil, err
	}
	return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(values ...ref.Val) ref.Val {
		if len(values) != 2 {
			return types.NoSuchOverloadErr()
		}
		text, is := values[0].Value().(string)
		if !is {
			return types.NoSuchOverloadErr()
		}
		return types.Bool(p.in(text))
	}), nil
}
