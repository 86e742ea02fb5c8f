package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/directory"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep/sweeptest"
)

// past is what the records tell of one thing.
type past struct {
	there   bool
	is      map[string]string   // as the last record has it
	was     map[string][]string // every value of a field, in order
	changes []string
}

// history folds the records of the directory. It holds each against the one before, as whoever reads it would.
func history(t testing.TB, b *sweeptest.Bench) map[string]*past {
	t.Helper()
	h := map[string]*past{}
	for _, r := range b.Records(audit.SourceComplianceDirectory) {
		key := r.Type + " " + r.Account.Proved.Org + " " + sweeptest.Attr(r, "role_id") + " " + sweeptest.Attr(r, "id")
		p := h[key]
		if p == nil {
			p = &past{is: map[string]string{}, was: map[string][]string{}}
			h[key] = p
		}
		change := sweeptest.Attr(r, "change")
		if want := follows(p); !slices.Contains(want, change) {
			t.Errorf("%s: %s after %v", key, change, p.changes)
		}
		p.changes, p.there = append(p.changes, change), change != "removed"
		p.is["kind"] = strings.TrimPrefix(r.Type, "directory.")
		for _, a := range r.Attributes {
			name := a.Name
			if before := "previous." + name; change == "changed" {
				if v, ok := r.Attributes.Get(before); ok && v.Text() != p.is[name] {
					t.Errorf("%s: %s was %q, and the record says %q", key, name, p.is[name], v.Text())
				}
			}
			v := a.Value.Text()
			if p.is[name] = v; len(p.was[name]) == 0 || p.was[name][len(p.was[name])-1] != v {
				p.was[name] = append(p.was[name], v)
			}
		}
		if r.Activity != audit.ActivityState || r.Normaliser != directory.Version || r.Occurred.IsZero() {
			t.Errorf("%s: activity %s, normaliser %s, occurred %v", key, r.Activity, r.Normaliser, r.Occurred)
		}
	}
	return h
}

// follows are the changes that can come next.
func follows(p *past) []string {
	switch {
	case len(p.changes) == 0:
		return []string{"first_seen"}
	case p.there:
		return []string{"changed", "removed"}
	}
	return []string{"returned"}
}

// there lists the ids of what is there, of a kind.
func there(h map[string]*past, kind string) []string {
	var ids []string
	for _, p := range h {
		if p.there && p.is["kind"] == kind {
			ids = append(ids, p.is["id"])
		}
	}
	slices.Sort(ids)
	return ids
}

func show(p *past) string {
	if p == nil {
		return "nothing"
	}
	return fmt.Sprint(p.changes, p.is)
}
