package retention

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
)

// TypePurge is the record a purge leaves for each class of which it destroyed anything.
const TypePurge = "tripod.retention.purge"

// ConditionPurge is raised while a purge does not succeed.
const ConditionPurge = "retention.purge"

// CursorName names the cursor of the journal that says how far purges came.
const CursorName = "tripod/retention"

// Eraser is what a purge needs of an erasure.Eraser.
type Eraser interface {
	Records(ctx context.Context, seqs []uint64, content erasure.Selection, o erasure.Order) (erasure.Receipt, error)
	Content(ctx context.Context, seqs []uint64, content erasure.Selection, o erasure.Order) (erasure.Receipt, error)
}

// States tells how content stands; a *content.Reader is one.
type States interface {
	State(ctx context.Context, container string, a content.Address) (content.State, error)
}

// Journal is what a purge needs to keep its cursor.
type Journal interface {
	Append(ctx context.Context, b journal.Batch) (journal.Receipt, error)
	Cursor(ctx context.Context, name string) ([]byte, error)
}

// Recorder appends Tripod's own acts.
type Recorder interface {
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Deps is what a Keeper works with. A keeper that only plans needs no Eraser and no Door.
type Deps struct {
	Journal *journal.Reader
	Cursors Journal
	Content States
	Holds   *hold.Keeper
	Eraser  Eraser
	Door    Recorder
	Health  *health.Registry
	Logger  *slog.Logger
	Now     func() time.Time // nil: time.Now
	Pause   time.Duration    // between two orders of a purge, so that others get their turn; default 200ms
}

// Keeper plans and carries out purges.
type Keeper struct {
	cfg  Config
	deps Deps
	mu   sync.Mutex // one purge at a time
	most int        // parts of records one purge destroys at most
}

// mostParts bounds the memory of a purge; the next one takes the rest.
const mostParts = 20_000

const pause = 200 * time.Millisecond

// New makes a keeper of a configuration that was validated.
func New(cfg Config, d Deps) *Keeper {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Pause == 0 {
		d.Pause = pause
	}
	return &Keeper{cfg: cfg, deps: d, most: mostParts}
}

// Classes lists the classes as configured.
func (k *Keeper) Classes() []Class { return k.cfg.Classes }

// progress is how far purges came.
type progress struct {
	// Rules is what the positions rest on: the classes, and the latest release of a hold. Others begin anew.
	Rules   string           `json:"rules"`
	Classes map[string]stage `json:"classes"`
	// Ended is when a purge last left nothing that was due; zero where none ever did.
	Ended time.Time `json:"ended,omitzero"`
	// Looked is when a purge last looked for what is due; zero where none ever did.
	Looked time.Time `json:"looked,omitzero"`
	// Ask: somebody has to purge before the clock does again; see AskFirst.
	Ask bool `json:"ask,omitempty"`
}

// stage is how far the purges of one class came.
type stage struct {
	// From is where the next purge begins: of what is before it, all that was to go is gone.
	From uint64 `json:"from"`
	// Reached is the furthest any From ever was: what is before it may be gone already.
	Reached uint64 `json:"reached"`
	// Again is when something that a law kept, and that was passed over, may go.
	Again time.Time `json:"again,omitzero"`
}

// progress reads the cursor. What was passed over for a reason that is no more is looked at again.
func (k *Keeper) progress(ctx context.Context, now time.Time) (progress, error) {
	b, err := k.deps.Cursors.Cursor(ctx, CursorName)
	if err != nil {
		return progress{}, fmt.Errorf("read how far the purge came: %w", err)
	}
	var p progress
	if len(b) > 0 && json.Unmarshal(b, &p) != nil {
		p = progress{}
	}
	released, err := k.deps.Holds.Released(ctx)
	if err != nil {
		return progress{}, err
	}
	rules := fmt.Sprintf("%s %d", k.cfg.digest(), released)
	next := progress{Rules: rules, Classes: make(map[string]stage), Ended: p.Ended, Looked: p.Looked, Ask: p.Ask}
	for _, c := range k.cfg.Classes {
		st := p.Classes[c.Name]
		if p.Rules != rules || st.From == 0 || !st.Again.IsZero() && !now.Before(st.Again) {
			st.From, st.Again = 1, time.Time{}
		}
		next.Classes[c.Name] = st
	}
	return next, nil
}

func (p progress) cursor() (map[string][]byte, error) {
	b, err := json.Marshal(p)
	return map[string][]byte{CursorName: b}, err
}
