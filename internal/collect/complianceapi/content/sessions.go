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
		name: "local_sessions", says: "local sessions", feed: "compliance.session.local", kind: normalise.KindSession, every: cfg.Interval, limit: api.MaxSessions, settles: true,
		since: func(st *state, _ time.Time, _ bool) time.Time { return overlapped(st, cfg) },
		list: func(ctx context.Context, c *api.Client, since time.Time, limit int, page string) (api.Listing, error) {
			return c.LocalSessions(ctx, since, limit, page, api.Content)
		},
		inside: transcript(kindLocal),
	}
}

// remoteSessions are those that run at the vendor. The list has no filter by their last change, so those made in a
// trailing time are listed in each round, and all of them once a day.
func remoteSessions(cfg Config) part {
	return part{
		name: "remote_sessions", says: "remote sessions", feed: "compliance.session.remote", kind: normalise.KindSession, every: cfg.Interval, limit: api.MaxSessions,
		since: func(st *state, now time.Time, whole bool) time.Time {
			if trailing := now.Add(-cfg.Trailing); !whole && !st.Seen.IsZero() && trailing.After(st.Start) {
				return trailing
			}
			return st.Start
		},
		list: func(ctx context.Context, c *api.Client, since time.Time, limit int, page string) (api.Listing, error) {
			return c.RemoteSessions(ctx, since, limit, page, api.Content)
		},
		inside: transcript(kindRemote),
	}
}

// chats are listed in the order in which they changed; a round goes on where the last one ended.
func chats(cfg Config) part {
	return part{
		name: "chats", says: "chats", feed: "compliance.chat", kind: normalise.KindChat, every: cfg.Interval, limit: api.MaxChats, resumes: true,
		since: func(st *state, _ time.Time, _ bool) time.Time { return st.Start },
		list: func(ctx context.Context, c *api.Client, since time.Time, limit int, page string) (api.Listing, error) {
			return c.Chats(ctx, since, limit, page, api.Content)
		},
		inside: transcript(kindChat),
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
