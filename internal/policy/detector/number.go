package detector

// numberSet is what a number may be made of, spaces and signs between its groups included.
var numberSet = setOf("0-9A-Za-z ,./()+-")

const numberLongest = 48

// number is a word with digits in it, and what follows, as the judges of numbers see it.
type number struct {
	st      *Stream
	start   int    // in the whole text
	window  []byte // from the word on
	prefix  int    // how many letters the word has before its first digit
	context context

	digits []byte // of the groups of digits at the beginning, without what separates them
	groups []group
	from   int // where the finding begins, relative to the window: before it for a sign or letters that belong to it

	digitSpace [numberLongest]byte
	groupSpace [16]group
}

// group is a run of digits in a number: "1234" of "1234 5678".
type group struct {
	size int  // digits
	end  int  // in the window
	sep  byte // what stands between it and the group before, 0 for the first
}

// digit is called at each digit; it opens a window at the word when the digit is its first and stands near its beginning.
func (st *Stream) digit(i int) {
	start := i
	for start > 0 && i-start <= 6 && alnum(st.buf[start-1]) {
		start--
		if digit(st.buf[start]) {
			return
		}
	}
	if i-start > 6 {
		return
	}
	pos := st.base + start
	st.open(job{judge: judgeNumber, set: numberSet, start: pos, end: st.base + i, limit: pos + numberLongest, context: st.before(pos)})
}

// numberKind is a kind of number; match says how long it is at the beginning of the window, 0 when it is none.
type numberKind struct {
	kind, title string
	match       func(n *number) int
}

func judgeNumber(st *Stream, j job) {
	n := &st.number
	n.st, n.start, n.window, n.prefix, n.context = st, j.start, st.text(j.start, j.end), 0, j.context
	n.split()
	if n.prefix >= len(numberKinds) || !n.leftEdge() || n.prefix == 0 && !n.likely() {
		return
	}
	if n.prefix == 0 {
		if length := n.address(); length > 0 {
			st.found(FamilyDestination, "ip", n.start, n.start+length)
			return
		}
	}
	for _, k := range numberKinds[n.prefix] {
		n.from = 0
		if length := k.match(n); length > 0 {
			st.found(FamilyPersonal, k.kind, n.start+n.from, n.start+length)
			return
		}
	}
}

// likely says whether a number without letters before it is worth a closer look; most numbers are short and say nothing.
func (n *number) likely() bool {
	if n.context.classes != 0 || len(n.groups) >= 4 && n.groups[1].sep == '.' {
		return true
	}
	if first := n.groups[0]; first.size == 1 && (len(n.groups) < 2 || n.groups[1].size == 1) {
		return false
	} else if len(n.digits) >= 8 || first.size == 6 || first.size == 4 {
		return true
	}
	before := n.st.at(n.start - 1)
	return before == '+' || before == '(' || before == ' ' && n.groups[0].size == 2
}

// split finds the prefix, and the groups of digits after it.
func (n *number) split() {
	w := n.window
	for n.prefix < len(w) && letter(w[n.prefix]) {
		n.prefix++
	}
	n.digits, n.groups = n.digitSpace[:0], n.groupSpace[:0]
	for i, sep := n.prefix, byte(0); len(n.groups) < cap(n.groups); i++ {
		begin := i
		for i < len(w) && digit(w[i]) {
			n.digits = append(n.digits, w[i]-'0')
			i++
		}
		if i == begin {
			return
		}
		n.groups = append(n.groups, group{i - begin, i, sep})
		if i == len(w) || w[i] != ' ' && w[i] != '-' && w[i] != '.' && w[i] != '/' {
			return
		}
		sep = w[i]
	}
}

// leftEdge says whether the word begins something: it is not the rest of a longer number or name.
func (n *number) leftEdge() bool {
	switch before := n.st.at(n.start - 1); before {
	case '_':
		return false
	case '-', '.', '/', ',':
		return !alnum(n.st.at(n.start - 2))
	default:
		return before < 0x80
	}
}

// rightEdge says whether the number can end at an offset of the window.
func (n *number) rightEdge(end int) bool {
	next := n.st.at(n.start + end)
	if word(next) {
		return false
	}
	return next != '-' && next != '.' && next != '/' || !alnum(n.st.at(n.start+end+1))
}

// whole returns the first so many digits and where they end, if a group ends there and the number can.
func (n *number) whole(size int) ([]byte, int) {
	sum := 0
	for _, g := range n.groups {
		if sum += g.size; sum == size && n.rightEdge(g.end) {
			return n.digits[:size], g.end
		} else if sum >= size {
			break
		}
	}
	return nil, 0
}

// grouped is whole for digits in groups of these sizes with this sign between them.
func (n *number) grouped(sep byte, sizes ...int) ([]byte, int) {
	if len(n.groups) < len(sizes) {
		return nil, 0
	}
	sum := 0
	for i, size := range sizes {
		if g := n.groups[i]; g.size != size || i > 0 && sep != 0 && g.sep != sep {
			return nil, 0
		}
		sum += size
	}
	return n.whole(sum)
}

// listed says whether another long number stands right before or after the first group, as in columns and arrays of numbers.
func (n *number) listed() bool {
	beside := func(at, step int) bool {
		i, digits := 0, 0
		for c := n.st.at(at); i < 3 && (c == ' ' || c == ',' || c == '\t'); c = n.st.at(at + i*step) {
			i++
		}
		for i > 0 && digit(n.st.at(at+(i+digits)*step)) && digits < 5 {
			digits++
		}
		return digits == 5
	}
	return beside(n.start-1, -1) || beside(n.start+n.groups[0].end, 1)
}

// compact says whether the first group alone has so many digits.
func (n *number) compact(size int) bool { return len(n.groups) > 0 && n.groups[0].size == size }

// luhn says whether the digits pass the check of ISO/IEC 7812.
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// weighted is the sum of the digits times the weights.
func weighted(digits []byte, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(digits[i]) * w
	}
	return sum
}

// value reads digits as a number.
func value(digits []byte) int {
	v := 0
	for _, d := range digits {
		v = v*10 + int(d)
	}
	return v
}

// date says whether day, month and year, as far as they are given (year 0: any), are a date.
func date(day, month int) bool {
	return month >= 1 && month <= 12 && day >= 1 && day <= [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

// repeated says whether all digits are the same.
func repeated(digits []byte) bool {
	for _, d := range digits {
		if d != digits[0] {
			return false
		}
	}
	return true
}
