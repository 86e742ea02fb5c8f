package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/collect/auditexport"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// Truth is the part of Tripod that writes: journal, content store, ledger, and the door in front of them. It holds the
// data directory's lock from OpenTruth to Close.
type Truth struct {
	Journal *journal.Journal
	Content *content.Store
	Ledger  *ledger.Ledger
	Door    *intake.Door
	Eraser  *erasure.Eraser
	Health  *health.Registry
	// Acts is what decisions rest on.
	Acts *acts.State
	// forget has the running forwarder drop what it keeps of erased records; nil where none runs.
	forget func(ctx context.Context, seqs []uint64) error
	// Book is cases and grants, a fold of Acts.
	Book *casebook.Book
	// SignIns is ends of sign-ins and tokens, a fold of Acts.
	SignIns *signin.Book
	alerts  *alert.Book // decisions about alerts, a fold of Acts
	// Importer imports audit log exports.
	Importer *auditexport.Importer

	// Refused says why nothing is written: ledger and journal do not fit each other. Reading goes on.
	Refused error

	lifecycle

	dir        string
	gatewayKey *[keyring.KeySize]byte // behind a pointer, so that no %v prints it
	stateKey   *[keyring.KeySize]byte
	log        *slog.Logger
	backing    sync.Mutex // one backup at a time
	stages     []*stage
	views      []*view // that run beside; nil where none do
}

// TruthOptions configures OpenTruth. The zero value of each field but Dir is usable.
type TruthOptions struct {
	Dir                string
	Capture            capture.Config
	Retention          *retention.Config // nil: the classes that are on record
	CheckpointInterval time.Duration     // default one second
	Health             *health.Registry
	Logger             *slog.Logger
	getenv             func(string) string // where the master key may come from; nil is os.Getenv
	restoring          bool                // the directory is being restored
	Serve              bool                // the caller runs the views, and then calls serveErasures
}

