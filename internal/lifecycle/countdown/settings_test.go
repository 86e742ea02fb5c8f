package countdown

import "testing"

func TestShortest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words string
		data  []string
		want  period
		told  string
	}{
		{"chat: 24 months, project: indefinite", []string{"chat", "all"}, period{months: 24}, "chat: 24 months"},
		{"all: 1 day", []string{"chat", "all"}, period{days: 1}, "all: 1 day"},
		{"chat: 24 months, project: 90 days", nil, period{days: 90}, "project: 90 days"},
		{"chat: indefinite", []string{"chat"}, period{}, ""},
		{"project: 3 months", []string{"chat"}, period{}, ""},
		{`{"chat":{"type":"new"}}`, nil, period{}, ""},
		{"chat: 99999999999999999999 months", nil, period{}, ""},
		{"chat: -1 days", nil, period{}, ""},
		{"", nil, period{}, ""},
	} {
		if got, told := shortest(c.words, c.data); got != c.want || told != c.told {
			t.Errorf("%q: %v %q, want %v %q", c.words, got, told, c.want, c.told)
		}
	}
}

func FuzzShortest(f *testing.F) {
	f.Add("chat: 24 months, project: indefinite")
	f.Add("all: 1 day")
	f.Fuzz(func(t *testing.T, words string) {
		p, told := shortest(words, nil)
		if p.none() != (told == "") || p.months < 0 || p.days < 0 || p.months > 12*mostYears {
			t.Errorf("%q: %v %q", words, p, told)
		}
	})
}
