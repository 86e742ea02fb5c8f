package detector

const spanishLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

// dni finds Spanish identity numbers: eight digits and the letter of modulus 23.
func dni(n *number) int {
	if len(n.groups) == 0 || n.groups[0].size != 8 {
		return 0
	}
	return n.spanish(8, value(n.digits[:8]))
}

// nie finds Spanish numbers of foreigners: X, Y or Z, seven digits and the letter.
func nie(n *number) int {
	v := indexByte("XYZ", n.window[0])
	if v < 0 || len(n.groups) == 0 || n.groups[0].size != 7 {
		return 0
	}
	return n.spanish(8, v*10_000_000+value(n.digits[:7]))
}

func (n *number) spanish(at, v int) int {
	w := n.window
	if at < len(w) && w[at] == '-' {
		at++
	}
	if at >= len(w) || w[at] != spanishLetters[v%23] || !n.rightEdge(at+1) {
		return 0
	}
	return at + 1
}

// odd are the values of characters at odd places of an Italian fiscal code: of 0 to 9 and of A to J the same.
var odd = [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// codiceFiscale finds Italian fiscal codes: six letters, year, month letter, day, place, check letter.
func codiceFiscale(n *number) int {
	w := n.window
	if len(w) < 16 || indexByte("ABCDEHLMPRST", w[8]) < 0 || !n.rightEdge(16) || len(n.digits) < 2 || n.groups[0].size != 2 {
		return 0
	}
	for i := range 16 {
		if digits := i == 6 || i == 7 || i == 9 || i == 10 || i >= 12 && i <= 14; digits && !digit(w[i]) || !digits && (w[i] < 'A' || w[i] > 'Z') {
			return 0
		}
	}
	if day := int(w[9]-'0')*10 + int(w[10]-'0'); day == 0 || day > 31 && day < 41 || day > 71 {
		return 0
	}
	sum := 0
	for i := range 15 {
		v := int(w[i] - 'A')
		if digit(w[i]) {
			v = int(w[i] - '0')
		}
		if i%2 == 0 {
			v = odd[v]
		}
		sum += v
	}
	if byte('A'+sum%26) != w[15] {
		return 0
	}
	return 16
}

// nif finds Portuguese tax numbers of persons.
func nif(n *number) int {
	d, end := n.whole(9)
	if d == nil || !n.context.says(saysNIF) || d[0] != 1 && d[0] != 2 && d[0] != 3 {
		return 0
	}
	check := 11 - weighted(d, 9, 8, 7, 6, 5, 4, 3, 2)%11
	if check >= 10 {
		check = 0
	}
	if check != int(d[8]) {
		return 0
	}
	return end
}
