package detector

import (
	"maps"
	"slices"
	"unicode/utf8"
)

const (
	// back is how many bytes before its anchor a judge may look at.
	back = 512
	// longest is how many bytes from its anchor on a judge may look at.
	longest = 8 << 10
	// contextReach is how far before a number a word may stand that says what the number is.
	contextReach = 64
)

// Stream scans a text that comes in pieces. It belongs to one goroutine.
type Stream struct {
	set  *Set
	auto *dfa

	buf   []byte // the text from base on, as much of it as judges may still look at
	base  int    // where buf begins in the whole text
	next  int    // in buf: the first byte the automaton has not seen
	state uint32
	ended bool

	jobs   []job // windows that are not whole yet
	spare  []job // where jobs moves to while they are judged
	number number
	work   int // bytes in windows so far: what hostile text may not make grow faster than itself
	nearby [8]said
	said   int // how many words of context there were, the last of them in nearby
	run    run // of characters that are not seen
	spoken spoken

	recent map[Finding]bool // what the next findings might repeat
	out    []Finding        // of this call
}

// said is a word of context in the text.
type said struct {
	class      uint16
	start, end int // in the whole text
}

// job is a window to be judged when all of it is there: from the anchor on as long as bytes belong to set, at most to limit,
// and one byte more.
type job struct {
	judge   func(*Stream, job)
	set     *byteSet
	hit     hit
	context context // classes of words before a number
	start   int     // the anchor, in the whole text
	end     int     // how far the window is known to go; when judged, where it ends
	limit   int
}

// Stream begins a text that will come in pieces.
func (s *Set) Stream() *Stream { return s.stream(s.all) }

func (s *Set) stream(auto *dfa) *Stream {
	return &Stream{set: s, auto: auto, recent: map[Finding]bool{}}
}

// Write takes the next piece of the text and returns the findings that are complete with it, ordered by beginning. Offsets are
// those of the whole text. The findings are the caller's.
func (st *Stream) Write(p []byte) []Finding {
	for len(p) > 0 {
		n := min(len(p), piece)
		st.feed(string(p[:n]))
		p = p[n:]
	}
	return st.take()
}

// Close says that the text has ended and returns what only its end makes complete. After Close a Stream is of no more use.
func (st *Stream) Close() []Finding {
	st.finish()
	return st.take()
}

func (st *Stream) take() []Finding {
	if len(st.out) == 0 {
		return nil
	}
	found := slices.Clone(st.out)
	st.out = st.out[:0]
	slices.SortFunc(found, compare)
	return found
}

func (st *Stream) reset(auto *dfa) {
	clear(st.recent)
	*st = Stream{set: st.set, auto: auto, buf: st.buf[:0], jobs: st.jobs[:0], spare: st.spare, recent: st.recent, out: st.out[:0]}
}

func (st *Stream) feed(p string) {
	st.forget()
	st.buf = append(st.buf, p...)
	st.advance()
	st.pass()
}

func (st *Stream) finish() {
	if st.ended {
		return
	}
	st.ended = true
	st.advance()
	st.endRun()
	if len(st.set.hashed) > 0 && st.auto == st.set.all {
		st.words()
	}
}

// pass runs the automaton over what is new, and calls a judge wherever something is noticed.
func (st *Stream) pass() {
	d := st.auto
	state, buf := st.state, st.buf
	for i := st.next; i < len(buf); i++ {
		c := buf[i]
		state = d.next[state+uint32(d.class[c])]
		if state >= d.first {
			for _, h := range d.hits[(state-d.first)/d.width] {
				st.noticed(h, st.base+i+1)
			}
		}
		if c-'0' <= 9 {
			st.digit(i)
		} else if c >= 0x80 {
			st.beyondASCII(i)
		}
	}
	st.state, st.next = state, len(buf)
	if rest := st.text(st.run.end, st.base+len(buf)); st.run.veil != seen && utf8.FullRune(rest) {
		st.endRun()
	}
	if len(st.set.hashed) > 0 && st.auto == st.set.all {
		st.words()
	}
}

