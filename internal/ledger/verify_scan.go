package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// chunk is one worker's stretch of positions and what came of it: at most a leaf tile's worth of leaves is in memory at
// a time, beside those tiles whose leaves somebody needs.
type chunk struct {
	tally
	first, last uint64    // seqs
	buf         [2][]byte // reused: a stored tile and its bundle
	roots       []tlog.Hash
	tiles       map[int64]*leafTile // the last one where it is partial, and those a checkpoint ends in
	records     uint64
	tombs       uint64 // of them erased or lost
	lostTombs   uint64
	events      []event
}

// recompute goes over all positions: several stretches at a time, joined in order.
func (v *verifier) recompute(ctx context.Context) error {
	total, err := v.extent()
	if err != nil {
		return err
	}
	if v.saved != nil && v.saved.Size < v.tree.first && v.head != nil {
		if root, err := v.folder.Root(ctx, *v.head, v.saved.Size); err == nil {
			v.checkSaved(root)
		} else if ctx.Err() == nil {
			v.add(Finding{Kind: KindSavedRoot, First: 1, Last: v.saved.Size, Text: "the root at the held checkpoint's size cannot be computed from the tiles: " + err.Error()})
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan chan *chunk, workers())
	g.Go(func() error {
		defer close(queue)
		return v.dispatch(ctx, g, queue, total)
	})
	g.Go(func() error { return v.join(ctx, queue, total) })
	if err := g.Wait(); err != nil {
		return err
	}
	if !v.reachedSize {
		v.add(Finding{Kind: KindCheckpointRoot, First: total + 1, Last: v.size, File: checkpointFile,
			Text: fmt.Sprintf("records %d to %d are neither in the journal nor in the tiles: the checkpoint's root cannot be recomputed", total+1, v.size)})
	}
	return nil
}

// extent is how many positions there are to go over: those of the ledger or the journal, whichever is longer, but not
// more than there are traces of, whatever a checkpoint says.
func (v *verifier) extent() (uint64, error) {
	if v.size <= v.journalLast {
		return v.journalLast, nil
	}
	traces, err := v.folder.Size()
	return min(v.size, max(traces, v.journalLast)), err
}

// dispatch starts a worker for each stretch; the queue's length bounds how many are under way.
func (v *verifier) dispatch(ctx context.Context, g *errgroup.Group, queue chan<- chan *chunk, total uint64) error {
	for first := v.tree.first + 1; first <= total; first += v.opts.chunk {
		last := min(first+v.opts.chunk-1, total)
		done := make(chan *chunk, 1)
		select {
		case queue <- done:
		case <-ctx.Done():
			return ctx.Err()
		}
		g.Go(func() error {
			c, err := v.scan(ctx, first, last)
			if err != nil {
				return err
			}
			done <- c
			return nil
		})
	}
	return nil
}

// join takes the stretches in order.
func (v *verifier) join(ctx context.Context, queue <-chan chan *chunk, total uint64) error {
	for done := range queue {
		select {
		case c := <-done:
			v.take(c)
			if v.opts.Progress != nil {
				v.opts.Progress(c.last, total)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	v.reach(nil)
	return nil
}

// take adds a stretch to the tree.
func (v *verifier) take(c *chunk) {
	v.merge(&c.tally)
	v.records += c.records
	v.tombs += c.tombs
	v.lostTombs += c.lostTombs
	for _, e := range c.events {
		if e.kind == eventTombstone || e.seq <= v.size {
			v.graves.see(e)
		} else {
			v.late = true // read again once everything else is known
		}
	}
	for _, root := range c.roots {
		v.reach(c)
		v.tree.push(root)
	}
	if c.last%tiles.Width != 0 {
		v.reach(c)
	}
}

// reach checks what is due where the tree has taken in all full leaf tiles before a checkpoint's end.
func (v *verifier) reach(c *chunk) {
	if t, ok := v.tail(c, v.size); ok && !v.reachedSize {
		v.reachedSize = true
		v.atSize(t)
	}
	if v.saved == nil || v.reachedSaved {
		return
	}
	if t, ok := v.tail(c, v.saved.Size); ok {
		v.reachedSaved = true
		var leaves []tlog.Hash
		if t != nil {
			leaves = t.hash[:v.saved.Size%tiles.Width]
		}
		v.checkSaved(rootOver(v.tree.edge(leaves)))
	}
}

// tail finds the leaves behind the full tiles of a tree of that size; ok tells that the tree has come there.
func (v *verifier) tail(c *chunk, size uint64) (t *leafTile, ok bool) {
	w := size % tiles.Width
	if size-w != v.tree.leaves {
		return nil, false
	}
	if w == 0 {
		return nil, true
	}
	if c == nil {
		return nil, false
	}
	t = c.tiles[int64(size/tiles.Width)]
	return t, t != nil
}

// scan recomputes the leaves of one stretch and holds its full tiles against the stored ones.
func (v *verifier) scan(ctx context.Context, first, last uint64) (*chunk, error) {
	c := &chunk{first: first, last: last, tiles: make(map[int64]*leafTile)}
	c.keep = v.opts.mend
	t := &leafTile{n: int64((first - 1) / tiles.Width)}
	next := first
	done := func() {
		if next++; t.have == tiles.Width {
			v.finish(c, t)
			t.reset(t.n + 1)
		}
	}
	skip := func(until uint64, kind string, cause error) {
		if kind != "" && next <= until {
			f := Finding{Kind: kind, First: next, Last: until}
			if cause != nil {
				f.Found = cause.Error()
			}
			c.add(f)
		}
		for next <= until {
			t.skip()
			done()
		}
	}
	if end := min(last, v.journalLast); first <= end {
		for s, err := range v.opts.Journal.Scan(ctx, first, end) {
			var corrupt *journal.CorruptError
			switch {
			case errors.As(err, &corrupt):
				skip(min(max(corrupt.First, 1)-1, end), KindRecordMissing, nil)
				skip(min(corrupt.First+corrupt.Count-1, end), KindRecordUnreadable, corrupt.Err)
				continue
			case err != nil:
				return nil, err
			case s.Seq < next || s.Seq > end:
				continue // the missing ones beside it are reported
			}
			skip(s.Seq-1, KindRecordMissing, nil)
			t.take(c.leaf(&s))
			done()
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		skip(end, KindRecordMissing, nil)
	}
	skip(last, "", nil) // the journal is shorter, which is reported once
	if t.have > 0 {
		v.retain(c, t)
	}
	return c, nil
}

// leaf recomputes a record's leaf data and notes what bears on tombstones.
func (c *chunk) leaf(s *journal.Stored) audit.Commitment {
	if s.Tombstone != nil {
		c.tombs++
		if s.Tombstone.Reason == audit.TombstoneLost {
			c.lostTombs++
		}
		c.events = append(c.events, tombstoneEvent(s))
		return s.Tombstone.Commitment
	}
	c.records++
	c.events = append(c.events, eventsOf(s)...)
	return audit.Commit(s.Salt, s.Bytes)
}

// finish compares a full tile and keeps its root.
func (v *verifier) finish(c *chunk, t *leafTile) {
	if v.width(0, t.n) == tiles.Width {
		v.compareLeaves(&c.tally, t, tiles.Width, &c.buf)
	}
	v.retain(c, t)
	c.roots = append(c.roots, perfect(t.hash[:]))
}

// retain keeps a tile's leaves where a checkpoint ends within it.
func (v *verifier) retain(c *chunk, t *leafTile) {
	ends := func(size uint64) bool { return size%tiles.Width != 0 && int64(size/tiles.Width) == t.n }
	if ends(v.size) || v.saved != nil && ends(v.saved.Size) {
		kept := *t
		c.tiles[t.n] = &kept
	}
}

// eventsOf finds the records that bear on tombstones without decoding the others. Quotes within strings are escaped, so
// these names and values can stand only where names and values do; a record's own source comes before everything that
// might have a source too. What is found is decoded before anything rests on it.
func eventsOf(s *journal.Stored) []event {
	_, rest, _ := bytes.Cut(s.Bytes, []byte(`"source":"`))
	if !bytes.HasPrefix(rest, []byte(`tripod"`)) {
		return nil
	}
	_, rest, _ = bytes.Cut(rest, []byte(`"type":"tripod.`))
	if !bytes.HasPrefix(rest, []byte(`erase.`)) && !bytes.HasPrefix(rest, []byte(`recover"`)) {
		return nil
	}
	rec, err := audit.Decode(s.Bytes)
	if err != nil || rec.Source != audit.SourceTripod {
		return nil
	}
	events := eventsOfRecord(s.Seq, rec)
	own := audit.Commit(s.Salt, s.Bytes)
	for i := range events {
		events[i].own = own
	}
	return events
}
