package content

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// runner reads one part.
type runner struct {
	part    part
	cfg     Config
	client  *api.Client
	door    Door
	cursors Cursors
	log     *slog.Logger
	norm    *normalise.Normaliser
	stats   *stats
	watch   watch
	health  *health.Registry
	cursor  string

	// What follows belongs to run.
	st      state
	durable later     // of st, as its drawers were last committed
	round   time.Time // local time of the next one
	limit   int       // of a page of the list: less where answers are too large
	stuck   int       // failures in a row of what is read now, which others may not share

	idle     chan struct{} // closed once there was nothing more to do
	idleOnce sync.Once
}

func newRunner(p part, cfg Config, deps Deps, norm *normalise.Normaliser, stats *stats, all *shared) (*runner, error) {
	r := &runner{
		part: p, cfg: cfg, client: deps.Client, door: deps.Door, cursors: deps.Cursors, log: deps.Logger, norm: norm, stats: stats, health: deps.Health, limit: p.limit,
		idle: make(chan struct{}), cursor: p.feed + " " + deps.Client.Host(),
	}
	own, err := newWatch(p.name, p.feed, p.says, cfg, deps)
	r.watch = watch{own: own, all: all, client: deps.Client, proves: !p.finds}
	return r, err
}

// run reads until the context ends. It returns an error where the cursor cannot be read.
func (r *runner) run(ctx context.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		wait, err := r.step(ctx)
		if err == nil && wait == 0 {
			err = r.watch.Succeeded(ctx)
		}
		if err != nil {
			err = r.watch.pause(ctx, err, r.watch.Failed(ctx, err))
		} else {
			err = api.Pause(ctx, wait)
		}
		if err != nil {
			break
		}
	}
	return nil
}

// now is the server's time as of its last answer, ours before the first.
func (r *runner) now() time.Time {
	if now, _, ok := r.client.Now(); ok {
		return now
	}
	return time.Now().UTC()
}

// step does the one thing that is next and tells how long there is nothing to do; 0 is that something was done.
func (r *runner) step(ctx context.Context) (time.Duration, error) {
	now := r.now()
	if len(r.st.Pending) == 0 {
		r.due(now)
	}
	switch {
	case len(r.st.Pending) > 0:
		return 0, r.readInside(ctx)
	case r.st.Sum.owed(now) && r.st.Walk == nil:
		return 0, r.state(ctx)
	case r.full(): // what is put off is taken up again, and nothing new until some of it was read or given up
		return max(r.st.Later.wait(now, time.Hour), time.Second), nil
	case r.st.Walk != nil:
		return 0, r.readList(ctx)
	case !time.Now().Before(r.round) && r.part.finds && !r.wanted():
		r.round = time.Now().Add(r.part.every) // the policy is read at start
	case !time.Now().Before(r.round):
		r.begin(now)
		return 0, r.readList(ctx)
	}
	r.idleOnce.Do(func() { close(r.idle) })
	return max(r.st.Later.wait(now, time.Until(r.round)), time.Second), nil
}

// wanted reports whether the policy keeps anything of what the list leads to.
func (r *runner) wanted() bool {
	return r.level(audit.SurfaceChat).Allows(audit.ClassDetail)
}

// due takes up again what was put off. It is committed with the next page; until then it follows from what is.
func (r *runner) due(now time.Time) {
	next := r.st.clone()
	if it, ok := next.Later.due(now); ok {
		it.Due = time.Time{}
		next.Pending = append(next.Pending, it)
		r.st = next
	}
}

// wholeEvery is how often a part has a whole round.
const wholeEvery = 24 * time.Hour

// begin begins a round.
func (r *runner) begin(now time.Time) {
	next := r.st.clone()
	if next.Start.IsZero() {
		if next.Start = r.cfg.Start; next.Start.IsZero() {
			next.Start = now.Add(-r.cfg.Lookback)
		}
	}
	if next.Again {
		next.Again, next.Seen, next.After = false, time.Time{}, ""
		next.Walk = &walk{Since: r.part.since(&next, now, true), Whole: true, Inside: true}
	} else {
		whole := now.Sub(next.Whole) >= wholeEvery
		next.Walk = &walk{Since: r.part.since(&next, now, whole), Page: next.After, Whole: whole, Inside: whole && r.part.rereads}
	}
	r.st = next
}

// staleAfter is how old a page token may be: the server takes those of a day, and some of them not for what they were.
const staleAfter = 20 * time.Hour

const mostRestarts = 5

