package correlate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

// snapshots is what the settings collector tells, and what the feed shows of changes.
type snapshots struct{ *ours }

// value is a record of a setting as of now, read every quarter of an hour.
func (s *snapshots) value(org, setting, value string, drift any, first ...audit.Attr) uint64 {
	r := &audit.Record{Version: 1, Source: audit.SourceComplianceSettings, Activity: audit.ActivityState, Type: "settings.value", Occurred: s.now, Attributes: append(first, attrs(
		"change", "changed", "organization_uuid", org, "setting", setting, "value", value, "last_sweep", s.now.Add(-15*time.Minute).Format(time.RFC3339))...)}
	if on, judged := drift.(bool); judged {
		r.Attributes = append(r.Attributes, audit.Attr{Name: "drift", Value: audit.Bool(on)})
		r.Attributes = append(r.Attributes, attrs("expected", "true", "baseline", "sso", "reason", "passwords can be phished", "severity", "high")...)
	}
	r.Account.Proved.Credential = "compliance"
	return s.record(r)
}

// hides is the record of a setting that a snapshot does not show any more.
func (s *snapshots) hides(org, setting string) uint64 {
	r := &audit.Record{Version: 1, Source: audit.SourceComplianceSettings, Activity: audit.ActivityState, Type: "settings.value", Occurred: s.now, Attributes: attrs(
		"change", "removed", "id", setting, "organization_uuid", org, "setting", setting, "previous", "false", "last_sweep", s.now.Add(-15*time.Minute).Format(time.RFC3339))}
	r.Account.Proved.Credential = "compliance"
	return s.record(r)
}

// toggles is an act of the feed that happened the given time ago.
func (s *snapshots) toggles(org, who string, on bool, ago time.Duration) uint64 {
	r := &audit.Record{Version: 1, Source: audit.SourceComplianceActivity, Activity: audit.ActivitySettingChange, Type: "org_sso_toggled", Occurred: s.now.Add(-ago),
		Attributes: audit.Attrs{{Name: "enabled", Value: audit.Bool(on)}}}
	r.Account.Proved = audit.Identity{Email: who, Org: org, Credential: "compliance"}
	return s.record(r)
}

func (s *snapshots) pass() { s.later(15 * time.Minute) }

