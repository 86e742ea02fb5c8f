package sigma

import (
	"maps"
	"slices"
	"strings"
)

// index finds the few rules that a record can match, by values that they demand.
type index struct {
	always   []int32 // rules that demand nothing the index knows
	equal    []equals
	literals []literals
}

// equals are rules that demand that a field has a value.
type equals struct {
	slot  Ref
	rules map[string][]int32
}

// key is a value that some rule demands: the whole of a field, or a part of it.
type key struct {
	slot    Ref
	literal bool
	text    string // folded
}

// shortestLiteral is how many bytes a part of a value must have to be worth looking for.
const shortestLiteral = 3

// buildIndex chooses for every rule the rarest thing it demands.
func buildIndex(s *Set) index {
	popular := map[key]int{}
	for _, e := range s.exprs {
		if e != nil {
			mentioned := map[key]bool{}
			s.mentioned(e, mentioned)
			for k := range mentioned {
				popular[k]++
			}
		}
	}
	var ix index
	equal, literal := map[Ref]map[string][]int32{}, map[Ref]map[string][]int32{}
	for i, e := range s.exprs {
		if e == nil {
			continue
		}
		keys, _, ok := s.demanded(e, popular)
		if !ok {
			ix.always = append(ix.always, int32(i))
			continue
		}
		for k := range keys {
			in := equal
			if k.literal {
				in = literal
			}
			if in[k.slot] == nil {
				in[k.slot] = map[string][]int32{}
			}
			in[k.slot][k.text] = append(in[k.slot][k.text], int32(i))
		}
	}
	for _, r := range slices.Sorted(maps.Keys(equal)) {
		ix.equal = append(ix.equal, equals{r, equal[r]})
	}
	for _, r := range slices.Sorted(maps.Keys(literal)) {
		ix.literals = append(ix.literals, newLiterals(r, literal[r]))
	}
	return ix
}

// keys are the values of which an atom demands one; none where the index cannot tell.
func (s *Set) keys(a *atom) []key {
	if a.kind == atomOneOf {
		var list []key
		for text := range a.texts {
			list = append(list, key{a.slot, false, text})
		}
		return list
	}
	if a.kind != atomTest || a.other >= 0 || a.part != "" {
		return nil
	}
	text := strings.ToLower(a.test.text)
	switch a.test.op {
	case testEqual:
		return []key{{a.slot, false, text}}
	case testPrefix, testSuffix, testContains:
	case testGlob:
		text = strings.ToLower(a.test.glob.literal())
	default:
		return nil
	}
	if len(text) < shortestLiteral {
		return nil
	}
	return []key{{a.slot, true, text}}
}

func (s *Set) mentioned(e *expr, into map[key]bool) {
	if e.op == opNot {
		return
	}
	if e.op == opMatch {
		for _, k := range s.keys(&s.atoms[e.atom]) {
			into[k] = true
		}
	}
	for _, kid := range e.kids {
		s.mentioned(kid, into)
	}
}

// demanded finds keys of which a record that meets e has one, as rare as they come, and what they cost.
func (s *Set) demanded(e *expr, popular map[key]int) (keys map[key]bool, cost int, ok bool) {
	switch e.op {
	case opMatch:
		list := s.keys(&s.atoms[e.atom])
		keys = map[key]bool{}
		for _, k := range list {
			keys[k] = true
			cost += s.weight(k) + popular[k]
		}
		return keys, cost, len(list) > 0
	case opAnd:
		for _, kid := range e.kids {
			if k, c, good := s.demanded(kid, popular); good && (!ok || c < cost) {
				keys, cost, ok = k, c, true
			}
		}
		return keys, cost, ok
	case opOr:
		keys = map[key]bool{}
		for _, kid := range e.kids {
			k, c, good := s.demanded(kid, popular)
			if !good {
				return nil, 0, false
			}
			maps.Copy(keys, k)
			cost += c
		}
		return keys, cost, len(e.kids) > 0
	case opEach:
		return s.demanded(e.kids[0], popular)
	}
	return nil, 0, false
}

// weight is how often records are expected to have a key: of few words that all records have, often.
func (s *Set) weight(k key) int {
	if k.literal {
		return 20
	}
	switch s.slots[k.slot].name {
	case "source", "plane":
		return 1000
	case "activity", "surface", "outcome":
		return 300
	case "type":
		return 10
	}
	return 5
}
