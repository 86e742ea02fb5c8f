package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/policy/detector"
	"github.com/tripod-audit/tripod/internal/policy/detector/corpus"
)

// table is the generated part of the document.
func table(set *detector.Set, held, peer *result, o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nHeld-out part, seed %d: %d texts made to hold something, %d that only look like it, %d KB in all.\n\n", o.seed, o.positives, o.negatives, held.bytes>>10)
	b.WriteString("| | there | found | missed | wrong | recall | precision | time |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	row := func(what string, t corpus.Tally, took string) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %.4f | %.4f | %s |\n", what, t.Right+t.Missed, t.Right, t.Missed, t.Wrong, t.Recall(), t.Precision(), took)
	}
	row("**all families**", held.scores.Sum(everything), fmt.Sprintf("%d ms", held.took.Milliseconds()))
	row("**credentials**", held.scores.Sum(credential), "")
	if peer != nil {
		row("credentials, gitleaks 8.30.1 with its default rules", peer.scores.Sum(credential), fmt.Sprintf("%d ms", peer.took.Milliseconds()))
	}
	for _, family := range []string{detector.FamilyPersonal, detector.FamilyInjection, detector.FamilyInvisible, detector.FamilyDestination} {
		row(family, held.scores.Sum(func(kind string) bool { return strings.HasPrefix(kind, family+".") }), "")
	}
	b.WriteString("\n| kind | what | there | recall | precision | gitleaks: recall |\n|---|---|---:|---:|---:|---:|\n")
	unmeasured := []string{}
	for _, k := range set.Kinds() {
		t, ok := held.scores[k.Name()]
		if !ok {
			unmeasured = append(unmeasured, "`"+k.Name()+"`")
			continue
		}
		other := "–"
		if peer != nil && k.Detector == detector.FamilyCredential {
			other = fmt.Sprintf("%.2f", peer.scores[k.Name()].Recall())
		}
		fmt.Fprintf(&b, "| `%s` | %s | %d | %.2f | %.2f | %s |\n", k.Name(), k.Title, t.Right+t.Missed, t.Recall(), t.Precision(), other)
	}
	slices.Sort(unmeasured)
	fmt.Fprintf(&b, "\nFound but not in the corpus: %s.\n\n", strings.Join(unmeasured, ", "))
	return b.String()
}
