package detector

// ibanCountries are the lengths of IBANs by country, of the registry of ISO 13616.
var ibanCountries = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24,
	"DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
	"HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
	"LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
	"QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29,
	"VA": 22, "VG": 24, "XK": 20,
}

// iban finds international bank account numbers: country, length, and the check of ISO 7064 mod 97-10.
func iban(n *number) int {
	size := ibanLength(n.window)
	if size == 0 || !n.rightEdge(size) {
		return 0
	}
	return size
}

// ibanLength is how many bytes at the beginning are an IBAN, compact or in groups of four, 0 if none are.
func ibanLength(w []byte) int {
	if len(w) < 15 || !digit(w[2]) || !digit(w[3]) {
		return 0
	}
	want, ok := ibanCountries[string(w[:2])]
	if !ok {
		return 0
	}
	var compact [34]byte
	n, i := 0, 0
	for ; i < len(w) && n < want; i++ {
		c := w[i]
		if (c == ' ' || c == '-') && n%4 == 0 {
			continue
		}
		if !digit(c) && (c < 'A' || c > 'Z') {
			return 0
		}
		compact[n] = c
		n++
	}
	if n < want {
		return 0
	}
	rest := 0
	for k := range n {
		if c := compact[(k+4)%n]; digit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	if rest != 1 {
		return 0
	}
	return i
}
