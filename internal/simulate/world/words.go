package world

import (
	"strconv"
	"strings"
)

// languageOf is the language an account writes in.
func languageOf(a *Account) string {
	switch a.Country {
	case "DE", "AT", "CH":
		return "de"
	case "FR":
		return "fr"
	}
	return "en"
}

func digits(n int) string { return strconv.Itoa(n) }

// fill replaces [[name]] by a scene's word of that name and [[one|other]] by one of them. A name without a word yet gets
// one that stays for the scene.
func fill(d dice, words map[string]string, text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "[[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "]]")
		if !closed {
			b.WriteString("[[" + rest)
			return b.String()
		}
		b.WriteString(word(d, words, name))
		text = after
	}
}

func word(d dice, words map[string]string, name string) string {
	if strings.Contains(name, "|") {
		return pick(d, strings.Split(name, "|"))
	}
	if w, ok := words[name]; ok {
		return w
	}
	w := name
	switch name {
	case "nr":
		w = digits(d.between(112, 4980))
	case "n":
		w = digits(d.between(3, 48))
	case "m":
		w = digits(d.between(120, 9800))
	case "day":
		w = digits(d.between(10, 28))
	case "hash":
		w = d.hex(8)
	case "case":
		w = digits(d.between(20_100_000, 20_999_999))
	case "birth":
		w = digits(d.between(10, 28)) + ".0" + digits(d.between(1, 9)) + ".19" + digits(d.between(38, 99))
	case "patient":
		w = pick(d, invented)
	case "table":
		w = pick(d, []string{"lab_result", "encounter", "medication_order", "observation", "diagnosis", "transfer"})
	case "ward":
		w = pick(d, []string{"3B", "4A", "Intensiv 1", "Onko 2", "Kardio 5"})
	}
	words[name] = w
	return w
}

// invented are names of patients that never lived.
var invented = []string{
	"Erika Mustermann", "Max Mustermann", "Lieschen Müller", "Otto Normalverbraucher", "Jane Roe", "John Doe", "Jeanne Dupont", "Franz Beispiel",
}
