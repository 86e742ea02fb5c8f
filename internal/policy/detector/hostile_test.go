package detector

import (
	"strings"
	"testing"
)

// TestHostileTextTakesLinearTime counts the bytes judges look at, for texts made to call as many of them as can be.
func TestHostileTextTakesLinearTime(t *testing.T) {
	t.Parallel()
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	work := func(text string) int {
		st := s.Stream()
		st.Write([]byte(text))
		st.Close()
		return st.work
	}
	for _, unit := range []string{"a@", "a@b.cc ", "4", "4111 1111 ", "1 ", "+1 ", " sk-", "AKIA ", "password=", "secret: ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", " eyJ", "a://", "ignore all ", "do not ",
		"curl -", "![", "![](http", "\u0430a", "a\u200b", "born 12 ", "DE89 ", "ssn 1 ", "A", "patpat ", "hvs.", "<!--", "bearer ", "UUtJQ", "QUtJQ"} {
		// A bound for each byte, at a length beyond the longest window, is what makes the time linear.
		const size, most = 3 * longest / 2, 700
		if n := work(strings.Repeat(unit, size/len(unit))); n > most*size {
			t.Errorf("%q: %d bytes looked at for each", unit, n/size)
		}
	}
}
