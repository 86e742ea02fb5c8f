package retention

import "context"

// ByClock is a purge because it is time.
func (k *Keeper) ByClock(ctx context.Context) ([]Purged, bool, error) { return k.byClock(ctx) }
