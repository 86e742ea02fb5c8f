package reviews

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// ConditionDigest says that the digest of a week could not be made yet.
const ConditionDigest = "reviews.digest"

// Recorder makes own acts durable; *intake.Door is one.
type Recorder interface {
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Digester makes the digest of each week once it is over: a record with its counts, which asks to be read.
type Digester struct {
	Reader *reading.Reader
	Door   Recorder
	Health *health.Registry // nil: nothing is raised
	Logger *slog.Logger
	Now    func() time.Time // nil: the clock
}

// How often it is looked whether a week is over, and again after a failure; and how many weeks are made up for after a
// long stop.
const (
	lookEvery  = 10 * time.Minute
	retryAfter = 10 * time.Second
	mostWeeks  = 8
)

// Run makes digests until the context ends, which is no error. What fails is tried again, and a condition of health; a view
// that cannot be read has one of its own.
func (d *Digester) Run(ctx context.Context) error {
	for {
		wait := lookEvery
		var view *reading.ViewError
		switch err := d.Make(ctx); {
		case err == nil:
			d.Health.Clear(ConditionDigest)
		case ctx.Err() != nil:
		case errors.As(err, &view):
			wait = retryAfter
		default:
			wait = retryAfter
			d.Health.Raise(ConditionDigest, health.Warning, "the weekly digest of who looked could not be made: "+err.Error())
			d.Logger.WarnContext(ctx, "weekly digest", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Make makes the digests that are due: of every week that is over, since the last one made or since records begin, but
// no more than eight. A week is made when the search view has taken in all of it.
func (d *Digester) Make(ctx context.Context) error {
	now := time.Now
	if d.Now != nil {
		now = d.Now
	}
	last := WeekOf(now()).Previous()
	next, err := d.first(ctx, last)
	if err != nil {
		return err
	}
	for ; !next.Begin().After(last.Begin()); next = next.Next() {
		behind, err := d.Reader.Behind(ctx)
		if err != nil {
			return err
		}
		if behind > 0 && !d.covers(ctx, next) {
			return nil // it is asked again soon
		}
		if err := d.make(ctx, next); err != nil {
			return fmt.Errorf("digest of %s: %w", next, err)
		}
	}
	return nil
}

// covers reports whether the search view has come to a record of after the week.
func (d *Digester) covers(ctx context.Context, w Week) bool {
	index, err := d.Reader.Search(ctx)
	if err != nil {
		return false
	}
	at, err := index.Position(ctx)
	if err != nil || at == 0 {
		return false
	}
	item, err := d.Reader.Record(ctx, at)
	return err == nil && item.Record != nil && !item.Record.Recorded.Before(w.End())
}

// first is the first week that lacks a digest.
func (d *Digester) first(ctx context.Context, last Week) (Week, error) {
	oldest := WeekOf(last.Begin().AddDate(0, 0, -7*(mostWeeks-1)))
	made, err := weeksOf(ctx, d.Reader, TypeDigest, 1)
	if err != nil {
		return oldest, err
	}
	if len(made) > 0 {
		if next := made[0].Next(); next.Begin().After(oldest.Begin()) {
			return next, nil
		}
		return oldest, nil
	}
	for seq := uint64(1); seq <= firstFew; seq++ { // the very first may be erased
		item, err := d.Reader.Record(ctx, seq)
		if errors.Is(err, journal.ErrNotFound) {
			return last.Next(), nil // records have only begun
		}
		if err == nil && item.Record != nil {
			if began := WeekOf(item.Record.Recorded); began.Begin().After(oldest.Begin()) {
				return began, nil
			}
			break
		}
	}
	return oldest, nil
}

// firstFew is how many records are looked at for when records began.
const firstFew = 50

func (d *Digester) make(ctx context.Context, w Week) error {
	digest, err := (&Log{Reader: d.Reader}).Digest(ctx, w)
	if err != nil {
		return err
	}
	count := func(name string, n int) audit.Attr { return audit.CountAttr(name, int64(n)) }
	_, err = d.Door.Record(ctx, intake.Act{Type: TypeDigest, Activity: audit.ActivityOperation, Attributes: audit.Attrs{
		audit.TextAttr("week", w.String()), count("openings", digest.OpeningsInAll()), count("break_glass", len(digest.BreakGlass)), count("overdue", digest.Overdue()),
		count("open_cases", digest.OpenCases), count("searches", digest.Acts[KindSearch]), count("exports", digest.Acts[KindExport]), count("refused", digest.Refused),
	}}, nil)
	return err
}

// weeksOf lists the weeks that the newest records of a type name, the newest record first.
func weeksOf(ctx context.Context, r *reading.Reader, typ string, most int) ([]Week, error) {
	q, err := search.Parse("source:tripod type:"+typ, time.Now())
	if err != nil {
		return nil, err
	}
	found, err := r.Find(ctx, q, search.Page{Limit: most})
	if err != nil {
		return nil, err
	}
	var weeks []Week
	for _, item := range found.Items {
		v, _ := item.Record.Attributes.Get("week")
		if w, err := ParseWeek(v.Text()); err == nil {
			weeks = append(weeks, w)
		}
	}
	return weeks, nil
}

// Made lists the weeks of the newest digests, the newest first, and whether a privacy officer has read each.
func Made(ctx context.Context, r *reading.Reader, most int) ([]Reading, error) {
	made, err := weeksOf(ctx, r, TypeDigest, most)
	if err != nil || len(made) == 0 {
		return nil, err
	}
	read, err := weeksOf(ctx, r, TypeRead, 20*most)
	if err != nil {
		return nil, err
	}
	var list []Reading
	for _, w := range made {
		is := Reading{Week: w}
		for _, r := range read {
			is.Read = is.Read || r == w
		}
		list = append(list, is)
	}
	return list, nil
}

// Reading says whether the digest of a week was read.
type Reading struct {
	Week Week
	Read bool // by a privacy officer
}
