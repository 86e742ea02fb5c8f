package complianceapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// gap is what was told of windows that cannot be read while others can.
type gap struct {
	Since time.Time `json:"since"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
}

// reasonUnread is why the feed is told to be interrupted then: once for all such windows, whatever their number.
const reasonUnread = "unread"

// gapChanged reports whether there is something to tell of windows that cannot be read.
func (s *state) gapChanged() bool { return (s.Gap != nil) != (s.parts() > 0) }

// tellOfGap records that windows cannot be read, or that all of them were.
func (c *Collector) tellOfGap(ctx context.Context) error {
	next := c.st.clone()
	if g := next.Gap; g != nil {
		next.Gap = nil
		return c.act(ctx, next, intake.Act{Type: trouble.TypeResumed, Activity: audit.ActivityOperation, Outcome: audit.OutcomeSuccess, Account: c.self(), Attributes: audit.Attrs{
			audit.TextAttr("feed", feed), audit.TextAttr("reason", reasonUnread), audit.TextAttr("from", stamp(g.From)), audit.TextAttr("to", stamp(g.To)), audit.TextAttr("since", stamp(g.Since)),
		}})
	}
	from, to := next.unreadSpan()
	next.Gap = &gap{Since: time.Now().UTC().Truncate(time.Second), From: from, To: to}
	attrs := audit.Attrs{audit.TextAttr("feed", feed), audit.TextAttr("reason", reasonUnread), audit.TextAttr("from", stamp(from)), audit.TextAttr("to", stamp(to))}
	var e *api.Error
	if errors.As(c.cause, &e) { // not after a restart
		attrs = append(attrs, audit.CountAttr("status", int64(e.Status)), audit.TextAttr("request_id", e.RequestID))
	}
	attrs = append(attrs, audit.TextAttr("read_up_to", stamp(next.Seen)))
	return c.act(ctx, next, intake.Act{Type: trouble.TypeInterrupted, Activity: audit.ActivityOperation, Outcome: audit.OutcomeFailure, Account: c.self(), Attributes: attrs})
}

// unreadSpan is from the first to the last moment that could not be read.
func (s *state) unreadSpan() (from, to time.Time) {
	for i := range s.Windows {
		w := &s.Windows[i]
		if !w.unread() {
			continue
		}
		if from.IsZero() || w.From.Before(from) {
			from = w.From
		}
		to = later(w.To, to)
	}
	return from, to
}

const conditionUnread = "compliance.unread"

// unread raises or clears the condition that parts of the feed cannot be read.
func (c *Collector) unread() {
	n := c.st.parts()
	if n == 0 {
		c.health.Clear(conditionUnread)
		return
	}
	from, to := c.st.unreadSpan()
	c.health.Raise(conditionUnread, health.Warning, fmt.Sprintf("the Compliance API answers, but not for all of the activity feed: between %s and %s something is not on "+
		"record (stretches that were not read: %d). Everything else is read, and this is tried again, in ever smaller parts; where that does not help ask Anthropic, "+
		"with the request id of tripod.feed.interrupted", stamp(from), stamp(to), n))
}
