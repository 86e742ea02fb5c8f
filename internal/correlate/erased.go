package correlate

import (
	"context"
	"math"
)

// startWindow is how long before the first record of a process that came, in µs, its missing start may have been recorded.
const startWindow = 3600 * 1_000_000

// erasedSpans remembers the tombstones met in the journal. A rebuild does not see what stood there, so a gap around
// them is claimed only as far as it exceeds them.
type erasedSpans struct {
	known bool // whether the file holds any is known
	some  bool
	span  erasedSpan // the latest; last 0 if there is none in memory
	spans []erasedSpan
}

// erasedSpan is a row of tombstones: positions first to last, passed before the journal's time was until.
type erasedSpan struct {
	first, last uint64
	until       int64
}

func (x *erasedSpans) drop() { *x = erasedSpans{} }

// add notes a tombstone.
func (x *erasedSpans) add(seq uint64) {
	x.some, x.known = true, true
	if x.span.last != 0 && x.span.last+1 == seq && x.span.until == math.MaxInt64 {
		x.span.last = seq
		return
	}
	x.keep()
	x.span = erasedSpan{seq, seq, math.MaxInt64}
}

// passed notes the time of a record behind the tombstones.
func (x *erasedSpans) passed(at int64) {
	if x.span.last != 0 && x.span.until == math.MaxInt64 {
		x.span.until = at
	}
}

func (x *erasedSpans) keep() {
	if x.span.last != 0 {
		x.spans = append(x.spans, x.span)
	}
}

// open reads the latest span, which may still grow.
func (x *erasedSpans) open(ctx context.Context, tx *transaction) error {
	if x.known {
		return nil
	}
	found, err := tx.Row(ctx, `SELECT first, last, until FROM erased ORDER BY first DESC LIMIT 1`, nil,
		&x.span.first, &x.span.last, &x.span.until)
	x.known, x.some = err == nil, found
	return err
}

func (x *erasedSpans) flush(ctx context.Context, tx *transaction) error {
	if !x.some {
		return nil
	}
	x.keep()
	for _, s := range x.spans {
		if err := tx.Exec(ctx, `INSERT INTO erased VALUES (?,?,?) ON CONFLICT (first) DO UPDATE SET last = excluded.last, until = excluded.until`,
			int64(s.first), int64(s.last), s.until); err != nil {
			return err
		}
	}
	x.spans = x.spans[:0]
	return nil
}

// around counts the tombstones that may stand for records of a gap.
func (x *erasedSpans) around(ctx context.Context, tx *transaction, s *stretch, c claim) (n int64, err error) {
	if !x.some {
		return 0, nil
	}
	if c.first == 0 {
		_, err = tx.Row(ctx, `SELECT coalesce(sum(last - first + 1), 0) FROM erased WHERE first < ? AND until >= ?`,
			[]any{int64(s.born), s.bornAt - startWindow}, &n)
		return n, err
	}
	from, to := min(c.first, s.seqLo), max(c.first, s.seqLo)
	_, err = tx.Row(ctx, `SELECT coalesce(sum(min(last, ?2) - max(first, ?1) + 1), 0) FROM erased WHERE first < ?2 AND last > ?1`,
		[]any{int64(from), int64(to)}, &n)
	return n, err
}
