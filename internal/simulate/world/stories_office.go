package world

// officeStories are the work of treasury and security with Claude Code.
func officeStories() []story {
	return []story{
		{treasury, "de", []turn{
			{
				ask: "camt.053 von gestern geht nicht auf: Differenz [[n]] Euro. Finde den Posten.",
				do: [][]call{
					also(mcp("treasury-ledger", "get_statement", `{"account":"DE89370400440532013000","day":"yesterday"}`, `{"opening":"[[m]].00","closing":"[[m]].50","entries":[[n]]}`), read("import/camt.py")),
					also(sh("python import/camt.py --check statement.xml", "1 entry without reference: EREF+NW-[[nr]]")),
				},
				say: "Ein Posten ohne Verwendungszweck (NW-[[nr]]) wird beim Import übersprungen; sein Betrag ist die Differenz.",
			},
			{ask: "Übersprungene Posten sollen auf ein Zwischenkonto.", do: [][]call{also(edit("import/camt.py", "continue", "post(entry, SUSPENSE)")), also(sh("python -m pytest import", "[[n]] passed"))}, say: "Sie gehen jetzt auf das Zwischenkonto und erscheinen im Tagesbericht."},
		}},
		{treasury, "en", []turn{
			{
				ask: "Validate the pain.001 files in out/ against the bank's rules before I release them.",
				do:  [][]call{also(sh("xmllint --noout --schema pain.001.001.09.xsd out/*.xml", "out/batch-[[n]].xml validates")), also(sh("python tools/limits.py out/", "batch-[[n]]: [[n]] payments, one above the limit"))},
				say: "All files are valid; one payment is above the limit and needs two approvals.",
			},
			{ask: "List open items older than 90 days as a table.", do: [][]call{also(mcp("treasury-ledger", "list_open_items", `{"older_than_days":90}`, `[{"debtor":"AOK Nord","amount":"[[m]].10"},{"debtor":"[[patient]]","amount":"412.00"}]`))}, say: "| debtor | amount |\n|---|---|\n| AOK Nord | [[m]].10 |\n| private | 412.00 |"},
		}},
		{security, "en", []turn{
			{
				ask: "Somebody opened port 22 to the world in infra-live. Find the change and propose the fix.",
				do: [][]call{
					also(grep("0.0.0.0/0", "", "modules/bastion/main.tf:[[n]]"), sh("git log -3 --oneline -- modules/bastion", "[[hash]] Bastion for the vendor")),
					also(edit("modules/bastion/main.tf", "0.0.0.0/0", "198.51.100.0/24")), also(sh("terraform plan -no-color", "Plan: 0 to add, 1 to change, 0 to destroy.")),
				},
				say: "It came with [[hash]]. The plan narrows it to the office network, one change.",
			},
			{
				ask: "Check that no credential was committed along with it.",
				do:  [][]call{also(slowly(sh("gitleaks detect --no-banner", "Finding: AKIAIOSFODNN7EXAMPLE\nFile: modules/bastion/vendor.tf"))), also(readOf("modules/bastion/vendor.tf", "access_key = \"AKIAIOSFODNN7EXAMPLE\"\nsecret_key = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\""))},
				say: "One: an access key in vendor.tf. Revoke it first, then remove it from the history.",
			},
			{ask: "Tell the channel that the key is being revoked, no details.", do: [][]call{also(mcp("slack", "search_messages", `{"query":"vendor.tf"}`, `{"matches":0}`)), also(mcp("slack", "post_message", `{"channel":"#sec-ops","text":"A vendor key is being revoked, details in the ticket."}`, `{"ok":true}`))}, say: "Posted in #sec-ops."},
		}},
		{security, "en", []turn{
			{
				ask: "Write a detection for sign-ins from two countries within an hour.",
				do:  [][]call{also(read("rules/signin.yaml"), grep("geo", "rules", "3 matches")), also(create("rules/two_countries.yaml", "name: two_countries\nwindow: 1h\n")), also(sh("make rules-test", "ok, [[n]] cases"))},
				say: "Rule and four cases written; the VPN exits are exempt.",
			},
			{ask: "Run it over last week, how many hits?", do: [][]call{also(slowly(sh("rules replay two_countries --since 7d", "[[n]] hits, 3 accounts")))}, say: "[[n]] hits from three accounts, all of them commuting across the border at Basel."},
		}},
	}
}

