package reading

import (
	"cmp"
	"context"
	"slices"
	"strings"
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
			q, err := search.Parse("tool_use:"+search.Quote(use.id)+term+" -session:"+search.Quote(id), time.Now())
			if err != nil {
				return nil, err
			}
			found, err := r.Find(ctx, q, search.Page{Oldest: true, Limit: mostJoined})
			if err != nil {
				return nil, err
			}
			for i := range found.Items {
				rec := found.Items[i].Record
				if other := rec.Keys.Session; other != "" && len(ids) < mostJoined && !slices.Contains(ids, other) && mayBeOne(rec, use.record) {
					ids = append(ids, other)
				}
			}
		}
	}
	return ids, nil
}

// mayBeOne reports whether two records can be of one account. Anybody can tell of a tool use by its id: what is told in
// another's name is not joined to what the vendor knows.
func mayBeOne(a, b *audit.Record) bool {
	x, y := emailOf(&a.Account), emailOf(&b.Account)
	return x == "" || y == "" || strings.EqualFold(x, y)
}

func emailOf(a *audit.Account) string { return cmp.Or(a.Proved.Email, a.Asserted.Email) }

// toolUse is one of a session's, and a record that tells of it.
type toolUse struct {
	id     string
	record *audit.Record
}

// toolUses are some of a session's, evenly spread, and whether the vendor's transcript or a client tells of them.
func toolUses(items []Item) (some []toolUse, vendor, client bool) {
	var all []toolUse
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
			all = append(all, toolUse{use, rec})
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
