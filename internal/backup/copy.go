package backup

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// ends are where the last backup ended its parts of a kind, but for the last one, which is begun again if it is short.
func (b *run) ends(kind Kind, full int64) []uint64 {
	parts := b.prev.of(kind)
	var ends []uint64
	for i, p := range parts {
		if i < len(parts)-1 || p.Raw >= full {
			ends = append(ends, p.Last)
		}
	}
	return ends
}

// copyJournal copies rows up to the one that holds the checkpoint's last record. A part ends where it did before, or where
// it is large enough.
func (b *run) copyJournal(ctx context.Context) error {
	ends := b.ends(KindJournal, journalPart)
	for next := uint64(1); next <= b.head.Size; {
		for len(ends) > 0 && ends[0] < next {
			ends = ends[1:]
		}
		end := b.head.Size
		if len(ends) > 0 {
			end = ends[0]
		}
		rows, err := b.rows(ctx, next, end, len(ends) > 0)
		if err != nil {
			return err
		}
		last := rows[len(rows)-1].Last()
		if err := b.put(KindJournal, next, last, encodeRows(rows)); err != nil {
			return err
		}
		next, b.m.Position = last+1, last
	}
	return nil
}

// rows reads the rows of one part: all up to end where whole, else as many as make a part.
func (b *run) rows(ctx context.Context, next, end uint64, whole bool) (list []journal.Row, err error) {
	for at := next; at <= end; {
		some, err := b.src.Journal.Rows(ctx, at, end, journalPart)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			return nil, fmt.Errorf("the journal ends at %d, and a checkpoint covers %d: run tripod verify", at-1, end)
		}
		list = append(list, some...)
		at = some[len(some)-1].Last() + 1
		if !whole {
			break
		}
	}
	return list, nil
}

// lasting are the parts of the last backup that may serve again as they are, since what they hold never changes: none where the
// directory was restored since.
func (b *run) lasting(kind Kind) []Part {
	if b.prev == nil || b.prev.Restored != b.m.Restored {
		return nil
	}
	return b.prev.of(kind)
}

// copyLasting copies ids remembered for ever, by stretches of positions. The table is read as a whole for each reach.
func (b *run) copyLasting(ctx context.Context) error {
	next := uint64(1)
	for _, p := range b.lasting(KindLasting) {
		if p.Last-p.First+1 < lastingPart || p.Last > b.m.Position || !b.repo.has(p.Object) {
			break
		}
		b.m.Parts = append(b.m.Parts, p) // such an id never changes
		next = p.Last + 1
	}
	for next <= b.m.Position {
		through := min(next+lastingReach-1, b.m.Position)
		buckets := make([][]journal.Lasting, (through-next)/lastingPart+1)
		err := b.src.Journal.Lasting(ctx, next-1, through, func(l journal.Lasting) error {
			i := (l.Seq - next) / lastingPart
			buckets[i] = append(buckets[i], l)
			return nil
		})
		if err != nil {
			return err
		}
		for _, list := range buckets {
			last := min(next+lastingPart-1, through)
			if err := b.put(KindLasting, next, last, encodeLasting(list)); err != nil {
				return err
			}
			next = last + 1
		}
	}
	return nil
}

// copyLeaves copies the ledger's commitments: what an older copy of the journal lost can then be told from them. Full parts
// never change.
func (b *run) copyLeaves(ctx context.Context) error {
	next := uint64(1)
	for _, p := range b.lasting(KindLeaves) {
		if p.Last-p.First+1 < leavesPart || p.Last > b.head.Size || !b.repo.has(p.Object) {
			break
		}
		b.m.Parts = append(b.m.Parts, p)
		next = p.Last + 1
	}
	folder := tiles.Folder(filepath.Join(b.src.Dir, "ledger"))
	for next <= b.head.Size {
		last := min(next+leavesPart-1, b.head.Size)
		list := make([]audit.Commitment, 0, last-next+1)
		for at := next - 1; at < last; at += tiles.Width { // next - 1 is a multiple of the width
			if err := ctx.Err(); err != nil {
				return err
			}
			part, err := folder.Commitments(int64(at/tiles.Width), int(min(last-at, tiles.Width)))
			if err != nil {
				return err
			}
			list = append(list, part...)
		}
		if err := b.put(KindLeaves, next, last, encodeLeaves(list)); err != nil {
			return err
		}
		next = last + 1
	}
	return nil
}

// copyContent copies places, then blocks, of what was there when it began.
func (b *run) copyContent(ctx context.Context) error {
	end, err := b.src.Content.NextBlock(ctx)
	if err != nil {
		return err
	}
	if err := b.copyPlaces(ctx, end); err != nil {
		return err
	}
	if err := b.copyBlocks(ctx, end); err != nil {
		return err
	}
	retired, err := b.src.Content.RetiredKeys(ctx)
	if err != nil {
		return err
	}
	return b.put(KindRetired, 0, 0, encodeRetired(retired))
}

// copyPlaces copies where blocks are, by keys: a part ends with a key.
func (b *run) copyPlaces(ctx context.Context, end int64) error {
	ends := b.ends(KindPlaces, placesPart*16)
	var part []content.Place
	first := uint64(1)
	flush := func(last uint64) error {
		if len(part) == 0 {
			return nil
		}
		err := b.put(KindPlaces, first, last, encodePlaces(part))
		part, first = nil, last+1
		return err
	}
	for at := (content.Place{}); ; {
		list, next, err := b.src.Content.Places(ctx, at, end, placesPart)
		if err != nil {
			return err
		}
		for _, p := range list {
			for len(ends) > 0 && uint64(p.Key) > ends[0] {
				if err := flush(ends[0]); err != nil {
					return err
				}
				ends = ends[1:]
			}
			if n := len(part); len(ends) == 0 && n >= placesPart && part[n-1].Key != p.Key {
				if err := flush(uint64(part[n-1].Key)); err != nil {
					return err
				}
			}
			part = append(part, p)
		}
		if at = next; at.Key == 0 {
			break
		}
	}
	if n := len(part); n > 0 {
		return flush(uint64(part[n-1].Key))
	}
	return nil
}

// copyBlocks copies bodies by their numbers.
func (b *run) copyBlocks(ctx context.Context, end int64) error {
	ends := b.ends(KindBlocks, blocksPart)
	for next := int64(1); next < end; {
		for len(ends) > 0 && ends[0] < uint64(next) {
			ends = ends[1:]
		}
		stop, whole := end, len(ends) > 0 && ends[0] < uint64(end)
		if whole {
			stop = int64(ends[0]) + 1
		}
		list, last, err := b.blocks(ctx, next, stop, whole)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			if err := b.put(KindBlocks, uint64(next), uint64(last), encodeBlocks(list)); err != nil {
				return err
			}
		}
		next = last + 1
	}
	return nil
}

// blocks reads the blocks of one part and tells which number it ends with.
func (b *run) blocks(ctx context.Context, next, stop int64, whole bool) (list []content.SealedBlock, last int64, err error) {
	limit := blocksPart
	if whole {
		limit = math.MaxInt
	}
	list, err = b.src.Content.Blocks(ctx, next, stop, limit)
	switch {
	case err != nil:
		return nil, 0, err
	case whole, len(list) == 0:
		return list, stop - 1, nil
	}
	return list, slices.MaxFunc(list, func(x, y content.SealedBlock) int { return int(x.ID - y.ID) }).ID, nil
}
