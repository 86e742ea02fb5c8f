package recorder

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// openExchange is what must be known of an exchange to close it without having seen its end.
type openExchange struct {
	ID         string          `json:"id"`
	Credential string          `json:"credential,omitempty"`
	Opened     time.Time       `json:"opened"`
	Record     json.RawMessage `json:"record"` // canonical bytes: what its records have in common
}

// openAfter is the set of open exchanges once a batch is written, and whether that differs from the one on record.
func (r *Recorder) openAfter(batch []*note) (map[string]openExchange, bool) {
	open := maps.Clone(r.open)
	begun := make(map[string]bool)
	changed := false
	for _, n := range batch {
		id := n.x.id
		if n.begins && !n.ends {
			open[id] = n.x.openState()
			begun[id], changed = true, true
		}
		if _, is := open[id]; n.ends && is {
			delete(open, id)
			changed = true
			delete(begun, id)
		}
	}
	if len(begun) == 0 && len(open) == len(r.open) {
		changed = false // what began has ended, in one batch
	}
	return open, changed
}

func encodeOpen(open map[string]openExchange) ([]byte, error) {
	if len(open) == 0 {
		return nil, nil // the cursor is forgotten
	}
	list := slices.SortedFunc(maps.Values(open), func(a, b openExchange) int { return cmp.Compare(a.ID, b.ID) })
	b, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("encode the open exchanges: %w", err)
	}
	return b, nil
}

// closeEarlier closes what an earlier run left open.
func (r *Recorder) closeEarlier(ctx context.Context) error {
	raw, err := r.deps.Cursors.Cursor(ctx, Cursor)
	if err != nil {
		return fmt.Errorf("read the open exchanges: %w", err)
	}
	if len(raw) == 0 {
		return nil
	}
	var list []openExchange
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("read the open exchanges: cursor %s: %w", Cursor, err)
	}
	del := intake.Delivery{Cursors: map[string][]byte{Cursor: nil}}
	for _, o := range list {
		rec, err := audit.Decode(o.Record)
		if err != nil {
			return fmt.Errorf("read the open exchange %s: %w", o.ID, err)
		}
		rec.Type, rec.Activity, rec.Outcome = typeEnd, audit.ActivityModelRequest, audit.OutcomeUnknown
		rec.Occurred = r.now()
		rec.Attributes = audit.Attrs{
			audit.TextAttr("ended", endUnknown), audit.TextAttr("opened", o.Opened.UTC().Format(time.RFC3339Nano)),
		}
		del.Drafts = append(del.Drafts, intake.Draft{Record: rec, Form: form(o.ID, "end"), Credential: o.Credential})
	}
	if _, err := r.deps.Door.Submit(ctx, del); err != nil {
		return fmt.Errorf("close %d exchanges of an earlier run: %w", len(list), err)
	}
	r.stats.closed.Add(float64(len(list)))
	r.deps.Logger.InfoContext(ctx, "closed exchanges that an earlier run left open", "exchanges", len(list))
	return nil
}
