package trouble_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// door keeps what is told and the cursors with it, unless it is shut.
type door struct {
	told    []string
	cursors map[string][]byte
	shut    bool
}

func (d *door) Record(_ context.Context, a intake.Act, cursors map[string][]byte) (uint64, error) {
	if d.shut {
		return 0, errors.New("disk is full")
	}
	s := a.Type
	for _, n := range []string{"feed", "reason", "read_up_to"} {
		if v, ok := a.Attributes.Get(n); ok {
			s += " " + v.Text()
		}
	}
	d.told = append(d.told, s)
	for name, b := range cursors {
		d.cursors[name] = b
	}
	return 1, nil
}

func (d *door) Cursor(_ context.Context, name string) ([]byte, error) { return d.cursors[name], nil }

// TestTold has a part out of reach over a restart, for another reason, and back.
func TestTold(t *testing.T) {
	t.Parallel()
	d, h := &door{cursors: map[string][]byte{}}, &health.Registry{}
	watch := func() *trouble.Watch {
		w, err := trouble.New(trouble.Config{Part: "directory", Feed: "compliance.directory", Host: "vendor.example", Scope: "read:compliance_org_data",
			ReadUpTo: func() time.Time { return time.Unix(0, 0) }}, trouble.Deps{Door: d, Cursors: d, Health: h})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	raised := func(want ...string) {
		t.Helper()
		var got []string
		for _, c := range h.Conditions() {
			got = append(got, c.Code)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("conditions (-want +got):\n%s", diff)
		}
	}
	w := watch()
	if err := w.Succeeded(t.Context()); err != nil || len(d.told) > 0 {
		t.Errorf("%v %v", d.told, err)
	}
	forbidden, broken := &api.Error{Status: 403}, &api.Error{Status: 500}
	d.shut = true
	w.Failed(t.Context(), forbidden)
	d.shut = false
	if wait := w.Failed(t.Context(), forbidden); wait <= 0 || w.Failures() != 2 {
		t.Errorf("wait %v after %d failures", wait, w.Failures())
	}
	w.Failed(t.Context(), forbidden)
	raised("compliance.directory.forbidden")
	h, w = &health.Registry{}, nil
	w = watch()
	w.Failed(t.Context(), forbidden)
	raised("compliance.directory.forbidden")
	w.Failed(t.Context(), broken)
	raised("compliance.directory.unreachable")
	if err := w.Succeeded(t.Context()); err != nil {
		t.Error(err)
	}
	raised()
	want := []string{
		"tripod.feed.interrupted compliance.directory forbidden 1970-01-01T00:00:00Z", "tripod.feed.interrupted compliance.directory unreachable 1970-01-01T00:00:00Z",
		"tripod.feed.resumed compliance.directory unreachable",
	}
	if diff := cmp.Diff(want, d.told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w = watch() // and after another restart there is nothing left to tell
	if err := w.Succeeded(t.Context()); err != nil || len(d.told) != len(want) {
		t.Errorf("%v %v", d.told, err)
	}
}

// TestDiagnose names what only a wrapped error shows; what the server answers is in the tests of the feed.
func TestDiagnose(t *testing.T) {
	t.Parallel()
	f := func(err error, want string) {
		t.Helper()
		if got := trouble.Diagnose(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	f(trouble.Ours(&api.Error{Status: 401}), "")
	f(intake.ErrUnavailable, "")
	f(api.ErrKey, "key_missing")
	f(api.ErrMalformed, "malformed")
	f(&api.Error{Status: 404, Message: "Not found"}, "key_refused")
	f(&api.Error{Status: 404, Message: "Group not found."}, "refused")
	f(&api.Error{Status: 403, Scopes: []string{"api:admin", api.ScopeActivities}}, "console_key")
	f(&api.Error{Status: 403, Scopes: []string{"api:admin"}}, "forbidden")
	f(errors.New("who knows"), "unreachable")
	if trouble.Ours(nil) != nil {
		t.Error("no error became one")
	}
}
