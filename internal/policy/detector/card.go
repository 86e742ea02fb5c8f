package detector

// card finds payment cards: the ranges of the networks, their lengths, and the Luhn check.
func card(n *number) int {
	if before := n.st.at(n.start - 1); before == '+' || before == '-' {
		return 0
	}
	for size := 19; size >= 13; size-- {
		d, end := n.whole(size)
		if d == nil || !issued(d) || !luhn(d) || repeated(d) {
			continue
		}
		if n.compact(size) {
			if n.context.contradicts(saysCard, saysPANIndia) || n.context.says(saysNothing) || n.listed() && !n.context.has(saysCard) || size != 16 && size != 15 && !n.context.has(saysCard) {
				continue
			}
			return end
		}
		if n.cardGroups(size) && !n.insideIBAN() {
			return end
		}
	}
	return 0
}

// cardGroups says whether digits are grouped as on a card.
func (n *number) cardGroups(size int) bool {
	sep := n.groups[1].sep
	if sep != ' ' && sep != '-' {
		return false
	}
	for _, sizes := range [][]int{{4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {4, 4, 4, 4, 3}} {
		if d, _ := n.grouped(sep, sizes...); len(d) == size {
			return true
		}
	}
	return false
}

// issued says whether a number of this length begins as those of a network do.
func issued(d []byte) bool {
	size, two, four := len(d), value(d[:2]), value(d[:4])
	switch {
	case d[0] == 4:
		return size == 13 || size == 16 || size == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return size == 16
	case two == 34, two == 37:
		return size == 15
	case two == 36, two == 38, two == 30 && d[2] <= 5:
		return size == 14
	case four == 6011, two == 65, four >= 6440 && four <= 6499, four >= 3528 && four <= 3589, two == 62:
		return size == 16 || size == 19
	}
	return false
}

// insideIBAN says whether the number is a part of what looks like an IBAN that began before it: groups of four look like a card's.
func (n *number) insideIBAN() bool {
	for back := 5; back <= 35 && n.st.at(n.start-back+4) == ' '; back += 5 {
		g := n.st.text(n.start-back, n.start-back+4)
		if len(g) < 4 || !alnum(g[0]) || !alnum(g[1]) || !digit(g[2]) || !digit(g[3]) {
			return false
		}
		if g[0] >= 'A' && g[0] <= 'Z' && g[1] >= 'A' && g[1] <= 'Z' {
			return true
		}
	}
	return false
}
