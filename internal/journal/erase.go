package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Erasing works on so many frames in one transaction, so that appends get their turn in between.
const framesPerErasure = 8

// Erase destroys the records at the given positions: their bytes and salts. Their tombstones keep the commitment, so
// every proof still verifies, and the position. nil means that nothing of them is left in journal.db, in its free pages
// or in the write-ahead log, nor in memory that followers share; copies a reader already holds are the reader's.
//
// The id digests stay, so that a re-delivery does not bring a record back; they are keyed and confirm no guess. Positions
// that already hold a tombstone are passed over, so a call that was interrupted is simply made again: it also empties the
// log again. The error wraps ErrNotFound for a position that does not exist (then nothing is erased), ErrBusy when
// readers kept the log from being emptied (the records are gone from the journal, the log may still show them), and is a
// *CorruptError for a record whose commitment cannot be computed any more.
func (j *Journal) Erase(ctx context.Context, seqs ...uint64) error {
	targets := slices.Compact(slices.Sorted(slices.Values(seqs)))
	if len(targets) == 0 {
		return nil
	}
	if err := j.exist(targets); err != nil {
		return err
	}
	for len(targets) > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("erase from journal: %w", context.Cause(ctx))
		}
		n, err := j.eraseSome(targets)
		if err != nil {
			return fmt.Errorf("erase from journal: %w", err)
		}
		targets = targets[n:]
	}
	if err := j.emptyLog(ctx); err != nil {
		return fmt.Errorf("erase from journal: %w", err)
	}
	return nil
}

func (j *Journal) exist(targets []uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, seq := range []uint64{targets[0], targets[len(targets)-1]} {
		if seq == 0 || seq > j.last {
			return fmt.Errorf("erase from journal: seq %d: %w", seq, ErrNotFound)
		}
	}
	return nil
}

// eraseSome erases in the first few frames that hold targets, and tells how many targets that were.
func (j *Journal) eraseSome(targets []uint64) (n int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return 0, ErrClosed
	}
	var gone []Stored
	err = j.writer.transact(func(ctx context.Context) error {
		for range framesPerErasure {
			if n == len(targets) {
				break
			}
			erased, k, err := j.eraseInFrame(ctx, targets[n:])
			if err != nil {
				return err
			}
			gone = append(gone, erased...)
			n += k
		}
		return nil
	})
	if err != nil {
		return 0, j.explain(err)
	}
	j.recent.forget(gone)
	return n, nil
}

// eraseInFrame rewrites the frame that holds the first target. It returns the tombstones it made and how many targets
// the frame held.
func (j *Journal) eraseInFrame(ctx context.Context, targets []uint64) ([]Stored, int, error) {
	r := row{from: targets[0]}
	if err := j.writer.frameAt.QueryRowContext(ctx, int64(targets[0])).Scan(&r.first, &r.count, &r.frame); err != nil {
		if errors.Is(err, sql.ErrNoRows) || isDamage(err) {
			err = &CorruptError{First: targets[0], Count: 1, Err: err}
		}
		return nil, 0, err
	}
	if err := j.writer.followMoved(ctx, &r); err != nil {
		return nil, 0, err
	}
	n := 0
	for n < len(targets) && targets[n] < r.end() {
		n++
	}
	if n == 0 {
		return nil, 0, &CorruptError{First: targets[0], Count: 1, Err: errNoRow}
	}
	targets = targets[:n]
	if err := j.writer.loadSalts(ctx, &r, targets[n-1]); err != nil {
		return nil, 0, err
	}
	rewritten, tombstones, err := j.rewrite(&r, targets)
	if err != nil || len(tombstones) == 0 {
		return nil, n, err
	}
	return tombstones, n, j.writer.replace(ctx, &r, rewritten, tombstones)
}

// rewrite makes the frame anew with tombstones for the targets that are still records. Chunks without a target are taken
// over as they are; the new frame is not shorter than the old.
func (j *Journal) rewrite(r *row, targets []uint64) (rewritten []byte, tombstones []Stored, err error) {
	w := wanted{lo: targets[0], hi: targets[len(targets)-1], only: targets}
	defer j.builder.Reset()
	f, err := r.parse()
	if err != nil {
		return nil, nil, &CorruptError{First: r.first, Count: uint64(max(r.count, 1)), Err: err}
	}
	for _, chunk := range f.Chunks {
		if !w.any(chunk.First, chunk.Last()) {
			j.builder.Keep(chunk)
			continue
		}
		var damage *CorruptError
		err := j.builder.Rewrite(chunk, func(seq uint64, canonical []byte) *audit.Tombstone {
			if !w.has(seq) {
				return nil
			}
			s := r.scanned(seq, canonical, nil)
			if s.err != nil && damage == nil {
				damage = s.err
			}
			gone := s.stored.toTombstone()
			tombstones = append(tombstones, gone)
			return gone.Tombstone
		})
		if err != nil {
			damage = &CorruptError{First: chunk.First, Count: uint64(chunk.Records), Err: err}
		}
		if damage != nil {
			return nil, nil, damage
		}
	}
	return j.builder.Finish(r.first, len(r.frame)), tombstones, nil
}

// loadSalts reads the salts from r.from to hi; those that are missing stay zero.
func (w *writer) loadSalts(ctx context.Context, r *row, hi uint64) error {
	const size = len(audit.Salt{})
	r.salts = make([]byte, int(hi-r.from+1)*size)
	for seq := r.from; seq <= hi; seq++ {
		var salt []byte
		err := w.saltOf.QueryRowContext(ctx, int64(seq)).Scan(&salt)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if len(salt) == size {
			copy(r.salts[int(seq-r.from)*size:], salt)
		}
	}
	return nil
}

// replace overwrites a frame and the salts of what was erased.
func (w *writer) replace(ctx context.Context, r *row, rewritten []byte, tombstones []Stored) error {
	if err := w.replaceFrame(ctx, r, rewritten); err != nil {
		return err
	}
	for len(tombstones) > 0 {
		n := 1
		for n < len(tombstones) && tombstones[n].Seq == tombstones[0].Seq+uint64(n) {
			n++
		}
		if _, err := w.updateSalts.ExecContext(ctx, int64(tombstones[0].Seq), int64(tombstones[n-1].Seq)); err != nil {
			return err
		}
		tombstones = tombstones[n:]
	}
	return nil
}

// How often, and how far apart, Erase tries to get between the readers before it reports ErrBusy: about five seconds.
const (
	emptyLogTries = 50
	emptyLogPause = 100 * time.Millisecond
)

// emptyLog folds the write-ahead log into the file and cuts it to nothing. Commits go on between the tries.
func (j *Journal) emptyLog(ctx context.Context) error {
	pause := time.NewTicker(emptyLogPause)
	defer pause.Stop()
	for range emptyLogTries {
		done, err := j.tryEmptyLog(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", ErrBusy, context.Cause(ctx))
		}
	}
	return fmt.Errorf("%w: the records are erased, the log beside %s may still show them; end long reads and try again", ErrBusy, j.path)
}

func (j *Journal) tryEmptyLog(ctx context.Context) (done bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false, ErrClosed
	}
	return j.writer.truncateLog(context.WithoutCancel(ctx))
}