// noticed is called for each keyword, with the position after it.
func (st *Stream) noticed(h hit, end int) {
	start := end - int(h.length)
	switch h.what {
	case hitRule:
		st.rule(h, start)
	case hitContext:
		st.nearby[st.said%len(st.nearby)] = said{h.id, start, end}
		st.said++
	case hitAt:
		st.email(start)
	case hitToken:
		st.token(start)
	case hitPEM:
		st.pem(start)
	case hitAssign:
		st.assign(start, end)
	case hitScheme:
		st.url(start)
	case hitHost:
		st.open(job{judge: judgeHost, set: domainSet, hit: h, start: start, end: end, limit: end + 255})
	case hitOnion:
		st.open(job{judge: judgeOnion, set: &nothing, start: start, end: end, limit: end})
	case hitCommand:
		st.open(job{judge: judgeCommand, set: assignSet, hit: h, start: start, end: end, limit: end + 200})
	case hitEncoded:
		st.open(job{judge: judgeEncoded, set: base64Set, hit: h, start: start, end: end, limit: start + longestEncoded})
	case hitTerm:
		st.open(job{judge: judgeTerm, set: &nothing, hit: h, start: start, end: end, limit: end})
	}
}

// open begins a window at start; judge is called when it is whole, perhaps at once.
func (st *Stream) open(j job) {
	j.limit = min(j.limit, j.start+longest)
	j.end = max(j.end, j.start)
	if st.grow(&j) {
		st.work += j.end - j.start
		j.judge(st, j)
		return
	}
	st.jobs = append(st.jobs, j)
}

// grow extends the window over what has come and says whether it is whole: the byte after it is there, or the text has ended.
func (st *Stream) grow(j *job) bool {
	i, n := j.end-st.base, len(st.buf)
	most := min(n, j.limit-st.base)
	for i < most && j.set[st.buf[i]] {
		i++
	}
	j.end = st.base + i
	return i < n || st.ended
}

// advance judges the windows that have become whole.
func (st *Stream) advance() {
	if len(st.jobs) == 0 {
		return
	}
	waiting := st.jobs
	st.jobs = st.spare[:0]
	for i := range waiting {
		st.open(waiting[i])
	}
	st.spare = waiting
}

// forget drops the bytes nobody will look at again, and findings nothing can repeat any more.
func (st *Stream) forget() {
	from := st.base + st.next
	for _, j := range st.jobs {
		from = min(from, j.start)
	}
	if drop := from - back - st.base; drop > 4096 {
		st.buf = st.buf[:copy(st.buf, st.buf[drop:])]
		st.base += drop
		st.next -= drop
	}
	maps.DeleteFunc(st.recent, func(f Finding, _ bool) bool { return f.End < st.base })
}

// at is the byte at a position of the whole text, 0 outside of what is held.
func (st *Stream) at(pos int) byte {
	if i := pos - st.base; i >= 0 && i < len(st.buf) {
		return st.buf[i]
	}
	return 0
}

// text is a range of the whole text, cut to what is held.
func (st *Stream) text(start, end int) []byte {
	start, end = max(start-st.base, 0), min(end-st.base, len(st.buf))
	if start >= end {
		return nil
	}
	return st.buf[start:end]
}

// found notes a finding, once.
func (st *Stream) found(family, kind string, start, end int) {
	f := Finding{family, kind, start, end}
	if start >= end || st.recent[f] || len(st.set.off) > 0 && st.set.off[[2]string{family, kind}] {
		return
	}
	st.recent[f] = true
	st.out = append(st.out, f)
}

// byteSet is a set of bytes.
type byteSet [256]bool

// nothing is the set of a window that is whole when the byte after it is there.
var nothing byteSet

// setOf makes a set of single characters and ranges: "a-z0-9_". A minus sign stands first or last.
func setOf(ranges string) *byteSet {
	var s byteSet
	for i := 0; i < len(ranges); i++ {
		if i+2 < len(ranges) && ranges[i+1] == '-' {
			for c := int(ranges[i]); c <= int(ranges[i+2]); c++ {
				s[c] = true
			}
			i += 2
			continue
		}
		s[ranges[i]] = true
	}
	return &s
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func digit(c byte) bool { return c-'0' <= 9 }

func alnum(c byte) bool { return letter(c) || digit(c) }
