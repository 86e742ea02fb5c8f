package world

import (
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// night is when, after the midnight a day begins with, nobody chats any more: in the westernmost zone and with the last chat
// begun late.
const night = 30 * time.Hour

// chats is what an account does on a day in the vendor's apps: signing in, chats, files, projects, artifacts.
func (w *World) chats(a *Account, date time.Time) []Act {
	name := "chats/" + a.Email + "/" + date.Format(time.DateOnly)
	k := w.desk(name, local(date, a.Zone, 7*time.Hour+30*time.Minute))
	if a.Service || k.d.chance(80) || isWeekend(date) && !k.d.chance(60) {
		return nil
	}
	k.pause(time.Minute, 100*time.Minute)
	if !a.Joined.IsZero() && k.now.Before(a.Joined) {
		k.now = a.Joined
		k.pause(4*time.Minute, 20*time.Minute)
	}
	if k.d.chance(25) {
		k.add(a, ControlAct{Type: "sso_login_failed"})
		k.pause(10*time.Second, time.Minute)
	}
	k.add(a, ControlAct{Type: "sso_login_succeeded", New: "sso"})
	n := 1 + k.d.IntN(3) + k.d.IntN(3)*k.d.IntN(2)
	if isWeekend(date) {
		n = 1
	}
	evening := local(date, a.Zone, 19*time.Hour)
	for range n {
		k.pause(6*time.Minute, 2*time.Hour+30*time.Minute)
		if k.now.After(evening) {
			break
		}
		k.chat(a)
		if k.d.chance(300) {
			k.pause(time.Minute, 20*time.Minute)
			k.project(a)
		}
	}
	if k.d.chance(220) {
		k.pause(20*time.Minute, 90*time.Minute)
		k.add(a, ControlAct{Type: "user_logged_out"})
	}
	// Whoever leaves does nothing any more.
	for len(k.acts) > 0 && !a.Left.IsZero() && !k.acts[len(k.acts)-1].At.Before(a.Left.Add(-time.Hour)) {
		k.acts = k.acts[:len(k.acts)-1]
	}
	return k.acts
}

// chat is one chat with what happens to it in the hour after.
func (k *desk) chat(a *Account) {
	t := pick(k.d, k.w.talks(a))
	words := map[string]string{}
	keys := audit.Keys{Chat: k.d.vendor("claude_chat_01")}
	if p := k.w.projectOf(k.d, a.Team, true); p != nil && k.d.chance(350) {
		keys.Project = p.ID
	}
	c := ControlAct{Type: "claude_chat_created", Object: keys.Chat, Text: fill(k.d, words, t.ask)}
	at := k.now
	for i, text := range append([]string{t.ask, t.answer}, t.more...) {
		role := []string{"user", "assistant"}[i%2]
		c.Messages = append(c.Messages, Message{ID: k.d.vendor("claude_chat_msg_01"), At: at, Role: role, Text: fill(k.d, words, text)})
		at = at.Add(k.d.span(6*time.Second, 70*time.Second))
	}
	created := k.add(a, c)
	created.Keys = keys
	created.Seen = append(created.Seen, audit.SourceComplianceChat)
	do := func(n int, kind string, fill ControlAct) {
		if k.d.chance(n) {
			k.pause(3*time.Second, 40*time.Second)
			fill.Type = kind
			if fill.Object == "" {
				fill.Object = keys.Chat
			}
			k.add(a, fill).Keys = keys
		}
	}
	if t.file != "" {
		do(1000, "claude_file_uploaded", ControlAct{Object: k.d.vendor("claude_file_01"), Text: t.file})
	}
	do(750, "claude_chat_updated", ControlAct{New: t.title, Text: t.title})
	do(160, "claude_artifact_created", ControlAct{Object: k.d.vendor("claude_artifact_01"), Text: t.title})
	k.now = at
	k.pause(2*time.Minute, 25*time.Minute)
	do(650, "claude_chat_viewed", ControlAct{})
	do(180, "claude_chat_viewed", ControlAct{})
	do(40, "claude_chat_snapshot_created", ControlAct{New: k.d.vendor("claude_chat_snapshot_01")})
	do(35, "claude_chat_deleted", ControlAct{})
}

// project is something with a project of the team.
func (k *desk) project(a *Account) {
	p := k.w.projectOf(k.d, a.Team, true)
	if p == nil {
		return
	}
	kind, c := "claude_project_viewed", ControlAct{Object: p.ID, Target: p.Name}
	switch n := k.d.between(1, 100); {
	case n <= 12:
		kind, c.Object, c.Text = "claude_project_document_uploaded", k.d.vendor("claude_proj_doc_01"), p.Name+" Entwurf "+digits(k.d.between(2, 9))+".docx"
	case n <= 15:
		kind, c.New = "claude_project_sharing_updated", "team"
	case n <= 30 && len(a.Devices) > 0 && a.Devices[len(a.Devices)-1].Client.Product == Cowork:
		kind, c.Object = "cowork_session_updated", k.d.vendor("sess_01")
	}
	c.Type = kind
	k.add(a, c).Keys = audit.Keys{Project: p.ID}
}

// talk is a chat as people have it.
type talk struct {
	langs, teams string // space-separated; "" for all
	title        string
	ask, answer  string
	more         []string
	file         string
}

func (w *World) talks(a *Account) []talk {
	var fit []talk
	lang := languageOf(a)
	for _, t := range w.tales.talks {
		if (t.langs == "" || strings.Contains(t.langs, lang)) && (t.teams == "" || strings.Contains(t.teams, a.Team)) {
			fit = append(fit, t)
		}
	}
	return fit
}

func allTalks() []talk {
	return []talk{
		{langs: "de", title: "Protokoll kürzen", ask: "Kürze dieses Protokoll auf fünf Punkte.", answer: "1. Termin 2. Budget 3. Personal 4. Risiken 5. Nächste Schritte.", file: "Protokoll KW[[n]].docx"},
		{langs: "de", title: "E-Mail höflicher", ask: "Mach diese E-Mail höflicher: »Die Unterlagen fehlen immer noch.«", answer: "Könnten Sie uns die noch fehlenden Unterlagen bitte bis Freitag zukommen lassen?"},
		{langs: "de", title: "Excel-Formel", ask: "Formel für die Summe nur der sichtbaren Zeilen?", answer: "=TEILERGEBNIS(109;B2:B[[m]])", more: []string{"Und nur über 100 Euro?", "Dann SUMMENPRODUKT mit einer Bedingung."}},
		{langs: "de", title: "Dienstplan erklären", ask: "Erkläre den Unterschied zwischen Bereitschaft und Rufbereitschaft in drei Sätzen.", answer: "Bereitschaft heißt anwesend, Rufbereitschaft erreichbar. Beides wird verschieden vergütet. Maßgeblich ist der Tarifvertrag."},
		{
			langs: "de", teams: "pharmacy radiology", title: "Arztbrief", ask: "Schreibe einen Arztbrief: [[patient]], geb. [[birth]], Fall [[case]], Diagnose C50.4, Station [[ward]].",
			answer: "Sehr geehrte Kollegin, wir berichten über [[patient]], geboren am [[birth]] …", more: []string{"Kürzer bitte.", "Kurzfassung: Diagnose C50.4, Entlassung in gutem Zustand."},
		},
		{langs: "de", teams: "pharmacy", title: "Dosierung", ask: "Dosisanpassung von Vancomycin bei GFR 35?", answer: "Ladedosis unverändert, Erhaltung nach Spiegel; bitte die Fachinformation beachten."},
		{langs: "de", teams: "works-council human-resources legal-privacy", title: "Betriebsvereinbarung", ask: "Welche Punkte gehören in eine Betriebsvereinbarung über KI-Assistenten?", answer: "Zweck, keine Leistungskontrolle, Auswertung nur nach Teams, Einsicht, Löschfristen, Schulung.", file: "BV Entwurf [[n]].docx"},
		{langs: "de", teams: "works-council", title: "Anfrage aus der Belegschaft", ask: "Eine Kollegin fragt, ob ihre Chats gelesen werden. Wie antworte ich?", answer: "Sagen Sie, was gespeichert wird, wer unter welchen Bedingungen Einsicht hat und dass jede Einsicht eine Spur hinterlässt."},
		{langs: "de", teams: "billing-treasury", title: "SEPA-Rückgabe", ask: "Was bedeutet der Rückgabegrund AC04?", answer: "Konto geschlossen. Die IBAN DE89 3704 0044 0532 0130 00 sollte gesperrt und neu erfragt werden."},
		{langs: "de", teams: "legal-privacy", title: "Auskunft Art. 15", ask: "Frist und Inhalt einer Auskunft nach Art. 15 DSGVO?", answer: "Ein Monat, verlängerbar um zwei. Zwecke, Kategorien, Empfänger, Dauer, Herkunft und eine Kopie."},
		{langs: "de", teams: "clinical-data integration it-security", title: "Regex für Fallnummern", ask: "Regex für achtstellige Fallnummern, die mit 20 beginnen?", answer: `\b20\d{6}\b`},
		{langs: "de", teams: "human-resources", title: "Zeugnis", ask: "Formuliere ein Zwischenzeugnis, Note zwei, ohne Floskeln.", answer: "Frau B. arbeitet sorgfältig und selbständig …"},
		{langs: "fr", title: "Résumé", ask: "Résume ce compte rendu en cinq lignes.", answer: "Cinq points : calendrier, budget, équipe, risques, suite.", file: "Compte rendu [[n]].docx"},
		{langs: "fr", title: "Traduction", ask: "Traduis en allemand : « La réunion est reportée à jeudi. »", answer: "Die Besprechung wird auf Donnerstag verschoben."},
		{langs: "fr", title: "Tableau", ask: "Comment figer la première ligne d'un tableau ?", answer: "Affichage, Figer les volets, Figer la ligne supérieure.", more: []string{"Et la première colonne ?", "Même menu, deuxième option."}},
		{langs: "fr", teams: "pharmacy radiology", title: "Courrier", ask: "Rédige un courrier pour [[patient]], né(e) le [[birth]], suivi en cardiologie.", answer: "Madame, Monsieur, nous vous confirmons votre rendez-vous …"},
		{langs: "fr", teams: "legal-privacy billing-treasury human-resources", title: "Clause", ask: "Propose une clause de sous-traitance conforme à l'article 28.", answer: "Le sous-traitant n'agit que sur instruction documentée …"},
		{langs: "fr", teams: "clinical-data integration", title: "Expression régulière", ask: "Expression régulière pour un numéro de séjour à huit chiffres ?", answer: `\b\d{8}\b`},
		{langs: "en", title: "Shorten", ask: "Shorten this to three sentences, same tone.", answer: "Here are three sentences that keep the offer, the date and the request."},
		{langs: "en", title: "Slides", ask: "Outline for ten slides on the quarter.", answer: "1 Highlights 2 Volume 3 Quality 4 Cost 5 People 6 Risk 7 Audit 8 Roadmap 9 Asks 10 Appendix", more: []string{"Merge 3 and 7.", "Done: nine slides."}},
		{langs: "en", title: "Meeting times", ask: "A time that suits Hamburg, Boston and Pune?", answer: "15:00 in Hamburg, 09:00 in Boston, 19:30 in Pune."},
		{langs: "en", title: "Spreadsheet", ask: "Why does VLOOKUP return the wrong row?", answer: "The last argument is missing, so it matches approximately. Use FALSE.", file: "Export [[n]].xlsx"},
		{langs: "en", teams: "research", title: "Abstract", ask: "Tighten this abstract to 250 words.", answer: "Background, methods, results, conclusion: 243 words.", file: "Abstract v[[n]].docx"},
		{langs: "en", teams: "research clinical-data", title: "Sample size", ask: "Sample size for a hazard ratio of 0.75, power 0.8?", answer: "About 380 events; with 40 % censoring some 630 participants."},
		{langs: "en", teams: "it-security integration", title: "Key format", ask: "Is this a live key? AKIAIOSFODNN7EXAMPLE", answer: "It is the example key of the vendor's documentation. Treat any other with that form as live and revoke it."},
		{langs: "en", teams: "billing-treasury leadership", title: "Covenants", ask: "Explain net leverage to a clinician.", answer: "Debt less cash, divided by a year's operating earnings: how many years of earnings we owe."},
		{langs: "en", teams: "human-resources legal-privacy", title: "Policy", ask: "Draft two paragraphs on acceptable use of assistants.", answer: "Use approved accounts. Do not paste patient data outside approved projects."},
		{langs: "en", teams: "pharmacy radiology", title: "Leaflet", ask: "Patient [[patient]], born [[birth]]: explain warfarin in plain words.", answer: "It keeps your blood from clotting too easily. Take it at the same time each day."},
		{langs: "de en", teams: "leadership", title: "Rede", ask: "Three opening lines for the staff assembly in Hamburg.", answer: "Moin. Thank you for a hard year. Here is what we learned."},
	}
}
