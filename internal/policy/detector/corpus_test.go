package detector_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/policy/detector"
	"github.com/tripod-audit/tripod/internal/policy/detector/corpus"
)

func measure(t *testing.T, part corpus.Part, positives, negatives int) corpus.Scores {
	t.Helper()
	s := newSet(t, detector.Config{})
	samples, err := corpus.Make(2026, part, positives, negatives)
	if err != nil {
		t.Fatal(err)
	}
	scores, told := corpus.Scores{}, 0
	for _, sample := range samples {
		var found []corpus.Label
		for _, f := range s.Scan(sample.Text) {
			found = append(found, corpus.Label{Kind: f.Name(), Start: f.Start, End: f.End})
		}
		wrong, missed := scores.Add(sample, found)
		if told++; len(wrong)+len(missed) > 0 && testing.Verbose() && part == corpus.Tuning {
			for _, w := range wrong {
				t.Logf("wrong: %s %q in %q", w.Kind, sample.Text[w.Start:w.End], sample.Text)
			}
			for _, m := range missed {
				t.Logf("missed: %s %q in %q", m.Kind, sample.Text[m.Start:m.End], sample.Text)
			}
		}
	}
	return scores
}

// TestCorpus holds recall and precision on a fast subset of the corpus; bench/detectors measures all of it.
func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, part := range []corpus.Part{corpus.Tuning, corpus.HeldOut} {
		scores := measure(t, part, 1500, 3000)
		all := scores.Sum(func(string) bool { return true })
		t.Logf("%s: recall %.4f, precision %.4f: %+v", part, all.Recall(), all.Precision(), all)
		if all.Recall() < 0.95 || all.Precision() < 0.98 {
			t.Errorf("%s: recall %.4f, precision %.4f: %+v", part, all.Recall(), all.Precision(), all)
		}
	}
}
