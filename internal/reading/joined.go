package reading

import (
	"context"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
)

// Clients and the vendor give one session ids of their own: what they share are the ids of its tool uses. A few of them
// tell whose transcript belongs to whose telemetry; one that is not found by them stands for itself.
const (
	mostAsked  = 24 // tool uses, spread over the session
	mostJoined = 8  // other ids of one session
)

// others finds the ids by which the other plane knows the session of these items.
func (r *Reader) others(ctx context.Context, id string, items []Item) ([]string, error) {
	uses, vendor, client := toolUses(items)
	var terms []string
	if client {
		terms = append(terms, " source:"+string(audit.SourceComplianceSession))
	}
	if vendor {
		terms = append(terms, " -source:"+string(audit.SourceComplianceSession))
	}
	var ids []string
	for _, use := range uses {
		for _, term := range terms {
			q, err := search.Parse("tool_use:"+search.Quote(use)+term+" -session:"+search.Quote(id), time.Now())
			if err != nil {
				return nil, err
			}
			found, err := r.Find(ctx, q, search.Page{Oldest: true, Limit: mostJoined})
			if err != nil {
				return nil, err
			}
			for i := range found.Items {
				if other := found.Items[i].Record.Keys.Session; other != "" && len(ids) < mostJoined && !slices.Contains(ids, other) {
					ids = append(ids, other)
				}
			}
		}
	}
	return ids, nil
}

// toolUses are some of a session's, evenly spread, and whether the vendor's transcript or a client tells of them.
func toolUses(items []Item) (some []string, vendor, client bool) {
	var all []string
	seen := map[string]bool{}
	for i := range items {
		rec := items[i].Record
		use := rec.Keys.ToolUse
		if use == "" {
			continue
		}
		if rec.Source == audit.SourceComplianceSession {
			vendor = true
		} else {
			client = true
		}
		if !seen[use] {
			seen[use] = true
			all = append(all, use)
		}
	}
	if len(all) <= mostAsked {
		return all, vendor, client
	}
	for i := range mostAsked {
		some = append(some, all[i*(len(all)-1)/(mostAsked-1)])
	}
	return some, vendor, client
}
