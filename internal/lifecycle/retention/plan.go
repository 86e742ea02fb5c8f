package retention

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// ClassPlan is what a purge would do to one class now.
type ClassPlan struct {
	Class
	Matched    uint64    `json:"matched"`              // records that have what the class keeps
	Due        uint64    `json:"due"`                  // that would go
	Held       uint64    `json:"held"`                 // whose period is over and that a hold keeps
	ByLaw      uint64    `json:"by_law"`               // whose period is over and that a statutory class keeps
	Oldest     time.Time `json:"oldest,omitzero"`      // when the oldest that matched was recorded
	OldestLeft time.Time `json:"oldest_left,omitzero"` // when the oldest that stays after a purge was recorded
	Next       time.Time `json:"next,omitzero"`        // when the next of them falls due
	Months     []Month   `json:"months,omitempty"`     // of what is due or kept beyond its period
	Holds      []string  `json:"holds,omitempty"`      // that keep something
}

// Month counts what was recorded in one month.
type Month struct {
	Month string `json:"month"` // "2026-11"
	Due   uint64 `json:"due"`
	Held  uint64 `json:"held"`
	ByLaw uint64 `json:"by_law"`
}

// Plan is what a purge would do now.
type Plan struct {
	At       time.Time   `json:"at"`
	Position uint64      `json:"position"` // up to which the journal was read
	Classes  []ClassPlan `json:"classes"`
	// Unclassed are records that no class is for as a whole: they are kept for ever.
	Unclassed uint64 `json:"unclassed"`
}

// Plan reads the whole journal and destroys nothing.
func (k *Keeper) Plan(ctx context.Context) (*Plan, error) {
	now := k.deps.Now().UTC()
	held, err := k.deps.Holds.Holding(ctx)
	if err != nil {
		return nil, fmt.Errorf("plan purge: %w", err)
	}
	done, err := k.progress(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("plan purge: %w", err)
	}
	p := &Plan{At: now}
	if p.Position, err = k.deps.Journal.Last(ctx); err != nil {
		return nil, fmt.Errorf("plan purge: %w", err)
	}
	tallies := make([]tally, len(k.cfg.Classes))
	err = k.survey(ctx, 1, func(seq uint64, r *audit.Record) (bool, error) {
		for _, w := range parts {
			v := k.cfg.judge(seq, r, w, now, held)
			if v.class < 0 {
				if w == Records {
					p.Unclassed++
				}
				continue
			}
			if there, err := k.there(ctx, seq, r, w, v, done.Classes[k.cfg.Classes[v.class].Name]); err != nil {
				return false, err
			} else if there {
				tallies[v.class].add(r, v, k.cfg.Classes[v.class].Keep)
			}
			if v.destroy && w == Records {
				break // its content goes with it
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("plan purge: %w", err)
	}
	for i := range tallies {
		p.Classes = append(p.Classes, tallies[i].plan(k.cfg.Classes[i]))
	}
	return p, nil
}

// there reports whether what a verdict is over is still there. What purges passed is gone, unless something kept it.
func (k *Keeper) there(ctx context.Context, seq uint64, r *audit.Record, w What, v verdict, st stage) (bool, error) {
	if seq >= st.Reached || w == Records || v.ground == GroundPreference {
		return true, nil
	}
	if v.destroy && seq < st.From {
		return false, nil
	}
	return k.due(ctx, r, w)
}

// tally counts one class.
type tally struct {
	ClassPlan
	months map[string]*Month
}

func (t *tally) add(r *audit.Record, v verdict, keep Period) {
	t.Matched++
	if t.Oldest.IsZero() || r.Recorded.Before(t.Oldest) {
		t.Oldest = r.Recorded
	}
	if !v.destroy && (t.OldestLeft.IsZero() || r.Recorded.Before(t.OldestLeft)) {
		t.OldestLeft = r.Recorded
	}
	if v.ground == GroundPreference {
		if due := keep.After(r.Recorded); !keep.Forever() && (t.Next.IsZero() || due.Before(t.Next)) {
			t.Next = due
		}
		return
	}
	name := r.Recorded.UTC().Format("2006-01")
	m := t.months[name]
	if m == nil {
		if t.months == nil {
			t.months = make(map[string]*Month)
		}
		m = &Month{Month: name}
		t.months[name] = m
	}
	switch v.ground {
	case GroundRetention:
		t.Due++
		m.Due++
	case GroundHold:
		t.Held++
		m.Held++
		for _, id := range v.holds {
			if !slices.Contains(t.Holds, id) {
				t.Holds = append(t.Holds, id)
			}
		}
	case GroundStatutory:
		t.ByLaw++
		m.ByLaw++
	}
}

func (t *tally) plan(c Class) ClassPlan {
	t.Class = c
	for _, m := range slices.SortedFunc(maps.Values(t.months), func(a, b *Month) int { return cmp.Compare(a.Month, b.Month) }) {
		t.Months = append(t.Months, *m)
	}
	slices.Sort(t.Holds)
	return t.ClassPlan
}
