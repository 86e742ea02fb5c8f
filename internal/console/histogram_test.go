package console_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// heights are those of the bars of a class.
func heights(t *testing.T, body, class string) (list []float64) {
	t.Helper()
	for _, m := range regexp.MustCompile(`<rect class="`+class+`"[^>]* height="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		h, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h)
	}
	return list
}

// TestOneHighBarHidesNoOther holds that bars beside a very high one, and the part denied in that one, can be seen.
func TestOneHighBarHidesNoOther(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	s := &told{session: "busy", at: time.Now().Add(-3 * time.Hour)}
	tell := func(n int, o audit.Outcome) {
		for range n {
			s.event("tool_result", audit.ActivityToolResult, o, audit.Keys{}).Tool = "Bash"
			s.at = s.at.Add(-time.Second) // all at once
		}
	}
	tell(399, audit.OutcomeSuccess)
	tell(1, audit.OutcomeDenied)
	s.at = s.at.Add(time.Hour)
	tell(4, audit.OutcomeSuccess)
	b.Submit("fleet", s.drafts...)
	b.CatchUp()
	b.SignIn()
	for _, test := range []struct {
		query    string
		all, bad int // bars
	}{{"-source:tripod", 2, 1}, {"outcome:denied", 1, 1}, {"outcome:den*", 1, 1}, {"outcome:success,denied", 2, 1}, {"outcome:success", 2, 0}, {"-outcome:denied", 2, 0}} {
		body := b.Get("/activity" + query(test.query) + "&whole=1").Body
		all, bad := heights(t, body, "all"), heights(t, body, "bad")
		if len(all) != test.all || len(bad) != test.bad {
			t.Errorf("%s: %d bars, %d of them with a part denied; want %d and %d", test.query, len(all), len(bad), test.all, test.bad)
			continue
		}
		if len(all) == 2 && (all[0] != 100 || all[1] < 9 || all[1] > 11) {
			t.Errorf("%s: heights %v, want 100 and its tenth for a hundredth of the records", test.query, all)
		}
		if test.bad > 0 && bad[0] < 3 {
			t.Errorf("%s: what was denied is %.1f of 100 high", test.query, bad[0])
		}
		if legend := strings.Contains(body, `swatch bad`); legend != (test.bad > 0) {
			t.Errorf("%s: legend of the colour: %t", test.query, legend)
		}
	}
}
