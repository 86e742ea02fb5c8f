package organisation

import (
	"context"
	"slices"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

// TestIdentifiers: an account is told by its id, every address it had, those that clients assert, and the one that a
// listing alone tells.
func TestIdentifiers(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.activity("claude_chat_created", "user_dana", "dana.old@example.com", "claude_chat_id", "chat_1")
	f.listed("first_seen", "user_dana", "dana@example.com", "user")
	f.client("Dana@example.com", "s1")
	f.record(&audit.Record{Source: audit.SourceComplianceDirectory, Activity: audit.ActivityAdminChange, Type: "directory.user",
		Attributes: attrs("change", "first_seen", "id", "user_kofi", "organization_uuid", org, "email", "Kofi@example.com", "organization_role", "user")})
	f.apply()
	for id, want := range map[string][]string{
		"user:user_dana": {"email:dana.old@example.com", "email:dana@example.com", "user:user_dana"},
		"user:user_kofi": {"email:kofi@example.com", "user:user_kofi"},
	} {
		a, _, err := f.view.Account(context.Background(), id)
		if err != nil || a == nil {
			t.Fatalf("%s: %+v, %v", id, a, err)
		}
		got := a.Identifiers()
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s is known as %v, not as %s", id, got, w)
			}
		}
	}
}
