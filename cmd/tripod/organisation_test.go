package main

import (
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/organisation"
)

func TestSettingLine(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 15, 49, 9, 0, time.UTC)
	act := at.Add(-48 * time.Hour)
	found := organisation.Setting{Org: "o1", Name: "sso_enabled", Value: "false", Told: true, Snapshot: true, Since: at, Found: true, By: "dana@example.com", ByAt: &act, Seq: 9,
		Judged: true, Drift: true, Expected: "true", Baseline: "sso", Severity: "high", Reason: "why"}
	hidden, fed := found, organisation.Setting{Name: "sso_enabled", Value: "false", Told: true, Since: act, ByAt: &act, By: "dana@example.com"}
	hidden.Gone, hidden.GoneAt = true, &at
	f := func(s organisation.Setting, whose bool, want ...string) {
		t.Helper()
		line := settingLine(whose)(&s)
		for _, w := range want {
			if !strings.Contains(line, w) {
				t.Errorf("lacks %q: %s", w, line)
			}
		}
	}
	f(found, true, "! sso_enabled", "seen since 2026-11-23T15:49:09", "changed:2026-11-21T15:49:09", "by:dana@example.com", "organisation:o1", "expected:on", "rule:sso", "severity:high", "reason:why")
	f(hidden, false, "! sso_enabled", "no longer shown since 2026-11-23T15:49:09")
	f(fed, false, " since 2026-11-21T15:49:09", "  by:dana@example.com", "not judged")
	if got := judgement([]organisation.Setting{fed}, 0); !strings.Contains(got, "not read") {
		t.Errorf("the feed alone: %s", got)
	}
	if got := judgement([]organisation.Setting{found, fed}, 1); got != "1 away from the baseline" {
		t.Errorf("read: %s", got)
	}
	c := organisationSettings{Name: "sso"}
	if err := c.named([]organisation.Setting{found}); err == nil || !strings.Contains(err.Error(), "sso_enabled") {
		t.Errorf("a part of a name: %v", err)
	}
	a := organisation.Account{Name: "dana", Seen: []organisation.Seen{{Plane: "control", Last: at}, {Plane: "agent", Proved: true, Last: at}}}
	if got := accountLine(&a); strings.Count(got, "(asserted)") != 1 {
		t.Errorf("an account: %s", got)
	}
}
