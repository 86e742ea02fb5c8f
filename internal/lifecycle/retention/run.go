package retention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
)

const (
	firstPurge = 10 * time.Minute // after the start
	purgeEvery = time.Hour        // and what the last one took, twentyfold, if that is longer
	purgeShare = 20
)

// Run purges every hour until ctx ends, and returns nil. A purge that fails is a matter of health and tried again; so is a
// clock that went on further than Leap since the last one, and a restore, until somebody purges by hand.
func (k *Keeper) Run(ctx context.Context) error {
	if k.cfg.idle() {
		<-ctx.Done()
		return nil
	}
	wait := time.NewTimer(firstPurge)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		began := time.Now()
		done, more, err := k.byClock(ctx)
		took := time.Since(began)
		for _, d := range done {
			k.deps.Logger.LogAttrs(ctx, slog.LevelInfo, "purged what outlived its period", slog.String("class", d.Class), slog.String("what", string(d.What)),
				slog.Int("records", d.Records), slog.Int("blocks", d.Blocks), slog.Int("held", d.Held), slog.Uint64("record", d.Seq))
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			k.deps.Health.Raise(ConditionPurge, health.Warning, "what outlived its period is kept until a purge succeeds: "+err.Error())
			k.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "purge did not succeed", slog.Any("error", err))
		default:
			k.checkLate(ctx)
		}
		next := max(purgeEvery, purgeShare*took)
		if more {
			next = max(time.Minute, purgeShare*took)
		}
		wait.Reset(next)
	}
}

// Leap is how far the clock may go on between two purges before the next is left to somebody: a clock set wrong by years
// would have everything outlive its period at once, and what a purge destroyed nobody brings back.
const Leap = 7 * 24 * time.Hour

// byClock purges because it is time, unless that is left to somebody.
func (k *Keeper) byClock(ctx context.Context) (done []Purged, more bool, err error) {
	now := k.deps.Now().UTC()
	p, err := k.progress(ctx, now)
	switch {
	case err != nil:
		return nil, false, err
	case p.Ask:
		return nil, false, errors.New("a backup was restored: set the holds again that were set since it was made, see what tripod retention plan says, then run tripod retention purge once")
	case !p.Looked.IsZero() && now.Sub(p.Looked) > Leap:
		return nil, false, fmt.Errorf("since the last purge, at %s, the clock went on by %d days: see that %s is the right time and what tripod retention plan says, then run tripod retention purge once",
			p.Looked.Format(time.RFC3339), int(now.Sub(p.Looked).Hours()/24), now.Format(time.RFC3339))
	}
	return k.Purge(ctx, audit.Identity{})
}

// AskFirst is the cursor by which the clock does not purge until somebody has, out of the one there is: holds set after a
// backup was made are gone with its restore, and what they held must not go before they are set again.
func AskFirst(cursor []byte) (map[string][]byte, error) {
	var p progress
	if len(cursor) > 0 && json.Unmarshal(cursor, &p) != nil {
		p = progress{}
	}
	p.Ask = true
	return p.cursor()
}
