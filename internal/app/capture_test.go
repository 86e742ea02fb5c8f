package app_test

import (
	"context"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
)

// TestCaptureChangeIsOnRecord: another capture policy in force is a record, with its rules, wherever it was changed; the
// same one again is none.
func TestCaptureChangeIsOnRecord(t *testing.T) {
	cfg := cfgFor(t.TempDir())
	changes := func(want int) []audit.Record {
		t.Helper()
		r, err := journal.OpenReader(context.Background(), cfg.Data)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var list []audit.Record
		for stored, err := range r.Scan(context.Background(), 1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if rec, err := stored.Record(); err == nil && rec.Type == "tripod.capture.change" {
				list = append(list, *rec)
			}
		}
		if len(list) != want {
			t.Fatalf("%d changes are on record, want %d", len(list), want)
		}
		return list
	}
	s := serve(t, cfg)
	changes(0) // out of the box
	text := func(r *audit.Record, name string) string {
		v, _ := r.Attributes.Get(name)
		return v.Text()
	}
	next := cfg
	next.Capture = capture.Config{Rules: []capture.Rule{{Group: []string{"council"}, Keep: audit.ClassMetadata}}}
	for range 2 {
		if err := s.Reload(context.Background(), func() (config.Config, error) { return next, nil }); err != nil {
			t.Fatal(err)
		}
	}
	got := changes(1)[0]
	if text(&got, "before") != (capture.Config{}).Digest() || text(&got, "after") != next.Capture.Digest() || len(got.Content) != 1 || got.Content[0].Class != audit.ClassDetail || got.Content[0].Address == "" {
		t.Errorf("%+v", got)
	}
	// It is in force at once: what says so is withheld by a policy that keeps nothing.
	next.Capture = capture.Config{Rules: []capture.Rule{{Keep: audit.ClassMetadata}}}
	if err := s.Reload(context.Background(), func() (config.Config, error) { return next, nil }); err != nil {
		t.Fatal(err)
	}
	if got := changes(2)[1]; got.Content[0].Withheld != audit.WithheldPolicy {
		t.Errorf("the old policy is in force: %+v", got.Content)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	serve(t, next) // the same after a restart
	changes(2)
}
