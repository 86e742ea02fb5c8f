package complianceapi_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// TestPlay: sessions beside the world's plan are listed and have transcripts, no part of them before its time.
func TestPlay(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Rate: -1, RemoteRate: -1})
	planned := len(b.sessions("local", "limit", "500"))
	uses, played := map[string]bool{}, map[string]bool{}
	for n := range 6 {
		acts := b.world.Live(n, b.clock.now())
		b.api.Play(acts)
		for _, act := range acts {
			if !slices.Contains(act.Seen, audit.SourceComplianceSession) || act.Surface == audit.SurfaceCoworkRemote {
				continue
			}
			played[act.Keys.Session] = true
			if act.Kind == world.Request {
				for _, id := range act.Request.ToolUses {
					uses[id] = true
				}
			}
		}
	}
	if len(played) == 0 || len(uses) == 0 {
		t.Fatalf("%d sessions, %d tool uses: nothing to test with", len(played), len(uses))
	}
	if n := len(b.sessions("local", "limit", "500")); n != planned {
		t.Errorf("%d sessions are listed before they were, there were %d", n, planned)
	}
	b.clock.pass(30 * time.Minute)
	got := map[string]bool{}
	list := b.sessions("local", "limit", "500", "created_at.gte", noon().Format(time.RFC3339))
	for _, s := range list {
		for _, m := range b.messages("/apps/sessions/local/" + s["id"].(string) + "/messages") {
			for _, c := range m["content"].([]any) {
				if c := c.(map[string]any); c["type"] == "tool_use" {
					got[c["id"].(string)] = true
				}
			}
		}
	}
	missed := 0
	for id := range uses {
		if !got[id] {
			missed++
		}
	}
	if len(list) < len(played) || missed > 0 {
		t.Errorf("%d of %d sessions are listed, %d of %d tool uses are in no transcript", len(list), len(played), missed, len(uses))
	}
}

// TestUntil: a world that has ended stays as it was, and what is asked of the API afterwards is on record.
func TestUntil(t *testing.T) {
	t.Parallel()
	end := noon().Add(-6 * time.Hour)
	b, whole := newBench(t, complianceapi.Options{Until: end}), newBench(t, complianceapi.Options{})
	want, before := b.api.Truth(noon().AddDate(0, 0, -1), end), whole.api.Truth(noon().AddDate(0, 0, -1), end)
	if len(want) == 0 || !slices.Equal(want, before) {
		t.Errorf("%d activities before the end, want the %d of a world without one", len(want), len(before))
	}
	if got := b.api.Truth(end, noon().Add(time.Hour)); len(got) != 0 {
		t.Errorf("%d activities after the end", len(got))
	}
	b.get("/organizations")
	if got := b.api.Truth(end, noon().Add(time.Hour)); len(got) != 1 {
		t.Errorf("%d activities after a call", len(got))
	}
}
