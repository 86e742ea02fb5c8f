package corpus

import (
	"fmt"
	"math/rand/v2"
)

func personnummer(r *rand.Rand) string {
	d := day(r, 1940, 2008)
	body := d.Format("060102") + digits(r, 3)
	n := body[:6] + "-" + body[6:] + luhnDigit(body)
	return pick(r, n, d.Format("2006")[:2]+n, d.Format("2006")[:2]+n[:6]+n[7:])
}

func fodselsnummer(r *rand.Rand) string {
	return until(func() string { return day(r, 1940, 2008).Format("020106") + digits(r, 5) }, func(s string) bool {
		return weigh(s, 3, 7, 6, 1, 8, 9, 4, 5, 2, 1)%11 == 0 && weigh(s, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
	})
}

func cpr(r *rand.Rand) string { return day(r, 1940, 2008).Format("020106") + "-" + digits(r, 4) }

func hetu(r *rand.Rand) string {
	d, n := day(r, 1940, 1999).Format("020106"), 2+r.IntN(897)
	v := 0
	_, _ = fmt.Sscanf(fmt.Sprintf("%s%03d", d, n), "%d", &v)
	return fmt.Sprintf("%s-%03d%c", d, n, "0123456789ABCDEFHJKLMNPRSTUVWXY"[v%31])
}

func ahv(r *rand.Rand) string {
	body := "756" + digits(r, 9)
	n := body + fmt.Sprint((10-weigh(body, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)%10)%10)
	return pick(r, n, group(n, ".", 3, 4, 4), group(n, ".", 3, 4, 4))
}

func svnr(r *rand.Rand) string {
	d := day(r, 1940, 2008).Format("020106")
	n := until(func() string { return nonzero(r, 3) }, func(s string) bool { return weigh(s+"0"+d, 3, 7, 9, 0, 5, 8, 4, 2, 1, 6)%11 < 10 })
	return fmt.Sprintf("%s%d%s%s", n, weigh(n+"0"+d, 3, 7, 9, 0, 5, 8, 4, 2, 1, 6)%11, pick(r, "", " "), d)
}

func pesel(r *rand.Rand) string {
	body := day(r, 1940, 1999).Format("060102") + digits(r, 4)
	return body + fmt.Sprint((10-weigh(body, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10)
}

func nif(r *rand.Rand) string {
	return until(func() string { return pick(r, "1", "2") + digits(r, 8) }, func(s string) bool {
		check := 11 - weigh(s, 9, 8, 7, 6, 5, 4, 3, 2)%11
		return check < 10 && check == int(s[8]-'0') || check >= 10 && s[8] == '0'
	})
}

func cpf(r *rand.Rand) string {
	body := nonzero(r, 9)
	a := weigh(body, 10, 9, 8, 7, 6, 5, 4, 3, 2) * 10 % 11 % 10
	body += fmt.Sprint(a)
	n := body + fmt.Sprint(weigh(body, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)*10%11%10)
	return pick(r, n, n[:3]+"."+n[3:6]+"."+n[6:9]+"-"+n[9:])
}

func tfn(r *rand.Rand) string {
	n := until(func() string { return nonzero(r, 9) }, func(s string) bool { return weigh(s, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0 })
	return pick(r, n, group(n, " ", 3, 3))
}

func medicareAU(r *rand.Rand) string {
	body := pick(r, "2", "3", "4", "5", "6") + digits(r, 7)
	n := body + fmt.Sprint(weigh(body, 1, 3, 7, 9, 1, 3, 7, 9)%10) + nonzero(r, 1)
	return pick(r, n, group(n, " ", 4, 5))
}

func aadhaar(r *rand.Rand) string {
	n := until(func() string { return pick(r, "2", "4", "7", "9") + digits(r, 11) }, verhoeff)
	return pick(r, n, group(n, " ", 4, 4))
}

// verhoeff is the check of the dihedral group of order 10, computed rather than looked up.
func verhoeff(s string) bool {
	multiply := func(a, b int) int {
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return (a+b-5)%5 + 5
		case b < 5:
			return (a-5-b+5)%5 + 5
		}
		return (a - b + 5) % 5
	}
	permute := []int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	c := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		for range i % 8 {
			d = permute[d]
		}
		c = multiply(c, d)
	}
	return c == 0
}

func panIndia(r *rand.Rand) string {
	return random("x", alphabets["upper"], 3, r) + pick(r, "P", "C", "H") + random("x", alphabets["upper"], 1, r) + digits(r, 4) + random("x", alphabets["upper"], 1, r)
}

func nric(r *rand.Rand) string {
	p, n := r.IntN(2), digits(r, 7)
	return fmt.Sprintf("%c%s%c", "ST"[p], n, "JZIHGFEDCBA"[(weigh(n, 2, 7, 6, 5, 4, 3, 2)+4*p)%11])
}

func pps(r *rand.Rand) string {
	n := digits(r, 7)
	return n + string("WABCDEFGHIJKLMNOPQRSTUV"[weigh(n, 8, 7, 6, 5, 4, 3, 2)%23])
}

func rijksregister(r *rand.Rand) string {
	d, n := day(r, 1940, 1999).Format("060102"), fmt.Sprintf("%03d", 1+r.IntN(997))
	v := 0
	_, _ = fmt.Sscanf(d+n, "%d", &v)
	return fmt.Sprintf("%s.%s.%s-%s.%02d", d[:2], d[2:4], d[4:], n, 97-v%97)
}

func residentCN(r *rand.Rand) string {
	body := pick(r, "110105", "310112", "440305", "510104") + day(r, 1950, 2005).Format("20060102") + digits(r, 3)
	return body + string("10X98765432"[weigh(body, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11])
}

func rrn(r *rand.Rand) string {
	body := day(r, 1950, 1999).Format("060102") + pick(r, "1", "2") + digits(r, 5)
	n := body + fmt.Sprint((11-weigh(body, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)%11)%10)
	return n[:6] + "-" + n[6:]
}

func curp(r *rand.Rand) string {
	const set = "0123456789ABCDEFGHIJKLMN#OPQRSTUVWXYZ"
	body := random("x", "BCDFGHLMPRST", 1, r) + pick(r, "A", "E", "O") + random("x", "BCDFGHLMPRST", 2, r) + day(r, 1950, 1999).Format("060102") + pick(r, "H", "M") + pick(r, "DF", "JC", "NL", "VZ") + random("x", "BCDFGHLMPRST", 3, r) + "0"
	sum := 0
	for i := range len(body) {
		for v := range len(set) {
			if set[v] == body[i] {
				sum += v * (18 - i)
			}
		}
	}
	return body + fmt.Sprint((10-sum%10)%10)
}

func phone(r *rand.Rand) string {
	us := fmt.Sprintf("%d%s", 2+r.IntN(8), pick(r, "02", "13", "35", "47", "68"))
	return pick(r,
		"+49 "+pick(r, "30", "89", "171")+" "+nonzero(r, 7), "+44 20 "+nonzero(r, 4)+" "+digits(r, 4), "+33 6 "+group(nonzero(r, 8), " ", 2, 2, 2),
		"+1 "+us+"-555-01"+digits(r, 2), "("+us+") 555-01"+digits(r, 2), us+"-555-01"+digits(r, 2), "+41 79 "+group(nonzero(r, 7), " ", 3, 2), "+4915"+nonzero(r, 9))
}

func passport(r *rand.Rand) string {
	return pick(r, "C0"+random("x", "FGHJKLMNPRTVWXYZ0123456789", 2, r)+digits(r, 5), digits(r, 9), random("x", alphabets["upper"], 2, r)+digits(r, 7))
}

func icd10(r *rand.Rand) string {
	return pick(r, "E11.9", "I10", "J45.909", "F32.1", "C50.911", "M54.5", "K21.0", "N18.3", "F41.1", "G43.909", "B20", "Z85.3", "F10.20", "S72.001A")
}

func birthday(r *rand.Rand) string {
	d := day(r, 1930, 2010)
	return d.Format(pick(r, "2006-01-02", "02.01.2006", "01/02/2006", "2 January 2006", "02/01/2006"))
}
