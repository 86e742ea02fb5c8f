package sigma

import "slices"

// expanding leaves a value with placeholders to Compile, which knows what they stand for.
func (p *parsing) expanding(modifiers []string, v *node) []test {
	names, ok := placeholders(v.text)
	if !ok || len(names) == 0 {
		p.errorf(v.at(), "expand needs a placeholder between percent signs, such as %%administrators%%")
		return nil
	}
	return []test{{op: testPlaceholder, text: v.text, mods: modifiers}}
}

// placeholders lists the names between percent signs; \% is a percent sign.
func placeholders(s string) (names []string, ok bool) {
	for _, piece := range splitPlaceholders(s) {
		if piece.name {
			names = append(names, piece.text)
		}
	}
	return names, !slices.Contains(names, "")
}

type piece struct {
	text string
	name bool
}

func splitPlaceholders(s string) []piece {
	var list []piece
	var now []byte
	open := -1 // where in now a name may have begun
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '%':
			i++
			now = append(now, '%')
		case s[i] == '%' && open >= 0:
			list = append(list, piece{text: string(now[:open])}, piece{text: string(now[open+1:]), name: true})
			now, open = now[:0], -1
		case s[i] == '%':
			open = len(now)
			now = append(now, '%')
		default:
			now = append(now, s[i])
		}
	}
	return append(list, piece{text: string(now)})
}

// expand makes the tests of a value with placeholders, each combination of what they stand for one.
func (p *parsing) expand(t test, values map[string][]string, at place) []test {
	spellings := []pattern{{}}
	for _, piece := range splitPlaceholders(t.text) {
		with := []string{piece.text}
		if piece.name {
			if with = values[piece.text]; len(with) == 0 {
				p.errorf(at, "nothing says what the placeholder %%%s%% stands for", piece.text)
				return nil
			}
		}
		var next []pattern
		for _, s := range spellings {
			for _, w := range with {
				next = append(next, append(append(pattern(nil), s...), parsePattern(w)...))
			}
		}
		if spellings = next; len(spellings) > mostSpellings {
			p.errorf(at, "%q stands for more than %d values", t.text, mostSpellings)
			return nil
		}
	}
	var list []test
	for _, s := range spellings {
		list = append(list, p.spelt(s, t.mods, &node{kind: kindString, text: t.text, line: at.line, col: at.col})...)
	}
	return list
}
