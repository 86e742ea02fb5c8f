package content

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
)

// localSessions are those of clients on devices. What changed is asked for from a few minutes before the last round
// began, as the vendor advises; transcripts show some minutes late.
func localSessions(cfg Config) part {
	return part{
		name: "local_sessions", says: "local sessions", feed: "compliance.session.local", kind: normalise.KindSession, every: cfg.Interval, limit: 100, settles: true,
		since: func(st *state, _ time.Time) time.Time { return overlapped(st, cfg) },
		list: func(ctx context.Context, c *api.Client, since time.Time, limit int, page string) (api.Listing, error) {
			return c.LocalSessions(ctx, since, limit, page, api.Content)
		},
		inside: transcript(kindLocal),
	}
}

// overlapped is from when on a round asks for changes.
func overlapped(st *state, cfg Config) time.Time {
	if st.Seen.IsZero() {
		return st.Start
	}
	return st.Seen.Add(-cfg.Overlap)
}

// transcript has what was said read where the policy keeps it, and not asked for elsewhere.
func transcript(kind string) func(object) []item {
	return func(o object) []item {
		if !o.level.Allows(audit.ClassText) {
			return nil
		}
		return []item{{Kind: kind, ID: o.id, Subject: o.subject, Settled: !o.fresh}}
	}
}
