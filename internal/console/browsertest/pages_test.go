package browsertest

import (
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// shown is a page as the test opens it.
type shown struct {
	name, path string
}

func pages(b *consoletest.Bench, sessions []string) []shown {
	return []shown{
		{"overview", "/"},
		{"activity", "/activity"},
		{"activity-wrong", "/activity?q=tool%3ABash+actvity%3Aprompt"},
		{"activity-empty", "/activity?q=tool%3ANothing+after%3A-7d"},
		{"session", "/session/" + sessions[len(sessions)/2]},
		{"record", "/record/7"},
		{"organisation", "/organisation"},
		{"account", "/organisation/account?id=user%3Auser_kofi"},
		{"health", "/health"},
		{"nowhere", nowhere[0]},
	}
}

// TestEveryPage opens every page in every look: no trouble in the browser, nothing wider than the window, nothing serious
// for axe.
func TestEveryPage(t *testing.T) {
	b := bench(t)
	sessions := b.Fill(40, time.Now())
	b.Organise(time.Now())
	br := open(t, b)
	for _, l := range looks {
		br.look(l)
		for _, p := range pages(b, sessions) {
			br.visit(p.path)
			br.shoot(p.name + "-" + l.String())
			if wide := eval[int64](br, "document.documentElement.scrollWidth"); wide > l.width {
				t.Errorf("%s %s: %d pixels wide", p.name, l, wide)
			}
			for _, finding := range br.axe() {
				t.Errorf("%s %s: %s", p.name, l, finding)
			}
		}
	}
}
