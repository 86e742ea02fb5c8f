package complianceapi

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// A page may fail for what is in it, while all others come. What it is part of is put off at growing intervals, and
// divided, until the stretch that cannot be read is small; it never keeps anything else from being read.

const (
	mostFailures = 3                // of a window or a poll in a row before it is divided
	mostParts    = 64               // at once: a server that answers no window at all is not asked for ever smaller ones
	smallest     = time.Second      // of a window
	firstPutOff  = 30 * time.Second // doubles to the longest
	longPutOff   = 6 * time.Hour
)

// doubt is a page that did not come, where it is not known yet whether any would.
type doubt struct {
	poll bool // or else a page of the window being read
	err  error
}

// doubtful reports whether an error may be that of one page alone.
func doubtful(err error, w *walk, poll bool) bool {
	switch trouble.Diagnose(err) {
	case "unreachable", "malformed":
		return true
	case "refused": // all polls ask alike, but for their cursors
		return !poll || w.Restarts > mostRestarts || errors.Is(err, api.ErrTooLarge)
	}
	return false
}

// doubted keeps the error of a page for the next step to judge, where it may be that of this page alone.
func (c *Collector) doubted(err error, w *walk, poll bool) error {
	if err == nil || w == nil || !doubtful(err, w, poll) {
		return err
	}
	c.doubt = &doubt{poll: poll, err: err}
	return nil
}

// judge asks for something else. Where that fails as well nothing is wrong with the page.
func (c *Collector) judge(ctx context.Context) error {
	d := c.doubt
	c.doubt = nil
	if err := c.ask(ctx); err != nil {
		c.probed = false
		return err
	}
	now, _, _ := c.client.Now()
	c.cause = d.err
	if d.poll {
		c.pollFailed(ctx, d.err, now)
	} else {
		c.putOff(ctx, d.err, now)
	}
	return nil
}

// putOff has the window that is being read wait, and divides it where it failed before.
func (c *Collector) putOff(ctx context.Context, err error, now time.Time) {
	next := c.st.clone()
	next.setAside()
	w := &next.Windows[0]
	w.Failures++
	w.Due = now.Add(min(firstPutOff<<min(w.Failures-1, 10), longPutOff))
	c.log.WarnContext(ctx, "a part of the activity feed was not read; it is tried again", slog.String("window", w.Kind), slog.Time("from", w.From),
		slog.Time("to", w.To), slog.Time("due", w.Due), slog.Any("error", err))
	if w.Failures >= mostFailures {
		next.divide(now)
	}
	c.st = next // committed with what is read next; a crash before that forgets a failure and no row
}

// setAside leaves off the window being read where it stands.
func (s *state) setAside() {
	s.Windows[0].Walk, s.Reading = s.Reading, nil
}

// divide makes two of the first window, or has it stated that it cannot be read.
func (s *state) divide(now time.Time) {
	w := &s.Windows[0]
	middle := w.From.Add(w.To.Sub(w.From) / 2).Truncate(smallest)
	if middle.After(w.From) && s.parts() < mostParts {
		s.Windows = slices.Replace(s.Windows, 0, 1, w.part(middle, w.To, now), w.part(w.From, middle, now))
		return
	}
	if !w.Unread {
		w.Unread = true
		said := *w
		said.Walk = nil
		s.Owed = append(s.Owed, statement{Window: said, Status: statusUnread})
	}
}

// part is a window like this one that has never been read. It is known to fail, so it is divided sooner.
func (w *window) part(from, to, now time.Time) window {
	return window{Kind: w.Kind, From: from, To: to, Due: now, Part: true, Failures: 1}
}

// unread reports whether the window is one of those that trouble stands for.
func (w *window) unread() bool { return w.Part && w.Readings == 0 || w.Unread }

// parts is how many parts of windows there are that were not read to their end.
func (s *state) parts() (n int) {
	for i := range s.Windows {
		if s.Windows[i].unread() {
			n++
		}
	}
	return n
}

// putOff reports whether a window waits for another try that may bring it.
func (s *state) putOff() bool {
	return slices.ContainsFunc(s.Windows, func(w window) bool { return w.Failures > 0 && !w.Unread })
}

// pollFailed has the poll under way tried again soon, and passes it where that does not help.
func (c *Collector) pollFailed(ctx context.Context, err error, now time.Time) {
	next := c.st.clone()
	w := next.Forward
	w.Failures++
	c.log.WarnContext(ctx, "a poll of the activity feed failed; it is tried again", slog.Time("from", w.From), slog.Time("to", w.To), slog.Any("error", err))
	c.poll = time.Now().Add(api.Backoff(w.Failures + 2))
	if w.Failures >= mostFailures {
		if next.parts() >= mostParts {
			c.st, c.pollFails = next, true
			c.poll = time.Now().Add(c.watch.Failed(ctx, err)) // windows are read meanwhile
			return
		}
		c.pass(&next, now)
	}
	c.st = next
}

// pass makes a window of the poll under way, so that polls go on behind it. It stands in the place of a part of the hour:
// each moment is in one window.
func (c *Collector) pass(next *state, now time.Time) {
	w := next.Forward
	next.Forward = nil
	to := w.To
	if end := now.Add(-c.cfg.Lag); end.Before(to) {
		to = end
	}
	to = to.Truncate(time.Second) // as statements name it
	if !to.After(next.Seen) {
		return
	}
	from := later(w.From.Truncate(time.Second), next.Hour)
	if next.Hour.Before(from) {
		next.Windows = append(next.Windows, c.hour(next.Hour, from))
	}
	next.Seen, next.Hour, next.Passed = to, to, to
	c.poll, c.polled = time.Now().Add(c.cfg.Interval), true
	for i := range next.Windows { // the poll before may have failed as well
		if p := &next.Windows[i]; p.Part && p.Readings == 0 && !p.Unread && p.To.Equal(from) && (i > 0 || next.Reading == nil) {
			p.To, p.Due, p.Walk = to, now, nil
			return
		}
	}
	next.Windows = append(next.Windows, window{Kind: kindHour, From: from, To: to, Due: now, Part: true, Failures: 1})
}

// hour is a window of a closed hour, or of a part of one.
func (c *Collector) hour(from, to time.Time) window {
	return window{Kind: kindHour, From: from, To: to, Due: to.Add(c.cfg.Lag + c.cfg.Overlap)}
}
