package world

import (
	"fmt"
	"time"
)

// The teams.
const (
	clinicalData = "clinical-data"
	integration  = "integration"
	radiology    = "radiology"
	pharmacy     = "pharmacy"
	treasury     = "billing-treasury"
	legal        = "legal-privacy"
	worksCouncil = "works-council"
	security     = "it-security"
	research     = "research"
	people       = "human-resources"
	leadership   = "leadership"
	automation   = "automation"
)

// site is where people work.
type site struct{ code, country, zone, net string }

// The networks are those set aside for documentation.
var sites = map[string]site{
	"hh":  {"hh", "DE", "Europe/Berlin", "192.0.2."},
	"vie": {"vie", "AT", "Europe/Vienna", "192.0.2."},
	"zrh": {"zrh", "CH", "Europe/Zurich", "198.51.100."},
	"lys": {"lys", "FR", "Europe/Paris", "198.51.100."},
	"man": {"man", "GB", "Europe/London", "198.51.100."},
	"bos": {"bos", "US", "America/New_York", "203.0.113."},
	"pnq": {"pnq", "IN", "Asia/Kolkata", "203.0.113."},
}

var siteOf = map[string]string{"DE": "hh", "AT": "vie", "CH": "zrh", "FR": "lys", "GB": "man", "US": "bos", "IN": "pnq"}

// What an account uses beside chat.
const (
	usesCode   = "code"
	usesCowork = "cowork"
	usesBoth   = "both"
	usesChat   = "chat"
)

// post is one line of the staff list.
type post struct{ login, name, team, site, role, uses, os string }

