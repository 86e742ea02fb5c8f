package timeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// TestOwners: an account is named once where the client asserts it and every witness proves it, and apart where one does not.
func TestOwners(t *testing.T) {
	t.Parallel()
	const dana, marit = "dana@example.com", "marit@example.com"
	f := func(want []timeline.Owner, accounts ...[2]string) {
		t.Helper()
		var s session
		for i, a := range accounts {
			r := s.event(float64(i), "user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess, audit.Keys{})
			r.Account = audit.Account{Asserted: audit.Identity{Email: a[0]}, Proved: audit.Identity{Email: a[1]}}
		}
		got, left := timeline.Build(s.entries, nil).Owners()
		if diff := cmp.Diff(want, got); diff != "" || left != 0 {
			t.Errorf("%v: %d left (-want +got):\n%s", accounts, left, diff)
		}
	}
	f([]timeline.Owner{{Value: dana, Proved: 1, Of: 1}}, [2]string{dana, dana}, [2]string{"", dana})
	f([]timeline.Owner{{Value: dana, Proved: 1, Of: 1}}, [2]string{"", dana}, [2]string{dana, dana})
	f([]timeline.Owner{{Other: []string{dana}, Of: 1}}, [2]string{"", dana})
	f([]timeline.Owner{{Value: dana, Of: 1}, {Other: []string{dana}, Of: 1}}, [2]string{dana, ""}, [2]string{"", dana})
	f([]timeline.Owner{{Value: dana, Proved: 1, Of: 1}, {Other: []string{marit}, Of: 1}}, [2]string{dana, dana}, [2]string{"", marit})
	f([]timeline.Owner{{Value: dana, Other: []string{marit}, Of: 1}, {Other: []string{marit}, Of: 1}}, [2]string{dana, marit}, [2]string{"", marit})
}
