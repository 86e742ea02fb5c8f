package detector

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// variants are the terms in the spellings the automaton shall know: it folds the case of ASCII itself.
func (d Dictionary) variants() []string {
	var all []string
	for _, t := range d.Terms {
		all = append(all, t)
		if strings.IndexFunc(t, func(c rune) bool { return c >= 0x80 }) < 0 {
			continue
		}
		for _, v := range []string{strings.ToLower(t), strings.ToUpper(t)} {
			if v != t {
				all = append(all, v)
			}
		}
	}
	return all
}

// judgeTerm finds a term that stands as whole words.
func judgeTerm(st *Stream, j job) {
	inWord := func(c byte) bool { return alnum(c) || c >= 0x80 }
	if inWord(st.at(j.start)) && inWord(st.at(j.start-1)) || inWord(st.at(j.end-1)) && inWord(st.at(j.end)) {
		return
	}
	st.found(FamilyDictionary, st.set.dicts[j.hit.id].Name, j.start, j.end)
}

// hashed is a dictionary whose terms are known by their hashes only.
type hashed struct {
	name   string
	salt   string
	words  int
	hashes map[[sha256.Size]byte]bool
}

func newHashed(dicts []Dictionary) []hashed {
	var all []hashed
	for _, d := range dicts {
		if len(d.Hashes) == 0 {
			continue
		}
		h := hashed{d.Name, d.Salt, max(1, d.Words), make(map[[sha256.Size]byte]bool, len(d.Hashes))}
		for _, text := range d.Hashes {
			var sum [sha256.Size]byte
			_, _ = hex.Decode(sum[:], []byte(text)) // New has checked them
			h.hashes[sum] = true
		}
		all = append(all, h)
	}
	return all
}

// Hash is what a dictionary lists for a term: SHA-256 of the salt, a zero byte, and the term's words in lower case with one
// blank between them, in hexadecimal.
func Hash(salt, term string) string {
	var words []string
	for _, w := range strings.FieldsFunc(term, func(c rune) bool { return c < 0x80 && !termSet[c] }) {
		if w = normal(w); w != "" {
			words = append(words, w)
		}
	}
	sum := sha256.Sum256([]byte(salt + "\x00" + strings.Join(words, " ")))
	return hex.EncodeToString(sum[:])
}

// termSet is what words are made of; signs at their ends are none of them.
var termSet = func() *byteSet {
	s := setOf("a-zA-Z0-9._@'-")
	for c := 0x80; c <= 0xff; c++ {
		s[c] = true
	}
	return s
}()

const longestWord = 128

func normal(w string) string { return strings.ToLower(strings.Trim(w, "._@'-")) }

// spoken is the last words of the text, for dictionaries of hashes.
type spoken struct {
	next  int       // in the whole text: the first byte not looked at
	start int       // where the word under way begins
	words [4]aWord  // the last ones
	count int       // of all words
	space [600]byte // where words are put together
}

type aWord struct {
	text       string
	start, end int
}

// words looks at the words that have ended since it was last called.
func (st *Stream) words() {
	sp := &st.spoken
	for end := st.base + len(st.buf); sp.next < end; sp.next++ {
		if !termSet[st.at(sp.next)] {
			st.endWord(sp.next)
			sp.start = sp.next + 1
		}
	}
	if st.ended {
		st.endWord(sp.next)
		sp.start = sp.next
	}
}

func (st *Stream) endWord(end int) {
	sp := &st.spoken
	if end-sp.start < 1 || end-sp.start > longestWord {
		return
	}
	raw := string(st.text(sp.start, end))
	text := normal(raw)
	if text == "" || !utf8.ValidString(text) {
		return
	}
	start := sp.start + len(raw) - len(strings.TrimLeft(raw, "._@'-"))
	sp.words[sp.count%len(sp.words)] = aWord{text, start, start + len(strings.Trim(raw, "._@'-"))}
	sp.count++
	for _, h := range st.set.hashed {
		st.look(h)
	}
}

// look hashes the last words, one, two and so on together, and looks the hashes up.
func (st *Stream) look(h hashed) {
	sp := &st.spoken
	last := sp.words[(sp.count-1)%len(sp.words)]
	joined := ""
	for n := 1; n <= min(h.words, sp.count); n++ {
		w := sp.words[(sp.count-n)%len(sp.words)]
		if joined == "" {
			joined = w.text
		} else {
			joined = w.text + " " + joined
		}
		b := append(append(append(sp.space[:0], h.salt...), 0), joined...)
		if h.hashes[sha256.Sum256(b)] {
			st.found(FamilyDictionary, h.name, w.start, last.end)
		}
	}
}