// readList reads the next page of the list and makes it durable with what is to be read inside its objects.
func (r *runner) readList(ctx context.Context) error {
	w := r.st.Walk
	if !w.Began.IsZero() && r.now().Sub(w.Began) > staleAfter && !r.part.resumes {
		r.restart()
		w = r.st.Walk
	}
	page, err := r.part.list(ctx, r.client, w.Since, r.limit, w.Page)
	if err != nil {
		return r.recoverList(err)
	}
	next := r.st.clone()
	w = next.Walk
	if w.Began.IsZero() {
		if w.Began = page.Date; w.Began.IsZero() {
			w.Began = r.now()
		}
	}
	drafts, objects := r.objects(page)
	if err := r.lookInside(ctx, &next, drafts, objects); err != nil {
		return err
	}
	next.Sum.add(len(page.Rows), page.RequestID, w.Began)
	w.Page = page.Next
	if r.part.resumes && page.Last != "" {
		next.After = page.Last
	}
	if page.Next == "" {
		r.end(&next)
	}
	return r.took(ctx, next, drafts)
}

// end ends a round.
func (r *runner) end(next *state) {
	w := next.Walk
	if w.Whole {
		next.Whole = w.Began
	}
	next.Seen, next.Walk = w.Began, nil
	if r.round = time.Now().Add(r.part.every); next.Again {
		r.round = time.Now()
	}
}

// restart has the round read again from its beginning: what is on record already stays one record.
func (r *runner) restart() {
	next := r.st.clone()
	w := next.Walk
	next.After = ""
	next.Walk = &walk{Since: w.Since, Whole: w.Whole, Inside: w.Inside, Restarts: w.Restarts + 1}
	if r.part.resumes && !next.Seen.IsZero() {
		next.Walk.Since = next.Seen.Add(-r.cfg.Overlap)
	}
	r.st = next
}

// recoverList makes the best of a page that did not come.
func (r *runner) recoverList(err error) error {
	var refused *api.Error
	switch {
	case errors.Is(err, api.ErrTooLarge) && r.limit > 1:
		r.limit = (r.limit + 1) / 2
		return nil
	case errors.As(err, &refused) && refused.Status == 400 && !refused.Disabled() && r.st.Walk.Page != "" && r.st.Walk.Restarts < mostRestarts:
		r.restart()
		return nil
	}
	return err
}

// freshFor is for how long after it changed an object may still show more; the vendor says minutes.
const freshFor = 2 * time.Hour

// objects makes drafts of the rows of a page.
func (r *runner) objects(page api.Listing) ([]intake.Draft, []object) {
	drafts, objects := make([]intake.Draft, 0, len(page.Rows)), make([]object, 0, len(page.Rows))
	for _, raw := range page.Rows {
		if r.part.finds {
			of := uploaded(raw)
			level := r.door.Level(of.Record(r.part.kind, r.cfg.Credential), r.cfg.Credential)
			objects = append(objects, object{raw: raw, subject: of, level: level})
			continue
		}
		d, s := r.norm.Object(raw, r.part.kind, normalise.Subject{}, r.origin())
		drafts = append(drafts, complianceapi.Draft(d))
		objects = append(objects, object{
			raw: raw, id: d.Record.ID, subject: s, level: r.door.Level(d.Record, r.cfg.Credential), fresh: r.now().Sub(d.Record.Occurred) < freshFor,
		})
	}
	return drafts, objects
}

func (r *runner) origin() normalise.Origin {
	return normalise.Origin{Credential: r.cfg.Credential, Received: r.now(), Salt: r.st.Salt}
}

// lookInside has read what is inside objects that are new or have changed.
func (r *runner) lookInside(ctx context.Context, next *state, drafts []intake.Draft, objects []object) error {
	if r.part.finds {
		for i := range objects {
			next.lists(objects[i].subject.Surface, objects[i].level)
			next.enqueue(r.part.inside(objects[i]))
		}
		return nil
	}
	held, err := r.door.Held(ctx, intake.Delivery{Credential: r.cfg.Credential, Drafts: drafts})
	if err != nil {
		return err
	}
	for i := range objects {
		next.lists(objects[i].subject.Surface, objects[i].level)
		if !held[i] || next.Walk.Inside {
			next.enqueue(r.part.inside(objects[i]))
		}
	}
	return nil
}

const stateEvery = time.Hour

// owed reports whether there is something to state: about once an hour, of all rounds since.
func (s *sum) owed(now time.Time) bool {
	return s.Requests > 0 && (s.From.IsZero() || now.Sub(s.From) >= stateEvery)
}

// state says what the rounds since the last statement have listed. A list has no count and no checksum of its own, so it
// says how much came, not that it is complete.
func (r *runner) state(ctx context.Context) error {
	next := r.st.clone()
	s := next.Sum
	next.Sum = sum{From: r.now()}
	return r.act(ctx, next, intake.Act{Type: complianceapi.TypeStatement, Activity: audit.ActivityOperation, Account: r.self(), Attributes: audit.Attrs{
		audit.TextAttr("feed", r.part.feed), audit.TextAttr("status", "final"), audit.CountAttr("rows", s.Rows), audit.CountAttr("requests", s.Requests),
		audit.TextAttr("first_request_id", s.First), audit.TextAttr("last_request_id", s.Last), audit.TextAttr("read_at", s.Read.UTC().Format(time.RFC3339)),
	}})
}

func (r *runner) self() audit.Identity { return audit.Identity{Credential: r.cfg.Credential} }
