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
		"curl -", "![", "![](http", "\u0430a", "a\u200b", "born 12 ", "DE89 ", "ssn 1 ", "A", "patpat ", "hvs.", "<!--", "bearer "} {
		const size = 64 << 10
		once, twice := work(strings.Repeat(unit, size/len(unit))), work(strings.Repeat(unit, 2*size/len(unit)))
		if twice > once*21/10+longest {
			t.Errorf("%q: %d bytes looked at in %d, %d in twice as many", unit, once, size, twice)
		}
		if once > 600*size {
			t.Errorf("%q: %d bytes looked at for each", unit, once/size)
		}
	}
}
