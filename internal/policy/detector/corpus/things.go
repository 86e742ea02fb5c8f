package corpus

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// things are what templates name beside alphabets.
var things = map[string]func(*rand.Rand) string{
	"time": func(r *rand.Rand) string {
		return time.Unix(1_740_000_000+r.Int64N(50_000_000), r.Int64N(1e9)).UTC().Format(pick(r, time.RFC3339Nano, time.RFC3339, "2006-01-02 15:04:05.000", "Jan _2 15:04:05"))
	},
	"date":  func(r *rand.Rand) string { return day(r, 2019, 2027).Format("2006-01-02") },
	"n":     func(r *rand.Rand) string { return fmt.Sprint(r.IntN(1000)) },
	"big":   func(r *rand.Rand) string { return fmt.Sprint(10_000 + r.IntN(9_990_000)) },
	"ms":    func(r *rand.Rand) string { return fmt.Sprint(1_740_000_000_000 + r.Int64N(50_000_000_000)) },
	"ns":    func(r *rand.Rand) string { return fmt.Sprint(1_740_000_000_000_000_000 + r.Int64N(5e16)) },
	"id":    func(r *rand.Rand) string { return fmt.Sprint(1_000_000_000 + r.Int64N(9e17)) },
	"float": func(r *rand.Rand) string { return fmt.Sprintf("%.*f", 2+r.IntN(9), r.Float64()*1000) },
	"ver":   func(r *rand.Rand) string { return fmt.Sprintf("%d.%d.%d", r.IntN(20), r.IntN(40), r.IntN(30)) },
	"w":     func(r *rand.Rand) string { return pick(r, nouns...) },
	"ident": func(r *rand.Rand) string {
		a, b := pick(r, nouns...), pick(r, nouns...)
		return pick(r, a+"_"+b, a+strings.ToUpper(b[:1])+b[1:], a)
	},
	"prose": prose,
	"host": func(r *rand.Rand) string {
		return pick(r, "api", "www", "ci", "docs", "git") + "." + pick(r, "acme-corp", "northwind-it", "globex", "initech") + "." + pick(r, "io", "com", "de", "net")
	},
	"img": func(r *rand.Rand) string {
		b := make([]byte, 300+r.IntN(900))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return base64.StdEncoding.EncodeToString(append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), b...))
	},
	"min": func(r *rand.Rand) string {
		var b strings.Builder
		for range 12 {
			fmt.Fprintf(&b, "function %c(%c,%c){return %c?%c[%d]:%c(%c.%c,%d)}", 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)),
				r.IntN(99), 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)), r.IntN(9999))
		}
		return b.String()
	},
	"name": func(r *rand.Rand) string { return pick(r, first...) + " " + pick(r, last...) },
	"privip": func(r *rand.Rand) string {
		return fmt.Sprintf("%s.%d.%d.%d", pick(r, "10", "172", "192", "203", "81"), 16+r.IntN(200), r.IntN(256), 1+r.IntN(254))
	},
	"onion":    func(r *rand.Rand) string { return random("x", "abcdefghijklmnopqrstuvwxyz234567", 56, r) },
	"mail":     email,
	"ulid":     func(r *rand.Rand) string { return "01" + random("x", "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24, r) },
	"badcard":  func(r *rand.Rand) string { return spoil(card(r), r) },
	"badiban":  func(r *rand.Rand) string { return spoil(iban(r), r) },
	"badnhs":   func(r *rand.Rand) string { return spoil(nhs(r), r) },
	"badtax":   func(r *rand.Rand) string { return spoil(steuerID(r), r) },
	"badpesel": func(r *rand.Rand) string { return spoil(pesel(r), r) },
	"baddni":   func(r *rand.Rand) string { return spoil(dni(r), r) },
	"badbsn":   func(r *rand.Rand) string { return spoil(bsn(r), r) },
	"badcpf":   func(r *rand.Rand) string { return spoil(cpf(r), r) },
	"badahv":   func(r *rand.Rand) string { return spoil(ahv(r), r) },
	"badnpi":   func(r *rand.Rand) string { return spoil(npi(r), r) },
}

// spoil changes the last digit, so that no check digit fits any more.
func spoil(s string, r *rand.Rand) string {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] >= '0' && s[i] <= '9' {
			return s[:i] + string('0'+(s[i]-'0'+byte(1+r.IntN(8)))%10) + s[i+1:]
		}
	}
	return s
}

var (
	nouns = strings.Fields("order user config path report value index node client server buffer stream record event queue table column page widget cache session request response handler parser builder invoice customer shipment project folder image label width height score result")
	first = strings.Fields("Dana Miro Aisha Jonas Lucía Pierre Chiara Sven Ewa Tomasz Priya Wei Kaito Olga Femi Hanna")
	last  = strings.Fields("Miller Okafor Schmidt Rossi Lefèvre García Nowak Larsen Virtanen Kumar Chen Tanaka Silva Brandt O'Brien Keller")
)

func day(r *rand.Rand, from, to int) time.Time {
	return time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN((to-from)*365))
}

func prose(r *rand.Rand) string {
	return pick(r,
		"The committee met on Tuesday and agreed that the budget should be looked at again before the summer.",
		"If the build fails, delete the folder and run it again; most of the time that is all there is to it.",
		"Nach der Besprechung haben wir beschlossen, den Bericht erst im Herbst zu veröffentlichen.",
		"La réunion est reportée à jeudi prochain, merci de préparer les documents avant midi.",
		"El informe estará listo la semana que viene y se enviará a todos los departamentos.",
		"Il progetto è quasi finito, mancano soltanto le ultime verifiche e la traduzione.",
		"Please review the change, it renames a field and moves two functions into a file of their own.",
		"She said that nobody had asked for the numbers, and that she would not send them anyway.",
		"Проект почти закончен, осталось только проверить отчёт.",
		"会议改到下周二，请大家提前准备材料。",
		"Reset your password from the settings page if you cannot sign in; the token in the mail is valid for an hour.",
		"Our password policy asks for twelve characters, and secrets belong into the vault, never into a chat.",
	)
}
