package complianceapi

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TypeStatement is the record that says what a window of the feed held when it was read to its end.
const TypeStatement = "tripod.feed.statement"

// Statuses of a statement.
const (
	statusProvisional = "provisional" // rows may still come late
	statusRevised     = "revised"     // another reading found other rows
	statusFinal       = "final"       // a reading after everything had settled found what the one before did
	statusUnread      = "unread"      // nothing was found: it cannot be read, while the rest can, and is tried again
)

// What a statement finds. The feed has no count and no checksum of its own, so none can say "complete".
const (
	findingNone = "no gap detected"
	findingOff  = "recording was switched off in part of this window: what happened then is not in the feed and cannot be recovered"
	findingRows = "the rows differ from those of the reading before"
	findingGap  = "the Compliance API does not answer for this stretch while it does for others: what happened in it is not on record. It is tried again"
)

// statement is one that is to be recorded.
type statement struct {
	Window window        `json:"window"`
	Read   walk          `json:"read"`
	Status string        `json:"status"`
	Off    time.Duration `json:"off,omitempty"` // for how long recording was off in it
}

// state records the first statement that is owed.
func (c *Collector) state(ctx context.Context) error {
	next := c.st.clone()
	s := next.Owed[0]
	next.Owed = next.Owed[1:]
	w, finding := s.Window, findingNone
	switch {
	case s.Status == statusUnread:
		finding = findingGap
	case s.Off > 0:
		finding = findingOff
	case s.Status == statusRevised:
		finding = findingRows
	}
	attrs := audit.Attrs{
		audit.TextAttr("feed", feed), audit.TextAttr("host", c.client.Host()), audit.TextAttr("window", w.Kind), audit.TextAttr("from", stamp(w.From)), audit.TextAttr("to", stamp(w.To)),
		audit.TextAttr("status", s.Status), audit.TextAttr("finding", finding),
	}
	if s.Status != statusUnread {
		attrs = append(attrs, s.found()...)
	}
	if w.Readings > 0 {
		attrs = append(attrs, audit.CountAttr("rows_before", w.Rows))
	}
	if s.Off > 0 {
		attrs = append(attrs, audit.CountAttr("off_seconds", int64(s.Off.Seconds())))
	}
	return c.act(ctx, next, intake.Act{Type: TypeStatement, Activity: audit.ActivityOperation, Account: c.self(), Attributes: attrs})
}

// found is what a reading to the end found.
func (s *statement) found() audit.Attrs {
	return audit.Attrs{
		audit.CountAttr("rows", s.Read.Rows), audit.CountAttr("requests", int64(s.Read.Requests)),
		audit.TextAttr("first_request_id", s.Read.First), audit.TextAttr("last_request_id", s.Read.Last), audit.TextAttr("read_at", stamp(s.Read.Began)), audit.TextAttr("ids_sum", sumText(s.Read.Sum)),
	}
}

// self is who acts: the credential that the feed is read with.
func (c *Collector) self() audit.Identity { return audit.Identity{Credential: c.cfg.Credential} }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
