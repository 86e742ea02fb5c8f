package recorder

import (
	"context"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// markRetries marks the requests by which a client tries again what is not on record: its first attempt passed while
// nothing was recorded, or a kill took it.
func (r *Recorder) markRetries(ctx context.Context, batch []*note) {
	for _, n := range batch {
		if n.retry < 0 {
			continue
		}
		e := &n.entries[n.retry]
		rec := e.rec
		held, err := r.deps.Door.Held(ctx, intake.Delivery{Drafts: []intake.Draft{{Record: &rec, Form: e.form, Forever: true, Credential: n.x.credential}}})
		if err != nil || len(held) == 1 && held[0] {
			continue // what cannot be told is not claimed
		}
		n.retry = -1
		request := &n.entries[0].rec
		request.Attributes = append(request.Attributes, audit.Attr{Name: "retry_of_unrecorded", Value: audit.Bool(true)})
		r.stats.retries.Inc()
	}
}
