package policy

import (
	"regexp"
	"slices"
	"testing"
)

func TestNeededWords(t *testing.T) {
	t.Parallel()
	f := func(source string, want ...string) {
		t.Helper()
		p, err := newPattern(source)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.words, want) {
			t.Errorf("%s needs %q, want %q", source, p.words, want)
		}
	}
	f(`curl|wget`, "curl", "wget")
	f(`\bgit\s+(push|remote)\b`, "push", "remote")
	f(`a+b*`)
	f(`(ba|z)?sh\b`, "sh")
	f(`(?i)DROP\s+table`, "table")
	f(`x|curl`)
	f(`(curl){2}`, "curl")
	f(`(curl)?`)
}

// FuzzPattern: looking for words first never changes what matches.
func FuzzPattern(f *testing.F) {
	f.Add(`(?i)\bkill\b|s+t`, "ſtop \u212aill")
	f.Add(`(ab|cd)+e?f`, "xxcdf")
	f.Add(`(?:a(?i)bc|de)`, "aBC")
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(source) > 100 {
			return
		}
		p, err := newPattern(source)
		if err != nil {
			return
		}
		if want := regexp.MustCompile(source).MatchString(text); p.in(text) != want {
			t.Fatalf("%q in %q: %t with words %q", source, text, !want, p.words)
		}
	})
}
