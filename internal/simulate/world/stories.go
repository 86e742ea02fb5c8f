package world

// story is a piece of work that may be told in any session of those it fits. All people, cases and secrets in stories are
// invented; the credentials are those that vendors print in their documentation, or say of themselves that they are fake.
type story struct {
	team  string // "" for every team
	lang  string // "" for every language
	turns []turn
}

// codeStories are for people with Claude Code, whatever their team.
func codeStories() []story {
	return []story{
		{"", "en", []turn{
			{
				ask: "The test [[test_window|test_units|test_merge]] fails since yesterday. Find out why.",
				do: [][]call{
					also(fails("pytest -q tests/", "1 failed, [[n]] passed in 4.12s\nE   AssertionError: 7 != 6"), grep("def window", "src", "src/window.py:41:def window(rows, size):")),
					also(readOf("src/window.py", "41 def window(rows, size):\n42     for i in range(0, len(rows), size):")),
				},
				say: "The last window is dropped when the number of rows is no multiple of the size: the loop ends one step early.",
			},
			{
				ask: "Fix it and add a case for that.",
				do: [][]call{
					also(edit("src/window.py", "range(0, len(rows) - size, size)", "range(0, len(rows), size)"), edit("tests/test_window.py", "# cases", "# cases\n    (7, 3, 3),")),
					also(sh("pytest -q tests/", "[[n]] passed in 4.08s")),
				},
				say: "Fixed; the new case covers a remainder, and all tests pass.",
			},
			{
				ask: "commit please",
				do:  [][]call{also(sh("git diff --stat", " src/window.py | 2 +-\n tests/test_window.py | 1 +")), also(sh("git commit -am 'Keep the last window'", "[main [[hash]]] Keep the last window"))},
				say: "Committed as [[hash]].",
			},
		}},
		{"", "en", []turn{
			{
				ask: "Where in this repository do we decide what is retried? Have a look at all of it.",
				do: [][]call{also(sub(
					"Explore", "Find every place that retries a call or schedules one again, and say by what rule.", "Three places: the client's transport, the queue worker and one script.",
					also(grep("retry", "", "[[n]] matches in 9 files"), grep("backoff", "", "4 matches in 3 files")),
					also(read("src/transport.py"), read("src/worker.py")),
				))},
				say: "Three places decide about retries, by two different rules. The script is the odd one: it never gives up.",
			},
			{
				ask:     "Plan how to bring them together, change nothing yet.",
				command: "plan",
				do:      [][]call{also(read("src/transport.py"), read("scripts/nightly.sh"))},
				say:     "Plan: one policy object, the script calls the worker, and a limit of six attempts everywhere.",
			},
			{
				ask: "Good. Do it.",
				do: [][]call{
					also(create("src/policy.py", "LIMIT = 6\n"), edit("src/worker.py", "while True:", "for attempt in range(LIMIT):")),
					also(edit("scripts/nightly.sh", "until ", "python -m worker ")), also(slowly(sh("make test", "ok ([[m]] tests)"))),
				},
				say: "Done in three files. The whole suite passes.",
			},
		}},
		{"", "en", []turn{
			{
				ask: "Review pull request [[nr]] for correctness, please. Two of you may look at it at once.",
				do: [][]call{
					also(mcp("github", "get_pull_request", `{"owner":"nordwald","repo":"[[repo]]","number":[[nr]]}`, `{"title":"Cache the code system","changed_files":6,"state":"open"}`)),
					also(
						sub("general-purpose", "Check the error paths of pull request [[nr]].", "One error is swallowed in cache.go.", also(sh("git diff origin/main...pr-[[nr]] -- '*.go'", "diff --git a/cache.go b/cache.go")), also(read("cache.go"))),
						sub("general-purpose", "Check the tests of pull request [[nr]].", "No test covers expiry.", also(grep("func Test", "cache_test.go", "3 matches"))),
					),
				},
				say: "Two findings: an error is swallowed when the cache file is missing, and expiry is untested.",
			},
			{
				ask: "Post that as a comment.",
				do:  [][]call{also(mcp("github", "add_comment", `{"number":[[nr]],"body":"An error is swallowed when the cache file is missing; expiry is untested."}`, `{"id":[[m]]}`))},
				say: "Posted.",
			},
		}},
		{"", "en", []turn{
			{
				ask: "Update the dependencies, one at a time, and tell me what breaks.",
				do: [][]call{
					also(sh("pip list --outdated", "requests 2.31 -> 2.33\npydantic 2.9 -> 2.12")), also(fetch("https://docs.pydantic.example/changelog", "What breaks between 2.9 and 2.12?", "Strict mode of unions changed.")),
					also(slowly(sh("make test", "ok ([[m]] tests)"))),
				},
				say: "Both updated; nothing breaks.",
			},
			{ask: "Write a line into the changelog.", do: [][]call{also(edit("CHANGELOG.md", "## Unreleased", "## Unreleased\n- Dependencies updated"))}, say: "Done."},
		}},
		{"", "de", []turn{
			{
				ask: "Was macht die Funktion [[mapCode|toFHIR|split_segments]]? Kurz bitte.",
				do:  [][]call{also(grep("mapCode|toFHIR|split_segments", "src", "src/map.go:[[n]]: func")), also(readOf("src/map.go", "func mapCode(c Code) (Concept, bool) {"))},
				say: "Sie übersetzt einen Hauscode in LOINC und sagt, ob es eine Entsprechung gibt. Unbekanntes gibt sie unverändert zurück.",
			},
			{
				ask: "Sie soll Unbekanntes zählen und einmal am Tag melden.",
				do: [][]call{
					also(read("src/metrics.go")), also(edit("src/map.go", "return c, false", "unknown.Add(1)\n\treturn c, false"), edit("src/metrics.go", "// counters", "// counters\nvar unknown atomic.Int64")),
					also(sh("go test ./...", "ok  \tnordwald.example/map\t0.8s")),
				},
				say: "Erledigt: ein Zähler, täglich eine Zeile im Log, Tests grün.",
			},
			{ask: "und bitte Doku", do: [][]call{also(edit("README.md", "## Betrieb", "## Betrieb\n\nUnbekannte Codes werden gezählt."))}, say: "Im README ergänzt, Abschnitt Betrieb."},
		}},
		{"", "de", []turn{
			{
				ask: "Die Pipeline ist rot. Schau dir das Log an und sag mir, woran es liegt.",
				do:  [][]call{also(fails("make ci", "lint: 2 errors\nmake: *** [ci] Error 1")), also(sh("golangci-lint run --out-format tab", "src/map.go:[[n]] errcheck"))},
				say: "Nur Lint: zwei ungeprüfte Fehler in map.go.",
			},
			{
				ask: "Beheb das und lass alles noch einmal laufen.",
				do:  [][]call{also(edit("src/map.go", "f.Close()", "if err := f.Close(); err != nil {\n\t\treturn err\n\t}")), also(slowly(sh("make ci", "ok")))},
				say: "Behoben, CI läuft lokal durch.",
			},
			{
				ask: "Ticket NW-[[nr]] bitte entsprechend kommentieren.",
				do:  [][]call{also(mcp("jira", "get_issue", `{"key":"NW-[[nr]]"}`, `{"summary":"CI rot auf main","status":"In Arbeit"}`)), also(mcp("jira", "add_comment", `{"key":"NW-[[nr]]","body":"Behoben, zwei ungeprüfte Fehler."}`, `{"ok":true}`))},
				say: "Kommentar steht im Ticket.",
			},
		}},
		{"", "fr", []turn{
			{
				ask: "Pourquoi cette requête est-elle si lente ? [[n]] secondes en production.",
				do:  [][]call{also(readOf("sql/sejours.sql", "SELECT * FROM sejour WHERE date_trunc('day', debut) = $1")), also(sh("psql -f sql/explain.sql", "Seq Scan on sejour  (rows=[[m]])"))},
				say: "La fonction sur la colonne empêche l'index : remplaçons date_trunc par un intervalle.",
			},
			{
				ask: "D'accord, corrige et mesure à nouveau.",
				do:  [][]call{also(edit("sql/sejours.sql", "date_trunc('day', debut) = $1", "debut >= $1 AND debut < $1 + interval '1 day'")), also(sh("psql -f sql/explain.sql", "Index Scan using sejour_debut  (rows=41)"))},
				say: "Corrigé : 0,2 seconde au lieu de [[n]].",
			},
			{ask: "Merci. Prépare le commit.", do: [][]call{also(sh("git commit -am 'Requête des séjours : intervalle'", "[main [[hash]]] Requête des séjours"))}, say: "Commit [[hash]] prêt."},
		}},
		{"", "fr", []turn{
			{
				ask: "Écris un test pour le cas où le fichier est vide.",
				do:  [][]call{also(read("tests/test_lecture.py")), also(edit("tests/test_lecture.py", "# cas", "# cas\ndef test_vide():\n    assert lire('') == []")), also(sh("pytest -q", "[[n]] passed"))},
				say: "Test ajouté, tout passe.",
			},
			{ask: "Et le cas d'un encodage latin-1 ?", do: [][]call{also(edit("tests/test_lecture.py", "# cas", "# cas latin-1")), also(fails("pytest -q", "1 failed: UnicodeDecodeError"))}, say: "Ce cas échoue : la lecture suppose UTF-8. Je propose de détecter l'encodage."},
		}},
	}
}