// coworkStories are the work of those who use Cowork on documents.
func coworkStories() []story {
	return []story{
		{legal, "de", []turn{
			{
				ask: "Prüfe diesen Auftragsverarbeitungsvertrag gegen unsere Checkliste und markiere Lücken.",
				do:  [][]call{also(read("AVV Entwurf.docx"), read("Checkliste AVV.docx")), also(mcp("sharepoint", "search", `{"query":"AVV Muster 2026"}`, `{"hits":[[n]]}`)), also(create("AVV Anmerkungen.docx", "1. Unterauftragnehmer: Frist fehlt."))},
				say: "Drei Lücken: Frist bei Unterauftragnehmern, Löschnachweis, Ort der Verarbeitung.",
			},
			{ask: "Formuliere zu jeder einen Vorschlag.", do: [][]call{also(edit("AVV Anmerkungen.docx", "Frist fehlt.", "Vorschlag: 30 Tage vorher."))}, say: "Vorschläge stehen in den Anmerkungen."},
		}},
		{legal, "fr", []turn{{
			ask: "Résume ce contrat en une page pour la direction.",
			do:  [][]call{also(read("Contrat hébergement.docx")), also(create("Résumé.docx", "Objet, durée, responsabilité, résiliation."))},
			say: "Résumé d'une page, avec deux points d'attention : résiliation et sous-traitance.",
		}}},
		{pharmacy, "de", []turn{
			{
				ask: "Erstelle aus der Bestandsliste eine Übersicht der Arzneimittel mit Reichweite unter 14 Tagen.",
				do:  [][]call{also(read("Bestand.xlsx")), also(sh("python /tmp/reichweite.py", "[[n]] Artikel unter 14 Tagen")), also(create("Engpässe.xlsx", "Artikel;Reichweite"))},
				say: "[[n]] Artikel, davon drei ohne Alternative: siehe erstes Blatt.",
			},
			{
				ask: "Patient [[patient]], geb. [[birth]], Station [[ward]]: Wechselwirkung zwischen Amiodaron und Simvastatin?",
				do:  [][]call{also(fetch("https://fachinfo.example/amiodaron", "Wechselwirkung mit Simvastatin?", "Höchstens 20 mg Simvastatin täglich."))},
				say: "Ja: Myopathierisiko. Simvastatin höchstens 20 mg am Tag oder auf Pravastatin wechseln; bitte ärztlich bestätigen.",
			},
		}},
		{pharmacy, "fr", []turn{{
			ask: "Prépare l'ordre du jour de la commission du médicament à partir des demandes.",
			do:  [][]call{also(mcp("sharepoint", "search", `{"query":"demandes commission"}`, `{"hits":[[n]]}`)), also(create("Ordre du jour.docx", "1. Biosimilaires"))},
			say: "Ordre du jour prêt : cinq points, les biosimilaires en premier.",
		}}},
		{people, "de", []turn{
			{
				ask: "Schreibe eine Stellenanzeige: Data Engineer, Hamburg, Teilzeit möglich.",
				do:  [][]call{also(read("Vorlage Stellenanzeige.docx")), also(create("Data Engineer.docx", "Wir suchen …"))},
				say: "Entwurf liegt bereit, nach eurer Vorlage und ohne Altersangaben.",
			},
			{ask: "Kürzer, und auf Englisch.", do: [][]call{also(create("Data Engineer EN.docx", "We are looking for …"))}, say: "Shorter English version saved beside it."},
		}},
		{people, "fr", []turn{{
			ask: "Compare les réponses du sondage interne par site, sans noms.",
			do:  [][]call{also(read("Sondage.xlsx")), also(sh("python /tmp/sondage.py", "4 sites, [[m]] réponses")), also(create("Synthèse.docx", "Par site"))},
			say: "Synthèse par site, aucun groupe de moins de dix personnes n'est montré.",
		}}},
		{leadership, "en", []turn{
			{
				ask: "Draft the memo for the supervisory board on AI use: benefit, risk, what we audit. Two pages.",
				do:  [][]call{also(read("Board memo template.docx"), mcp("sharepoint", "get_document", `{"id":"kpi-q3"}`, "Sessions per week by team, cost by team")), also(create("Memo.docx", "Benefit. Risk. Audit."))},
				say: "Two pages, with figures by team only.",
			},
			{ask: "Add a paragraph on the works agreement.", do: [][]call{also(edit("Memo.docx", "Audit.", "Audit. Works agreement."))}, say: "Added."},
		}},
		{treasury, "de", []turn{
			{
				ask: "Baue den Liquiditätsbericht der Woche aus den drei Tabellen.",
				do:  [][]call{also(read("Konten.xlsx"), read("Darlehen.xlsx"), read("Plan.xlsx")), also(sh("python /tmp/liquiditaet.py", "Saldo [[m]] TEUR")), also(create("Liquidität.xlsx", "Woche;Saldo"))},
				say: "Bericht steht: Saldo [[m]] TEUR, Abweichung vom Plan 3 %.",
			},
			{ask: "Ist die Covenant-Grenze eingehalten?", say: "Ja, mit Abstand: 3,1 bei einer Grenze von 3,5."},
		}},
		{"", "en", []turn{{
			ask: "Turn my notes into minutes with owners and dates.",
			do:  [][]call{also(read("Notes.docx")), also(create("Minutes.docx", "Owner, date"))},
			say: "Minutes saved: six actions, each with an owner and a date.",
		}}},
		{"", "de", []turn{{
			ask: "Fasse die E-Mails in diesem Ordner zu einer Entscheidungsvorlage zusammen.",
			do:  [][]call{also(sh("ls Posteingang | wc -l", "[[n]]")), also(read("Posteingang/1.eml"), read("Posteingang/2.eml")), also(create("Vorlage.docx", "Sachverhalt, Optionen, Empfehlung"))},
			say: "Vorlage mit zwei Optionen und einer Empfehlung liegt im Ordner.",
		}}},
	}
}