// OpenTruth opens or creates a data directory for writing and starts what writes behind. Erasures that were under way
// are finished first; one that cannot be is kept for the next start.
func OpenTruth(ctx context.Context, o TruthOptions) (*Truth, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := wholeOf(o.Dir); err != nil && !o.restoring {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	t := &Truth{Health: o.Health, dir: o.Dir, log: o.Logger}
	if err := t.open(ctx, o); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

func (t *Truth) open(ctx context.Context, o TruthOptions) error {
	var err error
	if t.Journal, err = journal.Open(ctx, o.Dir, journal.Options{Health: o.Health, Logger: o.Logger}); err != nil {
		return err
	}
	if err := settleMaster(ctx, o.Dir); err != nil {
		return err
	}
	if o.getenv == nil {
		o.getenv = os.Getenv
	}
	keys, err := keyring.Load(keyring.Config{DataDir: o.Dir, Getenv: o.getenv, Create: true})
	if err != nil {
		return err
	}
	if t.Content, err = content.Open(ctx, o.Dir, content.Options{Keyring: keys, Health: o.Health, Logger: o.Logger}); err != nil {
		return err
	}
	policy, err := capture.New(o.Capture)
	if err != nil {
		return err
	}
	idKey, gatewayKey, stateKey := keys.IDKey(), keys.GatewayKey(), keys.StateKey()
	t.gatewayKey, t.stateKey = &gatewayKey, &stateKey
	t.Door = intake.New(t.Journal, t.Content, policy, idKey[:])
	t.Importer = auditexport.New(t.Door, t.Journal)
	t.Eraser = erasure.New(t.Journal, t.Content, t.Door)
	t.Eraser.Signed, t.Eraser.Settled = t.signed, t.settled
	t.Book = casebook.NewBook()
	t.SignIns = signin.NewBook()
	if err := t.openLifecycle(ctx, o); err != nil {
		return err
	}
	return t.startLedger(ctx, o)
}

// startLedger opens the ledger and starts the writers. A ledger that its journal contradicts, or that is longer, leaves
// the truth read only.
func (t *Truth) startLedger(ctx context.Context, o TruthOptions) error {
	t.start(ctx, "journal", t.Journal.Run)
	t.start(ctx, "content", t.Content.Run)
	l, err := ledger.Open(ctx, o.Dir, ledger.Options{Journal: t.Journal.Reader(), Interval: o.CheckpointInterval, Health: o.Health, Log: o.Logger})
	if misfit(err) {
		t.Refused = err
		t.Journal.Refuse(err)
		t.Health.Raise("ledger.refused", health.Critical, err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	t.Ledger = l
	t.start(ctx, "ledger", func(ctx context.Context) error { return t.runLedger(ctx, l) })
	if !o.Serve {
		t.resume(ctx) // says itself what it could not do
	}
	if o.Serve {
		t.startFirst(ctx, "acts", func(ctx context.Context) error { return t.Acts.Run(ctx, t.Journal.Follow(t.Acts.Position()+1)) })
	}
	sweeper := intake.NewSweeper(t.Door, t.Journal, t.Content, o.Health, t.log)
	t.startFirst(ctx, "sweeper", sweeper.Run)
	return nil
}

// runLedger follows the journal. Damage in the journal ends taking in, not reading: leaf index is seq − 1, so nothing can
// be put in the damaged record's place.
func (t *Truth) runLedger(ctx context.Context, l *ledger.Ledger) error {
	err := l.Run(ctx, t.Journal.Follow(l.Size()+1))
	var damage *journal.CorruptError
	if !errors.As(err, &damage) {
		return err
	}
	err = fmt.Errorf("%w: run tripod verify, and restore the journal from a backup", err)
	t.Journal.Refuse(err)
	t.Health.Raise("ledger.refused", health.Critical, err.Error())
	t.log.ErrorContext(ctx, "the journal is damaged; nothing is taken in", "error", err)
	<-ctx.Done()
	return nil
}

// misfit reports whether ledger and journal do not fit each other, one of them is damaged, or the key to sign with is
// missing: reading survives it and writing would make it worse.
func misfit(err error) bool {
	var ahead *ledger.AheadError
	var diverged *ledger.DivergedError
	var damaged *ledger.DamagedError
	var corrupt *journal.CorruptError
	return errors.As(err, &ahead) || errors.As(err, &diverged) || errors.As(err, &damaged) || errors.As(err, &corrupt) ||
		errors.Is(err, ledger.ErrKeyMissing)
}

func (t *Truth) start(ctx context.Context, name string, run func(context.Context) error) {
	t.stages = append(t.stages, startStage(ctx, name, run))
}

// startFirst starts what ends before the journal and the content store that it works on.
func (t *Truth) startFirst(ctx context.Context, name string, run func(context.Context) error) {
	t.stages = slices.Insert(t.stages, 0, startStage(ctx, name, run))
}

// Drain ends taking in and waits until everything accepted is in the journal and under a signed checkpoint.
func (t *Truth) Drain(ctx context.Context) error {
	var errs []error
	for _, s := range t.stages { // erasures and the sweeper, then journal and content, then the ledger, which follows what they left
		if s.name == "ledger" {
			errs = append(errs, t.ledgerTakesIn(ctx))
		}
		errs = append(errs, s.stop())
	}
	t.stages = nil
	return errors.Join(errs...)
}

// ledgerTakesIn waits until the ledger has everything that is in the journal; it signs as it stops.
func (t *Truth) ledgerTakesIn(ctx context.Context) error {
	last, err := t.Journal.Reader().Last(ctx)
	for err == nil && t.Ledger.Size() < last {
		select {
		case <-ctx.Done():
			err = fmt.Errorf("the ledger stopped at %d of %d and goes on from there at the next start", t.Ledger.Size(), last)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return err
}

// drainTime is how long an orderly end may wait, for a full disk above all: what is in the journal and not yet under a
// checkpoint gets there at the next start.
const drainTime = 30 * time.Second

// Close drains and gives the data directory back.
func (t *Truth) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	errs := []error{t.Drain(ctx)}
	if t.Content != nil {
		errs = append(errs, t.Content.Close())
	}
	if t.Journal != nil {
		errs = append(errs, t.Journal.Close())
	}
	return errors.Join(errs...)
}
