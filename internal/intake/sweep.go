package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

// TypeSwept is the record a sweep leaves that removed something.
const TypeSwept = "tripod.content.swept"

const (
	sweepCursor     = "tripod/sweep"
	conditionSweep  = "content.sweep"
	sweepAge        = 24 * time.Hour   // how long content may lie without a record
	firstSweep      = 5 * time.Minute  // after the start
	sweepEvery      = time.Hour        // and what the last one took, twentyfold, if that is longer
	sweepPatience   = 10 * time.Minute // for deliveries under way
	sweepShare      = 20
	maxSweepMarks   = 64
	sweptRecordTime = 10 * time.Second
)

// SweptJournal is what a sweep needs of the journal.
type SweptJournal interface {
	Append(ctx context.Context, b journal.Batch) (journal.Receipt, error)
	Cursor(ctx context.Context, name string) ([]byte, error)
	Reader() *journal.Reader
}

// SweptContent is what a sweep needs of the content store.
type SweptContent interface {
	Mark(ctx context.Context) (int64, error)
	Sweep(ctx context.Context, olderThan time.Time, keepReferred func(context.Context, *content.Candidates) error) (int, error)
}

// Sweeper removes content that has been in the store for 24 hours and that no record refers to, which is what a delivery
// leaves that was cut short. A block that a record refers to is never removed, whatever clocks say and whichever of the
// stores was restored from an older copy: before anything is, every delivery under way has ended, and every record of
// the journal has been read. Where one cannot be read, nothing is removed; where records were lost, nothing that came
// while they were written.
//
// Most sweeps read little: the blocks in question nearly all have records, and those stand just behind where the journal
// ended before the first of the blocks was put. A cursor keeps a list of such marks. They say where to begin; they are
// not relied on for a removal.
type Sweeper struct {
	door    *Door
	journal SweptJournal
	content SweptContent
	health  *health.Registry
	log     *slog.Logger
}

// NewSweeper makes a sweeper; every delivery into the two stores must go through the door.
func NewSweeper(d *Door, j SweptJournal, c SweptContent, h *health.Registry, log *slog.Logger) *Sweeper {
	return &Sweeper{door: d, journal: j, content: c, health: h, log: log}
}

// Run sweeps every hour until ctx ends, and returns nil. A sweep that fails is a matter of health and tried again.
func (s *Sweeper) Run(ctx context.Context) error {
	wait := time.NewTimer(firstSweep)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		began := time.Now()
		n, err := s.Sweep(ctx, began)
		took := time.Since(began)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.health.Raise(conditionSweep, health.Warning, "content without a record is kept until a sweep succeeds: "+err.Error())
			s.log.LogAttrs(ctx, slog.LevelWarn, "content was not swept", slog.Any("error", err))
		default:
			s.health.Clear(conditionSweep)
		}
		if n > 0 {
			s.log.LogAttrs(ctx, slog.LevelInfo, "removed content without a record", slog.Int("blocks", n), slog.Duration("took", took))
		}
		wait.Reset(max(sweepEvery, sweepShare*took))
	}
}

// Sweep removes what has been without a record for 24 hours at now, and returns how many blocks that was. After an error
// some may have been removed all the same.
func (s *Sweeper) Sweep(ctx context.Context, now time.Time) (removed int, err error) {
	marks, err := s.mark(ctx)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	removed, err = s.content.Sweep(ctx, now.Add(-sweepAge), func(ctx context.Context, c *content.Candidates) error {
		return s.keepReferred(ctx, c, marks)
	})
	if removed > 0 {
		err = errors.Join(err, s.record(ctx, removed))
	}
	if err != nil {
		return removed, fmt.Errorf("sweep: %w", err)
	}
	return removed, nil
}

func (s *Sweeper) record(ctx context.Context, removed int) error {
	// What was removed is on record even if the process is about to end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweptRecordTime)
	defer cancel()
	_, err := s.door.Record(ctx, Act{
		Type: TypeSwept, Activity: audit.ActivityOperation, Attributes: audit.Attrs{{Name: "blocks", Value: audit.Int(int64(removed))}},
	}, nil)
	return err
}

// sweepMark says that blocks numbered Block and above were put when the journal had the records up to Seq, so that
// those that refer to them come later.
type sweepMark struct {
	Block int64  `json:"block"`
	Seq   uint64 `json:"seq"`
}

