package complianceapi

import (
	"context"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
)

// outageAfter is how long nobody polled before that stretch becomes a window of its own: polls go on with what happens
// now, and the stretch is read beside them.
const outageAfter = 2 * time.Hour

// begin starts with a tenant never read before, or with more of its history than was asked for before.
func (c *Collector) begin(ctx context.Context, now time.Time) error {
	next := c.st.clone()
	end := next.Start
	if end.IsZero() {
		end = now.Add(-c.cfg.Lag).Truncate(time.Hour)
		next.Seen, next.Hour = end, end
	}
	next.Start = c.cfg.Start.UTC()
	if next.Start.IsZero() {
		next.Start = now.Add(-c.cfg.Lookback)
	}
	next.Start = next.Start.Truncate(time.Hour)
	next.Windows = append(next.Windows, c.stretch(kindHistory, next.Start, end, now)...)
	_, err := c.commit(ctx, next, nil)
	if err == nil {
		c.log.InfoContext(ctx, "reading the history of the activity feed", "from", next.Start, "to", end)
	}
	return err
}

// stretch makes windows of a stretch of the past: what may still change apart from what has settled, so that only the
// former is read twice. What is newer comes first.
func (c *Collector) stretch(kind string, from, to, now time.Time) []window {
	settled := now.Add(-c.cfg.Settle).Truncate(time.Hour)
	var list []window
	if settled.Before(from) {
		settled = from
	}
	if settled.Before(to) {
		list = append(list, window{Kind: kind, From: settled, To: to, Due: now})
		to = settled
	}
	if from.Before(to) {
		list = append(list, window{Kind: kind, From: from, To: to, Due: now})
	}
	return list
}

// outage turns a long stretch without polls into windows.
func (c *Collector) outage(next *state, to, now time.Time) {
	cut := to.Truncate(time.Hour)
	from := next.Seen.Add(-c.cfg.Overlap).Truncate(time.Hour)
	if next.Hour.Before(from) {
		from = next.Hour
	}
	next.Windows = append(next.Windows, c.stretch(kindOutage, from, cut, now)...)
	next.Seen, next.Hour = cut, cut
}

// closeHours makes windows of the hours that polls have passed.
func (c *Collector) closeHours(next *state) {
	for end := next.nextHour(); !end.After(next.Seen); end = next.nextHour() {
		next.Windows = append(next.Windows, c.hour(next.Hour, end))
		next.Hour = end
	}
}

func (s *state) nextHour() time.Time { return s.Hour.Truncate(time.Hour).Add(time.Hour) }

// hourWaits reports whether an hour is due while something larger is read.
func (c *Collector) hourWaits(now time.Time) bool {
	return c.st.Windows[0].Kind != kindHour && slices.ContainsFunc(c.st.Windows, func(w window) bool { return w.Kind == kindHour && !w.Due.After(now) })
}

// choose begins the window that is to be read now, or goes on with it, if there is one. Hours come first: they are small.
func (c *Collector) choose(now time.Time) bool {
	best := -1
	for i := range c.st.Windows {
		w := &c.st.Windows[i]
		if w.Due.After(now) {
			continue
		}
		if best < 0 || w.Kind == kindHour && c.st.Windows[best].Kind != kindHour {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	w := c.st.Windows[best]
	if c.st.Reading = w.Walk; c.st.Reading == nil {
		c.st.Reading = &walk{From: w.From, To: w.To}
	}
	w.Walk = nil
	c.st.Windows = slices.Insert(slices.Delete(slices.Clone(c.st.Windows), best, best+1), 0, w)
	return true
}

// nextDue is how long no window is due.
func (c *Collector) nextDue(now time.Time) time.Duration {
	wait := time.Hour
	for i := range c.st.Windows {
		wait = min(wait, c.st.Windows[i].Due.Sub(now))
	}
	return max(wait, 0)
}

// readWindow reads one page of the first window, or leaves off where a poll is due before it came.
func (c *Collector) readWindow(ctx context.Context) error {
	p := api.Backfill
	if c.st.Windows[0].Kind == kindHour {
		p = api.Feed
	}
	c.fetchAhead(ctx, c.query(c.st.Reading), p)
	if !c.ahead.came(c.poll) {
		return nil
	}
	err := c.page(ctx, job{at: func(s *state) **walk { return &s.Reading }, priority: p, done: c.closeWindow, counted: c.counted, ahead: true})
	return c.doubted(err, c.st.Reading, false)
}

// closeWindow is called when a window was read to its end: it says what was found, and when it is read again.
func (c *Collector) closeWindow(next *state, read walk) {
	w := next.Windows[0]
	next.Windows = next.Windows[1:]
	w.Failures, w.Unread = 0, false
	s := statement{Window: w, Read: read, Off: next.off(w.From, w.To)}
	sum := sumText(read.Sum)
	changed := w.Readings > 0 && (w.Rows != read.Rows || w.Sum != sum)
	settled := !read.Began.Before(w.To.Add(c.cfg.Settle))
	switch {
	case changed:
		s.Status = statusRevised
	case settled:
		s.Status = statusFinal
	default:
		s.Status = statusProvisional
	}
	next.Owed = append(next.Owed, s)
	if s.Status == statusFinal {
		return
	}
	w.Readings++
	w.Rows, w.Sum, w.Due = read.Rows, sum, w.To.Add(c.cfg.Settle)
	if settled { // a change, this late: what it is now must stand for as long again
		w.Due = read.Began.Add(c.cfg.Settle)
	}
	next.Windows = append(next.Windows, w)
}
