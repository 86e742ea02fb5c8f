package journal

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
)

// FillLost appends tombstones of records that the ledger knows and this journal, restored from an older copy, does not.
// It is for recovery: it works while Refuse is in force. All are stored or none; nil means durable.
func (j *Journal) FillLost(ctx context.Context, tombstones []audit.Tombstone) error {
	for i := range tombstones {
		if tombstones[i].Reason != audit.TombstoneLost {
			return fmt.Errorf("fill lost positions: tombstone %d has the reason %q", i, tombstones[i].Reason)
		}
	}
	if len(tombstones) == 0 {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return fmt.Errorf("fill lost positions: %w", ErrClosed)
	}
	g := &group{ids: make([]Digest, len(tombstones))}
	for i := range tombstones {
		t := tombstones[i]
		g.stored = append(g.stored, Stored{Seq: j.last + 1 + uint64(i), Commitment: t.Commitment, Tombstone: &t})
	}
	if err := j.writer.transact(func(ctx context.Context) error { return j.write(ctx, g) }); err != nil {
		return j.failed(ctx, err)
	}
	j.committed(ctx, g)
	return nil
}
