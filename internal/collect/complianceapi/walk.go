package complianceapi

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/intake"
)

// forward reads a page of what happened since the last poll, with some of what was read before: rows may be indexed
// late, and more than one can have the same time.
func (c *Collector) forward(ctx context.Context, now time.Time) error {
	if c.st.Forward == nil {
		to := now.Add(-c.cfg.Lag)
		if !to.After(c.st.Seen) {
			c.poll = time.Now().Add(c.cfg.Interval)
			return nil
		}
		next := c.st.clone()
		if to.Sub(next.Seen) > outageAfter {
			c.outage(&next, to, now)
		}
		next.Forward = &walk{From: later(next.Seen.Add(-c.cfg.Overlap), next.Passed), To: to}
		c.st = next // committed with the first page; until then it follows from what is
	}
	err := c.page(ctx, job{at: func(s *state) **walk { return &s.Forward }, priority: api.Feed, done: func(next *state, w walk) {
		// By the server, not by us: a local clock that jumped must not end a window in its future.
		next.Seen = w.To
		if settled := w.Began.Add(-c.cfg.Lag); settled.Before(w.To) {
			next.Seen = later(c.st.Seen, settled)
		}
		c.closeHours(next)
		c.poll, c.polled = time.Now().Add(c.cfg.Interval), true
	}})
	return c.doubted(err, c.st.Forward, true)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// job is a walk that is to go on.
type job struct {
	at       func(*state) **walk
	priority api.Priority
	done     func(next *state, w walk) // called with the last page
	counted  ids                       // nil where nobody asks for exact counts
	ahead    bool                      // this page came ahead, and so does the next
}

// page fetches the next page of a walk and makes it durable together with where the walk stands after it.
func (c *Collector) page(ctx context.Context, j job) error {
	next := c.st.clone()
	w := *j.at(&next)
	page, err := c.fetched(ctx, w, j)
	if err != nil {
		return c.recover(err, *j.at(&c.st))
	}
	if w.Began.IsZero() {
		clear(j.counted)
		if w.Began = page.Date; w.Began.IsZero() {
			w.Began, _, _ = c.client.Now()
		}
		w.First = page.RequestID
	}
	w.Requests++
	if w.Restarts <= mostRestarts { // otherwise these are pages that came before, and the next one does not
		if w.Failures = 0; j.ahead {
			next.Windows[0].Failures = 0
		}
	}
	w.Last, w.After = page.RequestID, page.Next
	for _, s := range page.switches {
		next.switched(s)
	}
	w.reached(page.drafts)
	count := j.counted.count(page.ids)
	w.Rows += count.rows
	for i := range w.Sum {
		w.Sum[i] ^= count.sum[i]
	}
	if !page.More {
		*j.at(&next) = nil
		j.done(&next, *w)
	}
	before := c.st
	receipt, err := c.commit(ctx, next, page.drafts)
	if err != nil {
		clear(j.counted) // the page comes again
		return err
	}
	if before.Reading != nil && c.st.Reading == nil {
		c.cover(before.Windows[0], w.Rows)
	}
	c.tellOfSettings(page.setting)
	c.stats.took(len(page.ids), receipt.Duplicates)
	c.recording()
	c.tell(ctx)
	if !j.ahead {
		c.pollFails = false
	}
	if c.pollFails {
		return nil
	}
	return c.watch.Succeeded(ctx)
}

// fetched gives the next page of a walk.
func (c *Collector) fetched(ctx context.Context, w *walk, j job) (read, error) {
	q := c.query(w)
	if !j.ahead {
		page, err := c.client.Activities(ctx, q, j.priority)
		if err != nil {
			return read{}, err
		}
		return c.make(page), nil
	}
	page, err := c.take()
	if err != nil {
		return read{}, err
	}
	if page.More {
		q.After = page.Next
		c.fetchAhead(ctx, q, j.priority)
	}
	return c.make(page), nil
}

// query asks for the page after what is durable of a walk.
func (c *Collector) query(w *walk) api.Query {
	q := api.Query{From: w.From, To: w.To, After: w.After, Limit: c.cfg.PageSize}
	if w.Limit > 0 {
		q.Limit = w.Limit
	}
	return q
}

// Draft hands a draft over in the door's own types. Its id is the vendor's.
func Draft(d normalise.Draft) intake.Draft {
	pieces := make([]intake.Piece, len(d.Pieces))
	for i := range d.Pieces {
		pieces[i] = intake.Piece(d.Pieces[i])
	}
	return intake.Draft{Record: d.Record, Pieces: pieces, Form: d.Form, VendorID: true}
}

// ids are those of a window counted lately: the feed delivers at least once.
type ids map[[16]byte]struct{}

// counted is how many rows there were, each once, and a sum of their ids that does not depend on their order.
type counted struct {
	rows int64
	sum  [16]byte
}

func (s ids) count(list [][16]byte) (n counted) {
	if len(s) > mostCounted {
		clear(s)
	}
	for _, id := range list {
		if s != nil {
			if _, again := s[id]; again {
				continue
			}
			s[id] = struct{}{}
		}
		n.rows++
		for k := range n.sum {
			n.sum[k] ^= id[k]
		}
	}
	return n
}

// mostCounted bounds the memory for ids of a window. A row that comes twice this far apart counts twice in a statement;
// in the journal it is one record all the same.
const mostCounted = 100_000

func sumText(sum [16]byte) string { return hex.EncodeToString(sum[:]) }

// recover makes the best of a page that did not come: fewer rows where the answer was too large, and the window from its
// beginning where its cursor is refused. Whatever the server called the cursor, a request without one is the test of it.
func (c *Collector) recover(err error, w *walk) error {
	var refused *api.Error
	switch {
	case errors.Is(err, api.ErrTooLarge) && c.query(w).Limit > 1:
		w.Limit = (c.query(w).Limit + 1) / 2
		return nil
	case errors.As(err, &refused) && refused.Status/100 == 4 && !refused.Retryable() && !refused.KeyRefused() && !refused.Forbidden() &&
		!refused.Disabled() && w.After != "":
	default:
		return err
	}
	*w = walk{From: w.From, To: w.To, Failures: w.Failures, Limit: w.Limit, Restarts: w.Restarts + 1}
	if w.Restarts > mostRestarts { // it counts as a failure, and yet the cursor is not asked for again
		return err
	}
	return nil
}

const mostRestarts = 5
