package detector

// phone finds telephone numbers: international ones after a plus sign, North American ones by their form, others where
// words say so.
func phone(n *number) int {
	switch before := n.st.at(n.start - 1); {
	case before == '+':
		return n.international()
	case before == '(' && n.area():
		return n.northAmerican(-1)
	case n.groups[0].size == 3 && n.northAmericanGroups():
		return n.northAmerican(0)
	case n.context.says(saysPhone):
		return n.national()
	}
	return 0
}

// dated says whether the digits are a date, year first.
func (n *number) dated() bool {
	d, _ := n.grouped('-', 4, 2, 2)
	return d != nil && value(d[:4]) >= 1900 && value(d[:4]) < 2100 && date(value(d[6:8]), value(d[4:6]))
}

// dialled reads digits with single signs between them, a bracket counting with the blank beside it, and says where they end
// and how many groups there are.
func (n *number) dialled() (digits []byte, groups, end int) {
	signs := 2
	for i, c := range n.window {
		switch {
		case digit(c):
			if signs > 0 {
				groups++
			}
			digits, signs, end = append(digits, c-'0'), 0, i+1
		case c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/':
			if signs++; signs > 2 {
				return digits, groups, end
			}
		default:
			return digits, groups, end
		}
		if len(digits) > 15 {
			break
		}
	}
	return digits, groups, end
}

func (n *number) international() int {
	if word(n.st.at(n.start-2)) || n.dated() {
		return 0
	}
	digits, groups, end := n.dialled()
	code := callingCode(digits)
	size := len(digits)
	if code == 0 || size < 8 || size > 15 || !n.rightEdge(end) || repeated(digits[code:]) {
		return 0
	}
	if code == 1 && digits[0] == 1 && (size != 11 || digits[1] < 2 || digits[4] < 2) {
		return 0
	}
	if groups == 1 && !n.context.says(saysPhone) && (n.context.contradicts() || n.computed()) {
		return 0
	}
	n.from = -1
	return end
}

// computed says whether the plus sign is one of arithmetic: what stands before it is another sign.
func (n *number) computed() bool {
	i := n.start - 2
	for n.st.at(i) == ' ' {
		i--
	}
	return indexByte("=(+-*/<>%&|", n.st.at(i)) >= 0
}

// area says whether the window begins as "415) 555-2671".
func (n *number) area() bool {
	return n.groups[0].size == 3 && len(n.window) > 4 && n.window[3] == ')'
}

// northAmericanGroups says whether the digits stand as 3-3-4 with the same sign.
func (n *number) northAmericanGroups() bool {
	if len(n.groups) < 3 {
		return false
	}
	sep := n.groups[1].sep
	d, _ := n.grouped(sep, 3, 3, 4)
	return d != nil && (sep == '-' || n.context.says(saysPhone))
}

func (n *number) northAmerican(from int) int {
	for i := n.start - 1 + from; i > n.start-6; i-- {
		if c := n.st.at(i); c == '+' {
			return 0 // in the middle of an international number
		} else if !digit(c) && c != ' ' && c != '-' && c != '.' {
			break
		}
	}
	digits, groups, end := n.dialled()
	if len(digits) != 10 || groups != 3 || digits[0] < 2 || digits[3] < 2 || value(digits[1:3]) == 11 || !n.rightEdge(end) ||
		n.context.contradicts(saysPhone) || repeated(digits) || value(digits[6:]) == 0 {
		return 0
	}
	n.from = from
	return end
}

// national finds numbers dialled from within a country, right after words that say so.
func (n *number) national() int {
	digits, groups, end := n.dialled()
	if before := n.st.at(n.start - 2); !letter(n.st.at(n.start-1)) && (digit(before) || before == ')') {
		return 0 // in the middle of a number
	}
	if n.context.gap > 20 || n.context.far || len(digits) < 8 || len(digits) > 12 || repeated(digits) || !n.rightEdge(end) {
		return 0
	}
	if n.st.at(n.start-1) == '/' || n.dated() || value(digits[:3]) == 0 || digits[0] != 0 && groups < 2 && len(digits) != 10 {
		return 0
	}
	if n.st.at(n.start-1) == '(' {
		n.from = -1
	}
	return end
}

// callingCode is how many digits of a number are the code of a country, 0 if none are.
func callingCode(d []byte) int {
	if len(d) < 4 {
		return 0
	}
	switch value(d[:2]) {
	case 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79:
		return 1
	case 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66,
		81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98:
		return 2
	case 21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 69, 85, 88, 96, 97, 99:
		return 3
	}
	return 0
}