// staff are those who are there from beginning to end; rotation.go has those who come and go.
var staff = []post{
	{"dana", "Dana Brandt", clinicalData, "hh", "claude_code_user", usesCode, "darwin"},
	{"jonas", "Jonas Petersen", clinicalData, "hh", "claude_code_user", usesCode, "linux"},
	{"mirjam", "Mirjam Aigner", clinicalData, "vie", "claude_code_user", usesCode, "darwin"},
	{"luca", "Luca Bernasconi", clinicalData, "zrh", "claude_code_user", usesCode, "linux"},
	{"ananya", "Ananya Kulkarni", clinicalData, "pnq", "claude_code_user", usesCode, "linux"},
	{"rohit", "Rohit Deshpande", clinicalData, "pnq", "claude_code_user", usesCode, "windows"},
	{"camille", "Camille Rousset", clinicalData, "lys", "claude_code_user", usesCode, "darwin"},
	{"svenja", "Svenja Claasen", clinicalData, "hh", "claude_code_user", usesBoth, "darwin"},

	{"mikkel", "Mikkel Thomsen", integration, "hh", "claude_code_user", usesCode, "linux"},
	{"petra", "Petra Hollerer", integration, "vie", "claude_code_user", usesCode, "linux"},
	{"gareth", "Gareth Pugh", integration, "man", "claude_code_user", usesCode, "darwin"},
	{"olivia", "Olivia Marsh", integration, "man", "claude_code_user", usesCode, "windows"},
	{"vikram", "Vikram Joshi", integration, "pnq", "claude_code_user", usesCode, "linux"},
	{"sneha", "Sneha Patil", integration, "pnq", "claude_code_user", usesCode, "linux"},
	{"theo", "Théo Lambert", integration, "lys", "claude_code_user", usesCode, "darwin"},
	{"birte", "Birte Janssen", integration, "hh", "developer", usesCode, "darwin"},

	{"henrik", "Henrik Asmussen", radiology, "hh", "claude_code_user", usesCode, "linux"},
	{"nadine", "Nadine Zimmerli", radiology, "zrh", "claude_code_user", usesCode, "linux"},
	{"elif", "Elif Kaya", radiology, "hh", "claude_code_user", usesBoth, "windows"},
	{"arnaud", "Arnaud Chevalier", radiology, "lys", "user", usesChat, "windows"},
	{"meera", "Meera Iyer", radiology, "pnq", "claude_code_user", usesCode, "linux"},

	{"beate", "Beate Wollny", pharmacy, "hh", "user", usesCowork, "windows"},
	{"stefan", "Stefan Gruber", pharmacy, "vie", "user", usesCowork, "windows"},
	{"claire", "Claire Dubois", pharmacy, "lys", "user", usesCowork, "darwin"},
	{"imran", "Imran Aziz", pharmacy, "man", "user", usesChat, "windows"},

	{"katrin", "Katrin Feldmann", treasury, "hh", "claude_code_user", usesCode, "windows"},
	{"urs", "Urs Baumgartner", treasury, "zrh", "claude_code_user", usesBoth, "windows"},
	{"delphine", "Delphine Morel", treasury, "lys", "user", usesCowork, "windows"},
	{"holger", "Holger Thiede", treasury, "hh", "user", usesCowork, "windows"},
	{"priya", "Priya Nair", treasury, "pnq", "claude_code_user", usesCode, "linux"},
	{"martina", "Martina Kofler", treasury, "vie", "billing", usesChat, "windows"},

	{"friederike", "Friederike Sommer", legal, "hh", "user", usesCowork, "darwin"},
	{"matthias", "Matthias Egger", legal, "vie", "user", usesCowork, "windows"},
	{"helene", "Hélène Garnier", legal, "lys", "user", usesCowork, "darwin"},
	{"ruth", "Ruth Ashworth", legal, "man", "user", usesChat, "windows"},

	{"uwe", "Uwe Lorenzen", worksCouncil, "hh", "user", usesChat, "windows"},
	{"gisela", "Gisela Raabe", worksCouncil, "hh", "user", usesChat, "windows"},

	{"aaron", "Aaron Whitfield", security, "bos", "admin", usesCode, "darwin"},
	{"tobias", "Tobias Reimers", security, "hh", "admin", usesCode, "linux"},
	{"leonie", "Leonie Frey", security, "zrh", "admin", usesCode, "darwin"},
	{"sanjay", "Sanjay Gokhale", security, "pnq", "claude_code_user", usesCode, "linux"},
	{"marit", "Marit Sörensen", security, "hh", "owner", usesCode, "darwin"},

	{"emily", "Emily Hargreaves", research, "bos", "claude_code_user", usesCode, "darwin"},
	{"marcus", "Marcus Delgado", research, "bos", "claude_code_user", usesCode, "linux"},
	{"fiona", "Fiona McBride", research, "man", "claude_code_user", usesBoth, "darwin"},
	{"karan", "Karan Mehta", research, "pnq", "claude_code_user", usesCode, "linux"},
	{"anneliese", "Anneliese Vogt", research, "hh", "claude_code_user", usesCode, "darwin"},
	{"paul", "Paul Schindler", research, "vie", "user", usesCowork, "darwin"},

	{"silke", "Silke Overbeck", people, "hh", "user", usesCowork, "windows"},
	{"nathalie", "Nathalie Perrin", people, "lys", "user", usesCowork, "darwin"},
	{"colin", "Colin Barnes", people, "man", "user", usesChat, "windows"},
	{"deepa", "Deepa Rao", people, "pnq", "user", usesChat, "windows"},

	{"ingrid", "Ingrid Hasselbach", leadership, "hh", "user", usesCowork, "darwin"},
	{"bernhard", "Bernhard Tauber", leadership, "vie", "user", usesChat, "darwin"},
	{"susan", "Susan Caldwell", leadership, "bos", "user", usesCowork, "darwin"},
	{"reto", "Reto Ammann", leadership, "zrh", "user", usesChat, "darwin"},
}

// robots are the automations. All but the directory's synchronisation run clients without anybody at them, with an API key.
var robots = []post{
	{"ci-clinical", "CI clinical data", automation, "hh", "developer", usesCode, "linux"},
	{"ci-integration", "CI integration", automation, "hh", "developer", usesCode, "linux"},
	{"nightly-quality", "Nightly data quality", automation, "hh", "developer", usesCode, "linux"},
	{"release-notes", "Release notes", automation, "hh", "developer", usesCode, "linux"},
	{syncLogin, "Directory sync", automation, "hh", "user", usesChat, ""},
}

