package intake

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Act is one of Tripod's own acts.
type Act struct {
	Type       string         // "tripod.serve.start"
	Activity   audit.Activity // usually audit.ActivityOperation
	Outcome    audit.Outcome  // success where empty
	Account    audit.Identity // who ordered it, proved by the operating system or by sign-in
	Case       string
	Attributes audit.Attrs
	Pieces     []Piece // free text such as a reason
}

const ownNormaliser = "tripod/1"

// Record appends one of Tripod's own acts together with the cursors that change with it, and returns its position.
func (d *Door) Record(ctx context.Context, act Act, cursors map[string][]byte) (uint64, error) {
	now := time.Now().UTC()
	rec := &audit.Record{
		Normaliser: ownNormaliser, Source: audit.SourceTripod, Surface: audit.SurfaceTripod, Activity: act.Activity, Type: act.Type,
		Outcome: act.Outcome, Occurred: now, Observed: now, Account: audit.Account{Proved: act.Account}, Case: act.Case,
		Attributes: act.Attributes, Container: "tripod/" + act.Type,
	}
	if rec.Outcome == "" {
		rec.Outcome = audit.OutcomeSuccess
	}
	if len(act.Pieces) == 0 {
		rec.Container = ""
	}
	// An own act is never delivered twice, so its id rests on nothing but chance.
	draft := Draft{Record: rec, Pieces: act.Pieces, Form: []byte(rand.Text())}
	receipt, err := d.Submit(ctx, Delivery{Drafts: []Draft{draft}, Cursors: cursors})
	if err != nil {
		return 0, err
	}
	return receipt.Seqs[0], nil
}
