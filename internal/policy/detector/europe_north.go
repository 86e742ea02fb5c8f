package detector

// personnummer finds Swedish personal identity numbers: birth date, three digits, Luhn.
func personnummer(n *number) int {
	d, end := n.whole(10)
	if d == nil {
		if d, end = n.whole(12); d == nil {
			return 0
		}
		if century := value(d[:2]); century != 19 && century != 20 {
			return 0
		}
		d = d[2:]
	}
	day := value(d[4:6])
	if day > 60 {
		day -= 60 // of coordination numbers
	}
	if !n.context.says(saysPersonnummer) || !date(day, value(d[2:4])) || !luhn(d) {
		return 0
	}
	return end
}

// fodselsnummer finds Norwegian birth numbers: birth date, three digits, two check digits.
func fodselsnummer(n *number) int {
	d, end := n.whole(11)
	if d == nil || n.context.contradicts(saysPersonnummer) || !n.compact(11) && (len(n.groups) != 2 || n.groups[0].size != 6) {
		return 0
	}
	day := value(d[:2])
	if day > 40 {
		day -= 40 // of D-numbers
	}
	if !date(day, value(d[2:4])) || weighted(d, 3, 7, 6, 1, 8, 9, 4, 5, 2, 1)%11 != 0 || weighted(d, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 != 0 {
		return 0
	}
	return end
}

// cpr finds Danish personal identification numbers: birth date and four digits, without a check since 2007.
func cpr(n *number) int {
	d, end := n.whole(10)
	if d == nil || !n.context.says(saysCPR) || !date(value(d[:2]), value(d[2:4])) || len(n.groups) > 1 && n.groups[0].size != 6 {
		return 0
	}
	return end
}

// hetu finds Finnish personal identity codes: birth date, sign of the century, three digits, a check character.
func hetu(n *number) int {
	w := n.window
	if len(n.groups) == 0 || n.groups[0].size != 6 || len(w) < 11 || indexByte("+-ABCDEFYXWVU", w[6]) < 0 || !date(value(n.digits[:2]), value(n.digits[2:4])) {
		return 0
	}
	v := value(n.digits[:6])
	for _, c := range w[7:10] {
		if !digit(c) {
			return 0
		}
		v = v*10 + int(c-'0')
	}
	if "0123456789ABCDEFHJKLMNPRSTUVWXY"[v%31] != w[10] || !n.rightEdge(11) {
		return 0
	}
	return 11
}
