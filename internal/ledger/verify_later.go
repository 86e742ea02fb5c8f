package ledger

import (
	"context"
	"maps"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// A running ledger signs within a second; twice that is waited for a checkpoint over what came while verification read.
const (
	defaultSignWait = 2 * time.Second
	signPoll        = 50 * time.Millisecond
)

// later is the newest checkpoint signed since verification began.
type later struct {
	head     *Checkpoint
	deadline time.Time // when waiting for newer ones ends; zero before it began
}

// judgeLate judges what rests on records behind the checkpoint: whoever can write the journal can append such records,
// and only one that a signature covers is known to be the ledger's. What remains in vouchers is not.
func (v *verifier) judgeLate(ctx context.Context, g *graves) error {
	for _, seq := range slices.Sorted(maps.Keys(g.vouchers)) {
		switch ok, err := v.signed(ctx, seq, g.vouchers[seq]); {
		case err != nil:
			return err
		case ok:
			delete(g.vouchers, seq)
		}
	}
	for i := range g.open {
		if _, unsigned := g.vouchers[g.open[i].voucher]; unsigned {
			v.add(Finding{Kind: KindTombstoneUnsigned, First: g.open[i].seq, Last: g.open[i].seq})
		}
	}
	for _, intent := range slices.Sorted(maps.Keys(g.ends)) {
		switch ok, err := v.signed(ctx, g.ends[intent].seq, g.ends[intent].own); {
		case err != nil:
			return err
		case ok:
			g.completed(g.ends[intent])
		}
	}
	return nil
}

// signed reports whether a record behind the checkpoint is under a newer one. It waits for that, a while in all.
func (v *verifier) signed(ctx context.Context, seq uint64, c audit.Commitment) (bool, error) {
	if v.head == nil {
		return false, nil
	}
	if v.later.deadline.IsZero() {
		v.later.deadline = time.Now().Add(v.opts.signWait)
	}
	for {
		expired := !time.Now().Before(v.later.deadline)
		if head := v.later.head; head != nil && seq <= head.Size {
			leaf, err := v.folder.Reader(ctx, *head).ReadHashes([]int64{tlog.StoredHashIndex(0, int64(seq-1))})
			if err == nil {
				return leaf[0] == tiles.LeafHash(c), nil
			}
		}
		// The tiles at the edge of a checkpoint may make way for those of the next one, which is read then.
		if v.readLater(ctx) {
			continue
		}
		if expired {
			return false, ctx.Err()
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(signPoll):
		}
	}
}

// readLater reads the checkpoint again and reports whether there is a newer one, signed and over all that was verified.
func (v *verifier) readLater(ctx context.Context) bool {
	msg, err := v.folder.ReadCheckpoint()
	if err != nil {
		return false
	}
	head, err := tiles.ParseCheckpoint(msg)
	if err == nil && v.key != "" {
		head, err = tiles.OpenCheckpoint(msg, v.key)
	}
	known := v.size
	if v.later.head != nil {
		known = v.later.head.Size
	}
	if err != nil || head.Origin != v.head.Origin || head.Size <= known {
		return false
	}
	if v.size > 0 {
		if root, err := v.folder.Root(ctx, head, v.size); err != nil || root != v.head.Root {
			return false
		}
	}
	v.later.head = &head
	return true
}
