package detector

// mrn finds medical record numbers: five to twelve letters and digits right after words that say so.
func mrn(n *number) int {
	if !n.context.next(saysMRN) {
		return 0
	}
	end := 0
	for end < len(n.window) && (alnum(n.window[end]) || n.window[end] == '-' && end > 0) {
		end++
	}
	if end > 0 && n.window[end-1] == '-' {
		end--
	}
	if end < 5 || end > 14 || count(n.window[:end], digit) < 4 || !n.rightEdge(end) {
		return 0
	}
	return end
}

// icd10 finds codes of the International Classification of Diseases, tenth revision: "E11.9" after words that say so.
func icd10(n *number) int {
	w := n.window
	if len(w) < 3 || w[0] < 'A' || w[0] > 'Z' || !digit(w[1]) || !alnum(w[2]) || !n.context.has(saysICD) {
		return 0
	}
	end := 3
	if len(w) > 4 && w[3] == '.' && alnum(w[4]) {
		for end = 4; end < len(w) && end < 8 && alnum(w[end]); end++ {
			if letter(w[end]) && w[end] > 'Z' {
				return 0
			}
		}
	} else if !n.context.next(saysICD) && n.context.gap > 24 {
		return 0
	}
	if end < len(w) && alnum(w[end]) || n.st.at(n.start+end) == '_' {
		return 0
	}
	return end
}

// passport finds passport numbers: eight or nine letters and digits right after words that say so.
func passport(n *number) int {
	end := 0
	for end < len(n.window) && alnum(n.window[end]) {
		if c := n.window[end]; c >= 'a' {
			return 0
		}
		end++
	}
	if !n.context.next(saysPassport) || end < 7 || end > 9 || count(n.window[:end], digit) < 5 || !n.rightEdge(end) {
		return 0
	}
	return end
}
