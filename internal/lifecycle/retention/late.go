package retention

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// LateAfter is how long purges may go on without coming to their end before that is a fault: serve begins one every hour.
const LateAfter = 48 * time.Hour

// Ended is when a purge last left nothing that was due; zero where none ever did. due is false where nothing ever goes.
func (k *Keeper) Ended(ctx context.Context) (at time.Time, due bool, err error) {
	if k.cfg.idle() {
		return time.Time{}, false, nil
	}
	p, err := k.progress(ctx, k.deps.Now().UTC())
	return p.Ended, true, err
}

// EndedIn is Ended as the cursors of a journal have it (see journal.Reader.Mark), for who has no Keeper.
func EndedIn(cursors map[string][]byte) time.Time {
	var p progress
	if json.Unmarshal(cursors[CursorName], &p) != nil {
		return time.Time{}
	}
	return p.Ended
}

// checkLate raises ConditionPurge while purges succeed and yet do not come to their end, and clears it otherwise.
func (k *Keeper) checkLate(ctx context.Context) {
	at, _, err := k.Ended(ctx)
	switch {
	case err != nil:
		k.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "cannot tell when a purge last came to its end", slog.Any("error", err))
	case !at.IsZero() && k.deps.Now().Sub(at) > LateAfter:
		k.deps.Health.Raise(ConditionPurge, health.Warning, fmt.Sprintf("no purge has come to its end since %s: more falls due than is purged; tripod retention purge goes on until nothing is left",
			at.UTC().Format(time.RFC3339)))
	default:
		k.deps.Health.Clear(ConditionPurge)
	}
}
