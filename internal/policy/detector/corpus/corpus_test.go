package corpus_test

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/policy/detector/corpus"
)

func TestCorpusIsDeterministicAndLabelled(t *testing.T) {
	t.Parallel()
	templates := map[string]corpus.Part{}
	for _, part := range []corpus.Part{corpus.Tuning, corpus.HeldOut} {
		samples, err := corpus.Make(1, part, 1500, 500)
		if err != nil {
			t.Fatal(err)
		}
		again, err := corpus.Make(1, part, 1500, 500)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(samples, again); diff != "" {
			t.Fatal(diff)
		}
		kinds := map[string]bool{}
		for _, s := range samples {
			if other, ok := templates[s.Template]; ok && other != part {
				t.Errorf("template %q is in both parts", s.Template)
			}
			templates[s.Template] = part
			if s.Positive && len(s.Labels) == 0 {
				t.Errorf("positive without a label: %q", s.Text)
			}
			for _, l := range s.Labels {
				if kinds[l.Kind] = true; l.Start >= l.End || l.End > len(s.Text) {
					t.Errorf("label %v of %d bytes", l, len(s.Text))
				}
			}
			if !utf8.ValidString(s.Text) {
				t.Errorf("%q is no text", s.Text)
			}
		}
		if len(kinds) < 60 {
			t.Errorf("%d kinds", len(kinds))
		}
	}
}
