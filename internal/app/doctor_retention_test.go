package app

import (
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

func TestPurgeFinding(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	long, lately := now.Add(-72*time.Hour), now.Add(-time.Hour)
	ends := retention.Config{Classes: []retention.Class{{Name: "words", What: retention.Texts, Keep: retention.Period{Days: 30}}}}
	for _, c := range []struct {
		name       string
		cfg        retention.Config
		set, ended time.Time
		found, ok  bool
	}{
		{"nothing ends", retention.Config{Classes: []retention.Class{{Name: "law"}}}, long, time.Time{}, false, false},
		{"set lately", ends, lately, time.Time{}, true, true},
		{"never", ends, long, time.Time{}, true, false},
		{"long ago", ends, long, long, true, false},
		{"lately", ends, long, lately, true, true},
	} {
		got := purgeFinding(&c.cfg, c.set, c.ended, now)
		if (len(got) == 1) != c.found || c.found && (got[0].OK != c.ok || !c.ok && got[0].Fix == "") {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
