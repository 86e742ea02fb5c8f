package compliance

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// wantOrganisation holds the view of the organisation against the enterprise at a moment: its members, how many of those who
// were there left, which settings drift, and by whom single sign-on was changed last.
func wantOrganisation(t *testing.T, dir string, w *world.World, now time.Time, gone int, drift []string, by string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := app.OpenReading(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	view, err := r.Organisation(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, a := range w.Members(now) {
		if !a.Service {
			want = append(want, a.Email)
		}
	}
	slices.Sort(want)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		members, left := members(ctx, t, view)
		drifts, who := drifting(ctx, t, view)
		if cmp.Equal(want, members) && left == gone && cmp.Equal(drift, drifts) && who == by {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("members (-enterprise +view): %s\n%d left, want %d; %v drift, want %v; single sign-on by %q, want %q", cmp.Diff(want, members), left, gone, drifts, drift, who, by)
		}
	}
}

// members are the addresses of those whom the directory lists, and how many it listed before.
func members(ctx context.Context, t *testing.T, view organisation.Reader) (list []string, left int) {
	t.Helper()
	all, err := view.Accounts(ctx, organisation.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all.List {
		switch {
		case a.Listed:
			list = append(list, a.Name)
		case a.State == organisation.StateLeft:
			left++
		}
	}
	slices.Sort(list)
	return list, left
}

// drifting are the settings that drift, each once, and who changed the switch of single sign-on last.
func drifting(ctx context.Context, t *testing.T, view organisation.Reader) (names []string, by string) {
	t.Helper()
	settings, err := view.Settings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		if s.Drift {
			names = append(names, s.Name)
		}
		if s.Name == "sso_enabled" && s.By != "" {
			by = s.By
		}
	}
	slices.Sort(names)
	return slices.Compact(names), by
}
