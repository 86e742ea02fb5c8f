package complianceapi

import (
	"context"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/backlog"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Backlog is how far the reading of the past is. Any goroutine may ask.
func (c *Collector) Backlog() backlog.Progress { return c.meter.Progress(time.Now()) }

// covered is what was read of the past since Run began, by windows that were read to their end.
type covered struct {
	rows int64
	span time.Duration
}

// past reports whether the window is history, or an outage, that was not read to its end yet.
func (w *window) past() bool { return w.Kind != kindHour && w.Readings == 0 }

// measure tells the meter where the reading of the past stands.
func (c *Collector) measure() {
	p := backlog.Progress{Rows: c.covered.rows, Done: c.covered.span, From: c.st.Start}
	for i := range c.st.Windows {
		w := &c.st.Windows[i]
		if !w.past() || w.Unread {
			continue
		}
		p.Behind = true
		p.Left += w.To.Sub(w.From)
		if r := c.st.walkOf(i); r != nil {
			p.Rows += r.Rows
			if p.At = r.At; p.At.IsZero() && c.covered.span > 0 { // what is newer was another window
				p.At = w.To
			}
			if !r.At.IsZero() {
				p.Done += w.To.Sub(r.At)
				p.Left -= w.To.Sub(r.At)
			}
		}
	}
	c.meter.Set(time.Now(), p)
}

// walkOf is how far the reading of a window is; nil where it has not begun.
func (s *state) walkOf(i int) *walk {
	if i == 0 && s.Reading != nil {
		return s.Reading
	}
	return s.Windows[i].Walk
}

// cover notes that a window was read to its end.
func (c *Collector) cover(w window, rows int64) {
	if w.past() {
		c.covered.rows += rows
		c.covered.span += w.To.Sub(w.From)
	}
}

// reached notes how far back a page goes: rows come newest first.
func (w *walk) reached(drafts []intake.Draft) {
	for i := len(drafts) - 1; i >= 0; i-- {
		rec := drafts[i].Record
		at := rec.Occurred
		if !rec.Observed.IsZero() { // of an access by the vendor: when it became visible, by which the feed is in order
			at = rec.Observed
		}
		if !rec.HasFlag(audit.FlagNoTime) && !at.Before(w.From) && at.Before(w.To) {
			w.At = at
			return
		}
	}
}

// tellEvery is how often a long reading is logged.
const tellEvery = time.Minute

// tell logs how far a long reading is.
func (c *Collector) tell(ctx context.Context) {
	if c.told.IsZero() {
		c.told = time.Now()
	}
	if time.Since(c.told) < tellEvery {
		return
	}
	c.told = time.Now()
	c.measure()
	if p := c.Backlog(); p.Behind {
		c.log.InfoContext(ctx, "reading what happened before", slog.String("progress", p.String()), slog.Time("from", p.From))
	}
}
