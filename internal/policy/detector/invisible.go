package detector

import "unicode/utf8"

// veil is a class of characters that are not seen.
type veil uint8

const (
	seen veil = iota
	zeroWidth
	bidi
	tag
	variation
)

// run is a row of unseen characters of one class.
type run struct {
	veil       veil
	start, end int // in the whole text
	count      int
	before     byte // the byte before it
	strong     bool // one of them turns text around, or chooses among more than 16 variants
	flag       bool // a flag begins before it: then tags are the rest of an emoji
	last       rune
}

// beyondASCII is called at each byte of a character beyond ASCII; it acts at the last one.
func (st *Stream) beyondASCII(i int) {
	from := max(0, i-3)
	c, size := utf8.DecodeLastRune(st.buf[from : i+1])
	if c == utf8.RuneError {
		return
	}
	start, end := st.base+i+1-size, st.base+i+1
	v := veilOf(c)
	if v == seen {
		if lookalike(c) != 0 {
			st.open(job{judge: judgeConfusable, set: letterSet, hit: hit{length: uint16(size)}, start: start, end: end, limit: end + 3})
		}
		return
	}
	if st.run.veil != v || st.run.end != start {
		st.endRun()
		st.run = run{veil: v, start: start, before: st.at(start - 1), flag: string(st.text(start-4, start)) == "\U0001F3F4"}
	}
	st.run.end = end
	st.run.count++
	st.run.last = c
	st.run.strong = st.run.strong || c == 0x202d || c == 0x202e || c >= 0xe0100
}

func veilOf(c rune) veil {
	switch {
	case c < 0x34f:
		return seen
	case c >= 0x200b && c <= 0x200d, c >= 0x2060 && c <= 0x2064, c == 0xfeff, c == 0x34f, c == 0x180e, c == 0x115f, c == 0x1160, c == 0x3164, c == 0xffa0:
		return zeroWidth
	case c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069:
		return bidi
	case c >= 0xe0000 && c <= 0xe007f:
		return tag
	case c >= 0xfe00 && c <= 0xfe0f, c >= 0xe0100 && c <= 0xe01ef:
		return variation
	}
	return seen
}

// endRun judges the row that has ended: single ones are part of scripts and emoji, many or those within plain words hide something.
func (st *Stream) endRun() {
	r := st.run
	st.run = run{}
	after := st.at(r.end)
	within := alnum(r.before) && alnum(after)
	switch r.veil {
	case zeroWidth:
		if r.count >= 3 || within {
			st.found(FamilyInvisible, "zero_width", r.start, r.end)
			if within && st.auto == st.set.all {
				st.open(job{judge: judgeVeiled, set: visibleSet, start: r.end, limit: r.end + veiledReach})
			}
		}
	case bidi:
		if r.strong || within || r.count >= 3 || r.before != 0 && r.before < 0x80 && after != 0 && after < 0x80 {
			st.found(FamilyInvisible, "bidi_control", r.start, r.end)
		}
	case tag:
		if !r.flag || r.last != 0xe007f || r.count > 8 {
			st.found(FamilyInvisible, "tag_characters", r.start, r.end)
		}
	case variation:
		if r.count >= 3 || r.strong && r.before < 0x80 {
			st.found(FamilyInvisible, "variation_selectors", r.start, r.end)
		}
	}
}

// lookalikes are letters of the Greek and Cyrillic scripts that look like Latin ones, with those.
var lookalikes = map[rune]byte{
	'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'у': 'y', 'х': 'x', 'і': 'i', 'ј': 'j', 'ѕ': 's', 'ԁ': 'd', 'һ': 'h', 'ӏ': 'l', 'ԛ': 'q', 'ԝ': 'w',
	'А': 'A', 'В': 'B', 'Е': 'E', 'К': 'K', 'М': 'M', 'Н': 'H', 'О': 'O', 'Р': 'P', 'С': 'C', 'Т': 'T', 'Х': 'X', 'І': 'I', 'Ј': 'J', 'Ѕ': 'S', 'У': 'Y',
	'ο': 'o', 'ν': 'v', 'ρ': 'p', 'Α': 'A', 'Β': 'B', 'Ε': 'E', 'Ζ': 'Z', 'Η': 'H', 'Ι': 'I', 'Κ': 'K', 'Μ': 'M', 'Ν': 'N', 'Ο': 'O', 'Ρ': 'P', 'Τ': 'T', 'Υ': 'Y', 'Χ': 'X',
}

func lookalike(c rune) byte {
	if c < 0x391 || c > 0x52f {
		return 0
	}
	return lookalikes[c]
}

var letterSet = setOf("a-zA-Z")

// judgeConfusable finds a letter of another script that stands for a Latin one in a Latin word. The window is the letter and
// up to three Latin ones after it.
func judgeConfusable(st *Stream, j job) {
	end := j.start + int(j.hit.length)
	if !letter(st.at(j.start-1)) && j.end == end {
		return
	}
	start := j.start
	for start > j.start-64 && (letter(st.at(start-1)) || st.at(start-1) >= 0x80) {
		start--
	}
	latin := j.end - end
	for before := st.text(start, j.start); len(before) > 0; {
		c, size := utf8.DecodeRune(before)
		switch {
		case c < 0x80:
			latin++
		case lookalike(c) == 0:
			return
		}
		before = before[size:]
	}
	if latin >= 3 {
		st.found(FamilyInvisible, "confusable", j.start, end)
	}
}