// robotStories are what automations do without anybody at them.
func robotStories() map[string][]story {
	review := story{"", "en", []turn{{
		ask: "Review the changes of pull request [[nr]] and print findings as JSON.",
		do:  [][]call{also(sh("git diff --stat origin/main...HEAD", " 6 files changed, [[n]] insertions(+)"), sh("git log -1 --format=%s", "Cache the code system")), also(read("src/map.go"), read("src/cache.go")), also(slowly(sh("make test", "ok ([[m]] tests)")))},
		say: `{"findings":[{"file":"src/cache.go","line":[[n]],"severity":"low"}]}`,
	}}}
	return map[string][]story{
		"ci-clinical": {review, {"", "en", []turn{{
			ask: "Run the migration check against the empty schema and summarise.",
			do:  [][]call{also(sh("./scripts/migrate.sh --check", "[[n]] migrations, 0 pending")), also(sh("dbt compile --target ci", "Compiled [[n]] models"))},
			say: "No pending migration; all models compile.",
		}}}},
		"ci-integration": {review, {"", "en", []turn{{
			ask: "Replay the recorded HL7 messages and compare the output.",
			do:  [][]call{also(slowly(sh("go test ./replay -run Recorded", "ok  \treplay\t[[n]].2s"))), also(grep("MISMATCH", "out", "0 matches"))},
			say: "[[m]] messages replayed, no difference.",
		}}}},
		"nightly-quality": {{"", "en", []turn{{
			ask: "Nightly report: completeness of [[table]] for yesterday. Name tables below 98 %.",
			do: [][]call{
				also(sh("psql -At -f checks/completeness.sql", "[[table]]|99.[[n]]\ntransfer|97.4")), also(sh("psql -At -f checks/duplicates.sql", "0")),
				also(create("reports/quality.md", "# Data quality\n\ntransfer 97.4 %\n")),
			},
			say: "Report written: one table below 98 % (transfer, 97.4 %).",
		}}}},
		"release-notes": {{"", "en", []turn{{
			ask: "Write release notes from the merged pull requests since the last tag.",
			do:  [][]call{also(sh("git log --merges --oneline v2.[[n]]..HEAD", "[[hash]] Merge pull request #[[nr]]"), mcp("github", "list_issues", `{"repo":"hl7-router","state":"closed"}`, `{"total":[[n]]}`)), also(create("RELEASE.md", "## What changed\n"))},
			say: "RELEASE.md holds [[n]] entries.",
		}}}},
	}
}
