package health_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

func TestRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		r := health.Registry{Notify: func(c health.Condition) { heard = append(heard, c.Code) }}
		start := time.Now().UTC()
		r.Raise("view.behind", health.Warning, "search is 10 records behind")
		time.Sleep(time.Minute)
		r.Raise("journal.full", health.Critical, "the disk is full: free space on the data directory")
		r.Raise("view.behind", health.Warning, "search is 20 records behind")
		got := r.Conditions()
		if len(got) != 2 || got[0].Code != "journal.full" || got[1].Text != "search is 20 records behind" {
			t.Fatalf("conditions = %+v", got)
		}
		if len(heard) != 2 || heard[0] != "view.behind" || heard[1] != "journal.full" {
			t.Errorf("heard of %v, want each condition once", heard)
		}
		if !got[1].Since.Equal(start) {
			t.Errorf("since = %v, want the first raise %v", got[1].Since, start)
		}
		r.Clear("journal.full")
		r.Clear("never.raised")
		if got := r.Conditions(); len(got) != 1 || got[0].Code != "view.behind" {
			t.Fatalf("after clear: %+v", got)
		}
	})
}

func TestNilRegistryKeepsNothing(t *testing.T) {
	var r *health.Registry
	r.Raise("x", health.Critical, "y")
	r.Clear("x")
	if got := r.Conditions(); got != nil {
		t.Fatalf("conditions = %+v", got)
	}
}