// mark reads the marks and adds one for this moment: the journal is asked before the content store.
func (s *Sweeper) mark(ctx context.Context) ([]sweepMark, error) {
	b, err := s.journal.Cursor(ctx, sweepCursor)
	if err != nil {
		return nil, err
	}
	var marks []sweepMark
	if len(b) > 0 && json.Unmarshal(b, &marks) != nil {
		marks = nil // the first one anew
	}
	last, err := s.journal.Reader().Last(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range marks {
		if m.Seq > last {
			return nil, fmt.Errorf("the journal ends at %d and did reach %d: run tripod verify", last, m.Seq)
		}
	}
	block, err := s.content.Mark(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(marks, sweepMark{block, last}) {
		return marks, nil
	}
	marks = append(marks, sweepMark{block, last})
	if len(marks) > maxSweepMarks { // every second one of the older half goes
		half := marks[:0]
		for i, m := range marks {
			if i > maxSweepMarks/2 || i%2 == 0 {
				half = append(half, m)
			}
		}
		marks = half
	}
	return marks, s.commit(ctx, marks)
}

// commit appends nothing but the cursor. When it returns nil, whatever had been handed to the journal before is in it, or
// never will be: batches whose callers gave up included.
func (s *Sweeper) commit(ctx context.Context, marks []sweepMark) error {
	b, err := json.Marshal(marks)
	if err != nil {
		return err
	}
	_, err = s.journal.Append(ctx, journal.Batch{Cursors: map[string][]byte{sweepCursor: b}})
	return err
}

// keepReferred strikes out the candidates that a record refers to. The content store notices by itself which of them are
// put again from now on, so it takes the deliveries that have begun, then the records.
func (s *Sweeper) keepReferred(ctx context.Context, c *content.Candidates, marks []sweepMark) error {
	settling, cancel := context.WithTimeoutCause(ctx, sweepPatience, fmt.Errorf("not ended after %v", sweepPatience))
	defer cancel()
	if err := s.door.flights.settle(settling); err != nil {
		return err
	}
	if err := s.commit(ctx, marks); err != nil {
		return err
	}
	last, err := s.journal.Reader().Last(ctx)
	if err != nil {
		return err
	}
	var since uint64
	for _, m := range marks {
		if m.Block <= c.First() {
			since = max(since, m.Seq)
		}
	}
	lost, err := s.strikeOut(ctx, c, since+1, last)
	if err != nil {
		return err
	}
	if n := c.Len(); lost > 0 && n > 0 {
		c.KeepBelow(firstAfter(marks, lost))
		s.log.LogAttrs(ctx, slog.LevelInfo, "kept content that lost records may have referred to", slog.Int("blocks", n-c.Len()))
	}
	_, err = s.strikeOut(ctx, c, 1, since)
	return err
}

// firstAfter is the number from which on blocks were put when the journal had a record already.
func firstAfter(marks []sweepMark, seq uint64) int64 {
	block := int64(math.MaxInt64)
	for _, m := range marks {
		if m.Seq >= seq {
			block = min(block, m.Block)
		}
	}
	return block
}

// strikeOut reads records until all candidates are struck out, and returns the last position on the way whose record was
// lost. It wants every position between from and to.
func (s *Sweeper) strikeOut(ctx context.Context, c *content.Candidates, from, to uint64) (lost uint64, err error) {
	if c.Len() == 0 || from > to {
		return 0, nil
	}
	next := from
	for stored, err := range s.journal.Reader().Scan(ctx, from, to) {
		if err != nil {
			return lost, err
		}
		if stored.Seq != next {
			break
		}
		next++
		if stored.Tombstone == nil {
			keepNamed(c, stored.Bytes)
		} else if stored.Tombstone.Reason != audit.TombstoneErased {
			lost = stored.Seq // whoever erases a record erases its content first
		}
		if c.Len() == 0 {
			return lost, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return lost, err
	}
	if next != to+1 {
		return lost, fmt.Errorf("read the journal: record %d is missing: run tripod verify", next)
	}
	return lost, nil
}

// addressLength is the length of a content address in hex digits.
const addressLength = 64

// keepNamed takes every string in canonical bytes that has the form of an address for one, so that a version of the
// record that refers to content in another place is understood as well.
func keepNamed(c *content.Candidates, canonical []byte) {
	for {
		i := bytes.IndexByte(canonical, '"')
		if i < 0 || len(canonical) < i+addressLength+2 {
			return
		}
		canonical = canonical[i+1:]
		if canonical[addressLength] == '"' && !slices.ContainsFunc(canonical[:addressLength], notHex) {
			c.Keep(canonical[:addressLength])
		}
	}
}

func notHex(b byte) bool { return (b < '0' || b > '9') && (b < 'a' || b > 'f') }
