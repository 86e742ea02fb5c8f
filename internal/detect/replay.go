package detect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// Day is how often a rule would have fired on a day, in UTC, by when what it is about occurred.
type Day struct {
	Rule  string    `json:"rule"`
	Day   time.Time `json:"day"`
	Count int64     `json:"count"`
}

// Replay holds the whole journal against rules without keeping anything but the count of firings per rule and day, of those about
// what occurred from a time up to another, which may be zero. Each, if not nil, is called for every one of them. Progress, if not nil, is told
// how far it is.
func Replay(ctx context.Context, r viewfile.Reader, o Options, from, to time.Time, each func(Firing), progress func(done, last uint64)) ([]Day, error) {
	limits := o.Limits.orDefault()
	limits.PerHour = math.MaxInt // a count must be whole
	e, err := newEngine(o.Rules, limits, o.Baselines)
	if err != nil {
		return nil, fmt.Errorf("replay rules: %w", err)
	}
	last, err := r.Last(ctx)
	if err != nil || last == 0 {
		return nil, err
	}
	counts := map[Day]int64{}
	for s, err := range r.Scan(ctx, 1, last) {
		if corrupt := (*journal.CorruptError)(nil); errors.As(err, &corrupt) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("replay rules: %w", err)
		}
		e.take(&s)
		for _, f := range e.fresh {
			if f.At.Before(from) || !to.IsZero() && !f.At.Before(to) {
				continue
			}
			counts[Day{Rule: f.Rule, Day: f.At.Truncate(24 * time.Hour)}]++
			if each != nil {
				each(*f)
			}
		}
		e.settle()
		if progress != nil && s.Seq%8192 == 0 {
			progress(s.Seq, last)
		}
	}
	return days(counts), nil
}

// settle forgets what a flush would have written.
func (e *engine) settle() {
	e.fresh = nil
	for _, w := range e.windows {
		w.added, w.removed = nil, nil
		if len(w.dirty) > 0 {
			clear(w.dirty)
		}
	}
}

func days(counts map[Day]int64) []Day {
	list := make([]Day, 0, len(counts))
	for d, n := range counts {
		d.Count = n
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b Day) int {
		if c := a.Day.Compare(b.Day); c != 0 {
			return c
		}
		return strings.Compare(a.Rule, b.Rule)
	})
	return list
}
