package detector

// ssn finds social security numbers of the United States: written 3-2-4, or nine digits where words say so.
func ssn(n *number) int {
	d, end := n.socialSecurity(saysSSN)
	if d == nil || d[0] == 9 || value(d[:3]) == 0 || value(d[:3]) == 666 || value(d[3:5]) == 0 || value(d[5:]) == 0 {
		return 0
	}
	switch value(d) { // printed in advertisements and textbooks
	case 78051120, 219099999, 123456789, 987654321:
		return 0
	}
	return end
}

// itin finds individual taxpayer identification numbers, which look like social security numbers beginning with 9.
func itin(n *number) int {
	d, end := n.socialSecurity(saysSSN)
	if d == nil || d[0] != 9 {
		return 0
	}
	if g := value(d[3:5]); g < 50 || g > 99 || g == 66 || g == 89 || g == 93 {
		return 0
	}
	return end
}

func (n *number) socialSecurity(class int) ([]byte, int) {
	if d, end := n.grouped('-', 3, 2, 4); d != nil && !n.context.says(saysNothing) && !repeated(d) {
		return d, end
	}
	if !n.context.says(class) {
		return nil, 0
	}
	if d, end := n.grouped(' ', 3, 2, 4); d != nil {
		return d, end
	}
	if d, end := n.whole(9); d != nil && n.compact(9) {
		return d, end
	}
	return nil, 0
}

// npi finds national provider identifiers: Luhn with the prefix 80840.
func npi(n *number) int {
	d, end := n.whole(10)
	if d == nil || !n.compact(10) || !n.context.says(saysNPI) || d[0] != 1 && d[0] != 2 {
		return 0
	}
	if !luhn(append([]byte{8, 0, 8, 4, 0}, d...)) {
		return 0
	}
	return end
}

// mbi finds Medicare beneficiary identifiers by their form, which has no check digit.
func mbi(n *number) int {
	const form = "CAXDAXDAADD" // C 1-9, A letter, X either, D digit; letters never S, L, O, I, B, Z
	i, hyphens := 0, 0
	for k := range len(form) {
		if (k == 4 || k == 7) && i < len(n.window) && n.window[i] == '-' {
			i++
			hyphens++
		}
		if i == len(n.window) {
			return 0
		}
		c := n.window[i]
		isLetter := c >= 'A' && c <= 'Z' && c != 'S' && c != 'L' && c != 'O' && c != 'I' && c != 'B' && c != 'Z'
		switch form[k] {
		case 'C':
			if !digit(c) || c == '0' {
				return 0
			}
		case 'D':
			if !digit(c) {
				return 0
			}
		case 'A':
			if !isLetter {
				return 0
			}
		case 'X':
			if !isLetter && !digit(c) {
				return 0
			}
		}
		i++
	}
	if hyphens == 1 || hyphens == 0 && !n.context.has(saysMBI) || !n.rightEdge(i) {
		return 0
	}
	return i
}

// sin finds social insurance numbers of Canada.
func sin(n *number) int {
	d, end := n.whole(9)
	if d == nil || !n.context.says(saysSIN) || d[0] == 0 || d[0] == 8 || !luhn(d) || repeated(d) {
		return 0
	}
	return end
}

// cpf finds numbers of Brazil's register of persons: written 3.3.3-2, or eleven digits where words say so.
func cpf(n *number) int {
	d, end := n.whole(11)
	if d == nil || repeated(d) {
		return 0
	}
	dotted := len(n.groups) >= 4 && n.groups[1].sep == '.' && n.groups[2].sep == '.' && n.groups[3].sep == '-' && n.groups[0].size == 3 && n.groups[3].size == 2
	if !dotted && !n.context.says(saysCPF) {
		return 0
	}
	first := weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2) * 10 % 11 % 10
	second := weighted(d, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2) * 10 % 11 % 10
	if first != int(d[9]) || second != int(d[10]) {
		return 0
	}
	return end
}

// curp finds Mexico's population registry codes: four letters, date, sex, state, three consonants, a check digit.
func curp(n *number) int {
	const letters = "0123456789ABCDEFGHIJKLMN#OPQRSTUVWXYZ" // '#' stands for Ñ
	if len(n.window) < 18 || !n.rightEdge(18) || len(n.digits) < 6 || n.groups[0].size != 6 || !date(value(n.digits[4:6]), value(n.digits[2:4])) {
		return 0
	}
	w, sum := n.window, 0
	for i := range 17 {
		v := indexByte(letters, w[i])
		if v < 0 {
			return 0
		}
		sum += v * (18 - i)
	}
	if w[10] != 'H' && w[10] != 'M' || !digit(w[17]) || (10-sum%10)%10 != int(w[17]-'0') {
		return 0
	}
	return 18
}

func indexByte(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}
