package sigma

import (
	"maps"
	"slices"
)

// literals finds in one pass which of many words stand in a text: the automaton of Aho and Corasick, over the bytes that
// the words are made of.
type literals struct {
	slot    Ref
	classes [256]uint8 // of a byte; 0 of one that no word has
	width   int        // classes there are
	next    []int32    // state × class → state
	found   [][]int32  // rules of the words that end at a state
}

// newLiterals builds the automaton of words, each with its rules.
func newLiterals(slot Ref, words map[string][]int32) literals {
	l := literals{slot: slot, width: 1}
	sorted := slices.Sorted(maps.Keys(words))
	for _, w := range sorted {
		for _, c := range []byte(w) {
			if l.classes[c] == 0 {
				l.classes[c] = uint8(l.width) // lower-case text has fewer than 256 bytes
				l.width++
			}
		}
	}
	l.grow()
	for _, w := range sorted {
		state := int32(0)
		for _, c := range []byte(w) {
			at := int(state)*l.width + int(l.classes[c])
			if l.next[at] == 0 {
				l.next[at] = l.grow()
			}
			state = l.next[at]
		}
		l.found[state] = append(l.found[state], words[w]...)
	}
	l.fallBack()
	return l
}

// grow adds a state.
func (l *literals) grow() int32 {
	l.next = append(l.next, make([]int32, l.width)...)
	l.found = append(l.found, nil)
	return int32(len(l.found) - 1)
}

// fallBack fills in where a state goes with a byte that continues none of its words: where its longest suffix goes.
func (l *literals) fallBack() {
	suffix := make([]int32, len(l.found))
	queue := []int32{}
	for c := range l.width {
		if s := l.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		l.found[s] = append(l.found[s], l.found[suffix[s]]...)
		for c := range l.width {
			at := int(s)*l.width + c
			back := l.next[int(suffix[s])*l.width+c]
			if l.next[at] == 0 {
				l.next[at] = back
				continue
			}
			suffix[l.next[at]] = back
			queue = append(queue, l.next[at])
		}
	}
}

// scan tells the rules of all words that stand in a text.
func (l *literals) scan(text string, found func(rules []int32)) {
	state := int32(0)
	for i := range len(text) {
		state = l.next[int(state)*l.width+int(l.classes[text[i]])]
		if f := l.found[state]; f != nil {
			found(f)
		}
	}
}
