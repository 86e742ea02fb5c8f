package detector

import (
	"maps"
	"slices"
)

// hit is a keyword of the automaton: whose it is, and how long.
type hit struct {
	what   what
	id     uint16 // of the rule, class of context, dictionary …
	length uint16
}

// what tells which judge a keyword calls.
type what uint8

const (
	hitRule    what = iota + 1 // id: index of the rule
	hitContext                 // id: class of context
	hitAt                      // '@'
	hitToken                   // "eyJ": a JSON object in base64
	hitPEM                     // "-----BEGIN "
	hitAssign                  // a name under which secrets are kept
	hitScheme                  // "://"
	hitHost                    // id: list of hosts
	hitOnion                   // ".onion"
	hitCommand                 // a command that a host follows
	hitTerm                    // id: dictionary
	hitEncoded                 // id: keyword in base64
)

type keyword struct {
	text string
	hit  hit
}

// dfa is an Aho-Corasick automaton over bytes, with the case of ASCII letters folded. A state is the offset of its row, so a
// step is one addition and one load; states at which a keyword ends come last, so that asking is one comparison.
type dfa struct {
	class [256]uint8
	next  []uint32
	width uint32
	first uint32  // the first state at which a keyword ends
	hits  [][]hit // from that state on
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

type trieNode struct {
	child map[uint8]int
	fail  int
	hits  []hit
}

func newDFA(words []keyword) *dfa {
	d := &dfa{}
	d.classes(words)
	nodes := d.trie(words)
	order := breadthFirst(nodes)
	// Number the nodes anew: those at which nothing ends first, the root at 0.
	number := make([]uint32, len(nodes))
	var n uint32
	for _, ends := range []bool{false, true} {
		if ends {
			d.first = n * d.width
		}
		for _, i := range order {
			if len(nodes[i].hits) > 0 == ends {
				number[i] = n * d.width
				n++
				if ends {
					d.hits = append(d.hits, nodes[i].hits)
				}
			}
		}
	}
	d.next = make([]uint32, n*d.width)
	for _, i := range order {
		row := d.next[number[i]:][:d.width]
		if i != 0 {
			copy(row, d.next[number[nodes[i].fail]:]) // filled before: it lies less deep
		}
		for c, to := range nodes[i].child {
			row[c] = number[to]
		}
	}
	return d
}

// classes gives bytes that no keyword tells apart the same class; 0 is every byte that is in none.
func (d *dfa) classes(words []keyword) {
	d.width = 1
	for _, w := range words {
		for i := range len(w.text) {
			c := lower(w.text[i])
			if d.class[c] == 0 {
				d.class[c] = uint8(d.width)
				d.width++
			}
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		d.class[c] = d.class[lower(c)]
	}
}

func (d *dfa) trie(words []keyword) []trieNode {
	nodes := []trieNode{{}}
	for _, w := range words {
		at := 0
		for i := range len(w.text) {
			c := d.class[lower(w.text[i])]
			to, ok := nodes[at].child[c]
			if !ok {
				to = len(nodes)
				if nodes[at].child == nil {
					nodes[at].child = map[uint8]int{}
				}
				nodes[at].child[c] = to
				nodes = append(nodes, trieNode{})
			}
			at = to
		}
		h := w.hit
		h.length = uint16(len(w.text))
		nodes[at].hits = append(nodes[at].hits, h)
	}
	return nodes
}

// breadthFirst orders the nodes by depth, sets where each falls back to, and hands hits down from there.
func breadthFirst(nodes []trieNode) []int {
	order := []int{0}
	for head := 0; head < len(order); head++ {
		i := order[head]
		for _, c := range slices.Sorted(maps.Keys(nodes[i].child)) {
			to := nodes[i].child[c]
			order = append(order, to)
			fail := nodes[i].fail
			for i != 0 {
				if n, ok := nodes[fail].child[c]; ok {
					nodes[to].fail = n
					break
				}
				if fail == 0 {
					break
				}
				fail = nodes[fail].fail
			}
			nodes[to].hits = append(nodes[to].hits, nodes[nodes[to].fail].hits...)
		}
	}
	return order
}
