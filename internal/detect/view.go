package detect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/tripod-audit/tripod/internal/detect/sigma"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// Conditions of health the view raises.
const (
	ConditionBehind = "detect.behind" // it cannot take records in
	ConditionLimits = "detect.limits" // a bound cost records of a window, or firings
)

// ErrNone says that the view was never built here, or by another version of tripod.
var ErrNone = errors.New("no index of detections: start serve, or run tripod rebuild detect")

// Options configure a View.
type Options struct {
	Rules *sigma.Set // nil: none
	// Forget has Apply do nothing but take away what is erased, and leave the position where it is: for who erases and has no rules.
	Forget    bool
	Limits    Limits // zero fields: the defaults
	Baselines map[sigma.CorrelationType]Baseline
	Health    *health.Registry // nil: nothing is raised
	Logger    *slog.Logger     // nil: silent
}

// View is the firings of one journal. See the package comment for what it promises.
type View struct {
	file *viewfile.File
	o    Options

	mu     sync.Mutex // of the writing end
	engine *engine    // guarded by mu; nil where the view is open for reading only, or has to be read again
	write  bool
	told   Stats // guarded by mu: what health was told of
}

// Open opens the view of the data directory for writing and makes its file if need be; a file made by an older version is made
// anew, so Position tells where to follow the journal from. One process at a time may write, which is the one that holds the
// journal. Close it after the last batch.
func Open(ctx context.Context, dir string, o Options) (*View, error) {
	v, err := open(ctx, Path(dir), o)
	if err != nil {
		return nil, fmt.Errorf("open index of detections: %w", err)
	}
	return v, nil
}

func open(ctx context.Context, path string, o Options) (*View, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Rules == nil {
		none, err := sigma.Compile(nil, sigma.Options{})
		if err != nil {
			return nil, err
		}
		o.Rules = none
	}
	file, err := viewfile.Open(ctx, path, schema(), o.Logger)
	if err != nil {
		return nil, err
	}
	v := &View{file: file, o: o, write: true}
	if o.Forget {
		return v, nil
	}
	if err := v.file.Within(ctx, func(tx *viewfile.Tx) error { return v.load(ctx, tx) }); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return v, nil
}

// OpenReader opens the view for reading only, beside a process that writes it or without one. It fails with ErrNone where there is
// none.
func OpenReader(ctx context.Context, dir string) (*View, error) {
	file, err := viewfile.OpenReader(ctx, Path(dir), schema())
	if errors.Is(err, viewfile.ErrNone) {
		err = ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read index of detections: %w", err)
	}
	return &View{file: file}, nil
}

// Close closes the files.
func (v *View) Close() error { return v.file.Close() }

// Position is the last position of the journal the view knows; 0 for none.
func (v *View) Position(ctx context.Context) (uint64, error) { return v.file.Position(ctx) }

// load reads the state from the file into a new engine.
func (v *View) load(ctx context.Context, tx *viewfile.Tx) error {
	e, err := newEngine(v.o.Rules, v.o.Limits, v.o.Baselines)
	if err != nil {
		return err
	}
	if err := e.read(ctx, tx); err != nil {
		return err
	}
	v.engine, v.told = e, e.stats
	return nil
}

// Use has the next batch be held against other rules. What correlations hold is kept for those that have not changed.
func (v *View) Use(rules *sigma.Set) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.o.Rules, v.engine = rules, nil
}

// Apply takes in the next records of the journal, in order, all or none. Positions it knows are passed over.
func (v *View) Apply(ctx context.Context, batch []journal.Stored) error {
	if !v.write {
		return errors.New("apply to index of detections: it is open for reading only")
	}
	if len(batch) == 0 {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var erased bool
	err := v.file.Within(ctx, func(tx *viewfile.Tx) (err error) {
		if v.o.Forget {
			erased, err = forget(ctx, tx, batch)
			return err
		}
		erased, err = v.apply(ctx, tx, batch)
		return err
	})
	if err != nil {
		v.engine = nil // it may be ahead of the file
		return fmt.Errorf("apply positions %d to %d to index of detections: %w", batch[0].Seq, batch[len(batch)-1].Seq, err)
	}
	if v.engine != nil {
		v.tell(ctx)
	}
	if erased || v.file.Uncut() {
		_, err = v.file.Truncate(ctx)
	}
	return err
}

func (v *View) apply(ctx context.Context, tx *viewfile.Tx, batch []journal.Stored) (erased bool, err error) {
	if v.engine == nil {
		if err := v.load(ctx, tx); err != nil {
			return false, err
		}
	}
	e := v.engine
	var failed error
	e.load = func(w *window, group string) (state []byte) {
		if _, err := tx.Row(ctx, `SELECT state FROM groups WHERE correlation = ? AND grp = ?`, []any{w.key(), group}, &state); err != nil && failed == nil {
			failed = err
		}
		return state
	}
	var orders []uint64
	for i := range batch {
		if batch[i].Seq > e.seq {
			orders = append(orders, e.take(&batch[i])...)
		}
	}
	if failed != nil {
		return false, failed
	}
	if err := e.flush(ctx, tx); err != nil {
		return false, err
	}
	for _, seq := range orders {
		if err := eraseFields(ctx, tx, seq); err != nil {
			return false, fmt.Errorf("erase fields of firings: %w", err)
		}
	}
	return len(orders) > 0, nil
}

// tell raises the condition that a bound cost something, and says it once more whenever it costs more.
func (v *View) tell(ctx context.Context) {
	now := v.engine.stats
	if now.Dropped == v.told.Dropped && now.Flooded == v.told.Flooded {
		return
	}
	v.told = now
	text := fmt.Sprintf("detections reached a bound: %d records were let go while a correlation could still have counted them, %d firings were beyond what a rule may have in an hour: "+
		"narrow the rules, or raise detect: limits", now.Dropped, now.Flooded)
	v.o.Logger.LogAttrs(ctx, slog.LevelWarn, "a bound of detections was reached", slog.Int64("dropped", now.Dropped), slog.Int64("flooded", now.Flooded))
	if v.o.Health != nil {
		v.o.Health.Raise(ConditionLimits, health.Warning, text)
	}
}

// Truncate empties the write-ahead log, which still holds what was erased. A reader may hold it for a moment; then the next batch or
// the next start empties it.
func (v *View) Truncate(ctx context.Context) (empty bool, err error) { return v.file.Truncate(ctx) }

// Rebuild builds the view of the data directory from the whole journal, beside the one there is, and then takes its place. No View may
// be open for writing meanwhile; see viewfile.Rebuild.
func Rebuild(ctx context.Context, dir string, o Options, r viewfile.Reader, progress func(done, last uint64)) error {
	made := func(path string) (*View, error) { return open(ctx, path, o) }
	if err := viewfile.Rebuild(ctx, Path(dir), made, r, progress); err != nil {
		return fmt.Errorf("rebuild index of detections: %w", err)
	}
	return nil
}

var _ viewfile.Applier = (*View)(nil)
