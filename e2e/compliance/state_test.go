package compliance

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// clock is the vendor's: it goes on from a time that a test sets.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) set(t time.Time) { c.ahead.Store(int64(time.Until(t))) }

// TestDirectoryAndSettings serves on the night on which single sign-on is turned off, and again in the week after: the
// directory is that of the enterprise, who left is remembered, and the drift of the settings begins and ends.
func TestDirectoryAndSettings(t *testing.T) {
	slow(t)
	var at clock
	w := world.New(world.Options{Seed: 11})
	from, to := w.When(world.SSOOff, time.Now().AddDate(0, 0, -20))
	at.set(from.Add((to.Sub(from)) / 2))
	vendor, url := enterprise(t, func(o *simulated.Options) { o.World, o.Now, o.Since = w, at.now, from.Add(-24*time.Hour) })
	c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, vendor.Keys().Read), "TRIPOD_COMPLIANCE_URL": url})
	c.Compliance.Without = []string{"content"}
	var log strings.Builder
	stop := serve(t, c, &log)
	follow(t, c.Data, func(records []*audit.Record) bool {
		return swept(records, "compliance.directory") > 0 && swept(records, "compliance.settings") > 0 && swept(records, "compliance.activity") > 0
	})
	wantDrift(t, c.Data, correlate.StateOpen, w.Account("marit@"+w.Org.Domain).Email)
	wantAccounts(t, c.Data, w, at.now(), 0)
	marit := w.Account("marit@" + w.Org.Domain).Email
	wantOrganisation(t, c.Data, w, at.now(), 0, []string{"sso_claude_ai_enforced", "sso_console_enforced", "sso_enabled"}, marit)
	stop()
	at.set(from.AddDate(0, 0, 7).Add(-time.Hour)) // one left on Friday and one joined on Monday
	c.Compliance.DirectoryInterval = time.Minute
	stop = serve(t, c, &log)
	follow(t, c.Data, func(records []*audit.Record) bool {
		return swept(records, "compliance.directory") > 1 && swept(records, "compliance.settings") > 1
	})
	wantDrift(t, c.Data, correlate.StateClosed, w.Account("marit@"+w.Org.Domain).Email)
	wantAccounts(t, c.Data, w, at.now(), 1)
	wantOrganisation(t, c.Data, w, at.now(), 1, nil, marit)
	stop()
}

// swept counts the readings of a part that came to their end.
func swept(records []*audit.Record, feed string) (n int) {
	for _, r := range records {
		if v, _ := r.Attributes.Get("feed"); r.Type == "tripod.feed.statement" && v.Str() == feed {
			n++
		}
	}
	return n
}

// wantDrift waits until single sign-on is the drift there is, in both organisations, and looks at who is named.
func wantDrift(t *testing.T, dir string, state correlate.State, who string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var got []string
		named := ""
		for _, d := range drifts(t, dir) {
			if d.State == state {
				got = append(got, d.Details.Setting)
			}
			if p := d.Details.Proved; p != nil {
				named = p.Email
			}
		}
		slices.Sort(got)
		want := []string{"sso_claude_ai_enforced", "sso_claude_ai_enforced", "sso_console_enforced", "sso_console_enforced", "sso_enabled", "sso_enabled"}
		if cmp.Equal(want, got) && named == who {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: %v, by %q", state, got, named)
		}
	}
}

func drifts(t *testing.T, dir string) []correlate.Discrepancy {
	t.Helper()
	v, err := correlate.OpenReader(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	list, err := v.List(t.Context(), correlate.Filter{Kind: correlate.KindSettingsDrift})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// wantAccounts holds the accounts in the journal against those the enterprise has, and counts those who left.
func wantAccounts(t *testing.T, dir string, w *world.World, now time.Time, gone int) {
	t.Helper()
	there := map[string]bool{}
	for _, r := range follow(t, dir, func([]*audit.Record) bool { return true }) {
		if r.Type == "directory.user" && r.Account.Proved.Org == w.Org.UUID {
			change, _ := r.Attributes.Get("change")
			there[r.Account.Proved.Email] = change.Str() != "removed"
		}
	}
	left := 0
	for _, a := range w.Accounts {
		if is, known := there[a.Email]; !is && known {
			left++
		}
	}
	for _, a := range w.Members(now) {
		if !a.Service && !there[a.Email] {
			t.Errorf("%s is not in the directory", a.Email)
		}
		delete(there, a.Email)
	}
	for email, is := range there {
		if is {
			t.Errorf("%s is in the directory and not of the enterprise", email)
		}
	}
	if left != gone {
		t.Errorf("%d are known to have left, want %d", left, gone)
	}
}