func TestDrift(t *testing.T) {
	t.Parallel()
	const (
		is     = "The setting sso_enabled of organisation o1 is off where the baseline expects on (rule sso: passwords can be phished)"
		before = "The setting sso_enabled of organisation o1 was off where the baseline expects on (rule sso: passwords can be phished); "
		was    = "closed: " + before + "the baseline finds nothing to object to in it any more"
	)
	hidden := before + "it is no longer shown since " + t0.Add(30*time.Minute).Format(time.RFC3339) + ", which does not say that it is otherwise now"
	f := func(name string, want []string, story func(s *snapshots)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &snapshots{&ours{feed: newFeed(t)}}
			s.value("o1", "sso_enabled", "true", false)
			s.pass()
			story(s)
			if diff := cmp.Diff(want, s.found()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	off := func(s *snapshots) { s.value("o1", "sso_enabled", "false", true); s.pass() }
	f("never", nil, func(s *snapshots) { s.value("o1", "sso_enabled", "true", false) })
	f("off", []string{is}, off)
	f("off and on", []string{was}, func(s *snapshots) { off(s); s.value("o1", "sso_enabled", "true", false) })
	f("off, and not judged any more", []string{was}, func(s *snapshots) { off(s); s.value("o1", "sso_enabled", "false", nil) })
	f("off, and without a value", []string{was}, func(s *snapshots) { off(s); s.value("o1", "sso_enabled", "", nil) })
	hides := func(s *snapshots) { s.hides("o1", "sso_enabled"); s.pass() }
	f("off, and no longer shown", []string{hidden}, func(s *snapshots) { off(s); hides(s) })
	f("off, no longer shown, and shown as before", []string{is}, func(s *snapshots) { off(s); hides(s); off(s) })
	f("off, no longer shown, and on", []string{was}, func(s *snapshots) { off(s); hides(s); s.value("o1", "sso_enabled", "true", false) })
	f("on, and no longer shown", nil, hides)
	f("another setting and organisation are on", []string{is}, func(s *snapshots) {
		off(s)
		s.value("o2", "sso_enabled", "true", false)
		s.value("o1", "sso_console_enforced", "true", false)
	})
	f("off again", []string{is, was}, func(s *snapshots) {
		off(s)
		s.value("o1", "sso_enabled", "true", false)
		s.pass()
		off(s)
	})
	f("told again while off", []string{is}, func(s *snapshots) { off(s); off(s) })
}

// TestDriftNamesWho: the feed may show the act before the snapshot or after it; an act on another setting, of another
// organisation, of another time or to another end is none.
func TestDriftNamesWho(t *testing.T) {
	t.Parallel()
	f := func(name, want string, story func(s *snapshots)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &snapshots{&ours{feed: newFeed(t)}}
			s.value("o1", "sso_enabled", "true", false)
			s.pass()
			story(s)
			s.found()
			got := ""
			if d := s.list(Filter{Kind: KindSettingsDrift}); len(d) != 1 {
				t.Fatalf("%+v", d)
			} else if d[0].Details.Proved != nil {
				got = d[0].Details.Proved.Email
				if d[0].Details.Act == 0 || d[0].Severity != SeverityHigh || d[0].Details.Value != "false" || d[0].Details.Rule != "sso" || d[0].Details.Setting != "sso_enabled" ||
					d[0].Details.Organization != "o1" || !d[0].From.Equal(d[0].To.Add(-15*time.Minute)) {
					t.Errorf("%+v", d[0])
				}
			}
			if got != want {
				t.Errorf("named %q, want %q", got, want)
			}
		})
	}
	off := func(s *snapshots, first ...audit.Attr) { s.value("o1", "sso_enabled", "false", true, first...) }
	f("before", "marit@example.com", func(s *snapshots) { s.toggles("o1", "marit@example.com", false, 5*time.Minute); s.apply(); off(s) })
	f("after", "marit@example.com", func(s *snapshots) {
		off(s)
		s.later(2 * time.Minute)
		s.toggles("o1", "marit@example.com", false, 5*time.Minute)
	})
	f("the last of several", "aaron@example.com", func(s *snapshots) {
		s.toggles("o1", "aaron@example.com", false, 2*time.Minute)
		s.toggles("o1", "marit@example.com", false, 9*time.Minute)
		off(s)
	})
	f("to another end", "", func(s *snapshots) { s.toggles("o1", "marit@example.com", true, 5*time.Minute); off(s) })
	f("elsewhere", "", func(s *snapshots) { s.toggles("o2", "marit@example.com", false, 5*time.Minute); off(s) })
	f("long before", "", func(s *snapshots) { s.toggles("o1", "marit@example.com", false, time.Hour); off(s) })
	f("after the snapshot", "", func(s *snapshots) { off(s); s.later(10 * time.Minute); s.toggles("o1", "marit@example.com", false, 0) })
	f("by the vendor's other way to say it", "dana@example.com", func(s *snapshots) {
		r := &audit.Record{Version: 1, Source: audit.SourceComplianceActivity, Activity: audit.ActivitySettingChange, Type: "claude_organization_settings_updated", Occurred: s.now,
			Attributes: append(attrs("updates.0.type", "name", "updates.1.type", "sso_enabled"), audit.Attr{Name: "updates.1.current_value", Value: audit.Bool(false)})}
		r.Account.Proved = audit.Identity{Email: "dana@example.com", Org: "o1"}
		s.record(r)
		off(s)
	})
	f("judged otherwise, and not changed", "", func(s *snapshots) {
		s.toggles("o1", "marit@example.com", false, 30*time.Second)
		s.now = s.now.Add(time.Second)
		off(s, audit.Attr{Name: "change", Value: audit.String("judged")})
	})
	f("erased since", "", func(s *snapshots) {
		act := s.toggles("o1", "marit@example.com", false, 5*time.Minute)
		off(s)
		s.pass()
		s.erases(act)
	})
}

// erases records the order to erase a record.
func (s *snapshots) erases(seq uint64) {
	r := &audit.Record{Version: 1, Source: audit.SourceTripod, Surface: audit.SurfaceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord, Outcome: audit.OutcomeSuccess,
		Occurred: s.now, Attributes: attrs("position", int(seq), "commitment", audit.Commitment{1}.String())}
	s.record(r)
	s.apply()
}
