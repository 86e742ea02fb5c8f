package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Statuses of the statement of a sweep.
const (
	statusFinal       = "final"
	statusProvisional = "provisional" // something could not be read, or is missing and not believed gone yet
)

// What a sweep found.
const (
	findingWhole = "read to its end"
	findingPart  = "some lists could not be read: what was known of them stands"
	findingReach = "the key does not reach organisations that were there: what was known of them stands"
	findingDoubt = "much of what was there is missing: it counts as gone when the next reading misses it, too"
)

// state records that the part was read, and what of it.
func (c *Collector) state(ctx context.Context, d *difference, counts map[string]int64) error {
	r, next := d.r, c.st
	next.Swept, next.Doubts, next.Unreached = r.began.UTC().Truncate(time.Second), d.doubts, d.unreached
	if len(r.unread) == 0 {
		next.Without = d.unreached
	}
	cursor, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("write the cursor of %s: %w", c.cfg.What, err)
	}
	status, finding := statusFinal, findingWhole
	switch {
	case len(r.unread) > 0:
		status, finding = statusProvisional, findingPart
	case len(d.unreached) > 0:
		status, finding = statusProvisional, findingReach
	case len(d.doubts) > 0:
		status, finding = statusProvisional, findingDoubt
	}
	attrs := audit.Attrs{
		audit.TextAttr("feed", string(c.cfg.Source)), audit.TextAttr("host", c.deps.Client.Host()), audit.TextAttr("status", status), audit.TextAttr("finding", finding), audit.CountAttr("rows", r.rows()),
		audit.CountAttr("requests", r.requests), audit.TextAttr("first_request_id", r.first), audit.TextAttr("last_request_id", r.last), audit.TextAttr("read_at", r.began.UTC().Format(time.RFC3339)),
	}
	attrs = append(attrs, r.tally()...)
	for _, what := range []string{FirstSeen, Changed, Removed, Returned} {
		if n := counts[what]; n > 0 {
			attrs = append(attrs, audit.CountAttr(what, n))
		}
	}
	if len(d.doubts) > 0 {
		attrs = append(attrs, audit.CountAttr("missing", int64(len(d.doubts))))
	}
	if unread := append(d.lists(), r.unread...); len(unread) > 0 {
		attrs = append(attrs, audit.Attr{Name: "unread", Value: names(unread)}, audit.CountAttr("unread_lists", int64(len(unread))))
	}
	if len(d.unreached) > 0 {
		attrs = append(attrs, audit.CountAttr("out_of_reach", int64(len(d.unreached))))
	}
	_, err = c.deps.Door.Record(ctx, intake.Act{
		Type: complianceapi.TypeStatement, Activity: audit.ActivityOperation, Account: audit.Identity{Credential: c.cfg.Credential}, Attributes: attrs,
	}, map[string][]byte{c.stateName(): cursor})
	if err != nil {
		return trouble.Ours(fmt.Errorf("record that %s was read: %w", c.cfg.What, err))
	}
	c.st = next
	return nil
}

// rows counts the things that were read, each once.
func (r *Reading) rows() (n int64) {
	for _, l := range r.lists {
		n += int64(len(l.things))
	}
	return n
}

// tally counts them by their kind.
func (r *Reading) tally() (attrs audit.Attrs) {
	by := map[string]int64{}
	for name, l := range r.lists {
		by[kindOf(name)] += int64(len(l.things))
	}
	for kind, n := range by {
		attrs = append(attrs, audit.CountAttr("rows."+kind, n))
	}
	slices.SortFunc(attrs, func(a, b audit.Attr) int { return strings.Compare(a.Name, b.Name) })
	return attrs
}

// mostNames bounds the lists a statement names.
const mostNames = 16

func names(list []string) audit.Value {
	var values []audit.Value
	for _, s := range list[:min(len(list), mostNames)] {
		values = append(values, audit.String(s))
	}
	return audit.Array(values...)
}
