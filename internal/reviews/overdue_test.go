package reviews

import (
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
)

// TestOverdue holds that a review is overdue once its time is over, not because the week will end after it.
func TestOverdue(t *testing.T) {
	t.Parallel()
	week := WeekOf(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	due := week.Begin().Add(72 * time.Hour)
	for asOf, want := range map[time.Time]bool{week.Begin().Add(time.Hour): false, due: true, week.End(): true} {
		s := newSummary(week)
		s.asOf = asOf
		s.addBreakGlass(&casebook.Grant{ID: "G-2026-0001", BreakGlass: true, At: week.Begin(), ReviewDue: due})
		if got := s.d.Overdue() == 1; got != want {
			t.Errorf("overdue on %s: %t", asOf, got)
		}
	}
}
