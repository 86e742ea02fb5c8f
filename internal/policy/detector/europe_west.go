package detector

// nhs finds NHS numbers of the United Kingdom: ten digits, modulus 11.
func nhs(n *number) int {
	d, end := n.whole(10)
	if d == nil || !n.context.says(saysNHS) || repeated(d) {
		return 0
	}
	check := 11 - weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11
	if check%11 != int(d[9]) || check == 10 {
		return 0
	}
	return end
}

// nino finds national insurance numbers of the United Kingdom: "AB123456C".
func nino(n *number) int {
	w := n.window
	if n.prefix != 2 || len(w) < 9 || n.groups[0].size != 6 || !ninoLetters(w[0], w[1], w[8]) || !n.rightEdge(9) {
		return 0
	}
	return 9
}

// ninoSpaced finds the same written "AB 12 34 56 C"; the word at hand is the first pair of digits.
func ninoSpaced(n *number) int {
	d, _ := n.grouped(' ', 2, 2, 2)
	end := 10 // "12 34 56 C"
	if d == nil || len(n.window) < end || n.window[8] != ' ' || n.st.at(n.start-1) != ' ' || alnum(n.st.at(n.start-4)) || !n.rightEdge(end) ||
		!ninoLetters(n.st.at(n.start-3), n.st.at(n.start-2), n.window[9]) {
		return 0
	}
	n.from = -3
	return end
}

func ninoLetters(a, b, suffix byte) bool {
	const first, second = "ABCEGHJKLMNOPRSTWXYZ", "ABCEGHJKLMNPRSTWXYZ"
	if indexByte(first, a) < 0 || indexByte(second, b) < 0 || suffix < 'A' || suffix > 'D' {
		return false
	}
	switch string([]byte{a, b}) {
	case "BG", "GB", "NK", "KN", "TN", "NT", "ZZ":
		return false
	}
	return true
}

// nir finds French social security numbers: sex, year, month, department, commune, order, and the key.
func nir(n *number) int {
	d, end := n.whole(15)
	if d == nil || indexByte("1234789", d[0]+'0') < 0 || n.context.says(saysNothing) || n.compact(15) && n.listed() || !n.compact(15) && n.groups[1].sep != ' ' {
		return 0
	}
	month := value(d[3:5])
	if (month < 1 || month > 12) && (month < 20 || month > 42) && month < 50 || value(d[5:7]) == 0 || value(d[7:10]) == 0 || value(d[10:13]) == 0 {
		return 0
	}
	if 97-value(d[:13])%97 != value(d[13:]) {
		return 0
	}
	return end
}

// rijksregister finds Belgian national numbers: birth date, order, and a check of modulus 97.
func rijksregister(n *number) int {
	d, end := n.whole(11)
	if d == nil || n.compact(11) && n.context.contradicts() {
		return 0
	}
	if m := value(d[2:4]); m > 12 || value(d[:6]) == 0 || value(d[4:6]) > 31 || value(d[6:9]) == 0 || m > 0 && value(d[4:6]) > 0 && !date(value(d[4:6]), m) {
		return 0
	}
	check := value(d[9:])
	if 97-value(d[:9])%97 != check && 97-(2000000000+value(d[:9]))%97 != check {
		return 0
	}
	if n.compact(11) || len(n.groups) >= 5 && n.groups[1].sep == '.' && n.groups[3].sep == '-' && n.groups[4].sep == '.' {
		return end
	}
	return 0
}

// bsn finds Dutch citizen service numbers: eight or nine digits, the test of eleven.
func bsn(n *number) int {
	if !n.context.says(saysBSN) {
		return 0
	}
	d, end := n.whole(9)
	if d == nil {
		if d, end = n.whole(8); d == nil {
			return 0
		}
		d = append([]byte{0}, d...)
	}
	if sum := weighted(d, 9, 8, 7, 6, 5, 4, 3, 2) - int(d[8]); sum%11 != 0 || repeated(d) {
		return 0
	}
	return end
}

// pps finds Irish personal public service numbers: seven digits and a check letter, perhaps one more letter.
func pps(n *number) int {
	w := n.window
	if !n.context.has(saysPPS) || len(n.groups) == 0 || n.groups[0].size != 7 || len(w) < 8 {
		return 0
	}
	sum, end := weighted(n.digits, 8, 7, 6, 5, 4, 3, 2), 8
	if len(w) > 8 && w[8] >= 'A' && w[8] <= 'I' {
		sum, end = sum+9*int(w[8]-'A'+1), 9
	} else if len(w) > 8 && w[8] == 'W' {
		end = 9
	}
	if "WABCDEFGHIJKLMNOPQRSTUV"[sum%23] != w[7] || !n.rightEdge(end) {
		return 0
	}
	return end
}
