package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

func digits(r *rand.Rand, n int) string { return random("digit", alphabets["digit"], n, r) }

// nonzero is digits of which the first is not 0.
func nonzero(r *rand.Rand, n int) string { return random("digit19", alphabets["digit"], n, r) }

// weigh sums digits by weights.
func weigh(s string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(s[i]-'0') * w
	}
	return sum
}

// until draws values until one passes; all checks here pass one value in a few hundred at worst.
func until(make func() string, ok func(string) bool) string {
	for {
		if v := make(); ok(v) {
			return v
		}
	}
}

func luhnDigit(body string) string {
	sum := 0
	for i := range len(body) {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return fmt.Sprint((10 - sum%10) % 10)
}

// group puts a sign between groups of these sizes.
func group(s, sep string, sizes ...int) string {
	var parts []string
	for _, n := range sizes {
		parts = append(parts, s[:n])
		s = s[n:]
	}
	return strings.Join(append(parts, s), sep)
}

func card(r *rand.Rand) string {
	prefix, size := "4", 16
	switch r.IntN(5) {
	case 0:
		prefix = fmt.Sprint(51 + r.IntN(5))
	case 1:
		prefix, size = pick(r, "34", "37"), 15
	case 2:
		prefix = "6011"
	}
	body := prefix + digits(r, size-1-len(prefix))
	n := body + luhnDigit(body)
	switch {
	case size == 15:
		return pick(r, n, group(n, " ", 4, 6))
	default:
		return pick(r, n, group(n, " ", 4, 4, 4), group(n, "-", 4, 4, 4))
	}
}

func iban(r *rand.Rand) string {
	country, bban := "DE", digits(r, 18)
	switch r.IntN(7) {
	case 0:
		country, bban = "GB", random("x", alphabets["upper"], 4, r)+digits(r, 14)
	case 1:
		country, bban = "FR", digits(r, 23)
	case 2:
		country, bban = "NL", random("x", alphabets["upper"], 4, r)+digits(r, 10)
	case 3:
		country, bban = "ES", digits(r, 20)
	case 4:
		country, bban = "CH", digits(r, 17)
	case 5:
		country, bban = "NO", digits(r, 11)
	}
	rest := 0
	for _, c := range bban + country + "00" {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	n := fmt.Sprintf("%s%02d%s", country, 98-rest, bban)
	if r.IntN(2) == 0 {
		return n
	}
	var b strings.Builder
	for i := range len(n) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(n[i])
	}
	return b.String()
}

func email(r *rand.Rand) string {
	f, l := strings.ToLower(pick(r, "Dana", "Miro", "Aisha", "Jonas", "Chiara")), strings.ToLower(pick(r, "Miller", "Okafor", "Schmidt", "Rossi", "Nowak"))
	return pick(r, f+"."+l, f[:1]+l, f+"+"+pick(r, "news", "x")+digits(r, 2), f+"_"+l+digits(r, 2)) + "@" + pick(r, "acme-corp.io", "mail.northwind-it.de", "globex.co.uk", "initech.com", "uni-musterstadt.de")
}

func ssn(r *rand.Rand) string {
	area := until(func() string { return fmt.Sprintf("%03d", 1+r.IntN(899)) }, func(s string) bool { return s != "666" })
	return fmt.Sprintf("%s-%02d-%04d", area, 1+r.IntN(99), 1+r.IntN(9999))
}

func itin(r *rand.Rand) string {
	return fmt.Sprintf("9%s-%02d-%s", digits(r, 2), 70+r.IntN(18), digits(r, 4))
}

func npi(r *rand.Rand) string {
	body := pick(r, "1", "2") + digits(r, 8)
	return body + luhnDigit("80840"+body)
}

func mbi(r *rand.Rand) string {
	const letters, either = "ACDEFGHJKMNPQRTUVWXY", "ACDEFGHJKMNPQRTUVWXY0123456789"
	l, x := func() string { return random("x", letters, 1, r) }, func() string { return random("x", either, 1, r) }
	n := nonzero(r, 1) + l() + x() + digits(r, 1) + l() + x() + digits(r, 1) + l() + l() + digits(r, 2)
	return pick(r, n, group(n, "-", 4, 3))
}

func sin(r *rand.Rand) string {
	body := pick(r, "1", "2", "4", "5", "6", "7") + digits(r, 7)
	n := body + luhnDigit(body)
	return pick(r, n, group(n, " ", 3, 3), group(n, "-", 3, 3))
}

func steuerID(r *rand.Rand) string {
	// Ten digits of which exactly one stands twice.
	p := r.Perm(10)
	if p[0] == 0 {
		p[0], p[5] = p[5], p[0]
	}
	p[9] = p[1+r.IntN(8)]
	body, product := "", 10
	for _, d := range p {
		body += fmt.Sprint(d)
		sum := (d + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = 2 * sum % 11
	}
	n := body + fmt.Sprint((11-product)%10)
	return pick(r, n, group(n, " ", 2, 3, 3))
}

func idCard(r *rand.Rand) string {
	const set = "CFGHJKLMNPRTVWXYZ0123456789"
	body := random("x", "LMNPRTVWXY", 1, r) + random("x", set, 3, r) + digits(r, 4) + random("x", set, 1, r)
	sum := 0
	for i, c := range body {
		v := int(c - '0')
		if c >= 'A' {
			v = int(c-'A') + 10
		}
		sum += v * []int{7, 3, 1}[i%3]
	}
	return body + fmt.Sprint(sum%10)
}

func kvnr(r *rand.Rand) string {
	l := r.IntN(26)
	body := digits(r, 8)
	sum := 0
	for i, c := range fmt.Sprintf("%02d%s", l+1, body) {
		v := int(c-'0') * (1 + i%2)
		sum += v/10 + v%10
	}
	return fmt.Sprintf("%c%s%d", 'A'+l, body, sum%10)
}

func nhs(r *rand.Rand) string {
	n := until(func() string { return nonzero(r, 10) }, func(s string) bool {
		return weigh(s, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)%11 == 0
	})
	return pick(r, n, group(n, " ", 3, 3), group(n, "-", 3, 3))
}

func nino(r *rand.Rand) string {
	n := pick(r, "AB", "CE", "JG", "HL", "MX", "PT", "RW", "SZ") + digits(r, 6) + pick(r, "A", "B", "C", "D")
	return pick(r, n, group(n, " ", 2, 2, 2, 2))
}

func nir(r *rand.Rand) string {
	body := fmt.Sprintf("%d%02d%02d%02d%03d%03d", 1+r.IntN(2), r.IntN(100), 1+r.IntN(12), 1+r.IntN(95), 1+r.IntN(600), 1+r.IntN(900))
	v := 0
	for _, c := range body {
		v = (v*10 + int(c-'0')) % 97
	}
	n := fmt.Sprintf("%s%02d", body, 97-v)
	return pick(r, n, group(n, " ", 1, 2, 2, 2, 3, 3))
}

func dni(r *rand.Rand) string {
	v := 1_000_000 + r.IntN(98_000_000)
	return fmt.Sprintf("%08d%s%c", v, pick(r, "", "", "-"), "TRWAGMYFPDXBNJZSQVHLCKE"[v%23])
}

func nie(r *rand.Rand) string {
	p, v := r.IntN(3), r.IntN(10_000_000)
	return fmt.Sprintf("%c%07d%c", "XYZ"[p], v, "TRWAGMYFPDXBNJZSQVHLCKE"[(p*10_000_000+v)%23])
}

func codiceFiscale(r *rand.Rand) string {
	body := random("x", "BCDFGLMNPRSTV", 6, r) + fmt.Sprintf("%02d%c%02d", r.IntN(100), "ABCDEHLMPRST"[r.IntN(12)], 1+r.IntN(28)+40*r.IntN(2)) + pick(r, "H", "F", "L") + digits(r, 3)
	oddValues := map[byte]int{}
	for i, v := range []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21} {
		oddValues[byte('0'+i)], oddValues[byte('A'+i)] = v, v
	}
	for i, v := range []int{2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23} {
		oddValues[byte('K'+i)] = v
	}
	sum := 0
	for i := range len(body) {
		switch c := body[i]; {
		case i%2 == 0:
			sum += oddValues[c]
		case c >= 'A':
			sum += int(c - 'A')
		default:
			sum += int(c - '0')
		}
	}
	return body + string(rune('A'+sum%26))
}

func bsn(r *rand.Rand) string {
	return until(func() string { return nonzero(r, 9) }, func(s string) bool { return weigh(s, 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0 })
}
