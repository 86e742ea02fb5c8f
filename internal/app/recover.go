package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// Recover mends a data directory whose ledger and journal do not fit each other, as far as nothing signed is contradicted,
// and records what was lost. It may be run again after a crash.
func Recover(ctx context.Context, dir string) (*ledger.Recovery, error) {
	done, err := fill(ctx, dir)
	if err != nil {
		return nil, err
	}
	t, err := OpenTruth(ctx, TruthOptions{Dir: dir})
	if err != nil {
		return nil, err
	}
	for _, act := range recoveryActs(done) {
		if _, err = t.Door.Record(ctx, act, nil); err != nil {
			err = fmt.Errorf("record what was recovered: %w: run tripod recover again", err)
			break
		}
	}
	if err = errors.Join(err, t.Close(ctx)); err != nil || len(done.Lost) == 0 {
		return done, err
	}
	for _, view := range Views() { // they know records that are lost now
		if err := Rebuild(ctx, dir, view, nil); err != nil {
			return done, fmt.Errorf("recovered; rebuild %s: %w: run tripod rebuild %s", view, err, view)
		}
	}
	return done, nil
}

// recoveryActs are what a recovery has to say for itself: each stretch lost, and a checkpoint signed for want of one.
func recoveryActs(done *ledger.Recovery) []intake.Act {
	act := func(typ string, attrs ...audit.Attr) intake.Act {
		return intake.Act{Type: typ, Activity: audit.ActivityOperation, Account: osIdentity(), Attributes: attrs}
	}
	number := func(name string, n uint64) audit.Attr { return audit.Attr{Name: name, Value: audit.Int(int64(n))} }
	var acts []intake.Act
	for _, lost := range done.Lost {
		acts = append(acts, act(ledger.TypeRecovered, number("first", lost.First), number("last", lost.Last), number("records", lost.Len())))
	}
	if done.Signed {
		acts = append(acts, act("tripod.recover.signed", number("records", done.Size)))
	}
	return acts
}

// fill runs the ledger's recovery with nothing but the journal open.
func fill(ctx context.Context, dir string) (done *ledger.Recovery, err error) {
	if _, err := ledger.ReadKey(dir); err != nil {
		return nil, fmt.Errorf("recover: %s is no data directory that tripod ever served: %w", dir, err)
	}
	j, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		return nil, err
	}
	committer := startStage(ctx, "journal", j.Run)
	done, err = ledger.Recover(ctx, dir, recovering{j.Reader(), j})
	return done, errors.Join(err, committer.stop(), j.Close())
}

// recovering is the journal as a recovery needs it.
type recovering struct {
	*journal.Reader
	journal *journal.Journal
}

// FillLost implements ledger.Filler.
func (r recovering) FillLost(ctx context.Context, lost []audit.Tombstone) error {
	return r.journal.FillLost(ctx, lost)
}

// Verify verifies a data directory; nothing but journal and ledger has to be there.
func Verify(ctx context.Context, o ledger.VerifyOptions) (report *ledger.Report, err error) {
	if err := wholeOf(o.Dir); err != nil {
		return nil, err
	}
	r, err := journal.OpenReader(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	o.Journal = r
	return ledger.Verify(ctx, o)
}
