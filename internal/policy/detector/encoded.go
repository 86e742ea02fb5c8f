package detector

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A credential in base64 is found by what the beginning of its own form becomes in base64, at each of the three ways it can lie
// across groups of four characters. So encoded text costs nothing but a few more keywords.

// encoded is a keyword in base64.
type encoded struct {
	text string // as it stands, case and all
	skip int    // characters between the beginning of its first group and it
}

// inBase64 are the beginnings of credentials that are certain by themselves, in base64.
func inBase64(rules []*rule) []encoded {
	plain := map[string]bool{pemBegin: true}
	for _, r := range rules {
		if r.Family != FamilyCredential || r.Generic || r.Before > 0 {
			continue
		}
		for _, example := range r.Examples {
			if literal, _, _ := strings.Cut(example, "<"); len(literal) >= 4 && strings.HasPrefix(strings.ToLower(literal), r.keyword(literal)) {
				plain[literal[:min(len(literal), 12)]] = true
			}
		}
	}
	var all []encoded
	for _, literal := range slices.Sorted(maps.Keys(plain)) {
		for before := range 3 {
			text := base64.StdEncoding.EncodeToString([]byte("\x00\x00"[:before] + literal))
			skip := (before*8 + 5) / 6
			all = append(all, encoded{text[skip : (before+len(literal))*8/6], skip})
		}
	}
	return all
}

// keyword is the first of the rule's keywords that a text begins with, or something no text begins with.
func (r *rule) keyword(text string) string {
	for _, k := range r.Keywords {
		if strings.HasPrefix(strings.ToLower(text), k) {
			return k
		}
	}
	return "\x00"
}

var base64Set = setOf("A-Za-z0-9+/_=-")

const longestEncoded = 2048

// judgeEncoded decodes what stands around a keyword in base64 and looks for credentials in it.
func judgeEncoded(st *Stream, j job) {
	e := st.set.encoded[j.hit.id]
	if string(st.text(j.start, j.start+len(e.text))) != e.text {
		return
	}
	start := j.start - e.skip
	for i := start; i < j.start; i++ {
		if !base64Set[st.at(i)] {
			return
		}
	}
	for range 4 { // some groups more, to see what stands before
		group := st.text(start-4, start)
		if len(group) < 4 || !base64Set[group[0]] || !base64Set[group[1]] || !base64Set[group[2]] || !base64Set[group[3]] {
			break
		}
		start -= 4
	}
	text := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(string(st.text(start, j.end)), "="))
	if len(text)%4 == 1 {
		text = text[:len(text)-1]
	}
	plain, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return
	}
	for _, f := range st.within(plain) {
		st.found(f.Detector, f.Kind, start+f.Start/3*4+f.Start%3, min(start+f.End/3*4+[...]int{0, 2, 3}[f.End%3], j.end))
	}
}

// within finds the credentials that are certain by themselves in a text of its own.
func (st *Stream) within(text []byte) []Finding {
	sub := st.set.stream(st.set.certain)
	sub.feed(string(text))
	sub.finish()
	var found []Finding
	for _, f := range sub.out {
		if f.Detector == FamilyCredential {
			found = append(found, f)
		}
	}
	return found
}

// veiledReach is how far around an unseen character a credential is looked for that it may hide.
const veiledReach = 200

var visibleSet = func() *byteSet {
	var s byteSet
	for c := range s {
		s[c] = c > ' ' && c != 0x7f
	}
	return &s
}()

// judgeVeiled looks for credentials in the word around an unseen character, without the unseen ones.
func judgeVeiled(st *Stream, j job) {
	start := j.start
	for start > j.start-veiledReach && visibleSet[st.at(start-1)] {
		start--
	}
	window := st.text(start, j.end)
	plain, places := make([]byte, 0, len(window)), make([]int, 0, len(window)+1)
	for i := 0; i < len(window); {
		c, size := utf8.DecodeRune(window[i:])
		if veilOf(c) != zeroWidth {
			for k := range size {
				plain, places = append(plain, window[i+k]), append(places, start+i+k)
			}
		}
		i += size
	}
	for _, f := range st.within(plain) {
		if from, to := places[f.Start], places[f.End-1]+1; to-from > f.End-f.Start { // else it is found without this
			st.found(f.Detector, f.Kind, from, to)
		}
	}
}
