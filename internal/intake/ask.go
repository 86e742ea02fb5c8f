package intake

import (
	"context"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Level tells up to which class the capture policy keeps content of such a record, so that a way in need not ask its
// source for what would be withheld.
func (d *Door) Level(r *audit.Record, credential string) audit.Class {
	return d.policy.Load().Level(r, credential)
}

// Held tells of each draft whether it was delivered before with this very body. Only drafts whose ids are remembered for
// ever are ever held. What another delivery brings at the same time may be missed.
func (d *Door) Held(ctx context.Context, del Delivery) ([]bool, error) {
	ids := d.ids.identify(del)
	held := make([]bool, len(ids))
	for i := range ids {
		var err error
		if held[i], err = d.held(ctx, &del.Drafts[i], ids[i]); err != nil {
			return nil, unavailable(ctx, "look for earlier deliveries", err)
		}
	}
	return held, nil
}
