package fleet

import (
	"context"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

const (
	chunk = 24 * time.Hour // History reads the world so much at a time
	// lag is how far before an act its records may begin: a hook that ran before what it was asked about was over.
	lag = time.Minute
)

// History sends what the clients told in [from, to), as fast as the receiver takes it. What would have been told later, such
// as the result of a tool that still ran, is left out; so is the whole of a process that began before from: told from its
// middle on, its first numbers would seem lost. It ends early with ctx alone; exports the receiver does not take are in the
// report.
func (f *Fleet) History(ctx context.Context, from, to time.Time) (Report, error) {
	h := history{f: f, world: f.cfg.World, org: f.cfg.Org, from: from, to: to, runs: map[string]*run{}}
	began := time.Now()
	err := h.play(ctx)
	return h.tally.take(began), err
}

// run is one process in a history.
type run struct {
	pl     *player
	packer packer
	acts   []*world.Act // of the chunk
}

type history struct {
	f        *Fleet
	world    World
	org      *world.Org
	from, to time.Time
	runs     map[string]*run
	tally    tally
}

// part is what the world tells of a stretch of time.
type part struct {
	until time.Time
	acts  []world.Act
}

func (h *history) play(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	parts := make(chan part, 1) // the next is told while one is sent
	g.Go(func() error {
		defer close(parts)
		for p := range h.parts() {
			select {
			case parts <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	g.Go(func() error {
		for p := range parts {
			if err := h.send(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// parts are the stretches of the history in their order.
func (h *history) parts() iter.Seq[part] {
	return func(yield func(part) bool) {
		for at := h.from; at.Before(h.to); {
			until := at.Add(chunk)
			if until.After(h.to) {
				until = h.to
			}
			if !yield(part{until: until, acts: h.world.Between(at, until)}) {
				return
			}
			at = until
		}
	}
}

// told is until when what a part's processes made has been told by its end.
func (h *history) told(p part) time.Time {
	if p.until.Equal(h.to) {
		return p.until
	}
	return p.until.Add(-lag)
}

// send sends what happened in a part, the processes side by side.
func (h *history) send(ctx context.Context, p part) error {
	order := h.sort(p.acts)
	until := h.told(p)
	g, ctx := errgroup.WithContext(ctx)
	jobs := make(chan *run)
	g.Go(func() error {
		defer close(jobs)
		for _, r := range order {
			select {
			case jobs <- r:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range h.f.cfg.Connections {
		g.Go(func() error {
			var buf []byte
			for r := range jobs {
				r.pl.play(r.acts)
				list, missed := r.packer.pack(r.pl, until)
				h.tally.update(func(r *Report) { r.Missed += missed })
				var err error
				if buf, err = h.f.deliverAll(ctx, list, &h.tally, buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	h.forget()
	return err
}

// sort gives each process of the history its acts of a part, and returns all that have something to tell, by when it began.
func (h *history) sort(acts []world.Act) []*run {
	var order []*run
	for _, r := range h.runs {
		r.acts = nil
	}
	fresh := map[*run]bool{}
	for i := range acts {
		a := &acts[i]
		if a.Process == nil || a.Process.Start.Before(h.from) {
			continue
		}
		r := h.runs[a.Process.ID]
		if r == nil {
			r = &run{pl: newPlayer(a.Process, h.org), packer: packer{exact: h.f != nil && h.f.cfg.Exact}}
			h.runs[a.Process.ID] = r
		}
		if !fresh[r] {
			fresh[r] = true
			order = append(order, r)
		}
		r.acts = append(r.acts, a)
	}
	for _, r := range h.runs {
		if !fresh[r] && r.pl.pending() {
			order = append(order, r)
		}
	}
	return order
}

// forget lets go of processes that ended and have nothing left to tell.
func (h *history) forget() {
	for id, r := range h.runs {
		if r.acts = nil; !r.pl.stopped.IsZero() && !r.pl.pending() {
			delete(h.runs, id)
		}
	}
}
