package detector

// tfn finds Australian tax file numbers.
func tfn(n *number) int {
	d, end := n.whole(9)
	if d == nil || !n.context.says(saysTFN) || repeated(d) || weighted(d, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 != 0 {
		return 0
	}
	return end
}

// medicareAU finds numbers of Australian Medicare cards: eight digits, a check digit, an issue number, perhaps the person's.
func medicareAU(n *number) int {
	d, end := n.whole(10)
	if d == nil {
		if d, end = n.whole(11); d == nil {
			return 0
		}
	}
	if !n.context.has(saysMedicareAU) || d[0] < 2 || d[0] > 6 || weighted(d, 1, 3, 7, 9, 1, 3, 7, 9)%10 != int(d[8]) {
		return 0
	}
	return end
}

// The tables of Verhoeff's check.
var (
	verhoeffProduct = [10]string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}
	verhoeffPermute = [8]string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
)

func verhoeff(digits []byte) bool {
	c := byte(0)
	for i := range digits {
		p := verhoeffPermute[i%8][digits[len(digits)-1-i]] - '0'
		c = verhoeffProduct[c][p] - '0'
	}
	return c == 0
}

// aadhaar finds Indian Aadhaar numbers: twelve digits, Verhoeff's check.
func aadhaar(n *number) int {
	d, end := n.whole(12)
	if d == nil || !n.context.says(saysAadhaar) || d[0] < 2 || !verhoeff(d) {
		return 0
	}
	return end
}

// panIndia finds Indian permanent account numbers: five letters, the fourth of which tells the kind of holder, four digits, a letter.
func panIndia(n *number) int {
	w := n.window
	if len(w) < 10 || n.groups[0].size != 4 || indexByte("PCHFATBLJG", w[3]) < 0 || w[9] < 'A' || w[9] > 'Z' || !n.context.has(saysPANIndia) || !n.rightEdge(10) {
		return 0
	}
	for _, c := range w[:5] {
		if c < 'A' || c > 'Z' {
			return 0
		}
	}
	return 10
}

// nric finds identity numbers of Singapore: S, T, F, G or M, seven digits, a check letter.
func nric(n *number) int {
	w := n.window
	if len(n.groups) == 0 || n.groups[0].size != 7 || len(w) < 9 || !n.rightEdge(9) {
		return 0
	}
	sum, letters := weighted(n.digits, 2, 7, 6, 5, 4, 3, 2), "JZIHGFEDCBA"
	switch w[0] {
	case 'S':
	case 'T':
		sum += 4
	case 'F':
		letters = "XWUTRQPNMLK"
	case 'G':
		letters, sum = "XWUTRQPNMLK", sum+4
	case 'M':
		letters, sum = "KLJNPQRTUWX", sum+3
		if letters[10-sum%11] == w[8] {
			return 9
		}
		return 0
	default:
		return 0
	}
	if letters[sum%11] != w[8] {
		return 0
	}
	return 9
}

// rrn finds resident registration numbers of Korea: birth date, a hyphen, sex and century, a check digit.
func rrn(n *number) int {
	d, end := n.grouped('-', 6, 7)
	if d == nil || !date(value(d[4:6]), value(d[2:4])) || d[6] < 1 || d[6] > 8 {
		return 0
	}
	if (11-weighted(d, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)%11)%10 != int(d[12]) {
		return 0
	}
	return end
}

// residentCN finds identity numbers of China: place, birth date, order, and the check of ISO 7064 mod 11-2.
func residentCN(n *number) int {
	w := n.window
	if len(n.groups) == 0 || n.groups[0].size < 17 || len(w) < 18 || !n.rightEdge(18) || n.context.says(saysNothing) {
		return 0
	}
	d := n.digits
	if year := value(d[6:10]); d[0] == 0 || d[0] > 8 || year < 1900 || year > 2030 || !date(value(d[12:14]), value(d[10:12])) {
		return 0
	}
	if "10X98765432"[weighted(d, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11] != w[17] {
		return 0
	}
	return 18
}
