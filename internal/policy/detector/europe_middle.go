package detector

// steuerID finds tax identification numbers of Germany: one digit of the first ten stands twice or three times, and the
// check is ISO 7064 mod 11,10.
func steuerID(n *number) int {
	d, end := n.whole(11)
	if d == nil || !n.context.says(saysSteuerID) || d[0] == 0 {
		return 0
	}
	var times [10]int
	for _, c := range d[:10] {
		times[c]++
	}
	repeats := 0
	for _, k := range times {
		if k > 3 {
			return 0
		}
		if k > 1 {
			repeats++
		}
	}
	product := 10
	for _, c := range d[:10] {
		sum := (int(c) + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	if repeats != 1 || (11-product)%10 != int(d[10]) {
		return 0
	}
	return end
}

// ausweis finds the numbers of German identity cards, with or without the check digit.
func ausweis(n *number) int {
	const allowed = "CFGHJKLMNPRTVWXYZ0123456789"
	w := n.window
	size := 0
	for size < len(w) && alnum(w[size]) {
		size++
	}
	if !n.context.next(saysAusweis) || size != 9 && size != 10 || indexByte("LMNPRTVWXYCFGHJK", w[0]) < 0 {
		return 0
	}
	sum := 0
	for i := range 9 {
		v := indexByte(allowed, w[i])
		if v < 0 {
			return 0
		}
		if digit(w[i]) {
			v = int(w[i] - '0')
		} else {
			v = int(w[i]-'A') + 10
		}
		sum += v * [...]int{7, 3, 1}[i%3]
	}
	if size == 10 && int(w[9]) != '0'+sum%10 || !n.rightEdge(size) {
		return 0
	}
	return size
}

// kvnr finds German health insurance numbers: a letter, eight digits, and a check by modulus 10.
func kvnr(n *number) int {
	if len(n.groups) == 0 || n.groups[0].size != 9 || n.window[0] < 'A' || n.window[0] > 'Z' || !n.context.has(saysKVNR) {
		return 0
	}
	letter := n.window[0] - 'A' + 1
	digits := append([]byte{letter / 10, letter % 10}, n.digits[:8]...)
	sum := 0
	for i, d := range digits {
		v := int(d)
		if i%2 == 1 {
			v *= 2
		}
		sum += v/10 + v%10
	}
	if sum%10 != int(n.digits[8]) || !n.rightEdge(10) {
		return 0
	}
	return 10
}

// ahv finds Swiss social security numbers: 756, then an EAN-13.
func ahv(n *number) int {
	d, end := n.whole(13)
	if d == nil || value(d[:3]) != 756 || n.context.says(saysNothing) || !n.compact(13) && (len(n.groups) < 4 || n.groups[0].size != 3 || n.groups[1].size != 4 || n.groups[2].size != 4) {
		return 0
	}
	if (10-weighted(d, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)%10)%10 != int(d[12]) {
		return 0
	}
	return end
}

// svnr finds Austrian social insurance numbers: three digits, a check digit, the birth date.
func svnr(n *number) int {
	d, end := n.whole(10)
	if d == nil || !n.context.says(saysSVNR) || d[0] == 0 || !date(value(d[4:6]), value(d[6:8])) {
		return 0
	}
	if weighted(d, 3, 7, 9, 0, 5, 8, 4, 2, 1, 6)%11 != int(d[3]) {
		return 0
	}
	return end
}

// pesel finds Polish PESEL numbers: birth date with the century in the month, and a check digit.
func pesel(n *number) int {
	d, end := n.whole(11)
	if d == nil || !n.context.says(saysPESEL) || !date(value(d[4:6]), value(d[2:4])%20) {
		return 0
	}
	if (10-weighted(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10 != int(d[10]) {
		return 0
	}
	return end
}
