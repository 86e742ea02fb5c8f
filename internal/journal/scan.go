package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
)

// A page read in one transaction ends with the row that reaches one of these.
const (
	pageRecords = 1000
	pageBytes   = 1 << 20 // of frames
)

// scanAhead is how many pages are read and decoded ahead of the consumer.
const scanAhead = 3

// page reads and decodes what stands at a position and after it; empty at the end of the journal.
func (r *Reader) page(ctx context.Context, from uint64) ([]scanned, error) {
	rows, err := r.rows(ctx, from, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	return decodeRows(r.codec, rows, from, math.MaxInt64), nil
}

// Scan streams the positions from to to, both included, in order; to 0 means up to the newest when the scan begins. It
// reads in short transactions and a few pages ahead, decoding on all processors, in bounded memory (a few MiB).
// Breaking off the loop ends it; no goroutine outlives it.
//
// What is damaged comes as a *CorruptError that names the positions and says what is wrong; whoever goes on with the loop
// gets what follows. Any other error is the last thing that comes.
func (r *Reader) Scan(ctx context.Context, from, to uint64) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		from := max(from, 1)
		if to == 0 {
			last, err := r.Last(ctx)
			if isDamage(err) {
				err = &CorruptError{First: from, Err: err}
			}
			if err != nil {
				yield(Stored{Seq: from}, err)
				return
			}
			to = last
		}
		ctx, cancel := context.WithCancel(ctx)
		var wait sync.WaitGroup
		defer wait.Wait()
		defer cancel()
		pages := make(chan *scanPage, scanAhead)
		wait.Go(func() {
			defer close(pages)
			r.readPages(ctx, from, to, pages, &wait)
		})
		for p := range pages {
			if !p.yield(yield) {
				return
			}
		}
	}
}

// scanPage is a page on its way from the reading to the consuming goroutine.
type scanPage struct {
	next uint64 // the first position that is wanted of it
	out  []scanned
	err  error
	done chan struct{} // closed once out is decoded
}

// yield hands the page on; false ends the scan.
func (p *scanPage) yield(yield func(Stored, error) bool) bool {
	<-p.done
	if p.err != nil {
		yield(Stored{Seq: p.next}, p.err)
		return false
	}
	for i := range p.out {
		s := &p.out[i]
		if s.err != nil {
			if !yield(Stored{Seq: s.err.First}, s.err) {
				return false
			}
		} else if !yield(s.stored, nil) {
			return false
		}
	}
	return true
}

// readPages reads rows in order and has each page decoded by a goroutine of its own; the channel bounds how many.
func (r *Reader) readPages(ctx context.Context, from, to uint64, pages chan<- *scanPage, wait *sync.WaitGroup) {
	for next := from; next <= to; {
		p := &scanPage{next: next, done: make(chan struct{})}
		rows, err := r.rows(ctx, next, to)
		if err == nil && len(rows) == 0 {
			return
		}
		if err != nil {
			p.err = err
			close(p.done)
		} else {
			next = max(next+1, rows[len(rows)-1].end())
			wait.Go(func() {
				defer close(p.done)
				p.out = decodeRows(r.codec, rows, p.next, to)
			})
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// rows reads the row that holds a position and those after it, up to the bounds of a page. A row that SQLite cannot read
// comes with its fault; where even its extent cannot be read, that is a *CorruptError up to to.
func (r *Reader) rows(ctx context.Context, from, to uint64) ([]row, error) {
	list, err := r.readRows(ctx, from, to)
	for i := range list {
		err := r.followMoved(ctx, &list[i])
		if err == nil {
			err = r.checkSalts(ctx, &list[i], list[i].end()-1)
		}
		if err != nil {
			list[i].fault = err
			if !isDamage(err) {
				return nil, err
			}
		}
	}
	if err == nil || len(list) > 0 && isDamage(err) {
		return list, nil // the damaged row is the first of the next page
	}
	if !isDamage(err) {
		return nil, fmt.Errorf("read %s: %w", r.path, err)
	}
	bad := row{fault: err}
	if r.stmt.extent.QueryRowContext(ctx, int64(from)).Scan(&bad.first, &bad.count) != nil || bad.first > to {
		return nil, &CorruptError{First: from, Count: to - from + 1, Err: err}
	}
	if bad.end() <= from {
		bad.count = int(from-bad.first) + 1
	}
	return []row{bad}, nil
}

func (r *Reader) readRows(ctx context.Context, from, to uint64) (list []row, err error) {
	rows, err := r.stmt.page.QueryContext(ctx, int64(from), int64(to))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	records, bytes := 0, 0
	for records < pageRecords && bytes < pageBytes && rows.Next() {
		var next row
		if err := rows.Scan(&next.first, &next.count, &next.frame, &next.salts); err != nil {
			return list, err
		}
		if next.end() <= from {
			continue // the row before a gap
		}
		next.from = next.first
		list = append(list, next)
		records += max(next.count, 1)
		bytes += len(next.frame)
	}
	return list, rows.Err()
}