const syncLogin = "directory-sync"

// account makes the account of a post.
func (w *World) account(p post) *Account {
	d := w.dice("account", p.login)
	s := sites[p.site]
	a := &Account{
		Name: p.name, Email: p.login + "@" + w.Org.Domain, User: d.vendor("user_01"), UUID: d.uuid(), Role: p.role, Team: p.team,
		Groups: []string{"nw-all", "nw-" + p.team}, Country: s.country, Zone: w.zone(s.zone), Service: p.team == automation,
	}
	if p.uses != usesChat {
		a.Groups = append(a.Groups, "nw-claude-"+map[bool]string{true: "cowork", false: "code"}[p.uses == usesCowork])
	}
	if a.Service && p.uses == usesCode {
		a.Key = d.vendor("apikey_01")
	}
	return a
}

// hire adds the posts' accounts and devices.
func (w *World) hire(posts []post) {
	for _, p := range posts {
		a := w.account(p)
		w.enter(a, p)
	}
}

func (w *World) enter(a *Account, p post) {
	w.equip(a, p)
	w.Accounts = append(w.Accounts, a)
	w.byEmail[a.Email] = a
	for _, d := range a.Devices {
		w.Devices = append(w.Devices, d)
		w.byDevice[d.Name] = d
	}
}

// Those who come and go: every week one joins on Monday morning, stays five weeks and leaves on Friday at five.
const stay = 5 // weeks

var (
	comingFirst = []string{
		"Aylin", "Bastian", "Carla", "Dominik", "Eszter", "Fabian", "Greta", "Hannes", "Ilka", "Joris", "Kerstin", "Lennart",
		"Maike", "Nils", "Odile", "Pascal", "Quentin", "Ronja", "Sebastian", "Tilda", "Ulrike", "Valentin", "Wiebke",
	}
	comingLast = []string{
		"Albers", "Bruns", "Cordes", "Dietz", "Eilers", "Fuchs", "Gerdes", "Hinrichs", "Imhof", "Jahn", "Kessler", "Lohmann", "Meinert",
		"Nolte", "Oltmann", "Peters", "Quast", "Rieger", "Steffen", "Tamm", "Ulmer", "Voss", "Wendt", "Xander", "Yildiz", "Zander",
		"Ahrens", "Behrens", "Carstens",
	}
	comingTeams = []string{clinicalData, integration, radiology, research}
	comingSites = []string{"hh", "vie", "zrh", "hh", "lys", "man"}
)

// rotate hires those who come and go, for as long as the enterprise lasts.
func (w *World) rotate() {
	weeks := int(Last.Sub(First) / week)
	for k := -stay + 1; k < weeks; k++ {
		i := k + stay - 1
		first, last := comingFirst[i%len(comingFirst)], comingLast[i%len(comingLast)]
		p := post{
			login: asciiLower(first + "." + last), name: first + " " + last, team: comingTeams[i%len(comingTeams)],
			site: comingSites[i%len(comingSites)], role: "claude_code_user", uses: usesCode, os: []string{"darwin", "linux"}[i%2],
		}
		a := w.account(p)
		begin := First.Add(time.Duration(k) * week)
		a.Joined = local(begin, a.Zone, 9*time.Hour)
		a.Left = local(begin.AddDate(0, 0, 7*(stay-1)+4), a.Zone, 17*time.Hour)
		w.enter(a, p)
		w.coming[k] = a
	}
}

// joiner is the account that joins in the week that begins at start, leaver the one that leaves in it; nil for none.
func (w *World) joiner(start time.Time) *Account { return w.coming[int(start.Sub(First)/week)] }

func (w *World) leaver(start time.Time) *Account {
	return w.coming[int(start.Sub(First)/week)-stay+1]
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func hostName(s site, os string, n int) string {
	kind := map[string]string{"darwin": "mac", "windows": "win", "linux": "lnx"}[os]
	return fmt.Sprintf("%s-%s-%04d", s.code, kind, n)
}
